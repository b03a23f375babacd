"""The users of a module in the project: read, changed, checked by compiling, and written only where nothing breaks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import click

from routec.cli.here import project_root
from routec.cli.main import fail
from routec.cli.user_lines import Person, UserLines, escaped
from routec.cli.written import give_up, write_compiled
from routec.diagnostics import Diagnostic, codes, did_you_mean
from routec.frontend.reader import read
from routec.frontend.syntax import Text
from routec.frontend.texts import unescape
from routec.model import Module
from routec.model.limits import LONGEST_USER_NAME, NAME
from routec.pipeline import Compilation, Input, compile_routes
from routec.project import load


@dataclass
class Members:
    """The users of one module, and what is to be done to them. What cannot be done ends the command with a message."""

    project: Input
    compilation: Compilation
    module: Module
    lines: UserLines
    wanted: dict[str, Person] = field(default_factory=dict)
    """The users as they are to be."""

    @classmethod
    def of(cls, name: str) -> Self:
        """Those of the module with this name, in the project of the present folder."""
        project = load(project_root())
        compilation = compile_routes(project, dialplan=False)
        module = module_of(compilation, name)
        return cls(project, compilation, module, UserLines(compilation.sources, module.span), people_of(module))

    def refuse_what_cannot_be_changed(self) -> None:
        """Make sure that the module has users at all, and that the files they stand in can be read."""
        if not self.module.verify or not (self.asks("login") or self.asks("password")):
            fail(f"module `{self.module.name}` verifies nobody, so it has no users")
        faults = [fault for fault in self._faults() if fault.code != codes.UNKNOWN_USERS_FILE]
        if faults:
            give_up(faults, self.compilation, "nothing was written")

    def refuse_to_read_past_faults(self) -> None:
        """Make sure that all users were read: some stand in text that could not be, or in a file that is not there."""
        if faults := self._faults():
            give_up(faults, self.compilation, "there may be more users, so none is listed")

    def _faults(self) -> list[Diagnostic]:
        """The errors that keep users from being read."""
        named = self.lines.users_from
        files = {self.module.span.file, *self.lines.users_files}
        return [
            fault
            for fault in self.compilation.diagnostics
            if fault.severity == "error"
            and ((fault.path in files and fault.code.code < codes.UNKNOWN_MODULE.code) or fault.span in named)
        ]

    def asks(self, kind: str) -> bool:
        """Whether callers are asked for a login, or a password."""
        return self.module.field(kind) is not None

    def digits(self, kind: str) -> tuple[int, int] | None:
        """How many digits the module reads of a login or a password; None where it asks for none."""
        asked = self.module.field(kind)
        return (asked.least, asked.most) if asked else None

    def put(self, people: Iterable[Person], instead_of: str | None = None) -> None:
        """Add these people, or write them in the place of who has the name; `instead_of`: in that user's place."""
        new = []
        for person in people:
            place = instead_of or person.name
            if self.lines.file_of(place) is not None:
                self.lines.replace(place, person)
                self.wanted.pop(place, None)
            else:
                new.append(person)
            self.wanted[person.name] = person
        self.lines.add(new)

    def remove(self, name: str) -> None:
        """Take a user out."""
        self.lines.remove(name)
        self.wanted.pop(name, None)

    def write(self) -> list[str]:
        """Check the new text by compiling it, and write it; gives the files that changed."""
        return write_compiled(self.project, self.compilation, self.lines.texts(), self._is_meant)

    def tell_who_shares(self, path: str) -> None:
        """Say which other modules have the users of a file that was changed."""
        others = sorted(
            f"`{module.name}`"
            for module in self.compilation.system.modules
            if module.name != self.module.name and any(user.span.file == path for user in module.users)
        )
        if others and path == self.lines.users_file:
            click.echo(f"{path} is shared: the change counts for {', '.join(others)} as well", err=True)

    def _is_meant(self, compilation: Compilation) -> bool:
        """Who can sign in then must be just who was meant: text that says something else is not written."""
        said = people_of(module_of(compilation, self.module.name))
        return self._as_far_as_asked(self.wanted) == self._as_far_as_asked(said)

    def _as_far_as_asked(self, people: dict[str, Person]) -> dict[str, tuple[str | None, ...]]:
        asks_login, asks_password = self.asks("login"), self.asks("password")
        return {
            name: (one.title, one.login if asks_login else None, one.password if asks_password else None)
            for name, one in people.items()
        }


def module_of(compilation: Compilation, name: str) -> Module:
    """The module with this name."""
    modules = {module.name: module for module in compilation.system.modules}
    if name not in modules:
        known = ", ".join(f"`{other}`" for other in sorted(modules))
        help = did_you_mean(name, modules) or (f"there are {known}" if known else "`routec check` shows what is wrong")
        fail(f"there is no module `{name}`", help)
    return modules[name]


def people_of(module: Module) -> dict[str, Person]:
    """The users of a module by name."""
    return {user.name: Person(user.name, user.title, user.login, user.password) for user in module.users}


def name_fault(name: str) -> str | None:
    """Why a text cannot be a user's name, without the text itself."""
    if not NAME.fullmatch(name):
        return "this is no name: small letters, digits, `_` and `-`, a letter first"
    return f"this name has more than {LONGEST_USER_NAME} characters" if len(name) > LONGEST_USER_NAME else None


def title_fault(title: str) -> str | None:
    """Why a text cannot be a user's title."""
    if "\n" in title or "\t" in title or read("title", title.encode(errors="surrogatepass"))[1]:
        return "this title has a character that cannot be seen, or the end of a line"
    faults: list[Diagnostic] = []
    unescape("title", Text(escaped(title), 0, 0), faults.append)
    return f"this title has a {faults[0].message.removesuffix(' in a text')}" if faults else None


def login_fault(login: str, digits: tuple[int, int] | None) -> str | None:
    """Why a text cannot be a login of a module that reads so many digits, without the text itself."""
    if not re.fullmatch(r"[0-9]{1,20}", login):
        return "this is no login: digits only, 20 at the most"
    if digits is not None and not digits[0] <= len(login) <= digits[1]:
        return f"this login has {len(login)} digits, and the module reads {digits[0]} to {digits[1]}"
    return None

"""The users of a module in the project: read, changed, checked by compiling, and written only where nothing breaks."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import click

from routec.cli import FAULTS
from routec.cli.here import ROUTES, project_root
from routec.cli.main import fail
from routec.cli.show import show, summary
from routec.cli.user_lines import Person, UserLines, escaped
from routec.diagnostics import Diagnostic, codes, did_you_mean
from routec.frontend.reader import read
from routec.frontend.syntax import Text
from routec.frontend.texts import unescape
from routec.model import Module
from routec.model.limits import LONGEST_USER_NAME
from routec.pipeline import Compilation, Input, compile_routes
from routec.project import load
from routec.rewrite import RewriteError, rewrite

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_BOM = b"\xef\xbb\xbf"


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
            self._give_up(faults, self.compilation, "nothing was written")

    def refuse_to_read_past_faults(self) -> None:
        """Make sure that all users were read: some stand in text that could not be, or in a file that is not there."""
        if faults := self._faults():
            self._give_up(faults, self.compilation, "there may be more users, so none is listed")

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
        texts = self.lines.texts()
        before = {path: self.project.files.get(path, self.project.users.get(path)) for path in texts}
        after = {path: _encoded(before[path], text) for path, text in texts.items()}
        changed = replace(
            self.project,
            files={path: after.get(path, data) for path, data in self.project.files.items()},
            users=dict(self.project.users) | {path: after[path] for path in after if path not in self.project.files},
        )
        compilation = compile_routes(changed, dialplan=False)
        if new := _new_errors(self.compilation, compilation):
            self._give_up(new, compilation, "nothing was written")
        self._make_sure(compilation)
        try:
            rewrite(ROUTES, {Path(path): (before[path], after[path]) for path in sorted(after)})
        except RewriteError as error:
            fail(str(error), code=FAULTS)
        for path in sorted(after):
            if before[path] is None:
                click.echo(f"{path} is new", err=True)
        return sorted(after)

    def tell_who_shares(self, path: str) -> None:
        """Say which other modules have the users of a file that was changed."""
        others = sorted(
            f"`{module.name}`"
            for module in self.compilation.system.modules
            if module.name != self.module.name and any(user.span.file == path for user in module.users)
        )
        if others and path == self.lines.users_file:
            click.echo(f"{path} is shared: the change counts for {', '.join(others)} as well", err=True)

    def _make_sure(self, compilation: Compilation) -> None:
        """Who can sign in then must be just who was meant: text that says something else is not written."""
        said = people_of(module_of(compilation, self.module.name))
        if self._as_far_as_asked(self.wanted) != self._as_far_as_asked(said):
            fail("the new text would not say what was meant; nothing was written", code=FAULTS)

    def _as_far_as_asked(self, people: dict[str, Person]) -> dict[str, tuple[str | None, ...]]:
        asks_login, asks_password = self.asks("login"), self.asks("password")
        return {
            name: (one.title, one.login if asks_login else None, one.password if asks_password else None)
            for name, one in people.items()
        }

    def _give_up(self, faults: Sequence[Diagnostic], compilation: Compilation, so: str) -> None:
        show(faults, compilation.sources, err=True)
        click.echo(f"{summary(faults)}; {so}", err=True)
        sys.exit(FAULTS)


def module_of(compilation: Compilation, name: str) -> Module:
    """The module with this name."""
    modules = {module.name: module for module in compilation.system.modules}
    if name not in modules:
        known = ", ".join(f"`{other}`" for other in sorted(modules))
        help = did_you_mean(name, modules) or (f"there are {known}" if known else "`routec check` shows what is wrong")
        fail(f"there is no module `{name}`", help)
    return modules[name]


def tell_when() -> None:
    """Say from when on a change counts."""
    click.echo("in force at the next build; `routec serve` and `routec watch` build by themselves", err=True)


def people_of(module: Module) -> dict[str, Person]:
    """The users of a module by name."""
    return {user.name: Person(user.name, user.title, user.login, user.password) for user in module.users}


def name_fault(name: str) -> str | None:
    """Why a text cannot be a user's name, without the text itself."""
    if not _NAME.fullmatch(name):
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


def _encoded(before: bytes | None, text: str) -> bytes:
    return (_BOM if before is not None and before.startswith(_BOM) else b"") + text.encode()


def _new_errors(before: Compilation, after: Compilation) -> list[Diagnostic]:
    """The errors that a change brings; those that were there are not its fault. Places move, so they do not count."""
    known = Counter(_identity(fault) for fault in before.diagnostics)
    new = []
    for fault in after.diagnostics:
        known[_identity(fault)] -= 1
        if fault.severity == "error" and known[_identity(fault)] < 0:
            new.append(fault)
    return new


def _identity(fault: Diagnostic) -> tuple[str, str, str]:
    return fault.code.code, fault.message, fault.path or ""

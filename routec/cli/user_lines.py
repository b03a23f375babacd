"""The users of one module in the text of the project's files: where they stand, and the text with some of them changed.

Pure. Places come from the syntax tree, and only the text of a user is touched: comments and layout of the rest stay.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from routec.frontend import syntax
from routec.frontend.parser import parse, parse_users
from routec.frontend.texts import unescape
from routec.source import Source, Sources, Span

_TO_ESCAPE = re.compile(r'["\\;]')
_REST_OF_LINE = re.compile(r"[ \t;]*(?:(?<=[ \t])#.*)?\r?")
_SEPARATOR = re.compile(r"[ \t]*;[ \t]*")


@dataclass(frozen=True, slots=True)
class Person:
    """What the line of a user says. `password` is a hash."""

    name: str
    title: str | None
    login: str | None
    password: str | None = field(repr=False)

    @property
    def line(self) -> str:
        """The user in the notation of route files."""
        parts = [
            f"user {self.name}" + (f' "{escaped(self.title)}"' if self.title is not None else ""),
            f"login {self.login}" if self.login is not None else "",
            f'password "{self.password}"' if self.password is not None else "",
        ]
        return "  ".join(part for part in parts if part)


def escaped(text: str) -> str:
    """A text as it stands between quotes."""
    return _TO_ESCAPE.sub(r"\\\g<0>", text)


class _Edit(NamedTuple):
    """Text in the place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


class UserLines:
    """The users of the module whose name stands at `span`, and changes to them."""

    def __init__(self, sources: Sources, span: Span) -> None:
        self._sources = sources
        self._path = span.file
        tree, _ = parse(sources[span.file])
        self._auth = next(
            auth for auth in tree.declarations if isinstance(auth, syntax.Auth) and auth.name.start == span.start
        )
        self._edits: dict[str, list[_Edit]] = {}
        self._users: dict[str, tuple[str, syntax.User]] = {}
        for path, users in self._files():
            for user in users:
                self._users.setdefault(user.name.text, (path, user))

    @property
    def target(self) -> str:
        """The file that new users are written to: the first file of users that the module names, or its own."""
        return self.users_file or self._path

    @property
    def users_file(self) -> str | None:
        """The first file of users that the module names."""
        return next(iter(self.users_files), None)

    @property
    def users_from(self) -> list[Span]:
        """Where the files of users are named."""
        return [Span(self._path, source.file.start, source.file.end) for source in self._auth.files]

    def file_of(self, name: str) -> str | None:
        """The file in which a user stands, or None where there is no such user."""
        found = self._users.get(name)
        return found[0] if found else None

    def replace(self, name: str, person: Person) -> None:
        """Write a user anew, in the old place."""
        path, user = self._users[name]
        self._edit(path, _Edit(user.start, _end(user), person.line))

    def remove(self, name: str) -> None:
        """Take a user out, with the line if nobody else is on it."""
        path, user = self._users[name]
        self._edit(path, _removal(self._sources[path].text, user.start, _end(user)))

    def add(self, people: Sequence[Person]) -> None:
        """Write new users behind those that are there."""
        lines = [person.line for person in people]
        if not lines:
            return
        if self.users_file is None:
            self._edit(self._path, _at_end_of_block(self._sources[self._path].text, self._auth, lines))
        else:
            source = self._sources.get(self.users_file)
            self._edit(self.users_file, _at_end_of_file(source.text if source else "", lines))

    def texts(self) -> dict[str, str]:
        """The new text of each file that changes."""
        changed = {}
        for path, edits in self._edits.items():
            text = self._sources.get(path, Source(path, "")).text
            for edit in sorted(edits, reverse=True):
                text = text[: edit.start] + edit.text + text[edit.end :]
            changed[path] = text
        return changed

    def _edit(self, path: str, edit: _Edit) -> None:
        self._edits.setdefault(path, []).append(edit)

    def _files(self) -> Iterator[tuple[str, list[syntax.User]]]:
        yield self._path, self._auth.users
        for path in self.users_files:
            if path in self._sources:
                yield path, parse_users(self._sources[path])[0].users

    @property
    def users_files(self) -> list[str]:
        """All files of users that the module names, whether they are there or not."""
        names = [unescape(self._path, source.file, lambda _: None) for source in self._auth.files]
        return [str(PurePosixPath(self._path).parent / name) for name in names]


def _end(user: syntax.User) -> int:
    """Where the line of a user ends: behind its last word."""
    return max(part.end for part in (user.name, user.title, user.login, user.password) if part is not None)


def _removal(text: str, start: int, end: int) -> _Edit:
    """The cut that takes an entry out."""
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    before = text[line_start:start]
    if not before.strip() and _REST_OF_LINE.fullmatch(text, end, line_end):
        return _Edit(line_start, min(line_end + 1, len(text)), "")
    if separator := _SEPARATOR.match(text, end, line_end):
        return _Edit(start, separator.end(), "")
    return _Edit(line_start + len(before.rstrip().removesuffix(";").rstrip()), end, "")


def _at_end_of_file(text: str, lines: Iterable[str]) -> _Edit:
    newline = _newline(text)
    before = newline if text and not text.endswith("\n") else ""
    return _Edit(len(text), len(text), before + "".join(line + newline for line in lines))


def _at_end_of_block(text: str, auth: syntax.Auth, lines: Sequence[str]) -> _Edit:
    """Before the closing brace, which stands on its own line, behind the last entry, or in the block's only line."""
    brace = auth.end - 1
    line_start = text.rfind("\n", 0, brace) + 1
    newline, indent = _newline(text), _indent(text, auth)
    if line_start > auth.start and not text[line_start:brace].strip():
        return _Edit(line_start, line_start, "".join(indent + line + newline for line in lines))
    last = len(text[:brace].rstrip())
    if line_start > auth.start:
        return _Edit(last, last, "".join(newline + indent + line for line in lines))
    separator = "" if text[last - 1] in "{;" else ";"
    return _Edit(last, last, f"{separator} {'; '.join(lines)}" + (" " if last == brace else ""))


def _indent(text: str, auth: syntax.Auth) -> str:
    """The blanks before the block's last entry that begins a line, a user's if there is one."""
    others: list[syntax.Node] = [*auth.fields, *auth.settings, *auth.codes, *auth.tells, *auth.files]
    for entries in (auth.users, others):
        for entry in sorted(entries, key=lambda entry: -entry.start):
            line_start = text.rfind("\n", 0, entry.start) + 1
            if line_start > auth.start and not text[line_start : entry.start].strip():
                return text[line_start : entry.start]
    line_start = text.rfind("\n", 0, auth.start) + 1
    return re.sub(r"\S.*", "", text[line_start : auth.start], flags=re.DOTALL) + "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"

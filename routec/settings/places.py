"""Where the keys and values of a TOML text stand, which tomllib does not keep. For text that tomllib has taken."""

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""A key below keys; a number is a place in an array, from 0."""

Place = tuple[int, int]
"""Offset and length, in characters."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\r\n]+")


def places(text: str) -> Mapping[Path, Place]:
    """The place of each key, in headers, before `=`, and in inline tables, and of each element of an array.

    A key that stands several times, as the `a` of `[a.b]` and `[a.c]`, has the first of its places.
    """
    return _Scan(text).run()


def place_of(found: Mapping[Path, Place], path: Path) -> Place:
    """The place of a key, or of the nearest one above it that has one; else the beginning."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, (0, 1))


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, Place] = {}
        self.arrays: dict[Path, int] = {}

    def run(self) -> Mapping[Path, Place]:
        table: Path = ()
        while self._next():
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
        return self.found

    def _next(self) -> str:
        """The next character that means something, or an empty string at the end."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def _header(self) -> Path:
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        table = self._key(())
        self.at = self.text.index("]", self.at) + (2 if is_array else 1)
        if is_array:
            count = self.arrays[table] = self.arrays.get(table, -1) + 1
            return (*table, count)
        return table

    def _key(self, table: Path) -> Path:
        """A key, dotted or not, below a table; each of its parts has a place."""
        while True:
            self._next()
            match = _KEY.match(self.text, self.at)
            if match is None:
                raise ValueError("this is no TOML")
            if table in self.arrays:
                table = (*table, self.arrays[table])  # `[a.b]` below `[[a]]` is in the latest of these
            table = (*table, _unquoted(match[0]))
            self.found.setdefault(table, (match.start(), match.end() - match.start()))
            self.at = match.end()
            if self._next() != ".":
                return table
            self.at += 1

    def _pair(self, table: Path) -> None:
        key = self._key(table)
        self.at = self.text.index("=", self.at) + 1
        self._value(key)

    def _value(self, path: Path) -> None:
        first = self._next()
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            match = (_TEXT if first in "\"'" else _PLAIN).match(self.text, self.at)
            if match is None:
                raise ValueError("this is no TOML")
            self.at = match.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._next() != "]":
            start = self.at
            self._value((*path, index))
            self.found[(*path, index)] = (start, self.at - start)
            index += 1
            if self._next() == ",":
                self.at += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._next() != "}":
            self._pair(path)
            if self._next() == ",":
                self.at += 1
        self.at += 1


def _unquoted(key: str) -> str:
    return str(next(iter(tomllib.loads(f"{key} = 0")))) if key[0] in "\"'" else key

"""Source files as text, places in them, and the way from an offset to line and column. Imports nothing of routec's."""

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of a source file: `start` and `end` are offsets in characters, `end` exclusive."""

    file: str
    start: int
    end: int


class Position(NamedTuple):
    """A place as an editor counts it: line and column from 1, the column in characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """One file's text. `path` is what users are shown: relative to the project, with `/`."""

    path: str
    text: str = field(repr=False)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        find, at = self.text.find, -1
        while (at := find("\n", at + 1)) >= 0:
            starts.append(at + 1)
        return starts

    def line(self, offset: int) -> int:
        """The line, from 1, that holds an offset."""
        return bisect_right(self._line_starts, offset)

    def position(self, offset: int) -> Position:
        """Line and column of an offset; one past the end of the text is allowed."""
        line = self.line(offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def line_text(self, line: int) -> str:
        """The text of a line, counted from 1, without its end."""
        start = self._line_starts[line - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].removesuffix("\r")


Sources = dict[str, Source]
"""All files of one run, by their path."""

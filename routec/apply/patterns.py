"""Which extension takes a number, as Asterisk matches them. Measured on Asterisk 22.10 and 16.28."""

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import NamedTuple

_CLASSES = {"X": ("[0-9]", 10), "Z": ("[1-9]", 9), "N": ("[2-9]", 8), ".": (".+", 300), "!": (".*", 400)}
"""What stands for several characters, as a regular expression, and how much it takes: more than the end of a number
takes nothing."""


class _Pattern(NamedTuple):
    """A pattern as a regular expression, and how much each of its places takes."""

    taking: re.Pattern[str]
    widths: tuple[int, ...]


def matches(exten: str, number: str) -> bool:
    """Whether an extension or a pattern takes a number; dashes mean nothing."""
    number = number.replace("-", "")
    if not exten.startswith("_"):
        return exten.replace("-", "") == number
    pattern = _pattern(exten)
    return pattern is not None and pattern.taking.fullmatch(number) is not None


def matching(extensions: Collection[str], number: str) -> str | None:
    """The extension that takes a number: the number itself, else the narrowest pattern, as Asterisk chooses."""
    if number in extensions:
        return number
    found = [
        (pattern.widths, exten)
        for exten in extensions
        if exten.startswith("_") and (pattern := _pattern(exten)) is not None and pattern.taking.fullmatch(number)
    ]
    return min(found)[1] if found else None


@cache
def _pattern(exten: str) -> _Pattern | None:
    """None for what is no pattern."""
    parts = list(_places(exten[1:]))
    try:
        return _Pattern(re.compile("".join(text for text, _ in parts), re.DOTALL), tuple(width for _, width in parts))
    except re.error:
        return None


def _places(text: str) -> Iterator[tuple[str, int]]:
    for piece in re.findall(r"\[[^\]]*\]|.", text, re.DOTALL):
        if len(piece) > 1:
            inner = re.sub(r"([\\^\[&~|])", r"\\\1", piece[1:-1])
            if inner:
                yield f"[{inner}]", len(piece) + 9
        elif piece.upper() in _CLASSES:
            yield _CLASSES[piece.upper()]
            if piece in ".!":
                return  # Asterisk looks no further
        elif piece not in "- ":
            yield re.escape(piece), 1

"""Diagnostics for a reader at a terminal or in a CI log."""

import unicodedata
from collections.abc import Iterable

from routec.diagnostics.model import Diagnostic, Label
from routec.diagnostics.secrets import shown_of_line
from routec.source import Source, Sources

TAB = "    "

WIDEST = 160
"""Characters of a source line that are shown; of a longer line, those around the fault."""


def render_text(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """All faults with their source lines and carets; an empty line between two."""
    return "\n".join(_one(diagnostic, sources) for diagnostic in diagnostics)


def safe(text: str) -> str:
    """The text with whatever could steer a terminal made visible: routes are other people's bytes."""
    return "".join(char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)


def _one(diagnostic: Diagnostic, sources: Sources) -> str:
    lines = [f"{diagnostic.severity}[{diagnostic.code.code}]: {safe(diagnostic.message)}"]
    places = [Label(diagnostic.span, diagnostic.note), *diagnostic.labels] if diagnostic.span else []
    places = [place for place in places if place.span.file in sources]
    numbers = [sources[place.span.file].line(place.span.start) for place in places]
    digits = len(str(max(numbers, default=0)))
    pad = " " * (digits + 2)
    for index, place in enumerate(places):
        lines += _place(sources[place.span.file], place, digits, primary=index == 0)
    if not places and diagnostic.path:
        lines.append(f"{pad[:-1]}--> {safe(diagnostic.path)}")
    if diagnostic.targets:
        lines.append(f"{pad}= target: {', '.join(map(safe, diagnostic.targets))}")
    if diagnostic.help:
        lines.append(f"{pad}= help: {safe(diagnostic.help)}")
    lines.append(f"{pad}= docs: routec explain {diagnostic.code.code}")
    return "\n".join(lines) + "\n"


def _place(source: Source, label: Label, digits: int, *, primary: bool) -> list[str]:
    line, column = source.position(label.span.start)
    left = max(0, min(column - WIDEST // 2, len(source.line_text(line)) - WIDEST))
    window = shown_of_line(source, line, left, WIDEST)
    before, behind = window[: column - 1 - left], window[column - 1 - left :]
    marked = behind[: max(1, label.span.end - label.span.start)]
    carets = ("^" if primary else "-") * max(1, _width(marked))
    pad = " " * (digits + 2)
    return [
        f"{pad[:-1]}{'-->' if primary else ':::'} {safe(source.path)}:{line}:{column}",
        f"{pad}|",
        f" {line:>{digits}} | {_shown(window)}",
        f"{pad}| {' ' * _width(before)}{carets} {safe(label.text)}".rstrip(),
    ]


def _shown(text: str) -> str:
    return "".join(TAB if char == "\t" else safe(char) for char in text)


def _width(text: str) -> int:
    """How many cells of a terminal a text takes as it is shown."""
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char) for char in _shown(text)
    )

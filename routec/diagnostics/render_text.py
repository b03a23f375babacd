"""Diagnostics for a reader at a terminal or in a CI log."""

import re
import unicodedata
from collections.abc import Iterable

from routec.diagnostics.model import Diagnostic, Label
from routec.source import Source, Sources

TAB = "    "

WIDEST = 160
"""Characters of a source line that are shown; of a longer line, those around the fault."""

_NEAR_SECRETS = ("password", "secret", "whsec_", "://")
LONGEST_SECRET = 1000
_SECRET = re.compile(
    r'(\bpassword[ \t]+"?)([0-9]+)|(\bsecret[ \t]+(?:env[ \t]+)?")([^"]+)|(\bwhsec_)(\w+)|(://)([^/"\s]+(?=@))'
)
"""A PIN in the clear, the secret of a webhook in place of its variable, and who stands in a URL."""


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
    if diagnostic.help:
        lines.append(f"{pad}= help: {safe(diagnostic.help)}")
    lines.append(f"{pad}= docs: routec explain {diagnostic.code.code}")
    return "\n".join(lines) + "\n"


def _place(source: Source, label: Label, digits: int, *, primary: bool) -> list[str]:
    line, column = source.position(label.span.start)
    text = source.line_text(line)
    left = max(0, min(column - WIDEST // 2, len(text) - WIDEST))
    # A secret that stands in the clear must not be in CI's log as well; it may begin before what is shown.
    begin = max(0, left - LONGEST_SECRET)
    window = _without_secrets(text[begin : left + WIDEST + LONGEST_SECRET])[left - begin :][:WIDEST]
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


def _without_secrets(text: str) -> str:
    # Four searches for words take a hundredth of the time of one for patterns.
    return _SECRET.sub(_masked, text) if any(word in text for word in _NEAR_SECRETS) else text


def _masked(found: re.Match[str]) -> str:
    before, secret = (part for part in found.groups() if part is not None)
    return f"{before}{'*' * len(secret)}"


def _shown(text: str) -> str:
    return "".join(TAB if char == "\t" else safe(char) for char in text)


def _width(text: str) -> int:
    """How many cells of a terminal a text takes as it is shown."""
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char) for char in _shown(text)
    )

"""The way back from a priority of the dialplan to the line of a route.

A context that the routes as they are now still make is looked up in them, since equal names are equal steps: lines may
have moved since it was published. For any other the manifest that was published with it says where it stood then.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from routec.apply.words.met import Kind, Place
from routec.backend.dialplan import Context, Dialplan
from routec.diagnostics.secrets import shown_of_line
from routec.source import Sources

LONGEST_SHOWN = 100
"""Characters of a source line that are shown."""

_ENTRY = re.compile(r"\bon\s+(?:did|extension)\b|\brecord\b")
WORDS: dict[Kind, str] = {
    "plays": "prompt", "asks": "auth", "rings": "dial", "says": "say", "waits": "wait", "answers": "answer",
    "speaks": "language",
    "goes": "goto", "hangs": "hangup",
}  # fmt: skip
"""How the step begins that is told so."""


class Spot(NamedTuple):
    """A place in a route file. `text` is its line as far as it may be shown; empty where the file has another now."""

    file: str
    line: int
    column: int
    text: str = ""

    @property
    def shown(self) -> str:
        """As an editor takes it."""
        return f"{self.file}:{self.line}:{self.column}"


class SourceMap:
    """Where the priorities of a dialplan come from."""

    def __init__(self, manifest: bytes | None, dialplan: Dialplan | None, sources: Sources) -> None:
        self._published = _contexts_of(manifest)
        self._present = {context.name: context for context in dialplan.contexts} if dialplan else {}
        self._sources = sources

    def spot(self, place: Place, kind: Kind) -> Spot | None:
        """Where a step stands, None where that is not known."""
        if place.context in self._present:
            found, is_certain = self._now(self._present[place.context], place), True
        else:
            found, is_certain = _place_of(self._published.get(place.context), place), False
        return found and self._with_text(found, kind, is_certain=is_certain)

    def _now(self, context: Context, place: Place) -> Spot | None:
        lines = next((one.lines for one in context.extensions if one.pattern == place.exten), ())
        if not 0 < place.priority <= len(lines):
            return None
        span = lines[place.priority - 1].span
        source = self._sources.get(span.file)
        return Spot(span.file, *source.position(span.start)) if source else None

    def _with_text(self, spot: Spot, kind: Kind, *, is_certain: bool) -> Spot:
        """With the text of the step, if it stands there: a hangup at the end of a route is nobody's word."""
        source = self._sources.get(spot.file)
        if source is None or not 0 < spot.line <= source.text.count("\n") + 1:
            return spot
        begin = max(0, spot.column - 1)
        is_step = source.line_text(spot.line).startswith(WORDS.get(kind, "\n"), begin)
        if not is_step and (kind == "hangs" or not is_certain):
            return spot
        if not is_step:
            # The number of an entry, which stands behind `on did`, `on extension` or `record`.
            entries = [found.start() for found in _ENTRY.finditer(source.line_text(spot.line)[:begin])]
            begin = entries[-1] if entries else begin
        text = _step(shown_of_line(source, spot.line, begin, LONGEST_SHOWN + 1))
        return spot._replace(text=text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1].rstrip()}…")


def _step(text: str) -> str:
    """A line up to the end of the step that it begins with."""
    depth, quoted = 0, False
    for at, char in enumerate(text):
        quoted ^= char == '"'
        depth += 0 if quoted else (char == "{") - (char == "}")
        if not quoted and ((char == ";" and depth == 0) or depth < 0):
            return text[:at].strip()
    return text.strip()


def _contexts_of(manifest: bytes | None) -> Mapping[str, Any]:
    """The map of a manifest, of whatever format: anything that is none is an empty one."""
    try:
        contexts = json.loads(manifest or b"")["contexts"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return contexts if isinstance(contexts, dict) else {}


def _place_of(context: Any, place: Place) -> Spot | None:
    """The last place at or before a priority."""
    try:
        places: Iterable[Any] = context["extensions"][place.exten]
        known = [(int(number), str(file), int(line), int(column)) for number, file, line, column in places]
    except (LookupError, TypeError, ValueError):
        return None
    at = bisect_right([one[0] for one in known], place.priority)
    return Spot(*known[at - 1][1:]) if at else None

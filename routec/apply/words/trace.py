"""Following a number through a dialplan, back to the lines of the routes."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from routec.apply.priority import Held, is_marked
from routec.apply.words.differing import phrases
from routec.apply.words.kept_shut import KeptShut
from routec.apply.words.met import FOREIGN, Step
from routec.apply.words.source_map import SourceMap, Spot
from routec.apply.words.story import ENTRIES, Entry, Story, Teller
from routec.diagnostics.render_text import safe
from routec.model.numbers import DID, did_forms
from routec.suggest import nearest

KINDS: dict[Entry, str] = {"dids": "a DID", "extensions": "an extension"}

WIDEST = 44
"""Characters of what is told, before the place: what is longer has the place behind it all the same."""

_BLANKS = re.compile(r"[\s./()-]")


class Traced(NamedTuple):
    """One way that a number is answered. `now` is how the routes as they are differ from it; None: not compared."""

    story: Story
    number: str
    now: tuple[str, ...] | None

    @property
    def head(self) -> str:
        """What the number is."""
        return f"{safe(self.number)}, {KINDS[self.story.entry]}"


def digits(number: str) -> str:
    """A number as it is dialled: people put blanks, dots, dashes and a `(0)` into it."""
    return _BLANKS.sub("", re.sub(r"^(\+|00)([0-9 ]+)\(0\)", r"\1\2", number.strip()))


def trace(held: Held, new: Held | None, number: str, entries: Iterable[Entry]) -> list[Traced]:
    """Each way that a number is answered; `new` is what the routes now make, None where they have faults."""
    before = Teller(held)
    shut = KeptShut(before)
    after = Teller(new) if new is not None else None
    found = []
    for entry in entries:
        dialled = _dialled(held, number, entry)
        told = before.story(dialled, entry) or before.elsewhere(dialled, entry)
        if told is not None:
            then = after.story(dialled, entry) if after else None
            now: tuple[str, ...] | None = None if after is None else ("it is no longer answered",)
            if then is not None:
                now = tuple(phrase.of("it") for phrase in phrases(told, then, shut))
            found.append(Traced(told, _written(held, dialled, entry), now))
    return found


def near(held: Held, number: str, entries: Iterable[Entry]) -> str | None:
    """The number most like one that nothing answers."""
    known = [
        exten
        for entry in entries
        for exten in held.get(ENTRIES[entry], {})
        if not exten.startswith("_") and not is_marked(exten)
    ]
    return nearest(number, known)


def _dialled(held: Held, number: str, entry: Entry) -> str:
    """The form of a number that stands in the dialplan."""
    known = held.get(ENTRIES[entry], {})
    if number not in known and entry == "dids" and DID.fullmatch(number):
        return next((form for form in did_forms(number) if form in known), number)
    return number


def _written(held: Held, number: str, entry: Entry) -> str:
    """A DID as it is written in a route."""
    if entry != "dids" or number.startswith("+"):
        return number
    known = [did for did in held.get(ENTRIES[entry], {}) if DID.fullmatch(did)]
    return next((did for did in known if number in did_forms(did)), number)


# ---- for people


def trace_text(traced: Traced, places: SourceMap) -> Iterator[str]:
    """One way, line by line: each step with its place in the routes."""
    yield traced.head
    for part in traced.story.parts:
        if part.route:
            yield f"  route {safe(part.route)}"
        yield from _lines(part.steps, places, 4 if part.route else 2)
    if traced.now:
        yield "  the routes say otherwise now, which `routec plan` shows:"
        yield from (f"    {phrase}" for phrase in traced.now)


def _lines(steps: Iterable[Step], places: SourceMap, indent: int) -> Iterator[str]:
    for step in steps:
        spot = places.spot(step.at, step.kind)
        told = " " * indent + step.text + (" (not routec's)" if step.kind in FOREIGN else "")
        yield f"{told:<{WIDEST}}  {_shown(spot, step)}".rstrip()
        for branch in step.branches:
            yield f"{' ' * indent}  {branch.when}"
            yield from _lines(branch.steps, places, indent + 4)


def _shown(spot: Spot | None, step: Step) -> str:
    if spot is None or step.kind in FOREIGN:
        return safe(f"{step.at.context} {step.at.exten},{step.at.priority}")
    return safe(f"{spot.shown}  {spot.text}")


# ---- for programs


def trace_object(traced: Traced, places: SourceMap) -> dict[str, Any]:
    """One way, for programs."""
    return {
        "number": traced.number,
        "kind": "did" if traced.story.entry == "dids" else "extension",
        "routes": [
            {"route": part.route or None, "context": part.context, "steps": _objects(part.steps, places)}
            for part in traced.story.parts
        ],
        "now": None if traced.now is None else list(traced.now),
    }


def _objects(steps: Iterable[Step], places: SourceMap) -> list[dict[str, Any]]:
    found = []
    for step in steps:
        spot = places.spot(step.at, step.kind)
        found.append(
            {
                "kind": step.kind,
                "text": step.text,
                "ours": step.kind not in FOREIGN,
                "exten": step.at.exten,
                "priority": step.at.priority,
                "file": spot.file if spot else None,
                "line": spot.line if spot else None,
                "column": spot.column if spot else None,
                "source": spot.text or None if spot else None,
                "branches": [
                    {"when": branch.when, "steps": _objects(branch.steps, places)} for branch in step.branches
                ],
            }
        )
    return found

"""Which sign-ins stand before what: for each thing that a call can come to, the modules passed on every way to it."""

from collections.abc import Iterable
from typing import NamedTuple

from routec.apply.priority import BESIDE
from routec.apply.words.met import SOME_CALLERS, Kind, Step
from routec.apply.words.story import Part, Story

Thing = tuple[Kind, str]
"""What a sign-in may keep shut: an extension that rings, a sound, a text, an application of somebody else's."""

WORTH: frozenset[Kind] = frozenset({"rings", "records", "runs"})
"""What people put a sign-in before; sounds and words count only where it guards none of these."""

_TELLING: frozenset[Kind] = frozenset({"plays", "says"})

_HARMLESS = frozenset(
    {
        "NoOp",
        "Verbose",
        "Log",
        "Set",
        "Wait",
        "Answer",
        "Playback",
        "Background",
        "Dial",
        "Hangup",
        *BESIDE,
        SOME_CALLERS,
    }
)
"""What jumps nowhere that is not told. Behind anything else that routec did not write, no sign-in is believed: it may
lead past that."""


class Ways(NamedTuple):
    """What a call can come to by a story, and the contexts that it may enter.

    Each with the modules that everybody signed in to who comes there.
    """

    story: Story
    things: dict[Thing, frozenset[str]]
    entered: dict[str, frozenset[str]]


def ways(story: Story) -> Ways:
    """Where the calls of a story may come, and past what."""
    parts = story.by_context
    arriving: dict[str, frozenset[str]] = {story.parts[0].context: frozenset()}
    things: dict[Thing, frozenset[str]] = {}
    waiting = list(arriving)
    # A part is walked anew only when fewer modules are sure to be passed before it: that has an end.
    while waiting:
        part = parts[waiting.pop()]
        for step, passed in _walk(part, arriving[part.context]):
            for thing in _things(step):
                things[thing] = things.get(thing, passed) & passed
            if step.kind == "goes" and step.detail in parts:
                before = arriving.get(step.detail)
                now = passed if before is None else before & passed
                if now != before:
                    arriving[step.detail] = now
                    waiting.append(step.detail)
    return Ways(story, things, arriving)


def worth_of(part: Part, passed: frozenset[str]) -> dict[Thing, frozenset[str]]:
    """What in one part is worth a sign-in, or else what is told there, for calls that enter it past these modules."""
    found: dict[Thing, frozenset[str]] = {}
    for step, now in _walk(part, passed):
        for thing in _things(step):
            found[thing] = found.get(thing, now) & now
    return {thing: modules for thing, modules in found.items() if thing[0] in WORTH} or found


def asked(story: Story) -> set[str]:
    """The modules that are asked for anywhere in a story."""
    return {step.what for part in story.parts for step, _ in _walk(part, frozenset()) if step.kind == "asks"}


def _walk(part: Part, passed: frozenset[str]) -> Iterable[tuple[Step, frozenset[str]]]:
    """All steps of a part, each with the modules passed on the way to it."""
    waiting = [(part.steps, passed)]
    is_open = False
    while waiting:
        steps, now = waiting.pop()
        for step in steps:
            yield step, now
            is_open |= step.kind == "runs" and step.detail not in _HARMLESS
            waiting += [(branch.steps, now) for branch in step.branches]
            if step.kind == "asks" and not is_open and not _leaks(step):
                now |= {step.what}


def _leaks(step: Step) -> bool:
    """Whether one of the ways of those who did not pass leads to where those are who did."""
    waiting = [branch.steps for branch in step.branches]
    while waiting:
        for inner in waiting.pop():
            if inner.kind == "passes" or (inner.kind == "runs" and inner.detail not in _HARMLESS):
                return True
            waiting += [branch.steps for branch in inner.branches]
    return False


def _things(step: Step) -> list[Thing]:
    if step.kind in WORTH | _TELLING:
        name = step.doing if step.kind == "records" else step.what
        return [(step.kind, item) for item in step.items or (name,)]
    return []


def protected(things: dict[Thing, frozenset[str]], module: str) -> list[Thing]:
    """What a module keeps shut: what is worth it, or else what is told."""
    behind = [thing for thing, modules in things.items() if module in modules]
    return [thing for thing in behind if thing[0] in WORTH] or behind

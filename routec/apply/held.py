"""What a dialplan holds, wherever it was read: of a compilation, of a published file, of a PBX's memory.

All three are the same plain mappings, so that they can be compared priority by priority. `conf` reads and writes them
as text.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from routec.apply.conf import HeldError, as_text, of_text
from routec.apply.priority import Extensions, Held, Priority
from routec.backend.dialplan import CONTEXT_PREFIX, Context, Dialplan, Extension

__all__ = [
    "Difference",
    "Extensions",
    "Held",
    "HeldError",
    "Priority",
    "as_text",
    "differences",
    "of_context",
    "of_dialplan",
    "of_extension",
    "of_text",
    "ours",
    "reach",
    "targets",
]


class Difference(NamedTuple):
    """One priority that is not what was wanted; None where there is none at all."""

    context: str
    exten: str
    priority: int
    wanted: Priority | None
    found: Priority | None


def of_dialplan(dialplan: Dialplan) -> Held:
    """What Asterisk is to hold of a compiled dialplan."""
    return {context.name: of_context(context) for context in dialplan.contexts}


def of_context(context: Context) -> Extensions:
    """One context of it; whoever keeps what did not change keeps this too."""
    return {extension.pattern: of_extension(extension) for extension in context.extensions}


def of_extension(extension: Extension) -> Mapping[int, Priority]:
    """One extension of it."""
    return {number: Priority(line.label, line.app, line.data) for number, line in enumerate(extension.lines, 1)}


def ours(held: Held) -> Held:
    """The contexts that are routec's: all others are the admin's."""
    return {name: extensions for name, extensions in held.items() if name.startswith(CONTEXT_PREFIX)}


def differences(wanted: Held, found: Held) -> list[Difference]:
    """Where two dialplans differ, context by context and priority by priority; what is found and not wanted, last."""
    result: list[Difference] = []
    for context, extensions in wanted.items():
        other = found.get(context)
        if other is not extensions and other != extensions:
            result += _in_context(context, extensions, other or {})
    for context in sorted(found.keys() - wanted.keys()):
        result += _in_context(context, {}, found[context])
    return result


def _in_context(context: str, wanted: Extensions, found: Extensions) -> Iterator[Difference]:
    nothing: Mapping[int, Priority] = {}
    for exten in (*wanted, *sorted(found.keys() - wanted.keys())):
        ours, theirs = wanted.get(exten, nothing), found.get(exten, nothing)
        if ours is theirs or ours == theirs:
            continue
        for number in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(number), theirs.get(number)
            if one != other:
                yield Difference(context, exten, number, one, other)


def reach(held: Held, start: Iterable[str]) -> set[str]:
    """All contexts that calls in `start` can come to by Goto, GotoIf, Gosub and GosubIf; `start` is among them.

    A name that `held` does not have is told, too, and leads nowhere. Where a Gosub returns to is what `start` has.
    """
    reached = set(start)
    left = list(reached)
    while left:
        for priorities in held.get(left.pop(), {}).values():
            for priority in priorities.values():
                for context in targets(priority):
                    if context not in reached:
                        reached.add(context)
                        left.append(context)
    return reached


def targets(priority: Priority) -> list[str]:
    """The other contexts that a jump may lead to: one written with a variable in it is none that could be told."""
    app = priority.app.lower()
    if app in ("goto", "gosub"):
        places = [priority.data]
    elif app in ("gotoif", "gosubif"):
        _, *cases = _split(priority.data, "?", 1)
        places = _split(cases[0], ":", 1) if cases else []
    else:
        return []
    found = [_split(place, ",", 2) for place in places]
    return [parts[0].strip() for parts in found if len(parts) == 3 and "$" not in parts[0]]


def _split(text: str, mark: str, most: int) -> list[str]:
    """Split at a mark that stands in no bracket, at most so often."""
    if mark not in text:
        return [text]
    parts = []
    depth = start = 0
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == mark and depth <= 0:
            parts.append(text[start:at])
            start = at + 1
            if len(parts) == most:
                break
    return [*parts, text[start:]]

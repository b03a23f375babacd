"""What a dialplan holds, wherever it was read: of a compilation, of a published file, of a PBX's memory.

All three are the same plain mappings, so that they can be compared priority by priority. `conf` reads and writes them
as text.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from routec.apply.conf import HeldError, as_text, held_of, of_text
from routec.apply.priority import Extensions, Held, Priority
from routec.backend.dialplan import CONTEXT_PREFIX, Context, Extension

__all__ = [
    "Difference",
    "Extensions",
    "Held",
    "HeldError",
    "Priority",
    "as_text",
    "differences",
    "held_of",
    "of_context",
    "of_extension",
    "of_text",
    "ours",
]


class Difference(NamedTuple):
    """One priority that is not what was wanted; None where there is none at all."""

    context: str
    exten: str
    priority: int
    wanted: Priority | None
    found: Priority | None


def of_context(context: Context) -> Extensions:
    """What Asterisk is to hold of one compiled context."""
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

"""Reading back what Asterisk holds after a reload, and comparing it with what it is to hold."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from routec.apply.ami.manager import Ami
from routec.apply.held import Difference, Extensions, Held, differences, ours
from routec.apply.plan import Plan
from routec.apply.priority import is_marked
from routec.backend.dialplan import DIDS, EXTENSIONS, SEAL

MOST_QUESTIONS = 300
"""Asking for one context takes half a millisecond or so; for all of 10,000 a second."""


MOST_NUMBERS = 1_000
"""Of an entry context that is read whole: ten milliseconds or so."""


class Found(NamedTuple):
    """What a reading gave. `held` is what was read: everything, or what had to be looked at."""

    held: Held
    differences: list[Difference]
    verified: int


def whole(ami: Ami, wanted: Held, foreign: Iterable[str] = ()) -> Found:
    """Read everything of ours, priority by priority, but for what is `foreign`. Raises `AmiError`."""
    found = dict(ours(ami.holds()))
    for name in foreign:
        found.pop(name, None)
    return Found(found, differences(wanted, found), _count(wanted))


def quick(ami: Ami, plan: Plan) -> Found | None:
    """Read the seal, which stands behind everything else, what changed, and what moved to another file.

    An entry context is read whole unless it is large: what an admin's file has of the same name may be of any number.
    None where that would be more work than reading everything. Raises `AmiError`.
    """
    before = plan.before
    contexts = {name for name in plan.wanted if name not in before} | set(plan.retired) | {SEAL}
    contexts |= {name for name in (DIDS, EXTENSIONS) if len(plan.wanted.get(name, ())) <= MOST_NUMBERS}
    extensions: dict[str, set[str]] = {}
    for difference in plan.differences:
        if difference.context not in contexts:
            if difference.context in plan.wanted and not is_marked(difference.exten):
                extensions.setdefault(difference.context, set()).add(difference.exten)
            else:
                contexts.add(difference.context)
    if len(contexts) + sum(map(len, extensions.values())) > MOST_QUESTIONS:
        return None
    wanted: dict[str, Extensions] = {name: plan.wanted.get(name, {}) for name in contexts}
    found = _read(ami, contexts)
    for name, each in extensions.items():
        wanted[name] = {exten: plan.wanted[name][exten] for exten in each if exten in plan.wanted[name]}
        found[name] = {key: there for exten in each for key, there in ami.holds(name, exten).get(name, {}).items()}
    return Found(found, differences(wanted, found), _count(wanted))


def some(ami: Ami, wanted: Held) -> Found:
    """Read just these contexts. Raises `AmiError`."""
    found = _read(ami, wanted)
    return Found(found, differences(wanted, found), _count(wanted))


def still_there(ami: Ami, names: Collection[str]) -> list[str]:
    """Those of some contexts that Asterisk still holds. Raises `AmiError`."""
    return [name for name, extensions in _read(ami, names).items() if extensions]


def _read(ami: Ami, names: Collection[str]) -> dict[str, Extensions]:
    """These contexts, one by one or all at once, whichever is less work; empty ones where there is none."""
    if len(names) > MOST_QUESTIONS:
        held = ours(ami.holds())
        return {name: held.get(name, {}) for name in names}
    return {name: ami.holds(name).get(name, {}) for name in names}


def _count(held: Held) -> int:
    return sum(len(priorities) for extensions in held.values() for priorities in extensions.values())

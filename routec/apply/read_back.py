"""Reading back what Asterisk holds after a reload, and comparing it with what it is to hold."""

from collections.abc import Iterable
from typing import NamedTuple

from routec.apply.ami.manager import Ami
from routec.apply.held import Difference, Extensions, Held, differences, ours
from routec.apply.plan import Plan
from routec.backend.dialplan import SEAL

MOST_QUESTIONS = 300
"""Asking for one context takes half a millisecond or so; for all of 10,000 a second."""


class Found(NamedTuple):
    """What a reading gave. `held` is what was read: everything, or with `whole` not true what had to be looked at."""

    held: Held
    differences: list[Difference]
    verified: int
    whole: bool


def whole(ami: Ami, wanted: Held, foreign: Iterable[str] = ()) -> Found:
    """Read everything of ours, priority by priority, but for what is `foreign`. Raises `AmiError`."""
    found = dict(ours(ami.holds()))
    for name in foreign:
        found.pop(name, None)
    return Found(found, differences(wanted, found), _count(wanted), True)


def quick(ami: Ami, plan: Plan) -> Found | None:
    """Read the seal, which stands behind everything else, what changed, and what moved to another file.

    None where that would be more work than reading everything. Raises `AmiError`.
    """
    before = plan.before
    contexts = {name for name in plan.wanted if name not in before} | set(plan.retired) | {SEAL}
    extensions: dict[str, set[str]] = {}
    for difference in plan.differences:
        if difference.context not in contexts:
            if difference.context in plan.wanted:
                extensions.setdefault(difference.context, set()).add(difference.exten)
            else:
                contexts.add(difference.context)
    if len(contexts) + sum(map(len, extensions.values())) > MOST_QUESTIONS:
        return None
    wanted: dict[str, Extensions] = {name: plan.wanted.get(name, {}) for name in contexts}
    found: dict[str, Extensions] = {name: ami.holds(name).get(name, {}) for name in contexts}
    for name, each in extensions.items():
        wanted[name] = {exten: plan.wanted[name][exten] for exten in each if exten in plan.wanted[name]}
        found[name] = {
            exten: there for exten in each for there in [ami.holds(name, exten).get(name, {}).get(exten)] if there
        }
    return Found(found, differences(wanted, found), _count(wanted), False)


def some(ami: Ami, wanted: Held) -> Found:
    """Read just these contexts. Raises `AmiError`."""
    if len(wanted) > MOST_QUESTIONS:
        held = ours(ami.holds())
        found = {name: held.get(name, {}) for name in wanted}
    else:
        found = {name: ami.holds(name).get(name, {}) for name in wanted}
    return Found(found, differences(wanted, found), _count(wanted), False)


def still_there(ami: Ami, names: Iterable[str]) -> list[str]:
    """Those of some contexts that Asterisk still holds. Raises `AmiError`."""
    every = list(names)
    if len(every) > MOST_QUESTIONS:
        held = ours(ami.holds())
        return [name for name in every if held.get(name)]
    return [name for name in every if ami.holds(name).get(name)]


def _count(held: Held) -> int:
    return sum(len(priorities) for extensions in held.values() for priorities in extensions.values())

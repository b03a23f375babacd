"""Contexts that no route needs any more, and the calls that can still come to them.

A route that changed is a new context. The old one stays, in a file of its own, until no call can come to it any more:
calls that stand in it, that stand in what leads to it, and that will return to it out of a sign-in.
"""

from collections.abc import Collection
from typing import NamedTuple

from routec.apply.ami.manager import Ami, Channel
from routec.apply.held import Held
from routec.apply.jumps import reach
from routec.backend.dialplan import SIGNIN_PREFIX

GAP_SECONDS = 0.25
"""Between two looks at the calls. A call reads its entry's Goto and then takes it, which is no time at all, but for a
reload in between it stands in neither the old entry nor the old context."""


class Need(NamedTuple):
    """Which contexts calls can still come to, how many calls those are, and which calls may be on their way in."""

    contexts: frozenset[str]
    calls: int
    entering: frozenset[str]


def needed(ami: Ami, retired: Held) -> Need:
    """Look at all calls now. Raises `AmiError`.

    No context of the present routes leads to a retired one: names come from what a route does and leads to. So only the
    jumps among the retired ones are followed.
    """
    names = retired.keys()
    contexts: set[str] = set()
    calls = 0
    entering = set()
    for channel in ami.channels():
        found = reach(retired, _stands_in(ami, channel, retired)) & names
        contexts |= found
        calls += bool(found)
        if _may_be_entering(channel):
            entering.add(channel.uniqueid)
    return Need(frozenset(contexts), calls, frozenset(entering))


def _stands_in(ami: Ami, channel: Channel, retired: Held) -> Collection[str]:
    """The context that a channel is in, and those that it will return to.

    Out of a sign-in, or out of an admin's own subroutine that Asterisk runs amid an application. Where Asterisk does
    not say to where a sign-in returns, it may be any that has it.
    """
    back = ami.frames(channel.name)
    if back or not channel.context.startswith(SIGNIN_PREFIX):
        return (channel.context, *back)
    return (channel.context, *(name for name in retired if _calls(retired, name, channel.context)))


def _calls(retired: Held, name: str, context: str) -> bool:
    return any(
        priority.app.lower() == "gosub" and priority.data.startswith(f"{context},")
        for priorities in retired[name].values()
        for priority in priorities.values()
    )


def _may_be_entering(channel: Channel) -> bool:
    """Whether a channel may have read an entry's Goto and not taken it yet: Asterisk shows it at that very Goto."""
    return channel.priority == 1 and channel.app in ("", "Goto") and bool(channel.exten)

"""Whether a call kept to one generation of the dialplan: judged step by step, by what Asterisk said that it ran.

A generation is what a build put in force. A call may be in contexts of one only, whatever was published meanwhile, each
step must be the one that this generation has at its place, and what ends the call must be a `Hangup` of the route's
own, or the caller.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from tests.asterisk.ami import Message
from tests.asterisk.meeting import Meeting
from tests.asterisk.pbx import Pbx
from tests.properties.reader import Extensions, Plan, read

INCLUDE = "#tryinclude "
ENTRIES = ("routec-dids", "routec-extensions")
_OURS = re.compile(r"^\[ Context '(routec-[^']+)'", re.MULTILINE)


class Ran(NamedTuple):
    """A step that a call's channel ran in one of routec's contexts."""

    context: str
    exten: str
    priority: int
    app: str


def generation(published: str) -> Plan:
    """What an extensions.conf of routec's puts in force, without the retired contexts that it includes."""
    return read("\n".join(line for line in published.splitlines() if not line.startswith(INCLUDE)))


def in_memory(pbx: Pbx) -> set[str]:
    """The names of all contexts of routec's that the PBX holds."""
    return set(_OURS.findall(pbx.cli("dialplan show")))


def ran(call: Meeting) -> list[Ran]:
    """The steps that a call has run in routec's contexts."""
    return [
        Ran(event["Context"], event["Extension"], int(event["Priority"]), event["Application"])
        for event in list(call.events)
        if event["Event"] == "Newexten" and event["Uniqueid"] == call.channel_id
        if event["Context"].startswith("routec-")
    ]


def strayed(steps: Iterable[Ran], plan: Plan) -> str:
    """Why these are not the steps of a call in this generation; empty where they are."""
    for step in steps:
        if step.context not in plan:
            return f"{step.context} is of another generation"
        found = _step(plan[step.context], step)
        if found != step.app:
            return f"{step} where this generation has {found or 'nothing'}"
    return ""


def _step(extensions: Extensions, step: Ran) -> str:
    """The application that stands there: under the extension itself, else under the context's only pattern."""
    lines = extensions.get(step.exten)
    if lines is None:
        lines = next((each for name, each in extensions.items() if name.startswith("_")), [])
    return lines[step.priority - 1].app if step.priority <= len(lines) else ""


def dropped(call: Meeting) -> bool:
    """Whether the call's end was not the route's: what it ran last, anywhere, was no `Hangup`."""
    apps = [event["Application"] for event in list(call.events) if _is_own_step(call, event)]
    return not apps or apps[-1] != "Hangup"


def _is_own_step(call: Meeting, event: Message) -> bool:
    return event["Event"] == "Newexten" and event["Uniqueid"] == call.channel_id

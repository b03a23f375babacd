"""Runs calls through a dialplan, through every outcome that a step may have, without an Asterisk.

It knows the applications that routec writes, and no others: an unknown one, a label that is not there or a jump to
nowhere is an error, since a call would die of it.
"""

import re
from typing import NamedTuple

from tests.properties.reader import DialplanError, Plan, Priority, matching

VERDICT = "ROUTEC_VERDICT"
ANSWERS = ("granted", "denied", "locked", "error", "Granted", "nothing", "late")
"""What may come of the checker: a verdict (the fifth is none that it has), no verdict at all, or no answer in time."""

Codes = tuple[str, str, str]
"""What `ROUTEC_LOGIN`, `ROUTEC_EXTRA1` and `ROUTEC_EXTRA2` hold."""

CODES: dict[str, Codes] = {"granted": ("1001", "214", ""), "denied": ("7777", "", ""), "locked": ("", "007", "12")}
"""What the checker leaves beside its verdict: a login, a room, and an extra that may have been left empty."""

FIELDS = ("login", "extra1", "extra2")
VARIABLES = ("ROUTEC_LOGIN", "ROUTEC_EXTRA1", "ROUTEC_EXTRA2")

_JUMP = re.compile(r"([^,]+),\$\{EXTEN\},1")
_HERE = re.compile(r"(\w+),1")
_VERDICT_IS = re.compile(
    r'(?:\$\["\$\{ROUTEC_VERDICT\}" (=|!=) "(\w*)"\]|\$\{REGEX\("\^(\w+)\$" \$\{ROUTEC_VERDICT\}\)\})\?(.+)'
)
_CODE = re.compile(r"\$\{FILTER\(0-9,\$\{(ROUTEC_(?:LOGIN|EXTRA1|EXTRA2))\}\)\}")
_CODE_IS_EMPTY = re.compile(rf'\$\["({_CODE.pattern})" = ""\]\?(.+)')
RECORDER = re.compile(r"agi://[^/]+/(record/[a-z0-9_-]+(?:/[a-z]{2}(?:_[a-z]{2})?)?)\Z")
SAYS = {
    "SayDigits": re.compile(r"[0-9*#]*"),
    "SayNumber": re.compile(r"-?[0-9]{1,9}"),
    "SayAlpha": re.compile(r"[A-Za-z0-9*#@.+/=! _-]*"),
    "SayUnixTime": re.compile(",,R"),
}
"""What the applications that say something can be given: SayNumber ends the call where it is given nothing."""


class Frame(NamedTuple):
    """A place in the dialplan."""

    context: str
    exten: str
    at: int


class State(NamedTuple):
    """A call in the dialplan. It begins with a verdict and codes that somebody else left."""

    number: str
    place: Frame
    stack: tuple[Frame, ...] = ()
    verdict: str = "granted"
    limited: bool = False
    codes: Codes = ("9", "9", "9")
    answered: bool = False


class Move(NamedTuple):
    """One priority run, and what came of it; `state` is None where the call is over."""

    outcome: str
    state: State | None


def enter(plan: Plan, context: str, number: str) -> State:
    """A call that comes in."""
    return State(number, _frame(plan, context, number))


def priority(plan: Plan, state: State) -> Priority:
    """What the call runs next."""
    context, exten, index = state.place
    steps = plan[context][exten]
    if index >= len(steps):
        raise DialplanError(f"the call falls off the end of {exten}@{context}")
    return steps[index]


def moves(plan: Plan, state: State) -> list[Move]:
    """All that can come of the next priority. Raises `DialplanError` where the call would die of it."""
    app = priority(plan, state).app
    after = state._replace(place=state.place._replace(at=state.place.at + 1))
    match app:
        case "AGI" if RECORDER.search(priority(plan, state).data):
            return _record(state, after)
        case "AGI":
            return _ask(plan, state, after)
        case "Dial":
            return [Move("answered", None), Move("unanswered", after)]
        case "GotoIf" if not _is_known(priority(plan, state).data):
            # A caller ID that is plain or not, a limit that the admin has set or not.
            jump = priority(plan, state).data.rpartition("?")[2]
            return [Move("yes", _jumped(plan, state, jump)), Move("no", after)]
        case "Hangup":
            return [Move("", None)]
        case _:
            return [Move("", _next(plan, state, after))]


def _next(plan: Plan, state: State, after: State) -> State:
    """Where a call stands behind a priority that can end in one way only."""
    _, app, data = priority(plan, state)
    if app == "Set":
        return _set(after, data)
    if app == "GotoIf":
        return _goto_if(plan, state, after, data)
    if app == "Return" and state.stack:
        return state._replace(place=state.stack[-1], stack=state.stack[:-1])
    if app in ("Goto", "Gosub") and (jump := _JUMP.fullmatch(data)):
        stack = (*state.stack, after.place) if app == "Gosub" else state.stack
        return state._replace(place=_frame(plan, jump[1], state.number), stack=stack)
    if app in ("Playback", "Wait", "Answer", *SAYS):
        if app in SAYS:
            _say(state, app, data)
        return after._replace(answered=state.answered or app != "Wait")
    if app == "Goto" and _HERE.fullmatch(data):
        return _jumped(plan, state, data)
    raise DialplanError(f"{app}({data}) at {state.place}")


def _is_known(test: str) -> bool:
    return bool(_VERDICT_IS.fullmatch(test) or _CODE_IS_EMPTY.fullmatch(test))


def said(state: State, data: str) -> str:
    """What an argument is once Asterisk has put the codes in."""
    return _CODE.sub(lambda found: state.codes[VARIABLES.index(found[1])], data)


def _say(state: State, app: str, data: str) -> None:
    if not SAYS[app].fullmatch(said(state, data)):
        raise DialplanError(f"{app}({said(state, data)}), which it cannot say, at {state.place}")
    if app != "SayUnixTime" and not state.answered:
        raise DialplanError(f"{app}({data}) to a call that nobody has answered, at {state.place}")


def _frame(plan: Plan, context: str, number: str) -> Frame:
    exten = matching(plan[context], number) if context in plan else None
    if exten is None:
        raise DialplanError(f"a jump to nowhere: {number}@{context}")
    return Frame(context, exten, 0)


def _set(state: State, data: str) -> State:
    name, _, value = data.partition("=")
    if name == VERDICT:
        return state._replace(verdict=value)
    codes = dict(zip(VARIABLES, state.codes, strict=True))
    if name in codes:
        codes[name] = value
        login, extra1, extra2 = codes.values()
        return state._replace(codes=(login, extra1, extra2))
    if name == "TIMEOUT(absolute)":
        return state._replace(limited=value.isdigit() and int(value) > 0)
    if name == "CHANNEL(language)":
        if not re.fullmatch(r"[a-z]{2}(_[A-Z]{2})?", value):
            raise DialplanError(f"Set({data})")
        return state
    if not re.fullmatch(r"LOCAL\(ROUTEC_(LIMIT|SINCE)\)|ROUTEC_USER|AGIEXITONHANGUP", name):
        raise DialplanError(f"Set({data})")
    return state


def _goto_if(plan: Plan, state: State, after: State, data: str) -> State:
    if empty := _CODE_IS_EMPTY.fullmatch(data):
        return after if said(state, empty[1]) else _jumped(plan, state, empty[3])
    test = _VERDICT_IS.fullmatch(data)
    if test is None:
        raise DialplanError(f"GotoIf({data})")
    if (state.verdict == (test[2] or test[3] or "")) != (test[1] != "!="):
        return after
    return _jumped(plan, state, test[4])


def _jumped(plan: Plan, state: State, jump: str) -> State:
    """Behind a jump to a label of this extension, or to `extension,1` of this context."""
    context, exten, _ = state.place
    if here := _HERE.fullmatch(jump):
        if here[1] not in plan[context]:
            raise DialplanError(f"no extension {here[1]} in {context}")
        return state._replace(place=Frame(context, here[1], 0))
    labels = [step.label for step in plan[context][exten]]
    if jump not in labels:
        raise DialplanError(f"no label {jump} in {context}")
    return state._replace(place=Frame(context, exten, labels.index(jump)))


def _record(state: State, after: State) -> list[Move]:
    if state.verdict != "granted" or not state.limited:
        raise DialplanError(f"the recorder is reached with {state.verdict!r}, limited: {state.limited}")
    return [Move("recorded", after), Move("late", None)]


def _ask(plan: Plan, state: State, after: State) -> list[Move]:
    if not state.limited:
        raise DialplanError("a checker that hangs would hold the caller for ever")
    found = [
        Move(answer, after._replace(verdict=answer, codes=CODES.get(answer, ("", "", ""))))
        for answer in ANSWERS
        if answer not in ("nothing", "late")
    ]
    found.append(Move("nothing", after))
    context = state.place.context
    if "T" in plan[context]:  # pbx.c: the timeout is over, and the call goes on at `T` of the context that it is in
        found.append(Move("late", state._replace(place=Frame(context, "T", 0), limited=False)))
    else:
        found.append(Move("late", None))
    return found

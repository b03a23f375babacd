"""Runs calls through a dialplan, through every outcome that a step may have, without an Asterisk.

It knows the applications that routec writes, and no others: an unknown one, a label that is not there or a jump to
nowhere is an error, since a call would die of it.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from routec.model import Answer, Dial, Goto, Hangup, Play, Route, SignIn, Step, System, Wait
from routec.source import Sources, Span
from tests.properties.reader import DialplanError, Plan, Priority, matching

VERDICT = "ROUTEC_VERDICT"
ANSWERS = ("granted", "denied", "locked", "error", "Granted", "nothing", "late")
"""What may come of the checker: a verdict (the fifth is none that it has), no verdict at all, or no answer in time."""

CAUSES = {"": None, "17": "busy", "34": "congestion", "21": "rejected"}

_JUMP = re.compile(r"([^,]+),\$\{EXTEN\},1")
_HERE = re.compile(r"(\w+),1")
_VERDICT_IS = re.compile(r'\$\["\$\{ROUTEC_VERDICT\}" (=|!=) "(\w*)"\]\?(.+)')


class Frame(NamedTuple):
    """A place in the dialplan."""

    context: str
    exten: str
    at: int


class State(NamedTuple):
    """A call in the dialplan. It begins with a verdict that somebody else left."""

    number: str
    place: Frame
    stack: tuple[Frame, ...] = ()
    verdict: str = "granted"
    limited: bool = False


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
        case "AGI":
            return _ask(plan, state, after)
        case "Dial":
            return [Move("answered", None), Move("unanswered", after)]
        case "GotoIf" if not _VERDICT_IS.fullmatch(priority(plan, state).data):
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
    if app in ("Playback", "Wait", "Answer"):
        return after
    if app == "Goto" and _HERE.fullmatch(data):
        return _jumped(plan, state, data)
    raise DialplanError(f"{app}({data}) at {state.place}")


def _frame(plan: Plan, context: str, number: str) -> Frame:
    exten = matching(plan[context], number) if context in plan else None
    if exten is None:
        raise DialplanError(f"a jump to nowhere: {number}@{context}")
    return Frame(context, exten, 0)


def _set(state: State, data: str) -> State:
    name, _, value = data.partition("=")
    if name == VERDICT:
        return state._replace(verdict=value)
    if name == "TIMEOUT(absolute)":
        return state._replace(limited=value.isdigit() and int(value) > 0)
    if not re.fullmatch(r"LOCAL\(ROUTEC_(LIMIT|SINCE)\)|ROUTEC_(USER|LOGIN|EXTRA1|EXTRA2)|AGIEXITONHANGUP", name):
        raise DialplanError(f"Set({data})")
    return state


def _goto_if(plan: Plan, state: State, after: State, data: str) -> State:
    test = _VERDICT_IS.fullmatch(data)
    if test is None:
        raise DialplanError(f"GotoIf({data})")
    if (state.verdict == test[2]) != (test[1] == "="):
        return after
    return _jumped(plan, state, test[3])


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


def _ask(plan: Plan, state: State, after: State) -> list[Move]:
    if not state.limited:
        raise DialplanError("a checker that hangs would hold the caller for ever")
    found = [Move(answer, after._replace(verdict=answer)) for answer in ANSWERS if answer not in ("nothing", "late")]
    found.append(Move("nothing", after))
    context = state.place.context
    if "T" in plan[context]:  # pbx.c: the timeout is over, and the call goes on at `T` of the context that it is in
        found.append(Move("late", state._replace(place=Frame(context, "T", 0), limited=False)))
    else:
        found.append(Move("late", None))
    return found


# ---- nobody gets past a sign-in

Place = tuple[str, int, int]


def unguarded(plan: Plan, manifest: bytes, system: System, sources: Sources) -> list[str]:
    """The ways on which a caller reaches a step without a fresh `granted` of each sign-in before it; none, we hope.

    Every way of every call from every number is walked. What stands behind which sign-in is asked of the model; which
    step a priority belongs to, of the source map.
    """
    places = _places(manifest)
    routes = _routes(manifest)
    guards: dict[Place, frozenset[Place]] = {}
    for route in system.routes:
        _collect(route.steps, frozenset(), sources, guards)
    found: list[str] = []
    start = [
        enter(plan, context, number) for context in ("routec-dids", "routec-extensions") for number in plan[context]
    ]
    waiting: list[tuple[State, frozenset[Place], Place | None]] = [(state, frozenset(), None) for state in start]
    seen = set(waiting)
    while waiting:
        state, passed, asking = waiting.pop()
        context = state.place.context
        place = places[context, state.place.exten, state.place.at + 1]
        app, data = priority(plan, state)[1:]
        if routes.get(context):
            missing = guards.get(place, frozenset()) - passed
            if missing:
                found.append(f"{app}({data}) of {place} is reached without the sign-in of {sorted(missing)}")
            if state.limited:
                found.append(f"{app}({data}) of {place} runs under the time limit of a sign-in")
            if app == "Gosub":
                asking, passed = place, passed - {place}
            if app == "Goto":
                passed, asking = frozenset(), None
        for outcome, after in moves(plan, state):
            then = passed
            if app == "AGI" and asking is not None and outcome != "nothing":
                then = passed | {asking} if outcome == "granted" else passed - {asking}
            node = None if after is None else (after, then, asking)
            if node is not None and node not in seen:
                seen.add(node)
                waiting.append(node)
    return found


def _collect(
    steps: tuple[Step, ...], behind: frozenset[Place], sources: Sources, guards: dict[Place, frozenset[Place]]
) -> frozenset[Place]:
    for step in steps:
        place = _place(step.span, sources)
        guards[place] = behind
        if isinstance(step, SignIn):
            _collect(step.otherwise, behind, sources, guards)
            behind |= {place}
        elif isinstance(step, Dial) and step.otherwise:
            behind = _collect(step.otherwise, behind, sources, guards)
    return behind


def _place(span: Span, sources: Sources) -> Place:
    return (span.file, *sources[span.file].position(span.start))


def _places(manifest: bytes) -> dict[tuple[str, str, int], Place]:
    """The place in a route of each context, extension and priority."""
    return _Everywhere(json.loads(manifest)["contexts"])


class _Everywhere(dict[tuple[str, str, int], Place]):
    def __init__(self, contexts: dict[str, dict[str, dict[str, list[tuple[int, str, int, int]]]]]) -> None:
        super().__init__()
        self._contexts = contexts

    def __missing__(self, key: tuple[str, str, int]) -> Place:
        context, exten, number = key
        found = [entry for entry in self._contexts[context]["extensions"][exten] if entry[0] <= number]
        place = self[key] = (found[-1][1], found[-1][2], found[-1][3])
        return place


def _routes(manifest: bytes) -> dict[str, str]:
    """The contexts that hold a route's own steps."""
    contexts = json.loads(manifest)["contexts"]
    return {
        name: entry["route"]
        for name, entry in contexts.items()
        if entry["route"] and not name.startswith("routec-goto.")
    }


# ---- what you read is what callers meet

Event = tuple[str, object]
OVER: Event = ("over", None)


class Choice(NamedTuple):
    """What comes of a sign-in or of ringing, in the model's terms."""

    good: bool
    answers: tuple[str, ...]
    """What the checker says, asked once or, where it said nothing, twice; or what `Dial` comes to."""


SIGN_INS = (
    Choice(True, ("granted",)),
    Choice(True, ("nothing", "granted")),
    *(Choice(False, (answer,)) for answer in ("denied", "locked", "error", "Granted", "late")),
    *(Choice(False, ("nothing", answer)) for answer in ("denied", "late", "nothing")),
)
DIALS = (Choice(True, ("answered",)), Choice(False, ("unanswered",)))


def meant(system: System, route: Route, choices: Iterator[int], most: int) -> list[Event]:
    """What a caller meets in a route after the model; `choices` says how sign-ins and calls come out."""
    routes = {each.name: each for each in system.routes}
    met: list[Event] = []
    name: str | None = route.name
    while name is not None and len(met) < most:
        name = _meet(routes[name].steps, met, choices)
        if name is None and met[-1:] != [OVER]:
            met += [("Hangup", None), OVER]
    return met[:most]


def _meet(steps: tuple[Step, ...], met: list[Event], choices: Iterator[int]) -> str | None:
    """Run steps; the route that a goto leads to, or None at the end of the steps or of the call."""
    for step in steps:
        if isinstance(step, Goto):
            return step.route
        target = None
        match step:
            case Play():
                met.append(("Playback", "&".join(step.sounds)))
            case Wait():
                met.append(("Wait", str(step.seconds)))
            case Answer():
                met.append(("Answer", ""))
            case Hangup():
                met += [("Hangup", step.cause), OVER]
            case Dial():
                met.append(("Dial", (step.targets, step.seconds)))
                if DIALS[next(choices) % len(DIALS)].good:
                    met.append(OVER)
                else:
                    target = _meet(step.otherwise or (), met, choices)
            case SignIn():
                met.append(("sign-in", step.module))
                if not SIGN_INS[next(choices) % len(SIGN_INS)].good:
                    target = _meet(step.otherwise, met, choices)
        if target or met[-1:] == [OVER]:
            return target
    return None


def run(
    plan: Plan, state: State, choices: Iterator[int], most: int, dial: tuple[str, str] = ("PJSIP/", "")
) -> list[Event]:
    """The same after the dialplan."""
    met: list[Event] = []
    answers: Iterator[str] = iter(())
    now: State | None = state
    while now is not None and len(met) < most:
        app, data = priority(plan, now)[1:]
        in_sign_in = now.place.context.startswith("routec-signin.")
        possible = dict(moves(plan, now))
        if app == "Gosub":
            met.append(("sign-in", data.split(",")[0].removeprefix("routec-signin.").rpartition("-")[0]))
            answers = iter(SIGN_INS[next(choices) % len(SIGN_INS)].answers)
        elif app == "Dial":
            targets, _, seconds = data.partition(",")
            rung = tuple(target.removeprefix(dial[0]).removesuffix(dial[1]) for target in targets.split("&"))
            met.append((app, (rung, int(seconds) if seconds else None)))
            answers = iter(DIALS[next(choices) % len(DIALS)].answers)
        elif app == "Hangup":
            met.append((app, CAUSES[data]))
        elif app in ("Playback", "Wait", "Answer") and not in_sign_in:
            met.append((app, data))
        now = possible[next(answers) if app in ("AGI", "Dial") else next(iter(possible))]
        if now is None:
            met.append(OVER)
    return met[:most]

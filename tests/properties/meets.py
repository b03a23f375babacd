"""What you read is what callers meet: a call after the model, and the same call after the dialplan."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from routec.model import (
    Answer,
    Cases,
    Dial,
    Goto,
    Hangup,
    Language,
    Play,
    RecordPrompt,
    Route,
    Say,
    SignIn,
    Step,
    System,
    Wait,
)
from tests.properties.reader import Plan
from tests.properties.walker import CODES, FIELDS, RECORDER, SAYS, Codes, State, moves, priority, said

CAUSES = {"": None, "17": "busy", "34": "congestion", "21": "rejected"}
SAY = {"digits": "SayDigits", "number": "SayNumber", "letters": "SayAlpha"}

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


@dataclass
class Caller:
    """One call after the model: what it has met, how sign-ins and calls will come out, and what was keyed in."""

    choices: Iterator[int]
    met: list[Event] = field(default_factory=list)
    codes: Codes = ("9", "9", "9")


def meant(system: System, route: Route, choices: Iterator[int], most: int, language: str | None = None) -> list[Event]:
    """What a caller meets in a route after the model; `choices` says how sign-ins and calls come out.

    `language` is what calls are set to as they come in.
    """
    routes = {each.name: each for each in system.routes}
    caller = Caller(choices, [] if language is None else [_speaks(language)])
    name: str | None = route.name
    while name is not None and len(caller.met) < most:
        name = _meet(routes[name].steps, caller)
        if name is None and caller.met[-1:] != [OVER]:
            caller.met += [("Hangup", None), OVER]
    return caller.met[:most]


def _meet(steps: tuple[Step, ...], caller: Caller) -> str | None:
    """Run steps; the route that a goto leads to, or None at the end of the steps or of the call."""
    met = caller.met
    for step in steps:
        if isinstance(step, Goto):
            return step.route
        target = None
        match step:
            case Dial():
                met.append(("Dial", (step.targets, step.seconds)))
                if DIALS[next(caller.choices) % len(DIALS)].good:
                    met.append(OVER)
                else:
                    target = _meet(step.otherwise or (), caller)
            case SignIn():
                met.append(("sign-in", step.module))
                choice = SIGN_INS[next(caller.choices) % len(SIGN_INS)]
                caller.codes = CODES.get(choice.answers[-1], ("", "", ""))
                if not choice.good:
                    target = _meet_else(step, choice.answers[-1], caller)
            case Language():
                met.append(_speaks(step.language))
            case RecordPrompt():
                met.append(("record", "/".join(filter(None, ("record", step.prompt, step.language)))))
            case _:
                met += _hear(step, caller.codes)
        if target or met[-1:] == [OVER]:
            return target
    return None


def _speaks(language: str) -> Event:
    first, _, country = language.partition("_")
    return "language", f"{first}_{country.upper()}" if country else first


def _meet_else(step: SignIn, answer: str, caller: Caller) -> str | None:
    if not isinstance(step.otherwise, Cases):
        return _meet(step.otherwise, caller)
    steps = step.otherwise.steps(answer if answer in ("locked", "denied") else "error")
    if steps is not None:
        return _meet(steps, caller)
    caller.met += [("Hangup", None), OVER]
    return None


def _hear(step: Step, codes: Codes) -> list[Event]:
    """What a caller meets of a step that has no ways to come out."""
    match step:
        case Play():
            return [("Playback", "&".join(step.sounds))]
        case Wait():
            return [("Wait", str(step.seconds))]
        case Hangup():
            return [("Hangup", step.cause), OVER]
        case Say(how="time"):
            return [("SayUnixTime", ",,R")]
        case Say():
            text = step.text if step.value is None else codes[FIELDS.index(step.value)]
            return [("Answer", ""), (SAY[step.how], text)] if text or step.how != "number" else []
        case _:
            assert isinstance(step, Answer)
            return [("Answer", "")]


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
        elif app == "Set" and data.startswith("CHANNEL(language)="):
            met.append(("language", data.partition("=")[2]))
        elif app == "AGI" and (recorder := RECORDER.fullmatch(data)):
            met.append(("record", recorder[1]))
        elif app in ("Playback", "Wait", "Answer", *SAYS) and not in_sign_in:
            met.append((app, said(now, data)))
        asks = app == "Dial" or (app == "AGI" and in_sign_in)
        now = possible[next(answers) if asks else next(iter(possible))]
        if now is None:
            met.append(OVER)
    return met[:most]

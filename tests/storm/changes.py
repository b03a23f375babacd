"""Calls stand in routes that change all the time, under a real Asterisk: none is dropped, moved, or let past a gate."""

import contextlib
import itertools
import random
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.asterisk.ami import AmiError, Message
from tests.asterisk.generations import dropped, ran, strayed
from tests.asterisk.machine import until
from tests.asterisk.meeting import CallEndedError, CallTimeoutError, Met
from tests.asterisk.phone import Call
from tests.asterisk.town import Town, town
from tests.properties.reader import Plan
from tests.storm.changing import LOGIN, NUMBERS, PIN, SOUNDS, WRONG_PIN, modules, routes

LONGEST_CALL = 60
"""How long a call may stand at one place, in seconds, on a machine that has much to do."""


@dataclass
class Caller:
    """One call: who calls, how, and what Asterisk said of it."""

    name: str
    number: str
    manner: str
    """`right`, `wrong`, or the place at which they hang up."""
    begun: float
    call: Call | None = None
    entered: float = 0
    ended: float = 0
    hung_up: bool = False
    trouble: str = ""


@dataclass
class Live:
    """A generation: when its apply began and was done."""

    begun: float
    done: float
    plan: Plan


@dataclass
class Crowd:
    """So many callers at any time; each calls again as soon as the last call is over."""

    place: Town
    width: int
    seed: int
    callers: list[Caller] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._stop = threading.Event()
        self._entered: dict[str, float] = {}
        self._threads = [threading.Thread(target=self._call_on, args=(each,)) for each in range(self.width)]

    def __enter__(self) -> "Crowd":
        self.place.pbx.ami.listen(self._note)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.place.pbx.ami.forget(self._note)
        for caller in self.callers:
            if caller.call is not None:
                caller.entered = self._entered.get(caller.call.channel_id, 0)

    def up(self) -> int:
        """How many calls are up."""
        return sum(each.call is not None and not each.call.ended for each in list(self.callers)[-9 * self.width :])

    def _note(self, event: Message) -> None:
        if event["Event"] == "Newexten" and event["Context"].startswith("routec-"):
            self._entered.setdefault(event["Uniqueid"], time.monotonic())

    def _call_on(self, thread: int) -> None:
        chance = random.Random(f"{self.seed} {thread}")
        while not self._stop.is_set():
            manner = chance.choices(("right", "wrong", "enter_login", "enter_pin", "dial"), (6, 2, 1, 1, 1))[0]
            name = f"+32475{next(self._numbers):06d}"
            caller = Caller(name, chance.choice(NUMBERS), manner, time.monotonic())
            self.callers.append(caller)
            try:
                with Call(self.place.pbx.ami, caller.number, caller=name) as caller.call:
                    _follow(caller, caller.call)
                    caller.hung_up = not caller.call.ended
            except AmiError as error:
                caller.trouble = "" if "Extension does not exist" in str(error) else str(error)
            except AssertionError as error:
                caller.trouble = str(error)
            caller.ended = time.monotonic()


def _follow(caller: Caller, call: Call) -> None:
    """Answers what is asked until the call is over, or it is time to hang up."""
    with contextlib.suppress(CallEndedError):
        if caller.manner == "dial":
            with contextlib.suppress(CallTimeoutError):
                call.wait_met("dial", timeout=1)
                return
        while True:
            sound = call.wait_ask(LONGEST_CALL).rpartition("/")[2]
            if sound == caller.manner:
                return
            keys = {"enter_login": LOGIN, "enter_pin": WRONG_PIN if caller.manner == "wrong" else PIN}
            call.press(f"{keys[sound]}#", LONGEST_CALL)


def changes(
    folder: Path, asterisk: Path, seconds: float, calls: int, seed: int = 1, *, every: float = 1, served: bool = False
) -> Iterator[str]:
    """So many calls are up, and changed routes go live `every` so many seconds, for so long.

    It is applied from here, or where that is said by a `routec serve` that sees the file change.
    """
    chance = random.Random(seed)
    head = modules()
    lives: list[Live] = []
    with town(folder, asterisk, head + routes(chance), served=served) as place:
        for name, length in SOUNDS.items():
            place.pbx.add_sound(f"routec/{name}", length)
        lives.append(Live(0, time.monotonic(), place.plan()))
        up, retired = [], 0
        with Crowd(place, calls, seed) as crowd:
            assert until(lambda: crowd.up() >= calls * 0.9, 30), f"only {crowd.up()} calls are up"
            begun = time.monotonic()
            for count in itertools.count(1):
                time.sleep(max(0.0, begun + every * (count - 1) - time.monotonic()))
                if time.monotonic() - begun >= seconds:
                    break
                lives.append(_next(place, head + routes(chance)))
                up.append(crowd.up())
                retired = max(retired, place.retired().count("\n["))
                if count % 10 == 0:
                    yield f"{count} changes, {len(crowd.callers)} calls"
        is_settled = until(place.is_clean, 10) if served else place.settle()
        assert is_settled, "something of an old generation is left"
        rows = place.house.log()
    figures = judge(crowd.callers, lives, rows)
    took = [life.done - life.begun for life in lives[1:]]
    yield (
        f"{len(took)} changes in {seconds:.0f} s, {min(up)} to {max(up)} calls up, {len(crowd.callers)} calls: "
        f"none dropped, none moved, no gate passed unsigned; {figures}; up to {retired} retired contexts, none left; "
        f"from save to verified-live {statistics.median(took):.2f} s (median), {max(took):.2f} s at most"
    )


def _next(place: Town, text: str) -> Live:
    begun = time.monotonic()
    place.put(text)
    live = Live(begun, time.monotonic(), place.plan())
    if not place.is_served:
        place.applier.sweep()
    return live


def judge(callers: list[Caller], lives: list[Live], rows: list[dict[str, Any]]) -> str:
    """Hold every call against the generations and the log. Gives figures; raises `AssertionError` with all harm."""
    verdicts: dict[str, list[str]] = {}
    for row in rows:
        verdicts.setdefault(row["caller"], []).append(row["verdict"])
    harm = [f"{caller.name} {caller.number} {caller.manner}: {_harm(caller, lives, verdicts)}" for caller in callers]
    harm = [each for each in harm if not each.endswith(": ")]
    assert not harm, f"{len(harm)} of {len(callers)} calls were harmed:\n" + "\n".join(harm[:20])
    ended = [caller.call for caller in callers if caller.call is not None and ran(caller.call)]
    passed = sum(_passed(call) for call in ended)
    outlived = sum(_outlived(caller, lives) for caller in callers)
    return f"{len(ended)} entered a route, {passed} passed a gate, {outlived} ended on a path that was no longer there"


def _passed(call: Call) -> bool:
    return Met("play", "routec/ok") in call.met("play")


def _outlived(caller: Caller, lives: list[Live]) -> bool:
    """Whether the call ended in a context that the generation in force at its end did not have."""
    return bool(caller.call and ran(caller.call) and strayed(ran(caller.call), _at_end(caller, lives).plan))


def _at_end(caller: Caller, lives: list[Live]) -> Live:
    return next(life for life in reversed(lives) if life.done <= caller.ended)


def _harm(caller: Caller, lives: list[Live], verdicts: dict[str, list[str]]) -> str:
    """What was done to a call that ought not to be; empty where nothing was."""
    call = caller.call
    first = max(index for index, life in enumerate(lives) if life.done <= caller.begun)
    possible = [life.plan for life in lives[first:] if life.begun <= (caller.entered or caller.ended)]
    if caller.trouble:
        return caller.trouble
    if call is None or not ran(call):
        missing = any(caller.number not in plan["routec-extensions"] for plan in possible)
        return "" if missing or caller.hung_up else f"nobody answered: {call and call.met()}"
    strays = [strayed(ran(call), plan) for plan in possible]
    if all(strays):
        return f"moved: {strays}"
    if not caller.hung_up and dropped(call):
        return f"dropped: {call.met()}, {ran(call)[-1]}"
    return _let_through(caller, call, verdicts.get(caller.name, []))


def _let_through(caller: Caller, call: Call, verdicts: list[str]) -> str:
    """How a call was at a gate's wrong side; empty where it was not."""
    fault = ""
    if _passed(call) and "granted" not in verdicts:
        fault = "passed a gate unsigned"
    elif "granted" in verdicts and caller.manner == "wrong":
        fault = "a wrong PIN was granted"
    elif caller.manner == "right" and Met("ask", "routec/enter_pin") in call.met("ask") and not _passed(call):
        fault = "the right PIN was not let through"
    return fault and f"{fault}: {call.met()}, {verdicts}"

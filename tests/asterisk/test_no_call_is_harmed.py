"""A route changes while calls stand in it: they end on its old path, and the next call takes the new one."""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.asterisk.ami import AmiError
from tests.asterisk.generations import dropped, in_memory, ran, strayed
from tests.asterisk.house import PEPPER
from tests.asterisk.machine import until
from tests.asterisk.meeting import Meeting, Met
from tests.asterisk.phone import Call
from tests.asterisk.sip import SipCall
from tests.asterisk.town import Town, town
from tests.signin.fake import weak_hash
from tests.storm import changes

LOGIN, PIN, ROOM = (f"routec/enter_{name}" for name in ("login", "pin", "room"))
RIGHT, WRONG = "2468#", "1357#"
OK, REFUSED, WELCOME, LONG = (Met("play", f"routec/{name}") for name in ("ok", "refused", "welcome", "long"))
BUSY, CONGESTION, REJECTED = Met("hangup", "17"), Met("hangup", "34"), Met("hangup", "21")
SIGN_IN = [Met("ask", LOGIN), Met("ask", PIN)]
RINGS, TALKS = Met("dial", "Local/103@phones/n"), Met("dial", "Local/101@phones/n")

MODULE = """
auth {name} {{
  login    ask "routec/enter_{asks}" digits 4
  password ask "routec/enter_pin"    digits 4..8
  tries 1
  user anna login 2001 password "{hash}"
}}
"""


def modules(**asks: str) -> str:
    """Sign-in modules, and the sound that each asks for the login with."""
    hashed = weak_hash(RIGHT[:-1], PEPPER)
    return "".join(MODULE.format(name=name, asks=sound, hash=hashed) for name, sound in asks.items())


MODULES = modules(first="login", gate="login", second="room")
REFUSE = 'else { prompt "routec/refused"; hangup busy }'
GATE = f"auth gate {REFUSE}"
TAIL = f'{GATE}; prompt "routec/ok"; hangup congestion'
HELLO = 'prompt "routec/welcome"'
NUMBERS = ("601", "602", "603", "604", "605", "606", "607")
NAMES = ("waits", "rings", "signs_in", "plays", "goes", "leads", "talks")
DID = "025551234"
OLD = {
    "waits": f"{HELLO}; wait WAIT; {TAIL}",
    "rings": f"dial 103 for 1h else {{ {HELLO} }}; {TAIL}",
    "signs_in": f"auth first {REFUSE}; {TAIL}",
    "plays": f'prompt "routec/long"; {TAIL}',
    "goes": f"{HELLO}; goto inner",
    "inner": f"wait WAIT; {TAIL}",
    "leads": f"{HELLO}; wait WAIT; goto guarded",
    "guarded": TAIL,
    "talks": "dial 101",
}
"""Routes, each with a place that a call can stand in and a gate behind it; `leads` has the gate in the next route."""

_serial = itertools.count(1)


def text(bodies: Mapping[str, str], modules: str = MODULES, numbers: tuple[str, ...] = NUMBERS) -> str:
    """A file of routes; one more, `idle`, is another in each, and nobody calls it."""
    on = {name: f"on extension {number}; " for name, number in zip(NAMES, numbers, strict=True)}
    if "signs_in" in bodies:
        on["signs_in"] += "on did +3225551234; "
    routes = [f"route {name} {{ {on.get(name, '')}{body} }}\n" for name, body in bodies.items()]
    idle = f'route idle {{ on extension 609; prompt "routec/idle_{next(_serial)}"; hangup }}\n'
    return modules + "".join(routes) + idle


class Change(NamedTuple):
    """What the routes become, and what the next caller then meets at each of the numbers; None: nobody answers."""

    to: Callable[[], str]
    next: list[Met] | None
    asks: str = LOGIN
    """The sound with which an old call's gate asks for the login afterwards."""


def every(body: str) -> dict[str, str]:
    """All routes with this body, and `goes` and `leads` into the two others."""
    return {**dict.fromkeys(OLD, body), "goes": "goto inner", "leads": "goto guarded"}


def behind(step: str) -> dict[str, str]:
    """All routes with this step before all others."""
    return {name: f"{step}; {body}" for name, body in OLD.items()}


def without_goto(body: str) -> dict[str, str]:
    """The routes with numbers alone."""
    return dict.fromkeys(NAMES, body)


OPEN = f'{HELLO}; prompt "routec/ok"; hangup rejected'
OTHERS = ("701", "702", "703", "704", "705", "706", "707")
TAKER = 'route taker {{ {on} prompt "routec/taken"; hangup rejected }}\n'.format(
    on="; ".join(f"on extension {number}" for number in NUMBERS) + ";"
)
CHANGES = {
    "an auth before the place": Change(lambda: text(behind(f"auth second {REFUSE}")), [Met("ask", ROOM)]),
    "the auth removed": Change(lambda: text(every(OPEN)), [WELCOME, OK, REJECTED]),
    "steps removed": Change(lambda: text(without_goto("hangup rejected")), [REJECTED]),
    "the route removed": Change(lambda: text({}), None),
    "the route and its module removed": Change(lambda: text({}, ""), None),
    "its number given to another route": Change(
        lambda: text(OLD, numbers=OTHERS) + TAKER, [Met("play", "routec/taken"), REJECTED]
    ),
    "the sign-in moved from a goto's target to before it": Change(
        lambda: text(
            {
                **without_goto(f"{GATE}; {OPEN}"),
                "goes": f"{GATE}; goto inner", "inner": OPEN, "leads": f"{GATE}; goto guarded", "guarded": OPEN,
            }
        ),
        SIGN_IN[:1],
    ),
    "the module's settings": Change(
        lambda: text(behind(GATE), modules(first="room", gate="room", second="room")), [Met("ask", ROOM)], asks=ROOM
    ),
}  # fmt: skip


class Stand(NamedTuple):
    """One old call: where it stands, the PIN it has, what it has met there, and what comes before the gate."""

    number: str
    keys: str
    met: list[Met]
    then: tuple[Met, ...] = ()


ENDS = {RIGHT: [*SIGN_IN, OK, CONGESTION], WRONG: [*SIGN_IN, REFUSED, BUSY]}
STANDS = [
    Stand("601", RIGHT, [WELCOME]),
    Stand("601", WRONG, [WELCOME]),
    Stand("602", RIGHT, [RINGS], (WELCOME,)),
    Stand("603", RIGHT, SIGN_IN),
    Stand("603", WRONG, SIGN_IN),
    Stand("604", RIGHT, [LONG]),
    Stand("605", RIGHT, [WELCOME]),
    Stand("606", RIGHT, [WELCOME]),
    Stand("606", WRONG, [WELCOME]),
    Stand("607", "", [TALKS]),
]


@pytest.fixture(scope="module")
def place(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town"), asterisk_root, text({})) as place:
        for name in ("welcome", "ok", "refused", "enter_login", "enter_pin", "enter_room", "taken"):
            place.pbx.add_sound(f"routec/{name}")
        yield place


@pytest.fixture(scope="module")
def seconds(place: Town) -> int:
    """How long an old call's `wait` is, so that a change of any kind goes live in it, on whatever machine this is."""
    seconds = math.ceil(2 + 3 * max(place.put(text(OLD).replace("WAIT", "1s")), place.put(text({}))))
    place.pbx.add_sound("routec/long", seconds)
    return seconds


def stands(call: Meeting, number: str) -> None:
    """Brings a call to the place of its route."""
    match number:
        case "602":
            call.wait_met("dial", RINGS.what)
        case "603":
            call.follow([(LOGIN, "2001#")])
            assert call.wait_ask() == PIN
        case "604":
            call.wait_met("play", LONG.what)
        case "607":
            call.wait_met("dialled", "ANSWER")
        case _:
            call.wait_event("Newexten", Application="Wait")


def goes_on(place: Town, call: Meeting, stand: Stand, asks: str, timeout: float) -> None:
    """Has an old call go on from its place, to its end."""
    if stand.number in ("602", "607"):
        other = call.wait_event("DialBegin")["DestChannel"]
        place.pbx.ami.act("Hangup", [("Channel", other), ("Cause", "17" if stand.keys else "16")])
    if not stand.keys:
        call.wait_end(timeout)
        return
    if stand.number == "603":
        call.press(stand.keys)
        if stand.keys == WRONG:
            call.wait_end(timeout)
            return
    asked = call.wait_ask(timeout)
    assert asked == asks, call.met()
    call.press("2001#")
    call.follow([(PIN, stand.keys)])
    call.wait_end(timeout)


def met(call: Meeting) -> list[Met]:
    return call.met("play", "ask", "dial", "hangup")


def meets(place: Town, number: str, expected: list[Met] | None) -> None:
    """The next call to a number meets this, by the generation that is in force."""
    try:
        with Call(place.pbx.ami, number) as call:
            if expected is None:
                call.wait_end()
                assert ran(call) == []
                return
            for each in expected:
                call.wait_met(each.kind, each.what)
            assert met(call)[: len(expected)] == expected
    except AmiError:
        assert expected is None
        return
    assert strayed(ran(call), place.plan()) == ""


def wanted(stand: Stand, asks: str) -> list[Met]:
    if not stand.keys:
        return [*stand.met, Met("hangup", "16")]
    if stand.number == "603" and stand.keys == WRONG:
        return [*SIGN_IN, REFUSED, BUSY]
    return [*stand.met, *stand.then, *(Met("ask", asks) if each.what == LOGIN else each for each in ENDS[stand.keys])]


@pytest.mark.parametrize("name", CHANGES)
def test_old_calls_end_on_the_old_path_and_the_next_takes_the_new_one(place: Town, seconds: int, name: str) -> None:
    change = CHANGES[name]
    changed(place, seconds, [change])
    assert place.settle(), (place.retired(), in_memory(place.pbx) - set(place.plan()))


def test_twice_in_a_row(place: Town, seconds: int) -> None:
    changed(place, seconds, [CHANGES["an auth before the place"], CHANGES["steps removed"]])
    said = place.house.apply()
    assert place.is_clean(), said


def test_over_sip_by_the_command_itself(place: Town) -> None:
    old_text, new = text(OLD).replace("WAIT", "1s"), CHANGES["an auth before the place"]
    place.put(old_text)
    old, stand = place.plan(), Stand("603", RIGHT, SIGN_IN)
    with SipCall(place.pbx, DID, "+32475000002") as call:
        stands(call, stand.number)
        place.write(new.to().replace("WAIT", "1s"))
        said = place.house.apply()
        assert not place.is_clean(), said
        with SipCall(place.pbx, DID, "+32475000003") as fresh:
            fresh.wait_ask()
            assert met(fresh) == new.next
        goes_on(place, call, stand, new.asks, 10)
    assert met(call) == wanted(stand, new.asks)
    assert strayed(ran(call), old) == ""
    assert not dropped(call)
    place.house.apply()
    assert place.is_clean()


def test_watch_lets_go_of_what_no_call_is_in(place: Town) -> None:
    place.put(text(OLD).replace("WAIT", "1s"))
    with place.house.watching() as said, Call(place.pbx.ami, "603") as call:
        stands(call, "603")
        place.write(text({}))
        assert until(lambda: "[" in place.retired(), 10), said.read_text()
        call.press(WRONG)
        call.wait_end()
        assert met(call) == [*SIGN_IN, REFUSED, BUSY]
        assert until(place.is_clean, 10), said.read_text()


def test_the_judge_sees_harm(place: Town) -> None:
    place.put(text(OLD).replace("WAIT", "1s"))
    old, file = place.plan(), place.folder / "extensions.conf"
    with Call(place.pbx.ami, "601") as moved, Call(place.pbx.ami, "606") as lost:
        stands(moved, "601")
        stands(lost, "606")
        head, waits, rest = file.read_text().partition("[routec-waits-")
        file.write_text(head.replace("[routec-guarded-", "[gone-") + waits + rest.replace("Gosub(", "NoOp(", 1))
        place.pbx.ami.act("Reload", [("Module", "pbx_config.so")])
        moved.wait_end()
        lost.wait_end()
    assert strayed(ran(moved), old).endswith("where this generation has Gosub")
    assert dropped(lost)
    place.apply()
    assert place.settle()


def test_fifty_calls_at_any_time_and_a_change_every_second_under_serve(tmp_path: Path, asterisk_root: Path) -> None:
    *_, figures = changes.changes(tmp_path / "storm", asterisk_root, seconds=8, calls=50, served=True)
    print(figures)


def changed(place: Town, seconds: int, steps: list[Change]) -> None:
    """Has calls stand at every place of the old routes, changes these, and follows all to their ends."""
    place.put(text(OLD).replace("WAIT", f"{seconds}s"))
    assert place.settle()
    old = place.plan()
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(STANDS)) as threads:
        calls = [stack.enter_context(Call(place.pbx.ami, stand.number, caller="+32475000001")) for stand in STANDS]
        list(threads.map(lambda call, stand: stands(call, stand.number), calls, STANDS))
        for change in steps:
            place.put(change.to().replace("WAIT", f"{seconds}s"))
        assert [met(call) for call in calls] == [stand.met for stand in STANDS], "a call did not stand long enough"
        unused = {context for context in old if context.startswith("routec-idle-")}
        assert unused
        assert place.settle(lambda: not unused & in_memory(place.pbx)), "what no call needs goes while calls are up"
        list(threads.map(lambda number: meets(place, number, steps[-1].next), NUMBERS))
        asks = steps[-1].asks
        list(threads.map(lambda call, stand: goes_on(place, call, stand, asks, seconds + 10), calls, STANDS))
    for call, stand in zip(calls, STANDS, strict=True):
        assert met(call) == wanted(stand, asks), stand
        assert strayed(ran(call), old) == "", stand
        if stand.keys:
            assert not dropped(call), stand
            rows = [row for row in place.pbx.cdr_rows(len(calls)) if row["uniqueid"] == call.channel_id]
            assert rows[-1]["lastapp"] == "Hangup", stand

"""What the three purposes of a sign-in are to their callers, on a real Asterisk: gates, time clocks, registers."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.asterisk.house import House
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Call
from tests.asterisk.sip import SipCall
from tests.storm.receiver import SECRET, Receiver

CALLER, STRANGER = "+32475000001", "+32475999999"
PROMPTS = (
    "enter_login", "enter_pin", "enter_room", "enter_minibar", "which", "right", "another", "wrong", "unknown", "clash",
    "clocked_in", "clocked_out", "on_break", "back", "sorry", "locked", "refused", "ok",
)  # fmt: skip
LOGIN, PIN, ROOM, MINIBAR = (f"routec/enter_{name}" for name in ("login", "pin", "room", "minibar"))
WHICH, RIGHT, ANOTHER = (f"routec/{name}" for name in ("which", "right", "another"))

ROUTES = """
{prompts}
auth clock "Time clock" {{
  purpose timeclock
  login ask enter_login digits 4
  password ask enter_pin digits 4..8
  tell in clocked_in; tell out clocked_out; tell wrong wrong
  user anna login 1001 password "{floor1}"
}}
auth keyed "Time clock with keys" {{
  purpose timeclock
  login ask enter_login digits 4
  clock ask which {{ 1 in; 2 out; 3 break; 4 back }}
  close after 12h
  tell in clocked_in; tell out clocked_out; tell break on_break; tell back back; tell clash clash
  users from "staff.users"
}}
auth rooms "Rooms" {{
  purpose register
  login    ask enter_login   digits 4
  password ask enter_pin     digits 4..8
  extra1   ask enter_room    digits 3    as room
  extra2   ask enter_minibar digits 1..2 as minibar
  codes room {{ 101..120; 201 "suite" }}
  codes minibar {{ 1 "clean"; 2 "inspected"; 31 "water" }}
  confirm ask right
  again ask another from minibar
  tell unknown unknown
  log login, room, minibar
  webhook "{{hook}}" secret env STORM_SECRET allow private
  user floor1 login 1001 password "{floor1}"
}}
auth survey "Whoever calls" {{
  purpose register
  users any
  login  ask enter_login digits 4
  extra1 ask enter_room  digits 3
  log login, extra1
}}
auth shared "A PIN for all" {{
  password ask enter_pin digits 4..8
  user staff password "{floor2}"
}}
auth strict "Two failures" {{
  login    ask enter_login digits 4
  password ask enter_pin   digits 4..8
  tries 5
  lockout after 2 for 1h
  tell error sorry
  user anna login 1001 password "{floor1}"
  user bram login 1002 password "{floor2}"
}}
auth lenient "Open when the log is away" {{
  login ask enter_login digits 4
  offline grant
  user anna login 1001
}}
route clocking  {{ on extension 700; auth clock  else {{ prompt refused; hangup busy }}; prompt ok; dial 101 }}
route keying    {{ on extension 701; auth keyed  else {{ prompt refused; hangup busy }}; prompt ok; dial 101 }}
route cleaning  {{ on extension 702; auth rooms else {{ prompt refused; hangup busy }}
                   say digits room; prompt ok; dial 101 }}
route asking    {{ on extension 703; on did +3225551236
                   auth survey else {{ prompt refused; hangup busy }}; prompt ok; dial 101 }}
route sharing   {{ on extension 704; auth shared else {{ prompt refused; hangup busy }}; prompt ok; dial 101 }}
route guarding  {{
  on extension 705
  on did +3225551235
  auth strict else {{ locked {{ prompt locked; hangup rejected }}; denied {{ prompt refused; hangup busy }} }}
  prompt ok
  dial 101
}}
route trusting  {{ on extension 706; auth lenient else {{ prompt refused; hangup busy }}; prompt ok; dial 101 }}
"""
STAFF = "# those who key what they do\nuser anna login 1001\nuser bram login 1002\n"
SIGNED_IN = [(LOGIN, "1001#"), (PIN, "2468#")]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.down()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> House:
    house = House(tmp_path_factory.mktemp("purposes"))
    house.env["STORM_SECRET"] = SECRET
    (house.root / "routes").mkdir()
    (house.root / "routes" / "staff.users").write_text(STAFF)
    house.write(ROUTES.replace("{{hook}}", receiver.url), PROMPTS)
    return house


@pytest.fixture(scope="module")
def hotel(house: House, asterisk_root: Path) -> Iterator[Pbx]:
    with Pbx(asterisk_root, house.root / "pbx", env=house.env, debug=0) as pbx:
        house.ship(pbx)
        yield pbx


@pytest.fixture
def clean(house: House) -> House:
    for file in house.database.parent.glob("*.db*"):
        file.unlink()
    return house


def played(call: Call | SipCall) -> list[str]:
    return [met.what.removeprefix("routec/") for met in call.met("play", "say")]


def sign_in(
    pbx: Pbx,
    number: str,
    plan: list[tuple[str, str]],
    caller: str = CALLER,
    context: str = "from-phones",
    until: str = "ok",
) -> Call:
    """A call up to a sound, with what it met."""
    with Call(pbx.ami, number, context, caller=caller) as call:
        call.follow(plan)
        call.wait_met("play", f"routec/{until}")
        return call


def refused(
    pbx: Pbx, number: str, plan: list[tuple[str, str]], caller: str = CALLER, context: str = "from-phones"
) -> Call:
    """A whole call of somebody who is not let through."""
    with Call(pbx.ami, number, context, caller=caller) as call:
        call.follow(plan)
        call.wait_end()
        assert not [met for met in call.met("play", "dial") if met.what in ("routec/ok", "Local/101@phones/n")]
        return call


def test_a_time_clock_toggles_and_says_what_was_done_and_when(clean: House, hotel: Pbx) -> None:
    with clean.serving():
        first = sign_in(hotel, "700", SIGNED_IN)
        second = sign_in(hotel, "700", SIGNED_IN)
        rows = clean.log()
    assert played(first)[0] == "clocked_in"
    assert played(second)[0] == "clocked_out"
    assert played(first)[1].isdigit(), "the time is said, as seconds since 1970"
    assert [row["action"] for row in rows] == ["out", "in"]
    assert [row["user"] for row in rows] == ["anna", "anna"]


def test_a_time_clock_with_keys_and_a_break(clean: House, hotel: Pbx) -> None:
    with clean.serving():
        for key, heard in {"1": "clocked_in", "3": "on_break", "4": "back", "2": "clocked_out"}.items():
            sign_in(hotel, "701", [(LOGIN, "1001#"), (WHICH, key)], until=heard)
        clash = sign_in(hotel, "701", [(LOGIN, "1002#"), (WHICH, "2"), (WHICH, "1")])
        rows = clean.log()
        sheet = clean.routec("log", "timesheet", "--format", "csv")
    assert [row["action"] for row in reversed(rows)] == ["in", "break", "back", "out", "in"]
    assert played(clash)[:2] == ["clash", "clocked_in"]
    assert "anna" in sheet
    assert "bram" in sheet


def test_the_plain_process_clocks_a_caller_once(clean: House, hotel: Pbx) -> None:
    with clean.serving() as checker, Call(hotel.ami, "700", caller=CALLER) as call:
        call.follow(SIGNED_IN)
        call.wait_met("play", "routec/clocked_in")
        checker.kill()
        call.follow(SIGNED_IN)
        call.wait_met("play", "routec/ok")
    assert [row["action"] for row in clean.log() if row.get("action")] == ["in"]


def test_rooms_are_registered_item_by_item_and_sent_on(clean: House, hotel: Pbx, receiver: Receiver) -> None:
    before = len(receiver.received)
    with clean.serving(), Call(hotel.ami, "702", caller=CALLER) as call:
        call.follow([*SIGNED_IN, (ROOM, "999#"), (ROOM, "110#"), (MINIBAR, "31#"), (RIGHT, "1")])
        assert call.wait_ask() == ANOTHER
        assert clean.log()[0]["extra2"] == "31", "the item is in the log before the next is asked for"
        call.press("1")
        call.follow([(MINIBAR, "2#"), (RIGHT, "2"), (ROOM, "110#"), (MINIBAR, "1#"), (RIGHT, "1"), (ANOTHER, "2")])
        call.wait_met("play", "routec/ok")
        assert "unknown" in played(call)
        assert call.met("say")[-1].what == "110", "the route says the room"
        rows = clean.log()
        assert receiver.wait_for_count(before + 2, 20) == before + 2
    assert [(row["extra1"], row["extra2"], row["verdict"]) for row in reversed(rows)] == [
        ("110", "31", "granted"),
        ("110", "1", "granted"),
    ]
    assert receiver.forged == 0
    assert [row for row in rows if row in receiver.received.values()] == rows


def test_a_register_of_whoever_calls(clean: House, hotel: Pbx) -> None:
    with clean.serving():
        sign_in(hotel, "703", [(LOGIN, "4711#"), (ROOM, "007#")])
        (row,) = clean.log()
    assert (row["login"], row["extra1"], row["user"], row["verdict"]) == ("4711", "007", None, "granted")


def test_one_pin_for_all(clean: House, hotel: Pbx) -> None:
    with clean.serving():
        sign_in(hotel, "704", [(PIN, "9999#"), (PIN, "1357#")])
        (row,) = clean.log()
    assert (row["user"], row["login"], row["verdict"]) == ("staff", None, "granted")


def test_locked_out_by_guesses_and_not_by_hanging_up(clean: House, hotel: Pbx) -> None:
    trunk = {"context": "from-trunk", "number": "+3225551235"}
    with clean.serving():
        known = sign_in(hotel, plan=SIGNED_IN, **trunk)  # CALLER is known from now on
        for _ in range(2):
            with Call(hotel.ami, trunk["number"], trunk["context"], caller=STRANGER) as call:
                call.follow([(LOGIN, "1001#"), (PIN, "9999#")])
                assert call.wait_ask() == LOGIN, "the PIN was wrong"
        locked = refused(hotel, plan=SIGNED_IN, caller=STRANGER, **trunk)
        other = refused(hotel, plan=SIGNED_IN, caller="+32475888888", **trunk)
        again = sign_in(hotel, plan=SIGNED_IN, **trunk)
        inside = sign_in(hotel, "705", SIGNED_IN, caller="204")
        assert played(locked) == played(other) == ["locked"], "another number does not help a stranger"
        assert locked.cause == 21
        assert [row["verdict"] for row in clean.log()[:2]] == ["granted", "granted"]
        assert "forgotten" in clean.routec("users", "unlock", "strict", "--login", "1001")
        assert known
        assert again
        assert inside


def test_when_the_log_cannot_be_written_a_gate_stays_shut_and_says_so(
    clean: House, hotel: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(clean.env, "ROUTEC_DATABASE", "postgresql://nobody@127.0.0.1:1/none")
    with clean.serving() as checker:
        call = refused(hotel, "705", SIGNED_IN)
        checker.kill()  # it would try for a minute to write the row
    assert played(call)[0] == "sorry"
    assert call.variables["ROUTEC_VERDICT"] == "error"


def test_where_the_admin_says_so_a_row_is_spooled_and_nothing_is_lost(
    clean: House, hotel: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setitem(clean.env, "ROUTEC_DATABASE", "postgresql://nobody@127.0.0.1:1/none")
        with clean.serving():
            sign_in(hotel, "706", [(LOGIN, "1001#")])
    with clean.serving():
        (row,) = clean.wait_log(1)
    assert (row["module"], row["user"], row["verdict"]) == ("lenient", "anna", "granted")


def test_new_users_sign_in_at_the_next_call_and_no_call_is_dropped(clean: House, hotel: Pbx) -> None:
    with clean.serving() as checker, Call(hotel.ami, "701", caller=CALLER) as call:
        assert call.wait_ask() == LOGIN
        clean.routec("users", "add", "keyed", "carla", "--login", "1003")
        checker.wait_build()
        call.press("1001#")
        assert call.wait_ask() == WHICH, "the call that was in progress goes on"
        call.press("1")
        call.wait_met("play", "routec/ok")
        sign_in(hotel, "701", [(LOGIN, "1003#"), (WHICH, "1")])
        (row, *_) = clean.log()
    assert row["user"] == "carla"


def report(call: Call, number: int) -> None:
    call.follow([(LOGIN, f"{number:04d}#"), (ROOM, "214#")])
    call.wait_met("play", "routec/ok", 30)


def test_fifty_callers_at_once(clean: House, hotel: Pbx) -> None:
    with clean.serving():
        calls = [Call(hotel.ami, "703", caller=f"+324750{n:05d}") for n in range(50)]
        try:
            with ThreadPoolExecutor(50) as pool:
                list(pool.map(report, calls, range(50)))
        finally:
            for call in calls:
                call.__exit__(None, None, None)
        rows = clean.log()
    assert sorted((row["login"], row["caller"], row["verdict"]) for row in rows) == [
        (f"{n:04d}", f"+324750{n:05d}", "granted") for n in range(50)
    ]


def test_over_real_sip(clean: House, hotel: Pbx) -> None:
    with clean.serving(), SipCall(hotel, "+3225551236", CALLER) as call:
        call.follow([(LOGIN, "4711#"), (ROOM, "201#")])
        call.wait_met("play", "routec/ok")
        (row,) = clean.log()
    assert (row["login"], row["extra1"], row["called"]) == ("4711", "201", "+3225551236")


def test_the_routes_have_no_fault(house: House) -> None:
    done = subprocess.run(
        ["python", "-m", "routec", "check"], cwd=house.root, env=house.env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "2 files: no faults\n")

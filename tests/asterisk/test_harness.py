"""The harness itself: what the tests of the real product lean on, shown with a dialplan written by hand."""

import contextlib
import sys
from pathlib import Path

import pytest

from tests.asterisk.agi import Conversation, checker
from tests.asterisk.conftest import NewPbx
from tests.asterisk.meeting import CallEndedError, Met
from tests.asterisk.pbx import Pbx, PbxError, Step
from tests.asterisk.phone import Call
from tests.asterisk.sip import SipCall, sip_call

ROUTE = "routec-housekeeping-0123456789ab"
ASK = "GET DATA routec/enter_login 5000 5"

DIALPLAN = """
[{route}]
exten => _[+*0-9]!,1,Playback(routec/welcome)
 same => n,Answer()
 same => n,Set(ROUTEC_VERDICT=)
 same => n,Set(AGIEXITONHANGUP=yes)
 same => n,Set(TIMEOUT(absolute)=60)
 same => n,AGI(agi://127.0.0.1:{port}/signin/hotel_staff)
 same => n,GotoIf($["${{ROUTEC_VERDICT}}" != ""]?decided)
 same => n,AGI(signin.agi,hotel_staff)
 same => n(decided),GotoIf($["${{ROUTEC_VERDICT}}" = "granted"]?granted)
 same => n,Hangup()
 same => n(granted),Set(TIMEOUT(absolute)=0)
 same => n,Playback(routec/ok)
 same => n,Dial({dial},2)
 same => n,Hangup(21)

[routec-dids]
exten => +3225551234,1,Goto({route},${{EXTEN}},1)

[routec-extensions]
exten => 600,1,Goto({route},${{EXTEN}},1)
"""


def grant_1001(talk: Conversation) -> None:
    verdict = "granted" if talk.say(ASK) == "200 result=1001" else "denied"
    talk.say(f"SET VARIABLE ROUTEC_VERDICT {verdict}")


def with_sounds(pbx: Pbx) -> Pbx:
    for name in ("welcome", "enter_login", "ok"):
        pbx.add_sound(f"routec/{name}")
    return pbx


@pytest.fixture
def house(shared_pbx: Pbx) -> Pbx:
    return with_sounds(shared_pbx)


def dialplan(port: int, dial: str = "Local/101@phones/n") -> str:
    return DIALPLAN.format(route=ROUTE, port=port, dial=dial)


def test_a_call_is_asked_signs_in_and_is_put_through(pbx: Pbx) -> None:
    house = with_sounds(pbx)  # one of its own, for its call records
    with checker(grant_1001) as server:
        house.reload(dialplan(server.port))
        with Call(house.ami, "600", caller="+32475000001", name="Ann") as call:
            assert call.wait_ask() == "routec/enter_login"
            call.press("1001#")
            call.wait_met("dialled", "ANSWER")
            assert call.answered_by == "Local/101@phones"
            call.hang_up()
            call.wait_end()
    assert call.met("play", "ask", "dial", "dialled", "hangup") == [
        ("play", "routec/welcome"),
        ("ask", "routec/enter_login"),
        ("play", "routec/ok"),
        ("dial", "Local/101@phones/n"),
        ("dialled", "ANSWER"),
        ("hangup", "16"),
    ]
    assert "".join(each.what for each in call.met("press")) == "1001#"
    assert call.variable("ROUTEC_VERDICT") == ["", "granted"]
    talk = server.talks[0]
    assert talk.heard == ["200 result=1001", "200 result=1"]
    assert talk.environment["agi_callerid"] == "+32475000001"
    assert talk.environment["agi_extension"] == "600"
    row = next(row for row in house.cdr_rows(2) if row["dcontext"] == ROUTE)
    assert (row["src"], row["dst"], row["disposition"]) == ("+32475000001", "600", "ANSWERED")
    assert f"Executing [600@{ROUTE}:1]" in house.console


def test_a_caller_hangs_up_while_asked(house: Pbx) -> None:
    def listen_on(talk: Conversation) -> None:
        talk.say(ASK)
        while talk.listen():
            pass

    with checker(listen_on) as server:
        house.reload(dialplan(server.port))
        with Call(house.ami, "600") as call:
            call.wait_ask()
            call.press("10")
            call.hang_up()
            assert call.wait_end()[-1].kind == "hangup"
        assert server.over.acquire(timeout=5)
    assert server.talks[0].heard == ["200 result=-1", "HANGUP", "HANGUP", ""]
    assert call.variables["AGISTATUS"] == "HANGUP"
    with pytest.raises(CallEndedError, match="did not be asked"):
        call.wait_ask()


def test_keys_arrive_in_order_and_once_each(house: Pbx) -> None:
    codes = ["1111#", "0099#", "12345678#", "*98#", "#"]

    def ask_all(talk: Conversation) -> None:
        for _ in codes:
            talk.say("GET DATA routec/enter_login 5000 9")

    with checker(ask_all) as server:
        house.reload(dialplan(server.port))
        with Call(house.ami, "600") as call:
            call.follow([("routec/enter_login", code) for code in codes])
            assert server.over.acquire(timeout=5)
    assert server.talks[0].heard == [f"200 result={code[:-1]}" for code in codes]


def test_many_calls_at_once(house: Pbx) -> None:
    with checker(grant_1001) as server:
        house.reload(dialplan(server.port))
        with contextlib.ExitStack() as stack:
            calls = [stack.enter_context(Call(house.ami, "600", caller=str(5000 + each))) for each in range(10)]
            for call in calls:
                call.wait_ask()
            for call in calls:
                call.press("1001#")
            for call in calls:
                call.wait_met("dialled", "ANSWER")
    assert sorted(talk.environment["agi_callerid"] for talk in server.talks) == [str(5000 + each) for each in range(10)]


@pytest.mark.parametrize(("extension", "outcome"), [("102", "BUSY"), ("103", "NOANSWER"), ("104", "CHANUNAVAIL")])
def test_phones_that_do_not_answer(house: Pbx, extension: str, outcome: str) -> None:
    with checker(grant_1001) as server:
        house.reload(dialplan(server.port, dial=f"Local/{extension}@phones/n"))
        with Call(house.ami, "600") as call:
            call.follow([("routec/enter_login", "1001#")])
            assert call.wait_end()[-1] == Met("hangup", "21")
    assert call.answered_by is None
    assert call.variables["DIALSTATUS"] == outcome


def test_the_plain_script_finds_this_python(new_pbx: NewPbx) -> None:
    house = with_sounds(new_pbx(env={"ROUTEC_TEST_WORD": "granted"}, globals={"ROUTEC_VERDICT": "granted"}))
    script = house.agi_bin / "signin.agi"
    script.write_text(
        "#!/usr/bin/env python\n"
        "import os, sys\n"
        "while sys.stdin.readline().strip(): pass\n"
        "for name, value in (('SEEN', sys.prefix), ('ROUTEC_VERDICT', os.environ['ROUTEC_TEST_WORD'])):\n"
        "    print(f'SET VARIABLE {name} {value}', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    script.chmod(0o755)
    with checker(grant_1001) as server:
        port = server.port
    house.reload(dialplan(port))  # nobody listens there any more
    with Call(house.ami, "600") as call:
        call.wait_met("dialled", "ANSWER")
    assert call.variables["SEEN"] == sys.prefix
    assert call.variable("ROUTEC_VERDICT") == ["", "granted"]


def test_a_call_by_sip(house: Pbx) -> None:
    with checker(grant_1001) as server:
        house.reload(dialplan(server.port))
        with sip_call(house, "+3225551234", "+32475000001", [("routec/enter_login", "1001#")]) as call:
            call.wait_met("dialled", "ANSWER")
            call.hang_up()
            assert call.wait_end()[-1] == Met("hangup", "16")
    assert server.talks[0].heard == ["200 result=1001", "200 result=1"]
    assert server.talks[0].environment["agi_dnid"] == "+3225551234"
    assert server.talks[0].environment["agi_callerid"] == "+32475000001"


def test_a_number_that_nobody_has_is_refused_by_sip(house: Pbx) -> None:
    with SipCall(house, "+3225559999", "+32475000001") as call:
        assert call.wait_over() == "404 Not Found"


def test_a_dialplan_is_read_back(house: Pbx, tmp_path: Path) -> None:
    house.reload("[routec-a]\nexten => 5,1(here),NoOp(a,b)\n same => n,Hangup()\n")
    assert house.show("routec-a") == [Step("5", 1, "here", "NoOp", "a,b"), Step("5", 2, "", "Hangup", "")]
    assert house.show("routec-b") == []
    file = tmp_path / "extensions.conf"
    file.write_text("[routec-b]\nexten => 6,1,NoOp()\n")
    house.reload(file)
    assert (house.show("routec-a"), len(house.show("routec-b"))) == ([], 1)


def test_a_dialplan_that_asterisk_drops_is_an_error(house: Pbx) -> None:
    with pytest.raises(PbxError, match="not in force after the reload: routec-b"):
        house.reload("[routec-a]\nexten => 5,1,NoOp()\n[routec-b\nexten => 6,1,NoOp()\n[routec-b]\n")


def test_globals_stand_and_the_channel_hides_them(new_pbx: NewPbx) -> None:
    house = new_pbx(globals={"ROUTEC_VERDICT": "granted"})
    house.reload(
        "[routec-extensions]\nexten => 7,1,Set(SEEN=${ROUTEC_VERDICT})\n"
        " same => n,Set(ROUTEC_VERDICT=)\n same => n,Set(SEEN=now:${ROUTEC_VERDICT})\n"
    )
    with Call(house.ami, "7") as call:
        call.wait_end()
    assert call.variable("SEEN") == ["granted", "now:"]

"""What callers meet on a real Asterisk: the sign-in step from its first prompt to the row in the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.conftest import NewPbx, both_versions
from tests.asterisk.house import PEPPER, House
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Call
from tests.asterisk.sip import SipCall

CALLER = "+32475000001"
LOGIN, PIN, ROOM, MINIBAR = (f"routec/enter_{name}" for name in ("login", "pin", "room", "minibar"))
PASSED = "Local/101@phones/n"
SIGNED_IN = [(LOGIN, "1001#"), (PIN, "2468#"), (ROOM, "214#"), (MINIBAR, "31#")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("house"))
    house.write()
    return house


@pytest.fixture(scope="module")
def hotel(house: House, asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    folder = tmp_path_factory.mktemp("hotel") / "pbx"
    with Pbx(asterisk_root, folder, env=house.env, globals={"ROUTEC_VERDICT": "granted"}, debug=0) as pbx:
        house.ship(pbx)
        yield pbx


@pytest.fixture
def clean(house: House) -> House:
    for file in house.database.parent.glob("signin.db*"):
        file.unlink()
    return house


def sounds(call: Call | SipCall) -> list[str]:
    return [met.what for met in call.met("play", "ask")]


def passed(call: Call | SipCall) -> bool:
    """Whether the caller got behind the sign-in, by whatever they met there."""
    return any(met.what in ("routec/ok", PASSED) for met in call.met("play", "dial"))


@both_versions
def test_right_login_and_pin(clean: House, hotel: Pbx) -> None:
    with clean.serving(), Call(hotel.ami, "600", caller=CALLER) as call:
        call.follow(SIGNED_IN)
        call.wait_met("dialled", "ANSWER")
        assert sounds(call) == ["routec/welcome", LOGIN, PIN, ROOM, MINIBAR, "routec/ok"]
        assert call.variables["ROUTEC_VERDICT"] == "granted"
        assert call.variables["ROUTEC_USER"] == "floor1"
        assert [call.variables[f"ROUTEC_{name}"] for name in ("LOGIN", "EXTRA1", "EXTRA2")] == ["1001", "214", "31"]
        (row,) = clean.printed_log()
        assert clean.log() == [row]
    assert row | {"time": "", "call_id": ""} == {
        "time": "", "module": "hotel_staff", "purpose": "register", "caller": CALLER, "called": "600",
        "login": "1001", "user": "floor1", "password": None, "extra1": "214", "extra2": "31",
        "verdict": "granted", "call_id": "",
    }  # fmt: skip


def test_the_optional_code_may_be_left_out(clean: House, hotel: Pbx) -> None:
    # Over SIP: a lone key into the first moment of a prompt leaves a Local channel deaf to its caller's hangup later.
    with clean.serving(), SipCall(hotel, "025551234", CALLER) as call:
        call.follow([*SIGNED_IN[:3], (MINIBAR, "#")])
        call.wait_met("dial", PASSED)
        (row,) = clean.log()
    assert (row["verdict"], row["extra1"], row["extra2"]) == ("granted", "214", None)


def test_a_wrong_pin_then_the_right_one(clean: House, hotel: Pbx) -> None:
    with clean.serving(), Call(hotel.ami, "600", caller=CALLER) as call:
        call.follow([(LOGIN, "1001#"), (PIN, "1357#"), *SIGNED_IN])
        call.wait_met("dial", PASSED)
        (row,) = clean.log()
    assert (row["verdict"], row["user"]) == ("granted", "floor1")


def test_tries_used_up(clean: House, hotel: Pbx) -> None:
    with clean.serving(), Call(hotel.ami, "600", caller=CALLER) as call:
        call.follow([(LOGIN, "1001#"), (PIN, "9999#"), (LOGIN, "7777#"), (PIN, "2468#"), (LOGIN, "100#")])
        call.wait_end()
        assert not passed(call)
        assert sounds(call)[-1] == "routec/refused"
        assert call.cause == 17
        assert call.variables["ROUTEC_VERDICT"] == "denied"
        (row,) = clean.log()
    assert (row["verdict"], row["login"], row["user"]) == ("denied", "7777", None)


def test_silence(clean: House, hotel: Pbx) -> None:
    with clean.serving(), Call(hotel.ami, "610", caller=CALLER) as call:
        call.wait_met("dial", "Local/102@phones/n", timeout=30)
        call.wait_end()
        assert not passed(call)
        (row,) = clean.wait_log(1)
    assert (row["module"], row["verdict"], row["login"]) == ("gate", "denied", None)


@both_versions
def test_hangup_in_mid_pin(clean: House, hotel: Pbx) -> None:
    with clean.serving(), Call(hotel.ami, "600", caller=CALLER) as call:
        call.follow([(LOGIN, "1001#")])
        assert call.wait_ask() == PIN
        call.press("24")
        call.hang_up()
        call.wait_end()
        assert not passed(call)
        (row,) = clean.wait_log(1)
    assert (row["verdict"], row["login"], row["user"], row["password"]) == ("denied", "1001", None, None)


@both_versions
def test_the_plain_process_answers_when_the_server_is_down(clean: House, hotel: Pbx) -> None:
    with Call(hotel.ami, "600", caller=CALLER) as call:
        call.follow([(LOGIN, "1001#"), (PIN, "9999#"), *SIGNED_IN])
        call.wait_met("dial", PASSED)
        assert call.variables["ROUTEC_VERDICT"] == "granted"
        (row,) = clean.log()
    assert (row["verdict"], row["user"], row["extra1"]) == ("granted", "floor1", "214")


def test_nothing_answers_and_nobody_passes(clean: House, hotel: Pbx) -> None:
    script = clean.root / "generated" / "signin.agi"
    script.chmod(0o644)
    try:
        with Call(hotel.ami, "600", caller=CALLER) as call:
            call.wait_end()
            assert not passed(call)
            assert sounds(call)[-1] == "routec/refused"
    finally:
        script.chmod(0o755)


@both_versions
def test_the_server_is_killed_in_mid_conversation(clean: House, hotel: Pbx) -> None:
    with clean.serving() as checker, Call(hotel.ami, "600", caller=CALLER) as call:
        call.follow([(LOGIN, "1001#")])
        assert call.wait_ask() == PIN
        checker.kill()
        assert call.wait_ask() == LOGIN, "the plain process asks anew"
        assert not passed(call)
        call.press("1001#")
        call.follow(SIGNED_IN[1:])
        call.wait_met("dial", PASSED)
        (row,) = clean.log()
    assert row["verdict"] == "granted"


def test_the_server_is_killed_and_there_is_no_other_way(clean: House, hotel: Pbx) -> None:
    script = clean.root / "generated" / "signin.agi"
    with clean.serving() as checker, Call(hotel.ami, "600", caller=CALLER) as call:
        call.follow(SIGNED_IN[:3])
        assert call.wait_ask() == MINIBAR
        script.chmod(0o644)
        try:
            checker.kill()
            call.wait_end()
        finally:
            script.chmod(0o755)
        assert not passed(call)
        assert sounds(call)[-1] == "routec/refused"


@both_versions
def test_a_server_that_hangs_holds_no_caller_for_ever(clean: House, hotel: Pbx) -> None:
    with clean.serving() as checker, Call(hotel.ami, "610", caller=CALLER) as call:
        assert call.wait_ask() == LOGIN
        checker.hang()
        call.press("2001#")
        call.wait_end(timeout=30)
        assert not passed(call)
        assert [met.what for met in call.met("play", "dial")] == ["routec/refused", "Local/102@phones/n"]


def test_a_server_that_hangs_from_the_beginning(clean: House, hotel: Pbx) -> None:
    with clean.serving() as checker:
        checker.hang()
        with Call(hotel.ami, "610", caller=CALLER) as call:
            call.wait_end(timeout=30)
            assert not passed(call)
            assert not call.met("ask")


def test_a_global_of_the_same_name_opens_nothing(clean: House, hotel: Pbx) -> None:
    assert "granted" in hotel.cli("dialplan show globals")
    script = clean.root / "generated" / "signin.agi"
    script.chmod(0o644)
    try:
        with Call(hotel.ami, "610", caller=CALLER) as call:
            call.wait_end()
            assert not passed(call)
    finally:
        script.chmod(0o755)


def test_behind_the_gate_nobody_is_there(clean: House, hotel: Pbx) -> None:
    with clean.serving(), Call(hotel.ami, "610", caller=CALLER) as call:
        call.follow([(LOGIN, "2001#")])
        call.wait_end()
        assert [tuple(met) for met in call.met("ask", "play", "dial", "hangup")] == [
            ("ask", LOGIN), ("play", "routec/ok"), ("dial", "Local/103@phones/n"),
            ("play", "routec/refused"), ("hangup", "34"),
        ]  # fmt: skip


def test_a_hostile_caller_id_changes_nothing(clean: House, hotel: Pbx) -> None:
    name = '"; DROP TABLE x) $[1=1] ${SHELL(id)} \u00e9'
    with clean.serving(), Call(hotel.ami, "600", caller='x" | "1', name=name) as call:
        call.follow(SIGNED_IN[:1])
        assert call.wait_ask() == PIN
        call.hang_up()
        call.wait_end()
        (row,) = clean.wait_log(1)
    assert row["verdict"] == "denied"


def test_a_prompt_that_is_not_there_keeps_nobody_out(clean: House, hotel: Pbx) -> None:
    sound = hotel.sounds / "routec" / "enter_room.wav"
    aside = sound.rename(sound.with_suffix(".aside"))
    try:
        with clean.serving() as checker, Call(hotel.ami, "600", caller=CALLER) as call:
            call.follow([*SIGNED_IN[:2], (ROOM, ""), ("", "214#"), SIGNED_IN[3]])
            call.wait_met("dial", PASSED)
            assert "could not play routec/enter_room" in checker.said()
    finally:
        aside.rename(sound)
    assert clean.log()[0]["extra1"] == "214"


PARTS = ("num", "name", "dnid", "rdnis")
HOSTILE = """
[hostile-{part}]
; SIP carries a line end in a caller ID as %0A, and Asterisk writes it into the AGI headers as it is
exten => _X.,1,Set(CALLERID({part})=${{URIDECODE(1%0Aagi_network_script: signin/gate)}})
 same => n,Goto(routec-extensions,${{EXTEN}},1)
"""
CAPPED = """
[capped]
exten => _X.,1,Set(TIMEOUT(absolute)=6)
 same => n,Goto(routec-extensions,${EXTEN},1)
"""


@pytest.fixture(scope="module")
def admins(house: House, asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """A PBX whose admin has contexts of their own, which lead to ours."""
    with Pbx(asterisk_root, tmp_path_factory.mktemp("admins") / "pbx", env=house.env, debug=0) as pbx:
        house.ship(pbx)
        dialplan = (house.root / "generated" / "extensions.conf").read_text()
        pbx.reload(dialplan + "".join(HOSTILE.format(part=part) for part in PARTS) + CAPPED)
        yield pbx


@both_versions
@pytest.mark.parametrize("part", PARTS)
def test_headers_in_a_caller_id_open_nothing(clean: House, admins: Pbx, part: str) -> None:
    with clean.serving(), Call(admins.ami, "600", f"hostile-{part}", caller=CALLER) as call:
        call.wait_end()
        assert not passed(call)
        assert sounds(call) == ["routec/welcome", "routec/refused"]
        assert clean.log() == []


@both_versions
def test_a_limit_of_the_admin_outlives_the_sign_in(clean: House, admins: Pbx) -> None:
    with clean.serving(), Call(admins.ami, "600", "capped", caller=CALLER) as call:
        call.follow(SIGNED_IN)
        call.wait_met("dialled", "ANSWER")
        call.wait_end(timeout=8)


def test_over_real_sip_with_rfc_4733_keys(clean: House, hotel: Pbx) -> None:
    with clean.serving(), SipCall(hotel, "+3225551234", CALLER) as call:
        call.follow(SIGNED_IN)
        call.wait_met("dialled", "ANSWER")
        (row,) = clean.log()
        assert passed(call)
    assert (row["caller"], row["called"], row["verdict"]) == (CALLER, "+3225551234", "granted")


@pytest.mark.parametrize("form", ["3225551234", "+3225551234", "003225551234", "025551234"])
def test_a_did_in_each_form_that_a_trunk_may_send(hotel: Pbx, form: str) -> None:
    with Call(hotel.ami, form, "from-trunk", caller=CALLER) as call:
        call.wait_met("play", "routec/welcome")


@both_versions
def test_no_secret_is_in_what_asterisk_keeps(clean: House, new_pbx: NewPbx) -> None:
    pbx = new_pbx(env=clean.env, debug=0)
    clean.ship(pbx)
    with clean.serving() as checker, Call(pbx.ami, "600", caller=CALLER) as call:
        call.follow([(LOGIN, "1001#"), (PIN, "24682468#"), *SIGNED_IN])
        call.wait_met("dial", PASSED)
        call.hang_up()
        call.wait_end()
        pbx.cdr_rows(1)
        kept = {
            "console": pbx.console,
            "cdr": pbx.cdr,
            "variables": str([each for each in call.sets if each.name.startswith("ROUTEC")]),
            "serve": checker.said(),
            "database": clean.database.read_bytes().decode("latin-1"),
            "wal": Path(f"{clean.database}-wal").read_bytes().decode("latin-1"),
            "dialplan": (clean.root / "generated" / "extensions.conf").read_text(),
        }
    for name, text in kept.items():
        for secret in ("2468", PEPPER):
            assert secret not in text, f"{secret} is in the {name}"


def test_asterisk_reads_the_dialplan_as_it_was_compiled(house: House, hotel: Pbx) -> None:
    compiled = _dialplan(house.root / "generated" / "extensions.conf")
    assert compiled
    for context, lines in compiled.items():
        read_back = {
            (step.exten, step.priority, step.label or "", f"{step.app}({step.data})") for step in hotel.show(context)
        }
        assert read_back == lines


def _dialplan(file: Path) -> dict[str, set[tuple[str, int, str, str]]]:
    """The contexts of a file by a reading of our own: extension, priority, label, application and arguments."""
    contexts: dict[str, set[tuple[str, int, str, str]]] = {}
    lines: set[tuple[str, int, str, str]] = set()
    exten, number = "", 0
    for line in file.read_text().splitlines():
        if line.startswith("["):
            lines = contexts.setdefault(line.strip("[]"), set())
        elif line.startswith(("exten => ", " same => ")):
            head, rest = line.split(" => ", 1)
            if head == "exten":
                exten, rest = rest.split(",", 1)
                number = 0
            number += 1
            priority, call = rest.split(",", 1)
            lines.add((exten, number, priority.partition("(")[2].rstrip(")"), call))
    return contexts

"""The recorder with a real Asterisk: what it answers to each command, and the file that it leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from routec.contract import RECORDER_PROMPTS
from routec.recorder.recorder import Recorder
from routec.signin.outcome import Outcome
from routec.signin.server import Server
from routec.sound.wav import Wav, fault
from tests.asterisk.conftest import NewPbx, both_versions
from tests.asterisk.machine import until, write_silence
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Call
from tests.recorder.fake import recording, write_recorder

pytestmark = both_versions

LIMIT = 40
MENU = ("digits/1",)
"""Shorter than Asterisk's own, which takes eight seconds."""
DIALPLAN = """
[from-phones]
exten => 5001,1,Answer()
 same => n,Set(ROUTEC_VERDICT={verdict})
 same => n,Set(ROUTEC_USER=anna)
 same => n,Set(AGIEXITONHANGUP=yes)
 same => n,AGI(agi://127.0.0.1:{port}/record/welcome)
 same => n,Set(LEFT=yes)
 same => n,Hangup()
"""


class Desk:
    """A recorder behind a server, and what it said of each call."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.prompts = root / "routes/prompts"
        self.prompts.mkdir(parents=True)
        self.state = root / "a state"
        self.recorder = Recorder(root / "generated", self.prompts, self.state)
        self.results: list[str] = []
        write_silence(self.prompts / "welcome.wav", 0.3)
        self.before = (self.prompts / "welcome.wav").read_bytes()
        self.write(300)

    def write(self, seconds: int) -> None:
        sounds = {what: own for what, (_, own) in RECORDER_PROMPTS.items()} | {"menu": MENU}
        write_recorder(self.root / "generated", recording(), seconds=seconds, sounds=sounds)

    def record(self, agi: object, prompt: str, language: str | None) -> str:
        self.results.append(self.recorder.record(agi, prompt, language))  # type: ignore[arg-type]
        return self.results[-1]

    def sign_in(self, *_: object) -> Outcome:
        raise AssertionError

    @property
    def now(self) -> bytes:
        return (self.prompts / "welcome.wav").read_bytes()

    @property
    def takes(self) -> list[Path]:
        return list(self.state.glob("recordings/*"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def server(desk: Desk) -> Iterator[Server]:
    with Server(desk, ("127.0.0.1", 0), recorder=desk) as server:
        yield server


@pytest.fixture
def pbx(new_pbx: NewPbx, server: Server) -> Pbx:
    pbx = new_pbx()
    pbx.add_sound("routec/welcome")
    pbx.reload(DIALPLAN.format(verdict="granted", port=server.address[1]))
    return pbx


def asked(call: Call, command: str, times: int = 1) -> None:
    """Waits until Asterisk was asked for a thing so many times."""

    def found() -> bool:
        commands = [event["Command"] for event in call.events if event["Event"] == "AGIExecStart"]
        return sum(one.startswith(command) for one in commands) >= times

    assert until(found, LIMIT), call.transcript


def speak(call: Call, desk: Desk) -> None:
    """Has something recorded, the silence that the caller's half sends, and ends it with the key for that."""
    asked(call, "RECORD FILE")
    # Asterisk writes what it has when it has 32 KiB of it, which are two seconds
    assert until(lambda: any(take.stat().st_size > 16_000 for take in desk.takes), LIMIT)
    call.press("#")


def test_recorded_heard_again_and_kept(pbx: Pbx, desk: Desk) -> None:
    with Call(pbx.ami, "5001") as call:
        call.wait_met("play", "routec/welcome")
        speak(call, desk)
        asked(call, "WAIT FOR DIGIT")
        call.press("1")
        (take,) = desk.takes
        call.wait_met("play", str(take.with_suffix("")))
        asked(call, "WAIT FOR DIGIT", 2)
        call.press("2")
        call.wait_met("play", "vm-msgsaved")
        call.wait_variable("LEFT")
    assert until(lambda: desk.results == ["kept"], LIMIT)
    assert fault(desk.prompts / "welcome.wav") == ""
    assert Wav.read(desk.prompts / "welcome.wav").seconds >= 0.5
    assert [path.read_bytes() for path in (desk.prompts / ".replaced").glob("*.wav")] == [desk.before]
    assert desk.takes == []


def test_time_over_and_a_key_into_the_menu(pbx: Pbx, desk: Desk) -> None:
    desk.write(1)
    with Call(pbx.ami, "5001") as call:
        asked(call, 'STREAM FILE digits/1 "0123456789*"')
        call.press("3")
        asked(call, "RECORD FILE", 2)
        asked(call, "WAIT FOR DIGIT")
        call.press("2")
        call.wait_variable("LEFT")
    assert until(lambda: desk.results == ["kept"], LIMIT)
    assert 0.5 <= Wav.read(desk.prompts / "welcome.wav").seconds < 2


def test_a_key_at_once_is_too_short(pbx: Pbx, desk: Desk) -> None:
    with Call(pbx.ami, "5001") as call:
        asked(call, "RECORD FILE")
        call.press("#")
        call.wait_met("play", "vm-tooshort")
        asked(call, "RECORD FILE", 2)
    assert until(lambda: desk.results == ["hung_up"], LIMIT)
    assert desk.now == desk.before
    assert desk.takes == []


@pytest.mark.parametrize("at", ["STREAM FILE beep", "RECORD FILE", "STREAM FILE digits/1", "WAIT FOR DIGIT"])
def test_a_hangup_changes_nothing(pbx: Pbx, desk: Desk, at: str) -> None:
    desk.write(1)
    with Call(pbx.ami, "5001") as call:
        asked(call, at)
        call.hang_up()
        call.wait_end()
    assert until(lambda: desk.results == ["hung_up"], LIMIT)
    assert desk.now == desk.before
    assert desk.takes == []


def test_stop_cuts_it_and_nothing_changes(pbx: Pbx, desk: Desk, server: Server) -> None:
    with Call(pbx.ami, "5001") as call:
        asked(call, "RECORD FILE")
        assert until(lambda: bool(desk.takes), LIMIT)
        server.stop(0)
        assert desk.results == ["hung_up"]
        assert desk.takes == []
        call.press("#")
        call.wait_variable("LEFT")
    assert desk.now == desk.before
    assert desk.takes == []


def test_without_the_verdict(pbx: Pbx, desk: Desk, server: Server) -> None:
    pbx.reload(DIALPLAN.format(verdict="denied", port=server.address[1]))
    with Call(pbx.ami, "5001") as call:
        call.wait_end()
    assert desk.results == ["refused"]
    assert call.met("play") == []

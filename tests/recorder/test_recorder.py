"""The recorder behind the server, with files: what is in place afterwards, and that nothing else is."""

import errno
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from routec.recorder.recorder import Recorder
from routec.settings import Runtime
from routec.signin.modules import ModuleStore
from routec.signin.server import Server, recording_of
from routec.signin.session import Checker
from routec.signin.store import Log
from routec.sound.wav import WIDE, Wav, wav_file
from tests.signin.fake import PEPPER, Cut, FakeAsterisk, HangUp, headers, module, write_modules

from .fake import (
    CURRENT,
    FAILED,
    KEPT,
    MENU,
    SHORT,
    START,
    Answer,
    Phone,
    recording,
    spoken,
    write_recorder,
)

GONE = [HangUp, Cut, b"HANGUP\n", b"511 Command Not Permitted on a dead channel or intercept routine\n"]
NONSENSE = [b"nonsense\n", b"\xff\n", b"x" * 10_000, b"200 result=\n", b"200 result=x\n", b"510 Invalid command\n"]


class House:
    """A project with a prompt that can be recorded, in two languages, and a server that answers for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.prompts = root / "routes/prompts"
        self.prompts.mkdir(parents=True)
        self.before = spoken(3)
        (self.prompts / "welcome.wav").write_bytes(self.before)
        self.state = root / "state"
        self.recorder = Recorder(root / "generated", self.prompts, self.state)
        self.results: list[str] = []
        self.write()

    def write(self, *recordings: dict[str, Any], **changes: Any) -> None:
        write_recorder(
            self.root / "generated",
            *(recordings or (recording(), recording(language="en", is_there=False))),
            **changes,
        )

    def record(self, agi: Any, prompt: str, language: str | None) -> str:
        self.results.append(self.recorder.record(agi, prompt, language))
        return self.results[-1]

    @property
    def left(self) -> list[Path]:
        """The temporary recordings."""
        folder = self.state / "recordings"
        return list(folder.iterdir()) if folder.exists() else []

    @property
    def is_as_before(self) -> bool:
        files = [path for path in self.prompts.rglob("*") if path.is_file()]
        return files == [self.prompts / "welcome.wav"] and files[0].read_bytes() == self.before


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    runtime = Runtime.of({"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER})
    log = Log(runtime.database)
    yield log
    log.close()


@pytest.fixture
def server(house: House, tmp_path: Path, log: Log) -> Iterator[Server]:
    runtime = Runtime.of({"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER})
    checker = Checker(ModuleStore(write_modules(tmp_path / "signin.json", module())), log, runtime)
    with Server(checker, ("127.0.0.1", 0), recorder=house) as server:
        yield server


@pytest.fixture
def held(house: House, server: Server) -> Callable[..., Phone]:
    """Holds a call to its end, and sees that no temporary file is left of it."""

    def hold(*keys: Answer, **options: Any) -> Phone:
        phone = Phone(*keys, **options).call(server.address)
        server.stop()
        assert house.left == []
        assert len(house.results) == 1
        return phone

    return hold


Held = Callable[..., Phone]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.05)


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


class TestKept:
    def test_a_prompt_spoken_in_anew(self, house: House, held: Held, caplog: pytest.LogCaptureFixture) -> None:
        new = spoken(1.5, hertz=300)
        phone = held("2", takes=[new])
        assert house.results == ["kept"]
        assert phone.heard == [CURRENT, START, "beep", MENU, "digits/1", KEPT]
        assert phone.commands[0] == "GET VARIABLE ROUTEC_VERDICT"
        place = house.prompts / "welcome.wav"
        assert place.read_bytes() == new
        assert place.stat().st_mode & 0o777 == 0o644
        (old,) = (house.prompts / ".replaced").glob("*.wav")
        assert old.read_bytes() == house.before
        (line,) = [record for record in caplog.records if record.name == "routec.recorder"]
        told = line.getMessage()
        assert line.levelno == logging.INFO
        assert all(word in told for word in ("1790000000.7", "welcome", "anna", "kept", str(place), str(old), "1.5 s"))

    def test_where_it_is_recorded(self, house: House, held: Held) -> None:
        modes: list[int] = []

        def look(path: Path) -> None:
            modes.append(path.parent.stat().st_mode & 0o777)
            path.write_bytes(spoken(1))

        phone = held("3", "3", "2", takes=[look, look, look])
        assert modes == [0o700] * 3
        (path,) = set(phone.paths)
        assert path.parent == house.state / "recordings"
        assert len(path.stem) > 32
        assert path.suffix == ".wav"

    def test_in_a_language_that_has_none_yet(self, house: House, held: Held) -> None:
        phone = held("2", takes=[spoken(1)], head=headers("record/welcome/en"))
        assert phone.heard == [START, "beep", MENU, "digits/1", KEPT]
        assert (house.prompts / "en/welcome.wav").read_bytes() == spoken(1)
        assert (house.prompts / "welcome.wav").read_bytes() == house.before

    @pytest.mark.parametrize("native", ["(g722)", "(opus|ulaw)", "(slin16)", "(silk24)", "g722", "(speex16)"])
    def test_from_a_phone_with_more_than_telephone_quality(self, house: House, held: Held, native: str) -> None:
        phone = held("2", takes=[spoken(1, WIDE)], variables={"CHANNEL(audionativeformat)": native})
        assert phone.paths[0].suffix == ".wav16"
        assert Wav.read(house.prompts / "welcome.wav").rate == 8000
        wide = Wav.read(house.prompts / "welcome.wav16")
        assert (wide.rate, wide.seconds) == (16_000, 1.0)

    @pytest.mark.parametrize("native", ["(ulaw|alaw|g722)", "(slin)", "(silk8)", "(gsm)", "()", "", None, "(nothing)"])
    def test_from_a_telephone_of_old(self, house: House, held: Held, native: Answer) -> None:
        (house.prompts / "welcome.wav16").write_bytes(spoken(3, WIDE))
        phone = held("2", takes=[spoken(1)], variables={"CHANNEL(audionativeformat)": native})
        assert phone.paths[0].suffix == ".wav"
        assert not (house.prompts / "welcome.wav16").exists(), "it would be that of another recording"

    def test_listened_to(self, held: Held, house: House) -> None:
        phone = held("1", "2")
        assert phone.heard == [CURRENT, START, "beep", MENU, "digits/1", "take", MENU, "digits/1", KEPT]
        assert house.results == ["kept"]

    def test_sounds_that_asterisk_cannot_play_are_passed_over_and_said(
        self, held: Held, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        missing = b"200 result=-1 endpos=0\n"
        held("2", sounds={CURRENT: missing, START: missing, "beep": missing, MENU: missing, KEPT: missing})
        assert house.results == ["kept"]
        assert "could not play routec/recorder_start" in caplog.text

    @pytest.mark.parametrize("end", [*GONE, *NONSENSE])
    def test_what_comes_after_it_was_kept_changes_nothing(self, held: Held, house: House, end: Answer) -> None:
        held("2", takes=[spoken(1)], sounds={KEPT: end})
        assert house.results == ["kept"]
        assert (house.prompts / "welcome.wav").read_bytes() == spoken(1)

    def test_where_it_is_to_lie_by_then(self, house: House, held: Held) -> None:
        def speak(path: Path) -> None:
            path.write_bytes(spoken(1))
            house.write(recording(file="bar/welcome.wav"))

        held("2", takes=[speak])
        assert house.results == ["kept"]
        assert (house.prompts / "bar/welcome.wav").read_bytes() == spoken(1)
        assert (house.prompts / "welcome.wav").read_bytes() == house.before

    def test_folders_are_made(self, house: House, held: Held) -> None:
        house.write(recording(file="bar/deep/welcome.wav"))
        held("2")
        assert (house.prompts / "bar/deep/welcome.wav").exists()


class TestNothingChanges:
    @pytest.mark.parametrize("now", [b'{"format": 2}', b"", None])
    def test_where_it_may_not_be_recorded_any_more(self, held: Held, house: House, now: bytes | None) -> None:
        def speak(path: Path) -> None:
            path.write_bytes(spoken(1))
            house.write(recording("other"))
            if now is not None:
                (house.root / "generated/recorder.json").write_bytes(now)

        phone = held("2", takes=[speak])
        assert (house.results, phone.heard[-1]) == (["failed"], FAILED)
        assert house.is_as_before

    @pytest.mark.parametrize(
        "verdict", [None, "", "denied", "locked", "error", "GRANTED", "granted granted", "granted)"]
    )
    def test_without_the_verdict(self, held: Held, house: House, verdict: Answer) -> None:
        phone = held("2", variables={"ROUTEC_VERDICT": verdict})
        assert phone.commands == ["GET VARIABLE ROUTEC_VERDICT"]
        assert house.results == ["refused"]
        assert house.is_as_before
        assert not (house.state / "recordings").exists()

    @pytest.mark.parametrize("path", ["record/nobody", "record/welcome/fr", "record/welcome/en_gb"])
    def test_of_a_recording_that_is_not_there(self, held: Held, house: House, path: str) -> None:
        phone = held(head=headers(path))
        assert (phone.commands, house.results) == ([], ["refused"])
        assert house.is_as_before

    @pytest.mark.parametrize("end", GONE)
    @pytest.mark.parametrize("at", [CURRENT, START, "beep", MENU, "digits/1", "take"])
    def test_by_a_hangup_while_a_sound_is_played(self, held: Held, house: House, at: str, end: Answer) -> None:
        held("1", "2", takes=[spoken(1)], sounds={at: end})
        assert house.results == ["hung_up"]
        assert house.is_as_before

    @pytest.mark.parametrize("end", GONE)
    def test_by_a_hangup_where_a_key_is_waited_for(self, held: Held, house: House, end: Answer) -> None:
        held(end, takes=[spoken(1)])
        assert house.results == ["hung_up"]
        assert house.is_as_before

    @pytest.mark.parametrize("end", GONE)
    @pytest.mark.parametrize("name", ["ROUTEC_VERDICT", "ROUTEC_USER", "CHANNEL(audionativeformat)"])
    def test_by_a_hangup_at_once(self, held: Held, house: House, name: str, end: Answer) -> None:
        held(variables={name: end})
        assert house.results == ["hung_up"]
        assert house.is_as_before

    @pytest.mark.parametrize("end", [HangUp, Cut, b"HANGUP\n", b"200 result=-1 (waitfor) endpos=0\nHANGUP\n"])
    def test_by_a_hangup_while_speaking(self, held: Held, house: House, end: Any) -> None:
        def speak(path: Path) -> bytes | None:
            path.write_bytes(spoken(2))
            return end if isinstance(end, bytes) else b"200 result=-1 (hangup) endpos=0\nHANGUP\n"

        held(takes=[speak if end is not Cut else Cut])
        assert house.results == ["hung_up"]
        assert house.is_as_before

    def test_by_a_hangup_that_comes_with_the_last_key(self, held: Held, house: House) -> None:
        held(b"200 result=50\nHANGUP\n", takes=[spoken(1)])
        assert house.results == ["hung_up"]
        assert house.is_as_before

    @pytest.mark.parametrize("keys", [[None] * 3, ["9", "0", "*"], ["#", "A", None]])
    def test_by_silence_and_wrong_keys(self, held: Held, house: House, keys: list[Answer]) -> None:
        phone = held(*keys, takes=[spoken(1)])
        assert house.results == ["given_up"]
        assert phone.heard.count(MENU) == 3
        assert house.is_as_before

    def test_by_what_is_too_short(self, held: Held, house: House) -> None:
        phone = held(takes=[spoken(0.2), wav_file(8000, b""), spoken(0.49)])
        assert house.results == ["given_up"]
        assert phone.heard.count(SHORT) == 3
        assert house.is_as_before

    @pytest.mark.parametrize("answer", NONSENSE)
    @pytest.mark.parametrize("at", ["sound", "key", "verdict", "take"])
    def test_by_an_answer_that_is_none(self, held: Held, house: House, answer: bytes, at: str) -> None:
        held(
            *([answer] if at == "key" else ["2"]),
            takes=[answer] if at == "take" else [spoken(1)],
            sounds={START: answer} if at == "sound" else {},
            variables={"ROUTEC_VERDICT": answer} if at == "verdict" else {},
        )
        assert house.results == ["failed"]
        assert house.is_as_before

    @pytest.mark.parametrize("answer", [b"200 result=51 endpos=1\n", b"200 result=7\n", b"200 result=999\n"])
    def test_by_a_key_that_was_not_asked_for(self, held: Held, house: House, answer: bytes) -> None:
        held(sounds={"beep": answer})
        assert house.results == ["failed"]


class TestTakes:
    """What lies where Asterisk was to record may be anything."""

    def failed(self, held: Held, house: House, make: Callable[[Path], bytes | None], *keys: Answer) -> Phone:
        phone = held(*(keys or ("2",)), takes=[make])
        assert house.results == ["failed"]
        assert phone.heard[-1] == FAILED
        assert house.is_as_before
        return phone

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "ends too early"),
            (b"RIFF", "ends too early"),
            (b"no sound at all, but long enough for one", "does not start with RIFF"),
            (wav_file(16_000, bytes(64_000)), "16000 Hz"),
            (spoken(1)[:-4000], "ends too early"),
            (spoken(1).replace(b"\x01\x00\x40\x1f", b"\x02\x00\x40\x1f", 1), "2 channels"),
            (wav_file(8000, bytes(2 * 8000 * 400)), "more than 300 s"),
        ],
        ids=lambda value: repr(value)[:12],
    )
    def test_no_sound_that_could_be_kept(
        self, held: Held, house: House, content: bytes, why: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        def write(path: Path) -> None:
            path.write_bytes(content)

        self.failed(held, house, write)
        assert why in caplog.text
        assert str(house.state / "recordings") in caplog.text

    def test_nothing(self, held: Held, house: House, caplog: pytest.LogCaptureFixture) -> None:
        self.failed(held, house, lambda _: None)
        assert "is not there: does it run on this machine" in caplog.text

    def test_the_second_take_is_not_there(self, held: Held, house: House) -> None:
        held("3", "2", takes=[spoken(1), lambda _: None])
        assert house.results == ["failed"]
        assert house.is_as_before

    def test_links_pipes_and_folders(self, held: Held, house: House) -> None:
        secret = house.root / "secret.wav"
        secret.write_bytes(spoken(1, hertz=999))
        self.failed(held, house, lambda path: path.symlink_to(secret))
        assert secret.exists()

    def test_a_second_name_of_another_file(self, held: Held, house: House) -> None:
        secret = house.root / "secret.wav"
        secret.write_bytes(spoken(1, hertz=999))
        self.failed(held, house, lambda path: path.hardlink_to(secret))
        assert secret.read_bytes() == spoken(1, hertz=999)

    def test_a_pipe_is_not_waited_for(self, held: Held, house: House) -> None:
        self.failed(held, house, os.mkfifo)

    @pytest.mark.parametrize(
        "answer", [b"200 result=-1 (writefile)\n", b"200 result=-1 (randomerror) endpos=0\n", b"200 result=-1\n"]
    )
    def test_asterisk_cannot_record(
        self, held: Held, house: House, answer: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.failed(held, house, lambda _: answer)
        assert f"Asterisk cannot {'write it' if b'writefile' in answer else 'record this call'}" in caplog.text

    def test_the_longest_is_asked_for(self, held: Held, house: House) -> None:
        house.write(recording(), seconds=600)
        phone = held("2", takes=[spoken(1)])
        (command,) = [one for one in phone.commands if one.startswith("RECORD")]
        assert command.endswith(' wav "#" 590000')
        assert house.results == ["kept"]

    def test_time_over_is_a_take_as_good_as_any(self, held: Held, house: House) -> None:
        def speak(path: Path) -> bytes:
            path.write_bytes(spoken(2))
            return b"200 result=0 (timeout) endpos=16000\n"

        held("2", takes=[speak])
        assert house.results == ["kept"]


class TestDisk:
    def test_no_permission(
        self, held: Held, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(house.prompts / "welcome.wav"))

        monkeypatch.setattr("routec.rewrite.lay", refuse)
        phone = held("2")
        assert (house.results, phone.heard[-1]) == (["failed"], FAILED)
        assert "welcome" in caplog.text
        assert "permission denied" in caplog.text
        assert not list(house.prompts.rglob("*.wav.*"))
        assert (house.prompts / "welcome.wav").read_bytes() == house.before

    @pytest.mark.parametrize("at", range(1, 9))
    def test_a_full_disk_at_any_step(
        self, held: Held, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, at: int
    ) -> None:
        """Told, with the path, and nothing has changed; or it is kept whole, where the step was not needed any more."""
        synced = os.fsync
        calls = [0]

        def sync(handle: int) -> None:
            calls[0] += 1
            if calls[0] == at:
                raise OSError(errno.ENOSPC, "No space left on device")
            synced(handle)

        monkeypatch.setattr(os, "fsync", sync)
        phone = held("2", takes=[spoken(1)])
        content = (house.prompts / "welcome.wav").read_bytes()
        if house.results == ["kept"]:
            assert content == spoken(1)
        else:
            assert (house.results, phone.heard[-1]) == (["failed"], FAILED)
            assert content == house.before
            assert "no space left on device" in caplog.text
            assert str(house.prompts) in caplog.text

    def test_a_state_folder_that_cannot_be_made(
        self, held: Held, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.recorder = Recorder(house.root / "generated", house.prompts, house.root / "a file/state")
        (house.root / "a file").write_text("x")
        phone = held("2")
        assert (house.results, phone.heard[-1]) == (["failed"], FAILED)
        assert "a file/state" in caplog.text
        assert house.is_as_before

    def test_a_folder_of_takes_that_is_a_link(self, held: Held, house: House) -> None:
        (house.root / "elsewhere").mkdir()
        house.state.mkdir(exist_ok=True)
        (house.state / "recordings").symlink_to(house.root / "elsewhere")
        phone = held("2")
        assert (house.results, phone.paths) == (["failed"], [])

    def test_an_open_folder_of_takes_is_closed(self, held: Held, house: House) -> None:
        (house.state / "recordings").mkdir(parents=True, mode=0o777)
        held("2")
        assert house.results == ["kept"]
        assert (house.state / "recordings").stat().st_mode & 0o777 == 0o700

    def test_a_link_that_leads_out(self, held: Held, house: House, caplog: pytest.LogCaptureFixture) -> None:
        (house.root / "out").mkdir()
        (house.prompts / "en").symlink_to(house.root / "out")
        held("2", head=headers("record/welcome/en"))
        assert house.results == ["failed"]
        assert list((house.root / "out").iterdir()) == []
        assert "leads out" in caplog.text

    def test_no_file_of_recordings(self, held: Held, house: House, caplog: pytest.LogCaptureFixture) -> None:
        (house.root / "generated/recorder.json").unlink()
        phone = held()
        assert (house.results, phone.heard) == (["failed"], [FAILED])
        assert "recorder.json: No such file" in caplog.text

    def test_a_bug_of_ours(
        self, held: Held, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> float:
            raise ZeroDivisionError("what somebody typed")

        monkeypatch.setattr("routec.recorder.keeping.SoundKeeper.seconds", fail)
        phone = held("2")
        assert (house.results, phone.heard[-1]) == (["failed"], FAILED)
        assert "ZeroDivisionError at test_recorder.py" in caplog.text
        assert "typed" not in caplog.text
        assert house.is_as_before

    def test_what_killed_processes_left_is_cleared(self, house: House, server: Server) -> None:
        folder = house.state / "recordings"
        folder.mkdir(parents=True)
        (folder / "0123-abc.wav").write_bytes(b"old")
        (folder / "x.wav16").symlink_to("/etc/passwd")
        for path in folder.iterdir():
            os.utime(path, (1, 1), follow_symlinks=False)
        Phone("2").call(server.address)
        server.stop()
        assert (house.results, house.left) == (["kept"], [])
        Recorder(house.root, house.prompts, house.root / "none").clear()
        assert not (house.root / "none").exists()

    def test_a_second_process_takes_no_recording_from_the_first(self, house: House, held: Held) -> None:
        def speak(path: Path) -> None:
            path.write_bytes(spoken(1))
            code = "import sys; from pathlib import Path as P; from routec.recorder.recorder import Recorder as R; "
            code += "R(P(sys.argv[1]), P(sys.argv[1]), P(sys.argv[1])).clear()"
            subprocess.run([sys.executable, "-c", code, str(house.state)], check=True)

        held("2", takes=[speak])
        assert house.results == ["kept"]


class TestServer:
    def test_two_at_once_lose_neither(self, house: House, server: Server) -> None:
        both = threading.Barrier(2, timeout=20)

        def speak(hertz: float) -> Callable[[Path], None]:
            def into(path: Path) -> None:
                path.write_bytes(spoken(1, hertz=hertz))
                both.wait()

            return into

        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda hertz: Phone("2", takes=[speak(hertz)]).call(server.address), (300.0, 600.0)))
        server.stop()
        assert house.results == ["kept", "kept"]
        replaced = [path.read_bytes() for path in (house.prompts / ".replaced").glob("*.wav")]
        present = (house.prompts / "welcome.wav").read_bytes()
        assert {present, *replaced} == {spoken(1, hertz=300), spoken(1, hertz=600), house.before}
        assert house.left == []

    def test_stop_cuts_it_and_nothing_changes(self, house: House, server: Server) -> None:
        speaking = threading.Event()
        over = threading.Event()

        def speak(path: Path) -> bytes:
            path.write_bytes(spoken(1))
            speaking.set()
            assert over.wait(20)
            return b"200 result=35 (dtmf) endpos=8000\n"

        with ThreadPoolExecutor() as pool:
            call = pool.submit(Phone("2", takes=[speak]).call, server.address)
            assert speaking.wait(20)
            server.stop(0.05)
            over.set()
            call.result(20)
        assert house.results == ["hung_up"]
        assert house.is_as_before
        assert house.left == []

    def test_a_recording_takes_a_slot(self, house: House) -> None:
        class Nobody:
            def sign_in(self, *_: object) -> Any:
                raise AssertionError

        seen: list[int] = []
        with Server(Nobody(), ("127.0.0.1", 0), recorder=house, most=1) as server:

            def call_again(path: Path) -> None:
                second = Phone().call(server.address)
                seen.append(len(second.commands))
                path.write_bytes(spoken(1))

            Phone("2", takes=[call_again]).call(server.address)
        assert seen == [0], "turned away"
        assert house.results == ["kept"]

    def test_recordings_leave_slots_for_sign_ins(
        self, house: House, tmp_path: Path, log: Log, caplog: pytest.LogCaptureFixture
    ) -> None:
        runtime = Runtime.of({"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER})
        checker = Checker(ModuleStore(write_modules(tmp_path / "signin.json", module())), log, runtime)
        seen: list[object] = []
        with Server(checker, ("127.0.0.1", 0), recorder=house, most=4) as server:

            def and_a_third(path: Path) -> None:
                seen.append(Phone().call(server.address).commands)
                seen.append(FakeAsterisk("1001", head=headers("signin/hotel_staff")).call(server.address).asked[0])
                path.write_bytes(spoken(1))

            def and_a_second(path: Path) -> None:
                Phone("2", takes=[and_a_third]).call(server.address)
                path.write_bytes(spoken(1))

            Phone("2", takes=[and_a_second]).call(server.address)
            Phone("2").call(server.address)
        assert seen == [[], "routec/enter_login"]
        assert house.results == ["kept"] * 3
        assert "as many prompts are being recorded as may be at once" in caplog.text

    def test_a_sign_in_is_one_still(self, house: House, server: Server) -> None:
        phone = FakeAsterisk("1001", head=headers("signin/hotel_staff")).call(server.address)
        assert phone.asked[0] == "routec/enter_login"
        server.stop()
        assert house.results == []

    @pytest.mark.parametrize(
        "path",
        ["record/", "record", "record/Welcome", "record/welcome/", "record/welcome/EN", "record/../x", "x/welcome"],
    )
    def test_any_other_path_is_nobodys(self, house: House, server: Server, log: Log, path: str) -> None:
        phone = FakeAsterisk(head=headers(path)).call(server.address)
        assert phone.verdict == "error"
        server.stop()
        assert house.results == []
        assert [row.reason for row in log.read()] == ["unknown-module"]

    def test_without_a_recorder_its_paths_are_nobodys(self, tmp_path: Path, log: Log) -> None:
        runtime = Runtime.of({"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER})
        checker = Checker(ModuleStore(write_modules(tmp_path / "signin.json", module())), log, runtime)
        with Server(checker, ("127.0.0.1", 0)) as server:
            assert FakeAsterisk(head=headers("record/welcome")).call(server.address).verdict == "error"

    def test_a_peer_that_falls_silent_is_given_up(
        self, house: House, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routec.signin.tape.ANSWER_SECONDS", 0.5)
        asked, ended = threading.Event(), threading.Event()

        def wait(_: Path) -> bytes:
            asked.set()
            assert ended.wait(20)
            return b"200 result=35 (dtmf) endpos=1\n"

        house.write(recording(), seconds=1)
        with ThreadPoolExecutor() as pool:
            call = pool.submit(Phone(takes=[wait]).call, server.address)
            assert asked.wait(20)
            server.stop(20)
            ended.set()
            call.result(20)
        assert house.results == ["hung_up"]
        assert house.left == []


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("record/welcome", ("welcome", None)),
        ("/record/welcome", ("welcome", None)),
        ("record/welcome/en", ("welcome", "en")),
        ("record/welcome/en_gb", ("welcome", "en_gb")),
        ("record/welcome?x=/etc/passwd", ("welcome", None)),
        ("record/welcome/en/x", None),
        ("record/welcome/../x", None),
        ("record/welcome\n", None),
        ("record//welcome", None),
        ("record/.replaced", None),
        ("signin/welcome", None),
        ("", None),
    ],
)
def test_recording_of(script: str, found: tuple[str, str | None] | None) -> None:
    assert recording_of(script) == found

"""Whatever Asterisk's end says and writes: a prompt changes only into a sound that was recorded, by the key for it."""

import contextlib
import shlex
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from routec.recorder.ports import RESULTS
from routec.recorder.recorder import Recorder
from routec.signin.agi import Agi
from routec.signin.wire import Wire
from routec.sound.wav import WIDE, fault, wav_file
from tests.signin.fake import Cut, HangUp, talk_to_the_end

from .fake import Answer, Phone, recording, spoken, write_recorder

BEFORE = spoken(1)
SECRET = spoken(1, hertz=999)

junk = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"200 result=-1\n",
            b"200 result=-1 endpos=0\n",
            b"200 result=-1 (writefile)\n",
            b"200 result=0\n",
            b"200 result=0 (timeout) endpos=0\n",
            b"200 result=35 (dtmf) endpos=9\n",
            b"200 result=50\n",
            b"200 result=50 endpos=1\n200 result=50 endpos=1\n",
            b"200 result=1 (granted)\n",
            b"200 result=1 (denied)\n",
            b"100 result=0 Trying...\n200 result=50\n",
            b"520-Invalid\nUsage\n520 End\n",
            b"HANGUP\n",
            b"x" * 5000,
        ]
    ),
)
turns = st.one_of(st.just("good"), st.just("good"), st.sampled_from(["1", "2", "3", "9", "#", None, HangUp, Cut]), junk)
contents = st.one_of(
    st.sampled_from([spoken(1), spoken(2, WIDE), spoken(0.1), b"", BEFORE[:2000], "nothing", "link", "twin", "folder"]),
    st.binary(max_size=200).map(lambda data: wav_file(8000, data)),
    st.binary(max_size=100).map(lambda data: BEFORE[:20] + data),
)


class Peer(Phone):
    """Answers in turn what it was given; `good` is what fits the question, and all that comes after the last turn."""

    def __init__(self, plan: Sequence[Answer], contents: Sequence[bytes | str], secret: Path, native: str) -> None:
        super().__init__(variables={"CHANNEL(audionativeformat)": native})
        self._plan = list(plan)
        self._contents = list(contents)
        self._secret = secret
        self.is_granted = False
        self.has_kept = False
        """Whether it ever said the key for that."""

    def _answer(self, command: str) -> bytes | None:
        turn = self._plan.pop(0) if self._plan else "good"
        self._write(command)
        answer = self._said(command, turn)
        if command == "GET VARIABLE ROUTEC_VERDICT":
            self.is_granted = answer is not None and b"200 result=1 (granted)" in answer
        self.has_kept = self.has_kept or (answer is not None and b"result=50" in answer)
        return answer

    def _said(self, command: str, turn: Answer) -> bytes | None:
        if turn is HangUp:
            return b"200 result=-1\nHANGUP\n"
        if turn is Cut or isinstance(turn, bytes):
            return turn if isinstance(turn, bytes) else None
        if command.startswith("WAIT"):
            self._keys = ["2" if turn == "good" else turn]
        elif command.startswith("STREAM") and isinstance(turn, str) and turn in shlex.split(command)[3]:
            return f"200 result={ord(turn)} endpos=1\n".encode()
        self._takes = [lambda _: None]
        return super()._answer(command)

    def _write(self, command: str) -> None:
        if not command.startswith("RECORD"):
            return
        words = shlex.split(command)
        path = Path(f"{words[2]}.{words[3]}")
        content = self._contents.pop(0) if self._contents else spoken(1, WIDE if words[3] == "wav16" else 8000)
        match content:
            case bytes():
                path.write_bytes(content)
            case "link":
                path.symlink_to(self._secret)
            case "twin":
                path.hardlink_to(self._secret)
            case "folder":
                path.mkdir()


@pytest.fixture(scope="module", autouse=True)
def _hasty() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.002)
        patch.setattr("routec.recorder.line.PRESENCE_SECONDS", 0.01)
        yield


@settings(deadline=None)
@given(
    plan=st.lists(turns, max_size=14),
    written=st.lists(contents, max_size=3),
    native=st.sampled_from(["(ulaw)", "(g722)"]),
)
def test_a_prompt_becomes_a_sound_that_was_recorded_or_stays(
    plan: list[Answer], written: list[bytes | str], native: str
) -> None:
    with contextlib.ExitStack() as ends:
        root = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        prompts, secret = root / "routes/prompts", root / "secret.wav"
        prompts.mkdir(parents=True)
        (prompts / "welcome.wav").write_bytes(BEFORE)
        secret.write_bytes(SECRET)
        write_recorder(root / "generated", recording())
        recorder = Recorder(root / "generated", prompts, root / "state")
        peer = Peer(plan, written, secret, native)
        ours, theirs = socket.socketpair()
        theirs.settimeout(20)
        ends.enter_context(theirs)
        talking = threading.Thread(target=talk_to_the_end, args=(peer, theirs))
        talking.start()
        with ours:
            ours.setblocking(False)
            result = recorder.record(Agi(Wire(ours.fileno(), ours.fileno())), "welcome", None)
        talking.join(20)
        assert not talking.is_alive()

        event(result)
        assert result in RESULTS
        now = (prompts / "welcome.wav").read_bytes()
        if result == "kept":
            assert peer.is_granted
            assert peer.has_kept
            assert fault(prompts / "welcome.wav") == ""
            assert now != SECRET
        else:
            assert now == BEFORE
            assert not (prompts / ".replaced").exists()
        assert secret.read_bytes() == SECRET
        left = list((root / "state/recordings").iterdir()) if (root / "state/recordings").exists() else []
        assert [path for path in left if not path.is_dir()] == []

"""A fake Asterisk that records: it writes what callers speak where it is told to, or anything else, or nothing."""

import contextlib
import json
import math
import shlex
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from routec.contract import RECORDER_FORMAT
from routec.sound.wav import NARROW, wav_file
from tests.signin.fake import Cut, HangUp, converse, headers

MENU: Final = "vm-press"
START: Final = "routec/recorder_start"
KEPT: Final = "vm-msgsaved"
SHORT: Final = "vm-tooshort"
FAILED: Final = "something-terribly-wrong"
CURRENT: Final = "routec/welcome"

Answer = str | bytes | None | type[HangUp] | type[Cut]
"""What comes of a command: a key, no key, bytes of an answer, a hangup, or the end of the link without a word."""


def spoken(seconds: float, rate: int = NARROW, hertz: float = 440.0) -> bytes:
    """A WAV file of somebody who hums."""
    samples = (round(8000 * math.sin(2 * math.pi * hertz * at / rate)) for at in range(round(seconds * rate)))
    return wav_file(rate, b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


def recording(prompt: str = "welcome", language: str | None = None, **changes: Any) -> dict[str, Any]:
    """One that can be recorded, as `recorder.json` has it."""
    file = f"{language}/{prompt}.wav" if language else f"{prompt}.wav"
    made = {"prompt": prompt, "language": language, "file": file, "sound": f"routec/{prompt}", "is_there": True}
    return made | changes


def recorder_file(*recordings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What stands in a `recorder.json`."""
    sounds = {"start": [START], "menu": [MENU, "digits/1"], "kept": [KEPT], "short": [SHORT], "failed": [FAILED]}
    made = {"format": RECORDER_FORMAT, "seconds": 300, "sounds": sounds, "recordings": list(recordings)}
    return made | changes


def write_recorder(folder: Path, *recordings: dict[str, Any], **changes: Any) -> Path:
    """A `recorder.json` as the compiler writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "recorder.json"
    file.write_text(json.dumps(recorder_file(*recordings, **changes)))
    return file


class Phone:
    """One call: `call` connects, answers what it is asked, and returns when the link has ended.

    `keys` are pressed when the recorder waits for one. `takes` are what RECORD FILE comes to, in turn: content for the
    file, a function that is given the path and makes what it likes there, or an answer instead. `sounds` has what comes
    of playing one, by its name, `take` for what was recorded; all others are heard to their end.
    """

    def __init__(
        self,
        *keys: Answer,
        takes: Sequence["Take"] = (),
        sounds: dict[str, Answer] | None = None,
        head: bytes | None = None,
        variables: dict[str, Answer] | None = None,
    ) -> None:
        self._keys = list(keys)
        self._takes = list(takes)
        self._sounds = sounds or {}
        self._head = headers("record/welcome") if head is None else head
        self._variables = {"ROUTEC_VERDICT": "granted", "ROUTEC_USER": "anna", "CHANNEL(audionativeformat)": "(ulaw)"}
        self._variables |= variables or {}  # type: ignore[arg-type]
        self.commands: list[str] = []
        self.heard: list[str] = []
        """What was played, in order; `take` for what was recorded."""
        self.paths: list[Path] = []
        """Where it was to record."""

    def call(self, address: tuple[str, int]) -> "Phone":
        with socket.create_connection(address, timeout=20) as link:
            return self.talk(link)

    def talk(self, link: socket.socket) -> "Phone":
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # a call may be turned away
            link.sendall(self._head)
        converse(link, self._answer)
        return self

    def _answer(self, command: str) -> bytes | None:
        self.commands.append(command)
        match shlex.split(command):
            case ["GET", "VARIABLE", name]:
                value = self._variables[name]
                if isinstance(value, str):
                    return f"200 result=1 ({value})\n".encode()
                return b"200 result=0\n" if value is None else _end(value)
            case ["STREAM", "FILE", sound, keys]:
                name = "take" if Path(sound).parent.name == "recordings" else sound
                self.heard.append(name)
                return self._key(self._sounds.get(name), keys, " endpos=8000")
            case ["WAIT", "FOR", "DIGIT", milliseconds]:
                assert 0 < int(milliseconds) <= 5000
                return self._key(self._keys.pop(0) if self._keys else Cut, "0123456789*#ABCD", "")
            case ["RECORD", "FILE", path, format, "#", milliseconds]:
                assert 0 < int(milliseconds) <= 600_000
                self.paths.append(Path(f"{path}.{format}"))
                return self._record(self.paths[-1])
        raise AssertionError(command)

    def _key(self, key: Answer, keys: str, end: str) -> bytes | None:
        if key is None or isinstance(key, str):
            assert key is None or key in keys, f"Asterisk does not wait for {key}"
            return f"200 result={ord(key) if key else 0}{end}\n".encode()
        return _end(key)

    def _record(self, path: Path) -> bytes | None:
        take = self._takes.pop(0) if self._takes else spoken(1)
        if callable(take) and not isinstance(take, type):
            return take(path) or b"200 result=35 (dtmf) endpos=8000\n"
        if isinstance(take, bytes) and take.startswith(b"RIFF"):
            path.write_bytes(take)
            return b"200 result=35 (dtmf) endpos=8000\n"
        assert not isinstance(take, str)
        return _end(take) if take is not None else b"200 result=0 (timeout) endpos=0\n"


Take = Answer | Callable[[Path], bytes | None]


def _end(what: bytes | type) -> bytes | None:
    if isinstance(what, bytes):
        return what
    return b"200 result=-1 (hangup) endpos=0\nHANGUP\n" if what is HangUp else None

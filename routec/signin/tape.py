"""The AGI commands of whoever records: variables, single keys while sounds play, and RECORD FILE.

They stand beside `agi` and are as careful: a peer may lie, fall silent or never end. Where Asterisk must answer within
a known time, it is given that time and a little more, and not the whole of the call's.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from routec.signin.agi import Agi, AgiError, quoted
from routec.signin.module_faults import SOUND
from routec.signin.outcome import CallerGone

KEYS = "0123456789*#ABCD"

ANSWER_SECONDS = 10.0
"""How much longer than what it was asked to do Asterisk may take to say that it is done."""

SOUND_SECONDS = 900.0
"""Longer than any sound: whoever plays one for so long is not Asterisk."""

MOST_PATH = 1_000
"""The longest path of a recording: a command of 2,048 bytes is too long for Asterisk 16, and a sign may be four."""

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,78}|CHANNEL\([a-z]{1,40}\)")
_CODE = re.compile(r"-1|[0-9]{1,3}")
_ANY_CODE = re.compile(r"-?[0-9]{1,10}")


class RecordError(Exception):
    """Asterisk could not record; the caller is there all the same."""


def variable(agi: Agi, name: str) -> str:
    """The value of a channel variable, or of `CHANNEL(item)`; empty where there is none."""
    if not _VARIABLE.fullmatch(name):
        raise AgiError("a variable name that is not plain")
    with _within(agi, 0):
        result, value = agi.exchange(f"GET VARIABLE {name}")
    if result == "-1":
        raise CallerGone
    if result not in ("0", "1"):
        raise AgiError("an answer to GET VARIABLE that is none")
    return value if result == "1" else ""


def hear(agi: Agi, sound: str, keys: str) -> str:
    """Play `sound` until it ends or one of `keys` is pressed, and give that key, or an empty string.

    A sound that Asterisk cannot play is passed over, as `Agi.play` does it.
    """
    with _within(agi, SOUND_SECONDS):
        code, _ = _answer(agi, f"STREAM FILE {_word(sound)} {quoted(keys)}")
    if code == "-1":
        agi.check_presence()
        agi.unplayed.append(sound)
        return ""
    return _key(code, keys)


def wait_for_key(agi: Agi, seconds: float) -> str:
    """Wait for one key at most so long, and give it, or an empty string."""
    with _within(agi, seconds):
        code, _ = _answer(agi, f"WAIT FOR DIGIT {max(1, int(seconds * 1000))}")
    if code == "-1":
        raise CallerGone
    return _key(code, KEYS)


def record(agi: Agi, path: str, format: str, key: str, seconds: int) -> None:
    """Record the caller into `path`, an absolute one without its suffix, until `key` is pressed or time is over.

    `format` is Asterisk's name for the suffix, such as wav. What is in the file then, if anything is, is anybody's
    guess. Raises `RecordError`.
    """
    command = f"RECORD FILE {quoted(path, MOST_PATH)} {format} {quoted(key)} {seconds * 1000}"
    with _within(agi, seconds):
        # handle_recordfile in res_agi.c: what ended it stands in brackets, and -1 is more than one thing.
        code, note = agi.exchange(command)
    if not _ANY_CODE.fullmatch(code):
        raise AgiError("an answer to RECORD FILE that is none")
    if not code.startswith("-"):
        return
    if note == "hangup":
        raise CallerGone
    agi.check_presence()
    raise RecordError("Asterisk cannot write it" if note == "writefile" else "Asterisk cannot record this call")


def _answer(agi: Agi, command: str) -> tuple[str, str]:
    code, note = agi.exchange(command)
    if not _CODE.fullmatch(code):
        raise AgiError("an answer to a question for a key that is none")
    return code, note


def _key(code: str, keys: str) -> str:
    """The key that an answer has as the number of its character."""
    if code == "0":
        return ""
    key = chr(int(code))
    if key not in keys:
        raise AgiError("a key that was not asked for")
    return key


def _word(sound: str) -> str:
    """A sound as one word of a command: a plain name, or the path of a recording."""
    return sound if SOUND.fullmatch(sound) else quoted(sound, MOST_PATH)


@contextmanager
def _within(agi: Agi, seconds: float) -> Iterator[None]:
    """Have the answer to what takes so long in time, or be done with this peer."""
    before = agi.wire.deadline
    agi.wire.deadline = min(before, time.monotonic() + seconds + ANSWER_SECONDS)
    try:
        yield
    finally:
        agi.wire.deadline = before

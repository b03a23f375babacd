"""The one adapter on pyst2's `asterisk.agi.AGI`: AGI with a peer who may lie, stop in mid-line, or never stop.

What pyst2 0.5.1 does and this mends, method by method:

- `__init__` installs a signal handler, which raises off the main thread, and writes to stderr. Neither happens here.
- `_get_agi_env`, `get_result` and `send_command` write all they see to stderr, typed PINs included. Here: nothing.
- An end of file or a `HANGUP` line is a ValueError, and an end of file inside a 520 block an endless loop. Here the
  first two are `CallerGone`, and a block is bounded.
- A caller's name in Latin-1 raises UnicodeDecodeError. Here what is not UTF-8 is replaced.
- The answers 100 (trying) and 511 (dead channel) are unknown to it. Here 100 is passed over, and 511 is a hangup.
- A newline in an argument begins a second command, and quotes and backslashes go as they are. Here control characters
  are refused and the two are escaped, as `parse_args` in Asterisk's res_agi.c reads them.
- `get_data` takes the keys `12 (timeout)` apart wrongly when there are none. `ask` takes its place.
- `stream_file`, `say_digits` and `say_datetime` take a sound that is missing for a hangup. `play`, `say_digits` and
  `say_time` tell the two apart.
"""

import io
import re
import time

from asterisk.agi import AGI, AGIError

from routec.signin.module_faults import SOUND
from routec.signin.outcome import NO_SOUND, CallerGone
from routec.signin.wire import Wire, WireError

MOST_HEADERS = 100
MOST_HEADER_BYTES = 16_384
MOST_VALUE = 256

_USAGE_LINES = 100
_SETTLE_SECONDS = 0.5
_STRAY_SECONDS = 1.5
"""How soon after a single key its habitual `#` comes."""

TIME_FORMAT = "R"
"""The hour, of twenty-four, and the minute, in every language of say.c."""

_ANSWER = re.compile(r"(\d{3})(?:([ -])(.*))?")
_RESULT = re.compile(r"result=(\S*)(?:\s+\((.*)\))?.*")
_KEYS = re.compile(r"[0-9*#A-D]*")
_NUMBER = re.compile(r"-1|[0-9]{1,10}")
_DIGITS = re.compile(r"[0-9]{1,64}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,78}")


class AgiError(AGIError):  # type: ignore[misc]  # pyst2 has no types
    """The peer does not speak AGI, or refuses a command; it ends this conversation. Quotes nothing that was typed."""


class Agi(AGI):  # type: ignore[misc]  # pyst2 has no types
    """AGI over a `Wire`. Making one reads the headers into `env`; raises `AgiError` or `CallerGone`.

    Every command raises `CallerGone` when the caller hung up or the wire's deadline has passed, and `AgiError` for an
    answer that makes no sense or says no.
    """

    def __init__(self, wire: Wire) -> None:
        # Not the base class's own, which would install a signal handler; these are the attributes that it sets.
        self.wire = wire
        self.stdin = self.stdout = wire
        self.stderr = io.StringIO()
        self._got_sighup = False
        self.env: dict[str, str] = {}
        self.unplayed: list[str] = []
        """The sounds that Asterisk could not play, in order."""
        self._stray_until = 0.0
        self._get_agi_env()

    def ask(self, sound: str, most: int, seconds: float) -> str:
        """Play `sound` and read up to `most` keys, as `ports.Line` says.

        Asterisk answers -1 both for a hangup and for a sound that it cannot play (`ast_app_getdata_full` in app.c).
        After a hangup it says so or closes the link at once; when it does neither, the sound was at fault. Then the
        keys are read without it, since who knows the code can still sign in, and `unplayed` has its name.
        """
        _check_sound(sound)
        keys, is_ended = self._get_data(sound, most, seconds)
        if not keys and is_ended and time.monotonic() < self._stray_until:
            # `1#` where one key was asked for: the key was the answer, and this `#` is none to the question after it.
            keys, _ = self._get_data(sound, most, seconds)
        self._stray_until = time.monotonic() + _STRAY_SECONDS if keys and most == 1 else 0.0
        return keys

    def play(self, sound: str) -> None:
        """Play `sound` to its end, as `ports.Line` says."""
        _check_sound(sound)
        self._hear(f'STREAM FILE {sound} ""', sound)

    def say_digits(self, digits: str) -> None:
        """Say `digits` one by one."""
        if not _DIGITS.fullmatch(digits):
            raise AgiError("digits that are none")
        self._hear(f'SAY DIGITS {digits} ""', "the digits")

    def say_time(self, when: int) -> None:
        """Say the time of day of `when`, in seconds since 1970, in the zone of Asterisk's machine."""
        self._hear(f'SAY DATETIME {when:d} "" {TIME_FORMAT}', "the time")

    def _hear(self, command: str, what: str) -> None:
        """One command that plays something, with `""` for the keys that would end it: none does.

        Asterisk answers -1 both for a hangup and for a sound that it has not (`handle_streamfile` in res_agi.c,
        `wait_file` in say.c), as it does to GET DATA; a digit without a sound it leaves out by itself.
        """
        result = self.exchange(command)[0]
        if not _NUMBER.fullmatch(result):
            raise AgiError("an answer to a sound that is none")
        if result == "-1":
            self.check_presence()
            self.unplayed.append(what)

    def _get_data(self, sound: str, most: int, seconds: float) -> tuple[str, bool]:
        """One GET DATA, or two where the sound is at fault; the keys, and whether `#` or the last of them ended it."""
        answer = self._read_keys(sound, most, seconds)
        if answer is None:
            self.unplayed.append(sound)
            answer = self._read_keys('""', most, seconds)
        if answer is None:
            raise CallerGone(NO_SOUND)
        return answer

    def _read_keys(self, sound: str, most: int, seconds: float) -> tuple[str, bool] | None:
        """One GET DATA; None where the caller is there and Asterisk could not play the sound."""
        # 0 would ask for Asterisk's own default, 6 seconds.
        keys, note = self.exchange(f"GET DATA {sound} {max(1, int(seconds * 1000))} {most}")
        if keys == "-1":
            self.check_presence()
            return None
        if len(keys) > most or not _KEYS.fullmatch(keys):
            raise AgiError("an answer to GET DATA that is not what was asked for")
        return keys, note != "timeout"

    def exchange(self, command: str) -> tuple[str, str]:
        """Send a command and give its answer: the value of `200 result=…`, and what stood in brackets after it."""
        self.send_command(command)
        return self._result()

    def check_presence(self, seconds: float | None = None) -> None:
        """Raise `CallerGone`, unless the line stays on and Asterisk says nothing more for so long.

        Without a number it is as long as a hangup takes to be said after an answer of -1.
        """
        if not self.wire.is_quiet(_SETTLE_SECONDS if seconds is None else seconds):
            raise CallerGone

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable. `name` is a plain one: `SET VARIABLE` would also run a dialplan function."""
        if not _VARIABLE.fullmatch(name):
            raise AgiError("a variable name that is not plain")
        self.execute("SET VARIABLE", name, self._quote(value))

    def _quote(self, string: str) -> str:
        return quoted(string)

    def send_command(self, command: str, *args: object) -> None:
        """Send one command, which stays one line."""
        line = " ".join([command, *map(str, args)])
        if not line.isprintable():
            raise AgiError("a command with control characters")
        self.wire.write(line.encode() + b"\n")

    def get_result(self, stdin: object = None) -> dict[str, tuple[str, str]]:  # noqa: ARG002 (the base's, unused there too)
        """Read the answer to a command, as pyst2's callers want it: `{"result": (value, data)}`."""
        value, data = self._result()
        if value == "-1" or data == "hangup":
            raise CallerGone
        return {"result": (value, data)}

    def _result(self) -> tuple[str, str]:
        """The next answer, as `exchange` says."""
        while True:
            line = self._line()
            if line == "HANGUP":
                raise CallerGone
            answer = _ANSWER.fullmatch(line)
            code = answer[1] if answer else ""
            if answer is None or code not in ("100", "200", "510", "511", "520"):
                raise AgiError("an answer that is not AGI")
            if code == "200":
                result = _RESULT.fullmatch(answer[3] or "")
                if result is None:
                    raise AgiError("an answer without a result")
                return result[1], result[2] or ""
            if code == "511":
                raise CallerGone
            if code == "520" and answer[2] == "-":
                self._pass_over_usage()
            if code != "100":
                raise AgiError(f"Asterisk refused a command with {code}")

    def _pass_over_usage(self) -> None:
        for _ in range(_USAGE_LINES):
            line = self._line()
            if line == "HANGUP":
                raise CallerGone
            if line.startswith("520 "):
                return
        raise AgiError("a usage text without an end")

    def _get_agi_env(self) -> None:
        size = 0
        for _ in range(MOST_HEADERS):
            line = self._line()
            size += len(line)
            if size > MOST_HEADER_BYTES:
                break
            if not line:
                if not self.env:
                    raise AgiError("no headers")
                return
            key, colon, value = line.partition(":")
            if not colon or not key.startswith("agi_"):
                raise AgiError("a header that is not AGI")
            if key in self.env:
                # Asterisk writes a caller ID as it comes, line ends and all: this one was made to look like a header.
                raise AgiError("a header twice")
            self.env[key] = value.strip()
        raise AgiError("too many headers")

    def _line(self) -> str:
        try:
            return self.wire.readline().decode(errors="replace").strip()
        except WireError as error:
            raise AgiError(str(error)) from None


def quoted(string: str, most: int = MOST_VALUE) -> str:
    """A value as one argument of a command. Raises `AgiError` for one of more than `most` characters."""
    if len(string) > most or not string.isprintable():
        raise AgiError("a value that is too long or has control characters")
    return '"' + string.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _check_sound(sound: str) -> None:
    if not SOUND.fullmatch(sound):
        raise AgiError("a sound name that is no single word")

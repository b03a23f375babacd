"""The caller over AGI, as `ports.Line` has it: Asterisk plays, waits for keys, and records into the take."""

import re
from collections.abc import Sequence

from routec.contract import USER, VERDICT
from routec.recorder.ports import TakeError
from routec.recorder.takes import NARROW, WIDE, Take
from routec.signin import tape
from routec.signin.agi import Agi

END_KEY = "#"
PRESENCE_SECONDS = 0.05
"""How soon a hangup that has happened has come over the link."""

_WIDE_FORMATS = re.compile(r"g722|g719|opus|siren(7|14)|s(peex|ilk|lin)(1[26]|24|32|44|48|96|192)|amrwb|evs")
"""Asterisk's names of what has more than 8 kHz (codec_builtin.c)."""


class AgiLine:
    """The caller of one conversation, whose recordings go into `take`."""

    def __init__(self, agi: Agi, take: Take) -> None:
        self._agi = agi
        self._take = take
        self._format: str | None = None

    def verdict(self) -> str:
        """As `ports.Line`."""
        return tape.variable(self._agi, VERDICT)

    def user(self) -> str:
        """As `ports.Line`."""
        return tape.variable(self._agi, USER)

    def hear(self, sounds: Sequence[str], keys: str = "") -> str:
        """As `ports.Line`."""
        for sound in sounds:
            if key := tape.hear(self._agi, sound, keys):
                return key
        return ""

    def key(self, seconds: float) -> str:
        """As `ports.Line`."""
        return tape.wait_for_key(self._agi, seconds)

    def record(self, seconds: int) -> None:
        """As `ports.Line`."""
        # The take before must not pass for this one, where Asterisk says that it has recorded and has not.
        self._take.begin(self._what_they_send())
        try:
            tape.record(self._agi, str(self._take.stem), self._take.format, END_KEY, seconds)
        except tape.RecordError as error:
            raise TakeError(f"{error}: {self._take.path}") from None

    def hear_take(self, keys: str) -> str:
        """As `ports.Line`."""
        return tape.hear(self._agi, str(self._take.stem), keys)

    def stay(self) -> None:
        """As `ports.Line`."""
        self._agi.check_presence(PRESENCE_SECONDS)

    def _what_they_send(self) -> str:
        """What to record in: 16 kHz where the phone sends that much or more. Asked once a call."""
        if self._format is None:
            names = re.findall(r"[a-z0-9]+", tape.variable(self._agi, "CHANNEL(audionativeformat)"))
            self._format = WIDE if names and _WIDE_FORMATS.fullmatch(names[0]) else NARROW
        return self._format

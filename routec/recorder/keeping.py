"""What was recorded, looked at as a sound, converted, and put in the place of the prompt's file.

`routec.sound` does both, as for `routec prompts add`: all files or none, and the ones before stay in `.replaced/`. Its
libraries take half a second and some memory, so nobody has them before the first recording is kept.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from routec.disk import why_refused
from routec.recorder.ports import TakeError
from routec.recorder.recordings import Recording, RecordingsError, place
from routec.recorder.takes import NARROW, RATES, Take
from routec.sound.keeping import KeepError, keep
from routec.sound.wav import SoundError, Wav, wav_fault

_TURN = threading.Lock()
"""One conversion at a time: that of ten minutes takes 130 MB."""


class SoundKeeper:
    """The keeper of one conversation: what is in `take` becomes a file below `prompts`.

    `find` tells the recording as it is now, None where nobody may record it any more; it may raise `RecordingsError`.
    """

    def __init__(self, prompts: Path, find: Callable[[], Recording | None], take: Take, longest: int) -> None:
        self._prompts = prompts
        self._find = find
        self._take = take
        self._longest = longest

    def seconds(self) -> float:
        """As `ports.Keeper`."""
        path = self._take.checked(self._longest)
        try:
            return Wav.read(path).seconds
        except SoundError as error:
            raise TakeError(f"{path}: {error}") from None

    def keep(self) -> str:
        """As `ports.Keeper`."""
        path = self._take.checked(self._longest)
        name = self._present().file
        file = place(self._prompts, name)
        from routec.sound.convert import convert

        try:
            if fault := wav_fault(Wav.read(path), RATES[self._take.format]):
                raise TakeError(f"{path}: {fault}")
            with _TURN:
                converted = convert(path, narrow_only=self._take.format == NARROW)
        except SoundError as error:
            raise TakeError(f"{path}: {error}") from None
        except OSError as error:
            raise TakeError(f"{path}: {why_refused(error)}") from None
        try:
            kept = keep(self._prompts, name, converted.narrow, converted.wide, datetime.now(UTC))
        except KeepError as error:
            raise TakeError(str(error)) from None
        before = f"; what was there before is {kept.replaced}" if kept.replaced else ""
        return f"{file} has {converted.seconds:.1f} s now{before}"

    def _present(self) -> Recording:
        """The recording. Whoever took the right to it away meanwhile, or moved it, means the calls that are up, too."""
        try:
            recording = self._find()
        except RecordingsError as error:
            raise TakeError(str(error)) from None
        if recording is None:
            raise TakeError("it may not be recorded any more")
        return recording

"""One recording over AGI, from the call's path to what is said of it in the process log.

Whatever goes wrong, nothing has changed, no temporary file is left, and nothing is raised.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from routec.contract import GRACE_SECONDS, RECORDER_FILE, RECORDER_PROMPTS, RECORDER_SECONDS
from routec.recorder.conversation import Conversation
from routec.recorder.keeping import SoundKeeper
from routec.recorder.line import AgiLine
from routec.recorder.ports import FAILED, REFUSED, Ending
from routec.recorder.recordings import Recording, RecordingsError, read_recordings
from routec.recorder.takes import Take, clear
from routec.signin.agi import Agi, AgiError
from routec.signin.call import Call, clean
from routec.signin.session import described

LONGEST_SECONDS = 590
"""The longest take: Asterisk may put a little more into one, and `routec.sound` takes ten minutes."""

_logger = logging.getLogger("routec.recorder")
_LEVELS = {FAILED: logging.ERROR, REFUSED: logging.WARNING}


class Recorder:
    """What all recordings share. `folder` holds the published `recorder.json`, `prompts` the files, `state` the takes.

    One recorder serves many threads.
    """

    def __init__(
        self, folder: Path, prompts: Path, state: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = folder / RECORDER_FILE
        self._prompts = prompts
        self._state = state
        self._clock = clock

    def clear(self) -> None:
        """Remove the takes that killed processes have left behind, as each recording does. Raises nothing."""
        clear(self._state)

    def record(self, agi: Agi, prompt: str, language: str | None) -> str:
        """Hold a conversation about a prompt in a language, or in the base one; gives one of `ports.RESULTS`.

        Raises nothing of its own.
        """
        agi.wire.deadline = time.monotonic() + RECORDER_SECONDS + GRACE_SECONDS
        self.clear()
        take = Take(self._state)
        line = AgiLine(agi, take)
        try:
            ending, user = self._converse(line, take, prompt, language)
        finally:
            take.end()
        call, name = Call.of(agi.env), f"{prompt} ({language})" if language else prompt
        who = ascii(clean(user)) if user else "nobody"
        level = _LEVELS.get(ending.result, logging.INFO)
        _logger.log(level, "call %s: recording of %s by %s: %s: %s", call.id, name, who, ending.result, ending.why)
        for sound in dict.fromkeys(agi.unplayed):
            _logger.error("call %s: Asterisk could not play %s, a sound of the recorder", call.id, sound)
        return ending.result

    def _converse(self, line: AgiLine, take: Take, prompt: str, language: str | None) -> tuple[Ending, str]:
        """What came of it, and who it was."""
        try:
            recordings = read_recordings(self._file)
        except RecordingsError as error:
            with contextlib.suppress(Exception):
                line.hear(RECORDER_PROMPTS["failed"][1])
            return Ending(FAILED, str(error)), ""
        recording = recordings.find(prompt, language)
        if recording is None:
            return Ending(REFUSED, "there is no such recording"), ""
        longest = min(recordings.seconds, LONGEST_SECONDS)

        def find() -> Recording | None:
            return read_recordings(self._file).find(prompt, language)

        keeper = SoundKeeper(self._prompts, find, take, longest)
        current = recording.sound if recording.is_there else None
        conversation = Conversation(current, recordings.sounds, longest, RECORDER_SECONDS, line, keeper, self._clock)
        try:
            ending = conversation.run()
        except AgiError as error:
            ending = conversation.end(FAILED, str(error))
        except Exception as error:  # noqa: BLE001 (a bug of ours must not end in silence)
            with contextlib.suppress(Exception):
                conversation.fail(described(error))
            ending = conversation.end(FAILED, described(error))
        return ending, conversation.user

"""What can be recorded, as the compiler wrote it into `recorder.json`; read anew at each call.

Read as strictly as `signin.modules` reads its file, and for more reason: it says which files are written. A path in it
is made of plain names and stays below routes/prompts/, through no link that leads out of there.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from routec.contract import LANGUAGE, RECORDER_FORMAT
from routec.recorder.ports import Said, TakeError
from routec.signin.compiled_file import check_format, read_compiled, words_of
from routec.signin.module_faults import NAME, SOUND

MOST_SECONDS = 600
MOST_SOUNDS = 100
_FILE_BYTES = 16 * 1024 * 1024
_FILE = re.compile(r"(?=.{5,204}\Z)[A-Za-z0-9_+-]+(?:[/.][A-Za-z0-9_+-]+)*\.wav")


class RecordingsError(Exception):
    """The file of recordings cannot be used; the message names it and the fault."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A prompt that can be recorded: in a language, or in None for the base one.

    `file` is its path below routes/prompts/, `sound` what Asterisk plays, if it `is_there`.
    """

    prompt: str
    language: str | None
    file: str
    sound: str
    is_there: bool


class Recordings(BaseModel):
    """The file as a whole. `seconds` is the longest recording."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    format: Literal[1]
    seconds: Annotated[int, Field(ge=1, le=MOST_SECONDS)]
    sounds: Said
    recordings: tuple[Recording, ...]

    def find(self, prompt: str, language: str | None) -> Recording | None:
        """The recording of this name in this language, or None."""
        wanted = (prompt, language)
        return next((one for one in self.recordings if (one.prompt, one.language) == wanted), None)


def read_recordings(path: Path) -> Recordings:
    """Read and check a file of recordings. Raises `RecordingsError`."""
    return read_compiled(path, _FILE_BYTES, parse_recordings, RecordingsError)


def parse_recordings(content: bytes) -> Recordings:
    """Check the content of a file of recordings. Raises `RecordingsError`."""
    check_format(content, RECORDER_FORMAT, RecordingsError)
    try:
        found = Recordings.model_validate_json(content)
    except ValidationError as error:
        raise RecordingsError(words_of(error)) from None
    for name in Said.__slots__:
        sounds = getattr(found.sounds, name)
        if len(sounds) > MOST_SOUNDS or not all(map(SOUND.fullmatch, sounds)):
            raise RecordingsError(f"sounds.{name}: these are no names of sounds")
    names = set()
    for one in found.recordings:
        _check(one)
        if (one.prompt, one.language) in names:
            raise RecordingsError(f"two recordings are named {_shown(one)}")
        names.add((one.prompt, one.language))
    return found


def place(prompts: Path, file: str) -> Path:
    """Where a recording's file lies, or will: below the folder of prompts. Raises `TakeError` for any other place."""
    path = prompts / file
    if not prompts.parent.is_dir():
        # Made anew for a recording, it would be a project without a route.
        raise TakeError(f"{prompts.parent} is gone")
    # Both as they really are: the folder may itself be a link.
    if not _FILE.fullmatch(file) or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(prompts)):
        raise TakeError(f"{path} leads out of {prompts}: nothing is written there")
    return path


def _check(one: Recording) -> None:
    if not NAME.fullmatch(one.prompt):
        raise RecordingsError(f"{one.prompt!r:.90} is no name for a prompt")
    if one.language is not None and not LANGUAGE.fullmatch(one.language):
        raise RecordingsError(f"{one.language!r:.90} is no language")
    if not _FILE.fullmatch(one.file):
        raise RecordingsError(f"{_shown(one)}: {one.file!r:.90} is no path of a .wav file below routes/prompts/")
    if not SOUND.fullmatch(one.sound):
        raise RecordingsError(f"{_shown(one)}: it has no usable sound name")


def _shown(one: Recording) -> str:
    return one.prompt if one.language is None else f"{one.prompt} ({one.language})"

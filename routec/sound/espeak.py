"""Text spoken by espeak-ng, a program of its own: placeholders for prompts that nobody has recorded yet."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from routec.contract import LANGUAGE
from routec.disk import why_refused
from routec.sound.wav import SoundError, placeholder_mark

if TYPE_CHECKING:
    from routec.sound.convert import Converted

PROGRAM = "espeak-ng"

SECONDS = 60
"""How long one text may take, in seconds."""

LONGEST_TEXT = 4000
"""Characters: some five minutes of speech."""

_NO_VOICE = "voice does not exist"


def find_program() -> str:
    """Where espeak-ng is on the path. Raises `SoundError` where it is not."""
    found = shutil.which(PROGRAM)
    if found is None:
        raise SoundError(f"{PROGRAM} is not installed, which speaks the texts", f"apt-get install {PROGRAM}")
    return found


def placeholder(text: str, language: str) -> "Converted":
    """A text in a language (`nl`, `en_gb`) as a sound of 8 kHz, which is marked as a placeholder.

    Where there is no voice of the country, it is the language's. Raises `SoundError`, OSError.
    """
    from routec.sound.convert import convert

    if not LANGUAGE.fullmatch(language):
        raise SoundError(f"`{language}` is no language")
    if not text.strip():
        raise SoundError("its text is empty")
    if len(text) > LONGEST_TEXT:
        raise SoundError(f"its text has {len(text)} characters; the most is {LONGEST_TEXT}")
    program = find_program()
    with tempfile.TemporaryDirectory(prefix="routec-speak-") as folder:
        spoken = Path(folder) / "spoken.wav"
        _speak(program, text, language, spoken)
        if not spoken.is_file():
            raise SoundError(f"{PROGRAM} spoke nothing: {text}")
        return convert(spoken, trim=True, level=True, narrow_only=True, comment=placeholder_mark(text))


def _speak(program: str, text: str, language: str, file: Path) -> None:
    voices = [language.replace("_", "-"), language.partition("_")[0]]
    for voice in dict.fromkeys(voices):
        said = _run(program, text, voice, file)
        if said is None:
            return
        if _NO_VOICE not in said:
            raise SoundError(f"{PROGRAM} failed: {said}")
    raise SoundError(f"{PROGRAM} has no voice for `{language}`", f"{PROGRAM} --voices lists them")


def _run(program: str, text: str, voice: str, file: Path) -> str | None:
    """What the program had to say where it failed. The text is no argument: it could be taken for an option."""
    # Between double brackets it takes names of phonemes.
    words = text.replace("[[", "[ [").encode("utf-8", "replace")
    try:
        done = subprocess.run(  # noqa: S603 (a program of the system's; the arguments are ours)
            [program, "-v", voice, "-b", "1", "--stdin", "-w", str(file)],
            input=words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise SoundError(f"{PROGRAM} had not spoken it after {SECONDS} s") from None
    except OSError as error:
        raise SoundError(f"{PROGRAM} cannot be run: {why_refused(error)}") from None
    if done.returncode == 0:
        return None
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else f"its exit code was {done.returncode}"

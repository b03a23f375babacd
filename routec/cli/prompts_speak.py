"""`routec prompts speak`: placeholders from the texts of prompts, to be heard before anybody has recorded."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from routec.cli import FAULTS, GOOD
from routec.cli.main import fail, os_words
from routec.cli.prompt_places import FOLDER, Places, language_option, titled
from routec.cli.written import tell_when
from routec.model import Prompt, Spoken
from routec.sound.espeak import find_program, placeholder
from routec.sound.keeping import IsThereError, KeepError, keep
from routec.sound.wav import SoundError, Wav


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@language_option
def speak(names: tuple[str, ...], language: str | None) -> None:
    """Have espeak-ng speak the `text` of prompts without a file.

    Of all, or of each NAME. The files are marked as placeholders, and spoken again where the text has changed. A
    recording is never touched.
    """
    places = Places.of_here()
    only = places.language(language)
    asked = [places.known(name) for name in names] or list(places.prompts.values())
    todo = [each for prompt in asked for each in _texts(prompt, only, is_meant=language is not None)]
    if names:
        _refuse_the_silent(asked, todo, language)
    try:
        find_program()
    except SoundError as error:
        fail(str(error), error.help, FAULTS)
    spoken = [_spoken(places, prompt, text, is_named=bool(names)) for prompt, text in todo]
    if "spoken" in spoken:
        tell_when()
    elif "failed" not in spoken:
        said = f"text {only}" if only else "text"
        what = f"nothing to speak: all that have a `{said}` are there" if todo else f"no prompt has a `{said}`"
        click.echo(what, err=True)
    sys.exit(FAULTS if "failed" in spoken else GOOD)


def _texts(prompt: Prompt, only: str | None, *, is_meant: bool) -> Iterator[tuple[Prompt, Spoken]]:
    """The texts of a prompt, of one language where one is meant; a sound of Asterisk's has none to be spoken."""
    if prompt.file is not None:
        yield from ((prompt, text) for text in prompt.texts if not is_meant or text.language == only)


def _refuse_the_silent(asked: list[Prompt], todo: list[tuple[Prompt, Spoken]], language: str | None) -> None:
    for prompt in asked:
        if prompt.file is None:
            fail(f"prompt `{prompt.name}` is a sound of Asterisk's, `{prompt.sound}`")
        if not any(one is prompt for one, _ in todo):
            said = f"text {language} " if language else "text "
            help = f'prompt {prompt.name} "{prompt.file}" {said}"…"'
            fail(f"prompt `{prompt.name}` has no `{said.strip()}`", help)


def _spoken(places: Places, prompt: Prompt, text: Spoken, *, is_named: bool) -> str:
    """Speak one text; says what came of it: `spoken`, `failed`, or `kept` as it was."""
    title = titled(prompt.name, text.language)
    file = places.file_of(prompt, prompt.name, text.language)
    if (FOLDER / file).exists():
        try:
            present = Wav.read(FOLDER / file).placeholder
        except SoundError as error:
            click.echo(f"{title}: {FOLDER / file} stays as it is: {error}", err=True)
            return "kept"
        if present is None or present == text.text:
            if is_named:
                what = "a recording, which stays" if present is None else "this placeholder already"
                click.echo(f"{title}: {FOLDER / file} is {what}", err=True)
            return "kept"
    try:
        made = placeholder(text.text, text.language or places.base)
        kept = keep(FOLDER, file, made.narrow, None, datetime.now(UTC), over="placeholder")
    except (SoundError, KeepError, OSError) as error:
        said = os_words(error) if isinstance(error, OSError) else str(error)
        help = f" ({error.help})" if isinstance(error, SoundError) and error.help else ""
        click.echo(f"{title}: {said}{help}", err=True)
        return "kept" if isinstance(error, IsThereError) else "failed"
    click.echo(f"{title}: spoken, {made.seconds:.1f} s: {kept.places[0]}")
    return "spoken"

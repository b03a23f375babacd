"""`routec prompts add` and `restore`: a sound from a file, or one that was replaced, put in its place."""

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli import FAULTS
from routec.cli.layout import for_a_reader_who_may_leave, put, table
from routec.cli.main import fail, os_words
from routec.cli.prompt_places import FOLDER, Places, language_option, titled
from routec.cli.written import tell_when
from routec.diagnostics import did_you_mean
from routec.sound.keeping import IsThereError, KeepError, Kept, Over, keep, replaced, restore
from routec.sound.wav import SoundError, Wav

if TYPE_CHECKING:
    from routec.sound.convert import Converted


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@language_option
@click.option("--trim", is_flag=True, help="Cut the silence at both ends.")
@click.option("--level", is_flag=True, help="Bring speech to the usual loudness.")
@click.option("--replace", "replaces", is_flag=True, help="Replace the sound that is there; it is kept.")
def add(name: str, file: Path, language: str | None, *, trim: bool, level: bool, replaces: bool) -> None:
    """Make a FILE with a sound the prompt NAME.

    Any wav, flac, ogg, mp3 or aiff is converted to what Asterisk plays best: 8 kHz, 16 bit, mono, and beside it 16 kHz
    where the file has more than 8. What is replaced is kept in routes/prompts/.replaced/ for `routec prompts restore`.
    """
    places = Places.of_here()
    spoken_in = places.language(language)
    place = places.file(name, spoken_in)
    _refuse_what_is_no_file(file)
    if not replaces and (FOLDER / place).exists():
        _is_there(FOLDER / place)
    converted = _converted(file, trim=trim, level=level)
    over: Over = "anything" if replaces else "nothing"
    try:
        kept = keep(FOLDER, place, converted.narrow, converted.wide, datetime.now(UTC), over=over)
    except IsThereError:
        _is_there(FOLDER / place)
    except KeepError as error:
        fail(str(error), code=FAULTS)
    click.echo(f"{titled(name, spoken_in)}: {'; '.join(converted.did)}")
    _tell(kept)


def _refuse_what_is_no_file(file: Path) -> None:
    try:
        state = file.stat()
    except OSError as error:
        fail(os_words(error))
    if not stat.S_ISREG(state.st_mode):
        fail(f"{file}: it is {'a folder' if stat.S_ISDIR(state.st_mode) else 'no file'}")


def _is_there(path: Path) -> None:
    fail(f"{path} is there already", "--replace replaces it, and keeps the old one", FAULTS)


def _converted(file: Path, *, trim: bool, level: bool) -> "Converted":
    from routec.sound.convert import convert

    try:
        return convert(file, trim=trim, level=level)
    except SoundError as error:
        fail(f"{file}: {error}", error.help, FAULTS)


def _tell(kept: Kept) -> None:
    written = " and ".join(map(str, kept.places))
    if not kept.changed:
        click.echo(f"{written}: the same was there before")
        return
    click.echo(f"{written}: written" + (f"; what was there is {kept.replaced} now" if kept.replaced else ""))
    tell_when()


@click.command("restore")
@click.argument("name")
@click.argument("stamp", required=False)
@language_option
@click.option("--list", "lists", is_flag=True, help="Only list what was replaced, the newest first.")
def restore_(name: str, stamp: str | None, language: str | None, *, lists: bool) -> None:
    """Put a replaced sound of the prompt NAME back.

    The last one, or the one with a STAMP that --list shows. The present sound is kept in turn, so that a second
    `restore` undoes the first.
    """
    places = Places.of_here()
    spoken_in = places.language(language)
    place = places.file(name, spoken_in)
    if lists:
        if stamp is not None:
            fail("--list goes without STAMP")
        _list(place)
        return
    try:
        all_ = replaced(FOLDER, place)
        if not all_:
            near = "" if name in places.prompts else did_you_mean(name, places.prompts)
            fail(f"nothing was replaced at {FOLDER / place}", near or "what git has, git can bring back", FAULTS)
        if stamp is not None and stamp not in [each.stamp for each in all_]:
            fail(f"no sound of {FOLDER / place} was replaced at `{stamp}`", "--list shows them")
        found, kept = restore(FOLDER, place, datetime.now(UTC), stamp)
    except KeepError as error:
        fail(str(error), code=FAULTS)
    click.echo(f"{titled(name, spoken_in)}: that of {found.stamp} is back")
    _tell(kept)


def _list(place: str) -> None:
    try:
        all_ = replaced(FOLDER, place)
    except KeepError as error:
        fail(str(error), code=FAULTS)
    rows = [(each.stamp, _length(each.narrow), str(each.narrow)) for each in all_]
    with for_a_reader_who_may_leave():
        for text in table(("stamp", "length", "file"), [rows]):
            put(text)
        if not rows:
            click.echo(f"nothing was replaced at {FOLDER / place}", err=True)


def _length(path: Path) -> str:
    try:
        return f"{Wav.read(path).seconds:.1f} s"
    except SoundError:
        return "unusable"

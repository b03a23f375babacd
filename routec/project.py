"""A project on disk: finds and reads what a compilation needs. Judges nothing but what it cannot read."""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from routec.diagnostics import Diagnostic, codes
from routec.disk import why_refused
from routec.files import Reader
from routec.frontend.reader import MOST_BYTES
from routec.frontend.syntax import USERS_SUFFIX
from routec.model.sound_files import SUFFIXES, WIDE_SUFFIX, stem
from routec.pipeline import Input
from routec.settings import SETTINGS_FILE, Settings
from routec.sound.wav import NARROW, WIDE, SoundError, Wav, wav_fault

ROUTES = "routes"
GENERATED = "generated"
PROMPTS = "prompts"
SUFFIX = ".route"

MOST_SECONDS_APART = 0.1
"""By how much the lengths of a sound at 8 and at 16 kHz may differ."""

OTHER_SUFFIXES = (".wav", ".mp3", ".ogg", ".opus", ".flac", ".aiff", ".aif", ".m4a", ".wma", ".gsm")
"""What sounds are called that are no prompt's yet; `.WAV` is one of them, since Asterisk looks for `.wav`."""

_USERS_NAMED = re.compile(r'\bfrom[ \t]+"([^"\\/\n][^"\\\n]*' + re.escape(USERS_SUFFIX) + r')"')


def load(root: Path, reader: Reader | None = None) -> Input:
    """Read the project in a folder: routes/, with its settings and prompts.

    What the same `reader` has read before is read again only where it changed.
    """
    routes = root / ROUTES
    return gather([routes], root, settings=routes / SETTINGS_FILE, prompts=routes / PROMPTS, reader=reader)


def gather(
    paths: Iterable[Path],
    root: Path,
    *,
    settings: Path | None = None,
    prompts: Path | None = None,
    reader: Reader | None = None,
) -> Input:
    """Read route files with their files of users, and those below folders.

    What cannot be read is a diagnostic; paths are shown from `root`.
    """
    reader = reader or Reader()
    reader.begin()
    faults: list[Diagnostic] = []
    files: dict[str, bytes] = {}
    users: dict[str, bytes] = {}
    for path in paths:
        folder = path if path.is_dir() else None
        for file in _files_below(path, root, faults) if folder else [path]:
            name = shown(file, root)
            if name in users or (data := _read(reader, file, name, faults, folder)) is None:
                continue
            if file.name.endswith(USERS_SUFFIX):
                users[name] = data
                continue
            files[name] = data
            for named in _users_named(file, data) if file is path else ():
                found = _read(reader, named, shown(named, root), faults, file.parent)
                users |= {} if found is None else {shown(named, root): found}
    text = None
    if settings is not None and os.path.lexists(settings):
        data = _read(reader, settings, shown(settings, root), faults, settings.parent)
        text = None if data is None else (shown(settings, root), data)
    sounds, others = sounds_below(prompts, reader) if prompts else ({}, ())
    return Input(files, text, sounds, tuple(faults), users, others)


def _files_below(folder: Path, root: Path, faults: list[Diagnostic]) -> list[Path]:
    """All files of ours below a folder; one that cannot be looked into is a fault: numbers may be missing then.

    What begins with `.` is an editor's: emacs makes a link `.#a.route` to nowhere while a file is edited.
    """

    def unread(error: OSError) -> None:
        faults.append(_unreadable(shown(Path(error.filename), root), error))

    found = os.walk(folder, onerror=unread)
    suffixes = (SUFFIX, USERS_SUFFIX)
    return sorted(
        Path(parent, name)
        for parent, _, names in found
        for name in names
        if name.endswith(suffixes) and not name.startswith(".")
    )


def _users_named(file: Path, data: bytes) -> list[Path]:
    """The files of users that a single route file names, and that are there: below its folder and nowhere else."""
    names = {name for name in _USERS_NAMED.findall(data.decode("utf-8", "replace")) if ".." not in name}
    return sorted(file.parent / name for name in names if os.path.lexists(file.parent / name))


def _unreadable(name: str, error: OSError) -> Diagnostic:
    return Diagnostic(codes.UNREADABLE_FILE, f"cannot read `{name}`: {why_refused(error)}", file=name)


def shown(path: Path, root: Path) -> str:
    """A path as users are shown it and as it stands in generated files: from the project's folder, with `/`."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links, and show another name)
    try:
        return absolute.relative_to(Path(os.path.abspath(root))).as_posix()  # noqa: PTH100
    except ValueError:
        return path.as_posix()


def _read(reader: Reader, path: Path, name: str, faults: list[Diagnostic], folder: Path | None) -> bytes | None:
    """The bytes of a file below a folder; a file that was named itself (no folder) is followed wherever it leads."""
    if folder is not None and _leads_out(path, folder):
        what = f"cannot read `{name}`: it is a link that leads out of its folder"
        help = "put the file itself there: what lies elsewhere is neither read nor shown"
        faults.append(Diagnostic(codes.UNREADABLE_FILE, what, file=name, help=help))
        return None
    try:
        return reader.of(path, _content)
    except OSError as error:
        faults.append(_unreadable(name, error))
    return None


def _content(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(0, "it is no file")
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _leads_out(path: Path, folder: Path) -> bool:
    """Whether a path below a folder leads elsewhere: whoever may add a link must not have `check` print what is there.

    The folder may itself be a link.
    """
    below = path.relative_to(folder).parts
    if not any(folder.joinpath(*below[:count]).is_symlink() for count in range(1, len(below) + 1)):
        return False
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


# ---- sounds


def recordings_folder(root: Path, settings: Settings) -> Path | None:
    """Where recordings by phone are put, which need not be there yet; None where nobody may record."""
    return root / ROUTES / PROMPTS if settings.prompts.records else None


def sounds_below(folder: Path, reader: Reader) -> tuple[dict[str, str], tuple[str, ...]]:
    """The files of sounds by their path in a folder, each with why Asterisk cannot play it, or empty.

    Beside them those in other formats, which no prompt can have.
    """
    paths, others = _sounds_below(folder)
    found = {path: reader.of(folder / path, _heard) for path in paths}
    faults = {path: heard.fault or _companion_fault(path, heard, found) for path, heard in found.items()}
    return faults, tuple(others)


class _Heard(NamedTuple):
    """What is wrong with a file of a sound, or an empty string, and how many seconds it is."""

    fault: str
    seconds: float


def _sounds_below(folder: Path) -> tuple[list[str], list[str]]:
    """The files of sounds that prompts can have, by their path in the folder, and those in other formats.

    What begins with `.` is none, nor what lies below such. That is not looked into: there may be twenty times as many
    replaced sounds as there are prompts.
    """
    found: list[str] = []
    others: list[str] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        above = Path(parent).relative_to(folder)
        for name in (*folders, *names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                found.append((above / name).as_posix())
            elif name in names and name.lower().endswith(OTHER_SUFFIXES) and not name.startswith("."):
                others.append((above / name).as_posix())
    return sorted(found), sorted(others)


def _companion_fault(path: str, wide: _Heard, found: Mapping[str, _Heard]) -> str:
    """Why a file at 16 kHz is no companion of the one at 8 kHz, or an empty string."""
    if not path.endswith(WIDE_SUFFIX):
        return ""
    file = f"{stem(path)}.wav"
    if file not in found:
        return f"`{file}`, the same at 8000 Hz, is not beside it"
    narrow = found[file]
    if not narrow.fault and abs(wide.seconds - narrow.seconds) > MOST_SECONDS_APART:
        return f"it is {wide.seconds:.1f} s long, and `{file}` beside it {narrow.seconds:.1f} s: one of them is old"
    return ""


def _heard(file: Path) -> _Heard:
    try:
        wav = Wav.read(file)
    except SoundError as error:
        return _Heard(str(error), 0)
    return _Heard(wav_fault(wav, WIDE if file.name.endswith(WIDE_SUFFIX) else NARROW), wav.seconds)

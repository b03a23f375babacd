"""Sounds put in their places below routes/prompts/: whole or not at all, and what they replace is kept for a while."""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from routec.disk import hand_over, make_folder, why_refused
from routec.rewrite import Change, RewriteError, alone, write_all
from routec.sound.wav import SUFFIX, WIDE_SUFFIX, SoundError, Wav, fault, wide_of

REPLACED = ".replaced"
"""The folder below the prompts' in which replaced files lie, as `NAME.20261127T223105Z.wav`; git passes over it."""

MOST_REPLACED = 10
"""How many replaced ones of a file are kept, the newest."""

Over = Literal["nothing", "placeholder", "anything"]
"""What may be replaced: no file at all, one that a machine spoke, or any."""

_MOST_BYTES = 256 << 20
_SHARED = stat.S_ISGID | stat.S_IWGRP
_LEFT = re.compile(r"\.(?:.+\.wav(?:16)?|\.gitignore)\.[a-z0-9_]{8}")
"""A file laid beside its place by somebody who was killed."""


class KeepError(Exception):
    """A sound could not be put in its place, and all is as it was. The message names the file."""


class IsThereError(KeepError):
    """There is a file already, and it may not be replaced."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A sound that was replaced: its `stamp`, as `restore` takes it, and its files, of 8 kHz and perhaps of 16."""

    stamp: str
    narrow: Path
    wide: Path | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The files that are in place now, and where the one that they replaced lies.

    `changed` is False where the same was there before.
    """

    places: tuple[Path, ...]
    replaced: Path | None
    changed: bool


def keep(
    folder: Path, file: str, narrow: bytes, wide: bytes | None, when: datetime, *, over: Over = "anything"
) -> Kept:
    """Put a sound in its place, `file` below the folder of the prompts, with the same at 16 kHz beside it or without.

    What was there is kept in `REPLACED` (but for a placeholder where `over` says so), with the time `when` in its name.
    At each moment the files are the old ones or the new ones, or for the blink of an eye lack the one of 16 kHz,
    whatever kills the process. Raises `IsThereError`, `KeepError`.
    """
    with _turn(folder):
        place = _Place.of(folder, file)
        if not _may_replace(place, over):
            there = place.wide if place.narrow_data is None else place.narrow
            raise IsThereError(f"{there} is there already")
        return _put(place, narrow, wide, when, keeps_old=over != "placeholder")


def replaced(folder: Path, file: str) -> list[Replaced]:
    """The sounds that were replaced of a file, the newest first. Raises `KeepError`."""
    with _named(folder):
        return _replaced(folder, file)


def restore(folder: Path, file: str, when: datetime, stamp: str | None = None) -> tuple[Replaced, Kept]:
    """Put a replaced sound back: the one of this stamp, or the newest that is another than the present one.

    The present one is kept in turn. Raises `KeepError`.
    """
    with _turn(folder):
        place = _Place.of(folder, file)
        found = _chosen(place, _replaced(folder, file), stamp)
        narrow, wide = _content(found.narrow), _content(found.wide) if found.wide else None
        if narrow is None or (why := fault(found.narrow)):
            raise KeepError(f"{found.narrow} cannot be put back: {why if narrow else 'it is gone'}")
        kept = _put(place, narrow, wide, when, keeps_old=True, back=found)
    return found, kept


def _chosen(place: "_Place", all_: list[Replaced], stamp: str | None) -> Replaced:
    if stamp is not None:
        for each in all_:
            if each.stamp == stamp:
                return each
        raise KeepError(f"no sound of {place.narrow} was replaced at {stamp}")
    for each in all_:
        if _content(each.narrow) != place.narrow_data:
            return each
    raise KeepError(
        f"nothing was replaced at {place.narrow}" if not all_ else f"{place.narrow} is the last one already"
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sound goes, and what is there."""

    folder: Path
    file: str
    narrow: Path
    wide: Path
    narrow_data: bytes | None
    wide_data: bytes | None

    @classmethod
    def of(cls, folder: Path, file: str) -> "_Place":
        _refuse_strange(file)
        narrow, wide = folder / file, folder / wide_of(file)
        _refuse_links(folder, narrow)
        return cls(folder, file, narrow, wide, _content(narrow), _content(wide))


def _may_replace(place: _Place, over: Over) -> bool:
    if place.narrow_data is None and (place.wide_data is None or over == "nothing"):
        return True
    if over != "placeholder":
        return over == "anything"
    try:
        return place.wide_data is None and Wav.read(place.narrow).placeholder is not None
    except SoundError:
        return False


def _put(
    place: _Place, narrow: bytes, wide: bytes | None, when: datetime, *, keeps_old: bool, back: Replaced | None = None
) -> Kept:
    places = (place.narrow,) if wide is None else (place.narrow, place.wide)
    if (place.narrow_data, place.wide_data) == (narrow, wide):
        return Kept(places, None, changed=False)
    _make(place.narrow.parent)
    old = _old(place, when) if keeps_old else []
    if old:
        _make(_shelf(place.folder, place.file))
    # The one of 16 kHz goes first and comes last: beside one that it does not belong to, it would be a fault.
    changes = [*old]
    if place.wide_data is not None:
        changes.append(Change(place.wide, place.wide_data, None))
    changes.append(Change(place.narrow, place.narrow_data, narrow))
    if wide is not None:
        changes.append(Change(place.wide, None, wide))
    gone = (back.narrow, back.wide) if back else ()
    changes += [Change(path, _content(path), None) for path in gone if path is not None]
    write_all(changes, must_keep_owner=False)
    _prune(place)
    return Kept(places, next((each.path for each in old if each.path.suffix == SUFFIX), None), changed=True)


def _old(place: _Place, when: datetime) -> list[Change]:
    """What is to lie in the shelf of replaced files, with what makes git pass over it."""
    stamp, shelf = _stamp(place, when), _shelf(place.folder, place.file)
    stem = PurePosixPath(place.file).name.removesuffix(SUFFIX)
    ignore = place.folder / REPLACED / ".gitignore"
    found = ((SUFFIX, place.narrow_data), (WIDE_SUFFIX, place.wide_data))
    changes = [Change(shelf / f"{stem}.{stamp}{suffix}", None, data) for suffix, data in found if data is not None]
    return changes if os.path.lexists(ignore) or not changes else [Change(ignore, None, b"*\n"), *changes]


def _stamp(place: _Place, when: datetime) -> str:
    """The time, later than all before it: a clock that was put back must not make an old sound the newest."""
    now = when.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    last = max(_stamps(place.folder, place.file), default=("", 0))
    if last[0] < now:
        return now
    return f"{last[0]}-{last[1] + 1}"


def _stamps(folder: Path, file: str) -> dict[tuple[str, int], dict[str, Path]]:
    """The files of replaced sounds, by their suffix, and that by their stamp and its counter."""
    stem = re.escape(PurePosixPath(file).name.removesuffix(SUFFIX))
    name = re.compile(stem + r"\.(\d{8}T\d{6}Z)(?:-([1-9]\d*))?(\.wav|\.wav16)", re.ASCII)
    shelf = _shelf(folder, file)
    _refuse_links(folder, folder / REPLACED / file)
    found: dict[tuple[str, int], dict[str, Path]] = {}
    for path in shelf.iterdir() if shelf.is_dir() else ():
        if match := name.fullmatch(path.name):
            found.setdefault((match[1], int(match[2] or 1)), {})[match[3]] = path
    return found


def _replaced(folder: Path, file: str) -> list[Replaced]:
    _refuse_strange(file)
    found = sorted(_stamps(folder, file).items(), reverse=True)
    return [
        Replaced(f"{time}-{count}" if count > 1 else time, paths[SUFFIX], paths.get(WIDE_SUFFIX))
        for (time, count), paths in found
        if SUFFIX in paths
    ]


def _prune(place: _Place) -> None:
    """Let go what is too old, and what the killed left behind. The new sound is in place: nothing here is a failure."""
    shelf = _shelf(place.folder, place.file)
    try:
        _refuse_links(place.folder, place.folder / REPLACED / place.file)
    except KeepError:
        return
    with contextlib.suppress(OSError):
        for _, paths in sorted(_stamps(place.folder, place.file).items(), reverse=True)[MOST_REPLACED:]:
            for path in paths.values():
                path.unlink(missing_ok=True)
    for folder in (place.narrow.parent, shelf):
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if _LEFT.fullmatch(path.name):
                    path.unlink(missing_ok=True)


def _shelf(folder: Path, file: str) -> Path:
    return (folder / REPLACED / file).parent


# ---- the disk


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """With the folder, made if need be, and nobody else at it; what goes wrong is a `KeepError`."""
    with _named(folder):
        _make(folder)
        with alone(folder):
            yield


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    try:
        yield
    except RewriteError as error:
        raise KeepError(str(error)) from None
    except OSError as error:
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else folder
        raise KeepError(f"cannot write {where}: {why_refused(error)}") from None


def _make(folder: Path) -> None:
    """Folders that are missing, for the group to write in where it may write in the one above: git's and `serve`'s."""
    for made in reversed(make_folder(folder)):
        handle = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            above, new = made.parent.stat(), os.fstat(handle)
            if above.st_mode & _SHARED == _SHARED and (above.st_gid, os.geteuid()) == (new.st_gid, new.st_uid):
                os.fchmod(handle, 0o755 | _SHARED)
            hand_over(handle, made.parent)
        finally:
            os.close(handle)


def _content(path: Path) -> bytes | None:
    try:
        state = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(state.st_mode):
        raise KeepError(f"{path} is {'a link' if stat.S_ISLNK(state.st_mode) else 'no file'}; nothing was written")
    if state.st_size > _MOST_BYTES:
        raise KeepError(f"{path} has more than {_MOST_BYTES >> 20} MB; move it away; nothing was written")
    return path.read_bytes()


def _refuse_strange(file: str) -> None:
    parts = PurePosixPath(file).parts
    is_below = bool(parts) and not any(part in ("/", "..") or part.startswith(".") for part in parts)
    if not is_below or not file.endswith(SUFFIX):
        raise KeepError(f"{file} is no name of a sound file")


def _refuse_links(folder: Path, path: Path) -> None:
    """Folders below the prompts' are no links: what is written there must not land elsewhere."""
    for parent in path.relative_to(folder).parents:
        if (folder / parent).is_symlink() and parent.parts:
            raise KeepError(f"{folder / parent} is a link; nothing is written there")

"""Generated files on disk: all of them written whole or none at all, and only where they differ.

Everything new is laid beside its place first and put on disk; only then are the names moved, which needs no more room.
The file that was there before keeps a second name until it is sure that the new ones stay: putting it back is a rename,
too, and cannot fail for a full disk. What a killed process left lying is cleared by the next, which holds the lock.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from routec.apply.lock import locked
from routec.apply.manifest import sounds
from routec.apply.retired_conf import retired_sounds, without_tail
from routec.apply.shelf import MAIN_FILE, MANIFEST_FILE, MARK, RETIRED_FILE, Shelf
from routec.contract import MODULES_FILE, RECORDER_FILE, SCRIPT_FILE
from routec.disk import hand_over, lay, make_folder, sync, user_name
from routec.model.sound_files import hides

TEMPORARY = ".routec-new."
KEPT = ".routec-old."
"""How the names of our own begin; a leading `.` keeps them out of an admin's `#include *.conf`."""

_ORDER = {SCRIPT_FILE: 1, MODULES_FILE: 2, RECORDER_FILE: 3, MANIFEST_FILE: 4, RETIRED_FILE: 5, MAIN_FILE: 6}
"""Sounds come before all of these."""


class PublishError(Exception):
    """The generated files could not be written; those in the folder are as they were."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help

    @classmethod
    def of(cls, place: object, error: OSError) -> Self:
        """For what could not be written."""
        help = ""
        if isinstance(error, PermissionError):
            user = user_name()
            help = (
                f"the published folder and all in it must be {user}'s, who runs this: sudo chown -R {user} FOLDER; "
                "or run it as the user of `routec serve`: sudo -u asterisk routec …"
            )
        return cls(f"cannot write {place}: {error.strerror or type(error).__name__}", help)


class Publication:
    """New files for a folder: staged when it is made, moved to their places by `commit`, put back by `restore`.

    Whoever makes one holds the folder's lock, and uses it as a context manager: at its end nothing of it lies about,
    and what was not committed has not happened. Raises `PublishError`, also when it is made.
    """

    def __init__(self, files: Mapping[str, bytes], removed: Collection[str], shelf: Shelf) -> None:
        self._shelf, self._folder = shelf, shelf.folder
        self._files = files
        self._names = sorted(files, key=lambda name: (_ORDER.get(name, 0), name))
        self._removed = sorted(removed)
        self._staged: dict[str, Path] = {}
        self._kept: dict[str, Path | None] = {}
        """Where the file that was in the place is now, by the name of the place; None for a place that was empty."""
        self._made: list[Path] = []
        _refuse_foreign(self._folder / MAIN_FILE)
        try:
            with self._telling("") as at:
                for folder in dict.fromkeys((self._folder / name).parent for name in [*self._names, *self._removed]):
                    self._make(folder)
                for name in self._names:
                    at(name)
                    mode = 0o755 if name == SCRIPT_FILE else 0o644
                    self._staged[name] = _lay(self._folder / name, files[name], mode, TEMPORARY)
        except BaseException:
            self._discard()
            raise

    @property
    def names(self) -> list[str]:
        """What changes, in the order in which it does."""
        return [*self._names, *self._removed]

    def commit(self) -> None:
        """Move all files to their places. Raises `PublishError`; all is then as it was."""
        try:
            with self._telling("") as at:
                for name in self._names:
                    at(name)
                    self._keep(name)
                    self._staged[name].replace(self._folder / name)
                    del self._staged[name]
                for name in self._removed:
                    at(name)
                    self._keep(name)
                    (self._folder / name).unlink(missing_ok=True)
                self._sync()
        except BaseException:
            self.restore()
            raise
        for name in self._names:
            self._shelf.wrote(name, self._files[name])
        for name in self._removed:
            self._shelf.forget(name)

    def restore(self) -> None:
        """Put back what was there before; the main file first, so that it never refers to what is gone.

        Raises `PublishError`.
        """
        with self._telling("") as at:
            for name in reversed(list(self._kept)):
                at(name)
                path, kept = self._folder / name, self._kept[name]
                if kept is None:
                    path.unlink(missing_ok=True)
                else:
                    kept.replace(path)
                    kept.unlink(missing_ok=True)  # a rename onto a second name of the same file does nothing at all
                del self._kept[name]
                self._shelf.forget(name)
            self._sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def _make(self, folder: Path) -> None:
        missing = make_folder(folder)
        self._made += missing
        for each in reversed([one for one in missing if self._folder in one.parents]):
            handle = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                hand_over(handle, self._folder)
            finally:
                os.close(handle)

    def _keep(self, name: str) -> None:
        path = self._folder / name
        kept = path.with_name(f"{KEPT}{path.name}")
        kept.unlink(missing_ok=True)
        try:
            os.link(path, kept, follow_symlinks=False)
        except FileNotFoundError:
            self._kept[name] = None
        except OSError:  # no second names on this file system, or none for a file of another's
            self._kept[name] = _lay(path, path.read_bytes(), path.stat().st_mode & 0o777, KEPT)
        else:
            self._kept[name] = kept

    def _discard(self) -> None:
        """Take away what only we know of. What cannot be taken away is cleared by the next."""
        for path in [*self._staged.values(), *(kept for kept in self._kept.values() if kept)]:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # an empty one of ours

    def _sync(self) -> None:
        for folder in dict.fromkeys((self._folder / name).parent for name in self.names):
            sync(folder)

    @contextmanager
    def _telling(self, name: str) -> Iterator[Callable[[str], None]]:
        """Make an OSError a `PublishError` that names the file at hand."""

        def at(now: str) -> None:
            nonlocal name
            name = now

        try:
            yield at
        except OSError as error:
            raise PublishError.of(self._folder / name, error) from error


def stale(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """The names of the files that differ from what stands in a folder, those too many among them. Raises OSError.

    What `apply` adds to an extensions.conf while calls are in retired contexts makes no difference.
    """
    shelf = Shelf(folder)
    return sorted([*_differing(files, shelf), *surplus(files, shelf)])


def publish(files: Mapping[str, bytes], folder: Path, waiting: Callable[[], None] = lambda: None) -> list[str]:
    """Make a folder hold just these files, and say which changed. Raises `PublishError`.

    Files that are none of ours stay. `waiting` is called where another process writes there, and this one waits.
    """
    shelf = Shelf(folder)
    try:
        with locked(folder, waiting):
            clear(files, folder)
            changed = {name: files[name] for name in _differing(files, shelf)}
            with Publication(changed, surplus(files, shelf), shelf) as publication:
                publication.commit()
                return publication.names
    except OSError as error:
        raise PublishError.of(error.filename or folder, error) from error


def _differing(files: Mapping[str, bytes], shelf: Shelf) -> list[str]:
    differing = [name for name, data in files.items() if not shelf.holds(name, data)]
    if MAIN_FILE in differing and without_tail(shelf.read(MAIN_FILE) or b"") == files[MAIN_FILE]:
        differing.remove(MAIN_FILE)
    return differing


def surplus(files: Mapping[str, bytes], shelf: Shelf) -> list[str]:
    """Sounds that the build before this one wrote, and that no prompt has any more. Those of others stay.

    So do those that retired contexts may still play: they go when these go. But what `hides` a new sound goes at once.
    """
    left = left_over(files, shelf)
    return left if shelf.read(RETIRED_FILE) is None else [name for name in left if hides(name, files)]


def left_over(files: Collection[str], shelf: Shelf) -> list[str]:
    """Sounds that are there from builds before this one, for calls that may be over, and that it does not have."""
    names = {*sounds(shelf.read(MANIFEST_FILE)), *retired_sounds(shelf.read(RETIRED_FILE) or b"")}
    return sorted(name for name in names if name not in files and (shelf.folder / name).is_file())


def _refuse_foreign(path: Path) -> None:
    """Leave an extensions.conf alone that is not routec's, but an admin's own."""
    try:
        with path.open("rb") as file:
            is_ours = file.read(len(MARK)) in (MARK, b"")
    except OSError:
        return
    if not is_ours:
        raise PublishError(f"{path} is not routec's: it does not begin with `{MARK.decode()}`; write to another folder")


def clear(names: Iterable[str], folder: Path) -> None:
    """Take away what a process left that was killed, beside files of these names; for whoever holds the lock."""
    for place in {(folder / name).parent for name in names}:
        with contextlib.suppress(OSError), os.scandir(place) as found:
            for entry in found:
                if entry.name.startswith((TEMPORARY, KEPT)):
                    Path(entry.path).unlink(missing_ok=True)


def _lay(path: Path, data: bytes, mode: int, prefix: str) -> Path:
    """Write a file beside its place, and have it on disk."""
    if path.is_dir():
        raise IsADirectoryError(21, "Is a directory")

    def dress(handle: int) -> None:
        os.fchmod(handle, mode)
        hand_over(handle, path.parent)

    return lay(path, data, prefix, dress)

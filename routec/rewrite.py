"""Files of the project anew, all or none: replaced whole, with mode and owner, and never over another's change."""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from routec.disk import hand_over, lay, sync, why_refused

NEW_MODE = 0o644

TURN_SECONDS = 20.0
"""How long a process that writes there already is waited for."""

_LOOK_SECONDS = 0.02


class RewriteError(Exception):
    """A file could not be written and is as it was. The message names it."""


class Change(NamedTuple):
    """A file as it was read (None: it was not there), and as it is to be (None: it is not to be there)."""

    path: Path
    before: bytes | None
    after: bytes | None


def rewrite(folder: Path, changes: Mapping[Path, tuple[bytes | None, bytes | None]]) -> None:
    """Write files below a folder: each as it was read, and as it is to be (None: no file).

    Nothing is written if one of them is not as it was read. Raises `RewriteError`.
    """
    with _named(folder), alone(folder):
        for path, (before, _) in changes.items():
            if _content(path) != before:
                raise RewriteError(f"{path} was changed in the meantime; nothing was written")
        write_all([Change(path, before, after) for path, (before, after) in changes.items()])


def write_all(changes: Iterable[Change], *, must_keep_owner: bool = True) -> None:
    """Make changes in their order, for a caller who is `alone` there; a file may be changed more than once.

    All texts are on the disk before the first file is replaced; if one cannot be, those before it are put back. Without
    `must_keep_owner`, a file whose owner cannot be kept is the writer's then. Raises `RewriteError`.
    """
    steps: list[_Step] = []
    try:
        for path, before, after in changes:
            with _named(path):
                steps.append(_Step(path, path.resolve(), must_keep_owner))
                steps[-1].prepare(before, after)
        _replace(steps)
    finally:
        for step in steps:
            step.clear()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other process that asks for the same writes below this folder meanwhile.

    Raises OSError, also where another has it for longer than any of ours: a caller may be waiting, and whoever may read
    a folder can hold its lock.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + TURN_SECONDS
        while not _is_locked(handle):
            if time.monotonic() > until:
                raise OSError(errno.EWOULDBLOCK, "another process has it locked", str(folder))
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        os.close(handle)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(slots=True)
class _Step:
    """A file that is replaced, and the temporary files beside it: its new text, and its old one to put back."""

    path: Path
    place: Path
    must_keep_owner: bool
    new: Path | None = None
    old: Path | None = None

    def prepare(self, before: bytes | None, after: bytes | None) -> None:
        """Write both; what is on the disk then needs a name only."""
        self.new = self._temporary(after)
        self.old = self._temporary(before)

    def _temporary(self, data: bytes | None) -> Path | None:
        """A file beside the place with this text and the mode and owner of that one, on the disk."""

        def dress(handle: int) -> None:
            _keep_mode_and_owner(self.place, handle, must_keep_owner=self.must_keep_owner)

        return None if data is None else lay(self.place, data, ".", dress)

    def swap(self, source: Path | None) -> None:
        """Give the file the text of a temporary one; None: remove it."""
        if source is None:
            self.place.unlink(missing_ok=True)
        else:
            source.replace(self.place)
        sync(self.place.parent)

    def clear(self) -> None:
        """Remove what is left of the temporary files."""
        for temporary in (self.new, self.old):
            if temporary is not None:
                temporary.unlink(missing_ok=True)


def _replace(steps: list[_Step]) -> None:
    begun: list[_Step] = []
    try:
        for step in steps:
            begun.append(step)
            with _named(step.path):
                step.swap(step.new)
    except BaseException:
        stuck = [str(step.path) for step in reversed(begun) if not _is_put_back(step)]
        if stuck:
            raise RewriteError(f"cannot write, and cannot put back as it was: {', '.join(stuck)}") from None
        raise


def _is_put_back(step: _Step) -> bool:
    if step.place.exists() if step.new is None else step.new.exists():
        return True  # It was not replaced yet.
    try:
        step.swap(step.old)
    except OSError:
        left = step.place if step.old is None else step.old
        return not left.exists()  # Replaced all the same, and only the disk was not told.
    return True


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RewriteError(f"cannot write {path}: {why_refused(error)}") from None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RewriteError(f"cannot read {path}: {why_refused(error)}") from None


def _keep_mode_and_owner(path: Path, handle: int, *, must_keep_owner: bool) -> None:
    """Those of the file that is replaced. Whoever reads it now is to read it then."""
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(handle, NEW_MODE)
        hand_over(handle, path.parent)
        return
    new = os.fstat(handle)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(handle, old.st_uid, old.st_gid)
        except PermissionError:
            if not must_keep_owner:
                os.fchmod(handle, stat.S_IMODE(old.st_mode) & 0o777)
                return
            raise RewriteError(f"cannot write {path} and keep its owner; run routec as that user or as root") from None
    os.fchmod(handle, stat.S_IMODE(old.st_mode))

"""A file of the project with new text: replaced whole, with its mode and owner, and never over another's change."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NEW_MODE = 0o644


class RewriteError(Exception):
    """A file could not be written and is as it was. The message names it."""


def rewrite(folder: Path, changes: Mapping[Path, tuple[bytes | None, bytes]]) -> None:
    """Write files below a folder: each as it was read (None: it was not there), and as it is to be.

    Nothing is written if one of them is not as it was read. Of several, each is replaced whole, one after the other.
    Raises `RewriteError`.
    """
    with _alone(folder):
        for path, (before, _) in changes.items():
            if _content(path) != before:
                raise RewriteError(f"{path} was changed in the meantime; nothing was written")
        for path, (_, after) in changes.items():
            try:
                _replace(path.resolve(), after)
            except OSError as error:
                raise RewriteError(f"cannot write {path}: {(error.strerror or type(error).__name__).lower()}") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other `routec users` writes below this folder meanwhile."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RewriteError(f"cannot read {path}: {(error.strerror or type(error).__name__).lower()}") from None


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _keep_mode_and_owner(path, file.fileno())
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keep_mode_and_owner(path: Path, handle: int) -> None:
    """Those of the file that is replaced. Whoever reads it now is to read it then."""
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(handle, NEW_MODE)
        return
    new = os.fstat(handle)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(handle, old.st_uid, old.st_gid)
        except PermissionError:
            raise RewriteError(f"cannot write {path} and keep its owner; run routec as that user or as root") from None
    os.fchmod(handle, stat.S_IMODE(old.st_mode))

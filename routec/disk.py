"""Files laid beside their places and put on the disk, so that no more than a rename is left to do."""

import contextlib
import os
import pwd
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path


def lay(path: Path, data: bytes, prefix: str, dress: Callable[[int], None]) -> Path:
    """Write a file beside a path, and have it on the disk; `dress` gives its handle a mode and an owner.

    Its name begins with `prefix` and the path's. Raises OSError, and what `dress` raises; nothing is left lying then.
    """
    # A name that nobody can guess, never one that is there: no link that another laid can catch it.
    handle, name = tempfile.mkstemp(prefix=f"{prefix}{path.name}.", dir=path.parent)
    laid = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            dress(file.fileno())
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            laid.unlink(missing_ok=True)
        raise
    return laid


def hand_over(handle: int, folder: Path) -> None:
    """Give what root has just made in another's folder to that folder's owner; does nothing for all others.

    What has a second name stays whose it is: the owner of the folder may have linked somebody's file there. Raises
    OSError.
    """
    if os.geteuid() != 0:
        return
    owner, made = folder.stat(), os.fstat(handle)
    if owner.st_uid != made.st_uid == 0 and (stat.S_ISDIR(made.st_mode) or made.st_nlink == 1):
        os.fchown(handle, owner.st_uid, owner.st_gid)


def make_folder(folder: Path) -> list[Path]:
    """Make a folder, and those above it that are missing, for others to read as its files are; gives them, it first.

    Raises OSError.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        handle = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(handle).st_uid == os.geteuid():  # another process may have been quicker
                os.fchmod(handle, 0o755)
        finally:
            os.close(handle)
    return missing


def why_refused(error: OSError) -> str:
    """What the system refused, in words that go on a sentence; without the file that it was about."""
    return (error.strerror or type(error).__name__).lower()


def user_name() -> str:
    """Whom this process runs as."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def sync(folder: Path) -> None:
    """Have the names in a folder on the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

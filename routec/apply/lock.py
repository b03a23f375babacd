"""One at a time: whoever writes into a published folder, or reloads a PBX from it, holds its lock."""

import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from routec.disk import hand_over, make_folder

LOCK_FILE = ".routec.lock"
"""It stays where it is: one that is taken away lets one more in, and no more."""

POLL_SECONDS = 0.02
SAY_SECONDS = 1.0


@contextmanager
def locked(folder: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a folder, which is made if need be; `waiting` is called once where another holds it for long.

    The lock ends with the process, however that ends. Raises OSError.
    """
    make_folder(folder)
    say_at = time.monotonic() + SAY_SECONDS
    while True:
        handle = _open(folder)
        try:
            if _is_taken(handle, folder / LOCK_FILE):
                yield
                return
            # Polls, since a flock that waits cannot be left by a thread that is asked to stop.
            if time.monotonic() >= say_at:
                say_at = math.inf
                waiting()
            time.sleep(POLL_SECONDS)
        finally:
            os.close(handle)


def _open(folder: Path) -> int:
    # Closed to others: who may open it could hold it. No link is followed: the folder may be writable by others.
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        # `sudo routec apply` must not shut out the user that `serve` runs as.
        hand_over(handle, folder)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_taken(handle: int, path: Path) -> bool:
    """Try to take it. A lock on a file that is not in its place any more (`git clean -X`) is none."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False

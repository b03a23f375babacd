"""One at a time: whoever writes into a published folder, or reloads a PBX from it, holds its lock."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = ".routec.lock"
"""It stays where it is: a lock file that is taken away would let two in."""

POLL_SECONDS = 0.02
SAY_SECONDS = 1.0


@contextmanager
def locked(folder: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a folder, which is made if need be; `waiting` is called once where another holds it for long.

    The lock ends with the process, however that ends. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Closed to others: who may open it could hold it. No link is followed: the folder may be writable by others.
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        _wait(handle, waiting)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, waiting: Callable[[], None]) -> None:
    """Polls, since a flock that waits cannot be left by a thread that is asked to stop."""
    say_at: float | None = time.monotonic() + SAY_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if say_at is not None and time.monotonic() >= say_at:
                say_at = None
                waiting()
            time.sleep(POLL_SECONDS)
        else:
            return

"""The temporary recordings: in a folder that is closed to others, under names that nobody guesses, and soon gone.

Asterisk writes them, so it runs as the user that `serve` runs as. What lies there under a name of ours may still be
anything.
"""

import logging
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from routec.contract import GRACE_SECONDS, RECORDER_SECONDS
from routec.disk import why_refused
from routec.recorder.ports import TakeError

FOLDER = "recordings"
NARROW, WIDE = "wav", "wav16"
"""Asterisk's names for WAV of 8 and of 16 kHz, which are also the suffixes of its files."""

RATES = {NARROW: 8_000, WIDE: 16_000}
SLACK_SECONDS = 30
"""Asterisk counts a recording's time by the clock, and what came meanwhile by the packet."""

LEFT_SECONDS = RECORDER_SECONDS + GRACE_SECONDS + SLACK_SECONDS
"""What nobody has touched for longer is no call's any more."""

_logger = logging.getLogger("routec.recorder")


class Take:
    """One temporary recording in the state folder; `begin` it, perhaps more than once, and `end` it."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.stem = state / FOLDER / secrets.token_hex(20)
        """Its path without its suffix, as Asterisk wants it."""
        self.format = NARROW

    @property
    def path(self) -> Path:
        """Where the file is, if it is."""
        return self.stem.with_name(f"{self.stem.name}.{self.format}")

    def begin(self, format: str) -> None:
        """Make room for a recording; the one before is gone. Raises `TakeError`."""
        _folder(self._state, make=True)
        self._remove()
        self.format = format

    def checked(self, longest: int) -> Path:
        """The path, where a file is that can be one of `longest` seconds. Raises `TakeError`."""
        with _named(self.path):
            try:
                status = os.lstat(self.path)
            except FileNotFoundError:
                raise TakeError(
                    f"Asterisk says that it has recorded, and {self.path} is not there: does it run on this machine, "
                    "as this user?"
                ) from None
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise TakeError(f"{self.path} is no file of Asterisk's")
        if status.st_size > (longest + SLACK_SECONDS) * RATES[self.format] * 2:
            raise TakeError(f"{self.path} has {status.st_size} bytes, more than {longest} s can have")
        return self.path

    def end(self) -> None:
        """Leave no file behind. Raises nothing."""
        try:
            self._remove()
        except TakeError as error:
            _logger.error("it was not removed: %s", error)  # noqa: TRY400 (a traceback would add nothing)

    def _remove(self) -> None:
        with _named(self.path):
            self.path.unlink(missing_ok=True)


def clear(state: Path) -> None:
    """Remove what processes that were killed have left there; raises nothing.

    What is younger than a call may be old is left alone: another process may be at work here, if by mistake.
    """
    folder = state / FOLDER
    try:
        if not folder.is_dir():
            return
        _folder(state, make=False)
        left = [path for path in folder.iterdir() if _is_left(path)]
    except (OSError, TakeError) as error:
        _logger.warning("cannot look for recordings that were left behind: %s", error)
        return
    for path in left:
        try:
            with _named(path):
                path.unlink(missing_ok=True)
        except TakeError as error:
            _logger.warning("a recording that was left behind: %s", error)


def _is_left(path: Path) -> bool:
    try:
        return abs(time.time() - path.lstat().st_mtime) > LEFT_SECONDS
    except FileNotFoundError:
        return False


def _folder(state: Path, *, make: bool) -> None:
    """See to it that the folder is closed to others; this user's, and no link. Raises `TakeError`."""
    folder = state / FOLDER
    with _named(folder):
        if make:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(handle).st_uid != os.geteuid():
                raise TakeError(f"{folder} is another user's")
            os.fchmod(handle, 0o700)
        finally:
            os.close(handle)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What the system refuses, as a `TakeError` that names the path."""
    try:
        yield
    except OSError as error:
        raise TakeError(f"{path}: {why_refused(error)}") from None

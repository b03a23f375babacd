"""Files, read again only where they changed since they were read last."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Value = TypeVar("Value")

Signature = tuple[int, ...]

SETTLED_NANOSECONDS = 2_000_000_000
"""A file that was touched less than so long before it was read is read again: it may change once more without a new
time, where the clock of its file system ticks slowly (2 s on FAT)."""


class _Known(NamedTuple):
    signature: Signature
    is_settled: bool
    value: Any


class Reader:
    """Keeps what was made of each file for as long as the file is the same; what a round does not ask for is let go."""

    def __init__(self) -> None:
        self._before: dict[tuple[Path, object], _Known] = {}
        self._now: dict[tuple[Path, object], _Known] = {}

    def begin(self) -> None:
        """Begin a round."""
        self._before, self._now = self._now, {}

    def of(self, path: Path, make: Callable[[Path], Value]) -> Value:
        """What is made of a file's content; an equal value is the same object as before. Raises what `make` raises."""
        try:
            status = path.stat()
        except OSError:
            return make(path)
        touched = max(status.st_mtime_ns, status.st_ctime_ns)
        signature = (touched, status.st_mtime_ns, status.st_size, status.st_mode, status.st_ino, status.st_dev)
        known = self._before.get((path, make))
        if known is None or known.signature != signature or not known.is_settled:
            is_settled = time.time_ns() - touched > SETTLED_NANOSECONDS
            value = make(path)
            if known is not None and known.value == value:
                value = known.value
            known = _Known(signature, is_settled, value)
        self._now[path, make] = known
        found: Value = known.value
        return found

"""The deadline of what a thread is doing with a database."""

import contextlib
import threading
import time
from collections.abc import Iterator

ANSWER_SECONDS = 60
"""How long one answer may take where there is no deadline: in a list that somebody reads."""


class _Deadline(threading.local):
    at: float | None = None
    patience: float = 0


_deadline = _Deadline()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread asks of a database in the block has so many seconds in all; an outer deadline stays."""
    outer = _deadline.at
    inner = time.monotonic() + seconds
    _deadline.at = inner if outer is None else min(inner, outer)
    try:
        yield
    finally:
        _deadline.at = outer


@contextlib.contextmanager
def unhurried(seconds: float) -> Iterator[None]:
    """A deadline of its own, also beyond the outer one."""
    outer = _deadline.at
    _deadline.at = time.monotonic() + seconds
    try:
        yield
    finally:
        _deadline.at = outer


@contextlib.contextmanager
def patient(seconds: float) -> Iterator[None]:
    """So much longer than usual this thread may wait in the block until it is its turn to write."""
    _deadline.patience = max(0.0, seconds)
    try:
        yield
    finally:
        _deadline.patience = 0


def patience() -> float:
    """What `patient` said, in seconds."""
    return _deadline.patience


def remaining() -> float:
    """The seconds until this thread's deadline."""
    return ANSWER_SECONDS if _deadline.at is None else _deadline.at - time.monotonic()

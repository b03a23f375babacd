"""Signals of a service manager, taken one by one by whoever waits for them, and by nobody else."""

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

TAKEN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """A context manager, for the main thread. Signals that come while nobody waits are kept.

    A handler that sets an event can meet a thread inside of that event's lock, which would be the end; so the number of
    a signal goes through a pipe (signal.set_wakeup_fd).
    """

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._before = {number: signal.signal(number, _nothing) for number in TAKEN}
        self._woken = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._woken)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> set[int]:
        """The signals that came, at once if there are any, or after so long."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        return set(os.read(self._read, 512)) & set(TAKEN) if ready else set()


def _nothing(number: int, frame: FrameType | None) -> None:
    """The pipe has it."""

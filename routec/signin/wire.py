"""Lines of bytes to and from a peer who is trusted with nothing: bounded in length and in time.

A timeout on a socket is for each read, so a peer who sends one byte a second is never late. Here a deadline holds
for everything up to it, however many reads that takes. Works on a socket and on the pipes of a plain AGI process.
"""

import math
import os
import select
import time

from routec.signin.outcome import HANGUP, NO_ANSWER, CallerGone

MOST_LINE_BYTES = 4_096
"""Longer than any line that Asterisk sends: its own buffer for a command is 2,048 bytes on 16 and 18, 8,192 from 20,
and its answers are shorter than a command."""

_READ_BYTES = 4_096


class WireError(Exception):
    """The peer sent a line that is too long; nothing more can be read."""


class Wire:
    """A reading and a writing file descriptor, which the wire does not own and never closes.

    `deadline` is in seconds of `time.monotonic`; after it, every read and write raises `CallerGone(NO_ANSWER)`. A
    peer who has closed the link raises `CallerGone(HANGUP)`.
    """

    def __init__(self, reader: int, writer: int, deadline: float = math.inf) -> None:
        self.deadline = deadline
        self._reader = reader
        self._writer = writer
        self._readable = select.poll()
        self._readable.register(reader, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(writer, select.POLLOUT)
        self._buffer = bytearray()
        self._spoiled = False

    def readline(self) -> bytes:
        """The next line, without its end. Raises `CallerGone`, or `WireError` for a line that is too long."""
        searched = 0
        while True:
            if self._spoiled:
                raise CallerGone(HANGUP)
            end = self._buffer.find(b"\n", searched)
            if end > MOST_LINE_BYTES or (end < 0 and len(self._buffer) > MOST_LINE_BYTES):
                self._spoiled = True
                self._buffer.clear()
                raise WireError(f"a line of more than {MOST_LINE_BYTES} bytes")
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return line
            searched = len(self._buffer)
            self._fill()

    def write(self, data: bytes) -> None:
        """Send all of it. Raises `CallerGone`."""
        left = memoryview(data)
        while left:
            self._await(self._writable)
            try:
                left = left[os.write(self._writer, left) :]
            except BlockingIOError:
                continue
            except OSError:
                raise CallerGone(HANGUP) from None

    def is_quiet(self, seconds: float) -> bool:
        """Whether the peer sends nothing and stays on for so long."""
        if self._buffer:
            return False
        before, self.deadline = self.deadline, min(self.deadline, time.monotonic() + seconds)
        try:
            self._fill()
        except CallerGone as gone:
            return gone.reason == NO_ANSWER and time.monotonic() < before
        finally:
            self.deadline = before
        return False

    def _fill(self) -> None:
        self._await(self._readable)
        try:
            data = os.read(self._reader, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise CallerGone(HANGUP)
        self._buffer += data

    def _await(self, poll: select.poll) -> None:
        left = self.deadline - time.monotonic()
        milliseconds = None if left == math.inf else max(0, math.ceil(left * 1000))
        # `poll` starts again by itself after a signal, and also returns when the peer has gone.
        if left <= 0 or not poll.poll(milliseconds):
            raise CallerGone(NO_ANSWER)

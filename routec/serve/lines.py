"""What a process that runs for long prints, written by a thread of its own: a reader that stalls holds nobody up.

A pipe that nobody reads is full after 64 KiB, and whoever writes into it stands still. So lines queue here, and those
that find the queue full are dropped and counted. A reader that has gone, and a closed stream, lose them too.
"""

import logging
import os
import select
import threading
from collections import deque
from typing import TextIO

MOST_LINES = 5_000
END_SECONDS = 1.0
"""How long the end of the process waits for the lines that are left."""

_logger = logging.getLogger("routec.serve")


class Lines:
    """A queue of text for the standard streams. Raises nothing."""

    def __init__(self) -> None:
        self._queue: deque[tuple[TextIO | None, str]] = deque()
        self._changed = threading.Condition()
        self._is_writing = False
        self._dropped = 0
        threading.Thread(target=self._run, name="lines", daemon=True).start()

    def put(self, stream: TextIO | None, text: str) -> None:
        """Have a text written; a stream that was closed when the process began is None, and gets nothing."""
        with self._changed:
            if len(self._queue) >= MOST_LINES:
                self._dropped += 1
                return
            self._queue.append((stream, text))
            self._changed.notify_all()

    def flush(self, seconds: float = END_SECONDS) -> bool:
        """Whether all was written, or lost, after so long at most."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._is_writing, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                dropped, self._dropped = (0, self._dropped) if self._queue else (self._dropped, 0)
                if not dropped:
                    self._changed.wait_for(lambda: bool(self._queue))
                    stream, text = self._queue.popleft()
                    self._is_writing = True
            if dropped:
                _logger.warning("%d lines were lost here: nobody took them", dropped)
            elif stream is not None:
                _write(stream, text)


def _write(stream: TextIO, text: str) -> None:
    """Past the stream's buffer where it has a file: at the end of the process, Python waits for a buffer in use."""
    try:
        try:
            handle = stream.fileno()
        except (OSError, ValueError):  # a stream of a test's
            stream.write(text)
            stream.flush()
            return
        data = text.encode(stream.encoding or "utf-8", "backslashreplace")
        while data:
            try:
                data = data[os.write(handle, data) :]
            except BlockingIOError:  # somebody else's setting on the same terminal or pipe
                select.select([], [handle], [])
    except (OSError, ValueError):
        return  # nobody reads there any more

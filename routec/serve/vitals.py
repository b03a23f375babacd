"""A look at the log's database now and then: whether it can be used, what waits in the outbox, who is locked out.

A page of metrics tells of the last look, so that nobody who asks for one makes work for the database.
"""

import threading
import time

from routec.serve.metrics import Metrics
from routec.serve.parts import State
from routec.signin.session import described
from routec.signin.store import Log, LogError

LOOK_SECONDS = 10.0


class Vitals:
    """A thread of its own; `start` it, `stop` it, once."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)
        self._state = State(is_ready=True, text="not looked at yet")

    @property
    def is_alive(self) -> bool:
        """Whether it goes on looking."""
        return self._thread.is_alive()

    @property
    def state(self) -> State:
        """How the database was at the last look."""
        return self._state

    def start(self) -> None:
        """Begin, with a first look at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look that has begun may go on for a moment, for nobody."""
        self._stop.set()

    def _run(self) -> None:
        while True:
            self._look()
            if self._stop.wait(LOOK_SECONDS):
                return

    def _look(self) -> None:
        began = time.monotonic()
        try:
            self._log.look()
            counts = self._log.outbox.counts()
            locks = len(self._log.locks())
        except LogError as error:
            self._tell(is_up=False, text=str(error))
        except Exception as error:  # noqa: BLE001 (the next look may go well)
            self._tell(is_up=False, text=f"a bug of routec's: {described(error)}")
        else:
            self._metrics.webhooks(counts)
            self._metrics.lockouts.set(locks)
            self._tell(is_up=True, text=f"answers within {(time.monotonic() - began) * 1000:.0f} ms")

    def _tell(self, *, is_up: bool, text: str) -> None:
        if not self._stop.is_set():
            self._metrics.database_up.set(is_up)
            self._state = State(is_ready=is_up, text=text)

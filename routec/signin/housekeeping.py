"""What `serve` does to the log by the way: forgotten shifts, retention, old counters, and what was spooled.

Each is a matter of the database alone, so any number of processes may do it at once (`Log.tidy`, `Log.drain`).
"""

import logging
import threading
from collections.abc import Callable, Mapping

from routec.contract import Module
from routec.signin.modules import ModulesError
from routec.signin.session import described
from routec.signin.store import Log, LogError

PAUSE_SECONDS = 10
ROUNDS_TO_TIDY = 6
"""The spool is looked at every ten seconds, the rest is done once a minute."""

_logger = logging.getLogger("routec.signin.housekeeping")


class Housekeeping:
    """A thread of its own; `start` it, `stop` it, once. `modules` gives the modules of the present routes."""

    def __init__(self, log: Log, modules: Callable[[], Mapping[str, Module]]) -> None:
        self._log = log
        self._modules = modules
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._complaint = ""

    @property
    def is_alive(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin, with a first round at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a round that has begun is done first."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        rounds = 0
        while True:
            self._once(tidies=rounds % ROUNDS_TO_TIDY == 0)
            rounds += 1
            if self._stop.wait(PAUSE_SECONDS):
                return

    def _once(self, *, tidies: bool) -> None:
        """One round; what goes wrong is said when it begins, not every ten seconds."""
        complaint = ""
        try:
            self._log.drain()
            if tidies:
                self._log.tidy(self._modules())
        except (LogError, ModulesError) as error:
            complaint = str(error)
        except Exception as error:  # noqa: BLE001 (the next round may go well)
            complaint = described(error)
        if complaint and complaint != self._complaint:
            _logger.error("%s", complaint)
        self._complaint = complaint

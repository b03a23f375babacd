"""The parts of `serve`, each begun anew when it dies; a part that dies again and again ends the whole, loudly."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from routec.signin.session import described

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
MOST_DEATHS = 6
"""So many deaths of one part within `DEATHS_SECONDS` are more than bad luck: the service manager shall start anew."""

DEATHS_SECONDS = 120.0

CONVERSATION_SECONDS = 30.0
"""How long conversations may go on after SIGTERM."""

DELIVERY_SECONDS = 25.0
ROUND_SECONDS = 10.0
APPLY_SECONDS = 20.0
"""How long webhooks, a round of housekeeping and an apply may go on. All together stay below what the unit allows."""

STOP_SECONDS = CONVERSATION_SECONDS + DELIVERY_SECONDS + ROUND_SECONDS + APPLY_SECONDS + 5

_logger = logging.getLogger("routec.serve")


class DyingError(Exception):
    """A part dies again and again. The message names it."""


class Running(Protocol):
    """What a part is while it runs."""

    @property
    def is_alive(self) -> bool:
        """Whether its thread still goes on."""

    def stop(self) -> None:
        """End it; it may be dead already."""


class State(NamedTuple):
    """How a part is: `ready` or not, and why in a few words."""

    is_ready: bool
    text: str


class Part:
    """One part. `begin` starts it and raises where it cannot; `look` says more than that it lives."""

    def __init__(
        self,
        name: str,
        begin: Callable[[], Running],
        look: Callable[[], State] = lambda: State(is_ready=True, text="running"),
    ) -> None:
        self.name = name
        self.restarts = 0
        self._begin = begin
        self._look = look
        self._lock = threading.RLock()
        self._running: Running | None = None
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self._again = 0.0

    @property
    def state(self) -> State:
        """How it is."""
        running = self._running
        if running is None or not running.is_alive:
            return State(is_ready=False, text="is being restarted" if self._deaths else "not started")
        return self._look()

    def start(self) -> None:
        """Begin it for the first time; what goes wrong is raised."""
        with self._lock:
            self._running = self._begin()

    def stop(self) -> None:
        """End it."""
        with self._lock:
            if self._running is not None:
                self._running.stop()
                self._running = None

    def begin_anew(self) -> None:
        """End it and begin it again, since what it was made of has changed. What goes wrong counts as a death."""
        with self._lock:
            self.stop()
            self._try(time.monotonic())

    def look_after(self, now: float) -> None:
        """Begin it anew if it died, after a pause. Raises `DyingError`."""
        with self._lock:
            if self._running is not None and not self._running.is_alive:
                _logger.error("%s died; it is started again", self.name)
                dead, self._running = self._running, None
                try:
                    dead.stop()
                except Exception as error:  # noqa: BLE001 (it was dead)
                    _logger.warning("%s: %s", self.name, described(error))
                self._died(now)
            if self._running is None and now >= self._again:
                self._try(now)

    def _try(self, now: float) -> None:
        try:
            self._running = self._begin()
        except Exception as error:  # noqa: BLE001 (the next try may go well)
            # The message of our own errors is fit to be shown; of another's, nobody knows what is in it.
            why = str(error) if type(error).__module__.startswith("routec.") else described(error)
            _logger.error("%s cannot be started: %s", self.name, why)  # noqa: TRY400
            self._died(now)
        else:
            self.restarts += 1

    def _died(self, now: float) -> None:
        self._deaths.append(now)
        recent = sum(now - death < DEATHS_SECONDS for death in self._deaths)
        if recent >= MOST_DEATHS:
            raise DyingError(f"{self.name} died {recent} times within {DEATHS_SECONDS:g} s")
        self._again = now + min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (recent - 1))


class Parts:
    """All parts, in the order in which they start; they stop in the order that `stop` is given."""

    def __init__(self) -> None:
        self.all: dict[str, Part] = {}
        self.off: dict[str, str] = {}
        """What is not done, and why."""

    def add(self, part: Part) -> Part:
        """Have a part looked after from now on; start it."""
        part.start()
        self.all[part.name] = part
        return part

    def look_after(self) -> None:
        """One round. Raises `DyingError`."""
        now = time.monotonic()
        for part in self.all.values():
            part.look_after(now)

    def states(self) -> dict[str, State]:
        """How all are; those that are off are ready, since nobody waits for them."""
        states = {name: part.state for name, part in self.all.items()}
        return states | {name: State(is_ready=True, text=f"off: {why}") for name, why in self.off.items()}

    def stop(self, names: Iterable[str]) -> None:
        """End these, in this order; one that does not end well is no reason to leave the others."""
        for name in names:
            part = self.all.pop(name, None)
            if part is not None:
                try:
                    part.stop()
                except Exception as error:  # noqa: BLE001
                    _logger.error("%s did not end well: %s", name, described(error))  # noqa: TRY400

"""The long-running parts put together: what starts in which order, what a signal does, and how it all ends.

A part whose settings are absent is off, which is told. The checker reads the published modules, never the
routes: what it asks is what is in force.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from routec import __version__
from routec.apply.build import published_folder
from routec.apply.watching.events import Event, Unchanged, WentLive, Written
from routec.apply.watching.live import Live
from routec.serve.front import Desk, Front
from routec.serve.http import HttpServer
from routec.serve.metrics import Metrics
from routec.serve.notify import Notifier
from routec.serve.pages import pages
from routec.serve.parts import Part, Parts, State
from routec.serve.running import Checking, Delivering, Keeping, Routes
from routec.serve.signals import Signals
from routec.serve.starting import (
    ServeError,
    begin_metrics,
    check_log,
    check_pepper,
    fixed_changes,
    has_modules,
    is_published,
    offs,
)
from routec.serve.tell import count
from routec.serve.vitals import Vitals
from routec.settings import Runtime, Settings, SettingsError
from routec.signin.delivery import Deliverer
from routec.signin.housekeeping import Housekeeping
from routec.signin.server import Server

STALE_SECONDS = 60.0
"""A main loop that has not gone round for so long stands still. Webhooks under way may hold it for half of that, when
settings change."""

RELOAD_SECONDS = 60.0
HURRY_SECONDS = 6.0
"""How long a second signal leaves for the rows of the conversations that it cuts."""

TURN_SECONDS = 0.25

ROUTES, CHECKER, WEBHOOKS, HOUSEKEEPING, DATABASE, METRICS = (
    "routes",
    "checker",
    "webhooks",
    "housekeeping",
    "database",
    "metrics",
)
ENDING = (ROUTES, CHECKER, WEBHOOKS, HOUSEKEEPING, DATABASE, METRICS)
"""The order in which parts end: nothing new, no new calls, what is under way, and who tells of it last."""

_logger = logging.getLogger("routec.serve")


class Told(NamedTuple):
    """Whom to tell: of what happens to the routes, of what is not done, and that all is ready, with the address."""

    event: Callable[[Event], None]
    off: Callable[[str], None]
    ready: Callable[[tuple[str, int]], None]


class Service:
    """One `routec serve`; `run` it once, in the main thread. `load` reads settings and environment, now and again."""

    def __init__(
        self,
        root: Path,
        load: Callable[[], tuple[Settings, Runtime]],
        told: Told,
        notifier: Notifier,
        target: str | None = None,
    ) -> None:
        self._root = root.absolute()  # that folder may go, and another come in its place
        self._load = load
        self._told = told
        self._notifier = notifier
        self._target = target
        self._metrics = Metrics(__version__)
        self._parts = Parts()
        self._settings, self._runtime = load()
        self._started = self._runtime
        self._front = self._make_front(published_folder(self._root, self._settings), self._runtime)
        self._desk = Desk(self._front, self._metrics, self._not_live)
        self._routes: Routes | None = None
        self._checking: Checking | None = None
        self._deliverer: Deliverer | None = None
        self._is_stale = threading.Event()
        self._reload_until: float | None = None
        self._reload_round = 0
        self._turned = time.monotonic()

    def run(self) -> None:
        """Serve until SIGTERM. Raises `ServeError`, `ServerError`, `DyingError`."""
        with Signals() as signals:
            try:
                if self._start(signals):
                    self._go_round(signals)
            finally:
                self._end(signals)

    # ---- the start

    def _start(self, signals: Signals) -> bool:
        """Start all parts; False where a signal ended it before.

        The checker does not wait for a build where it can answer with what was built before.
        """
        settings, runtime, front = self._settings, self._runtime, self._front
        for off in offs(settings, runtime):
            self._told.off(off)
        self._parts.add(Part(ROUTES, self._begin_routes, self._look_routes))
        if not has_modules(front.modules, front.folder) and not self._wait_first(signals):
            return False
        check_log(front.log, self._told.off)
        self._parts.add(Part(CHECKER, self._begin_checker))
        self._parts.add(Part(WEBHOOKS, self._begin_webhooks))
        self._parts.add(Part(HOUSEKEEPING, self._begin_housekeeping))
        self._parts.add(Part(DATABASE, self._begin_vitals, self._look_database))
        if runtime.metrics is None:
            self._parts.off[METRICS] = "there is no [metrics] in routes/routec.toml"
        else:
            self._parts.add(Part(METRICS, partial(self._begin_metrics, runtime.metrics)))
        if not self._wait_first(signals):
            return False
        check_pepper(front.modules, runtime, has_faults=bool(self._routes and self._routes.live.faults))
        if self._checking is not None:
            self._told.ready(self._checking.server.address)
        self._notifier.ready(self._status())
        return True

    def _wait_first(self, signals: Signals) -> bool:
        """Wait for the first build and its first try to go live; False where a signal says to stop."""
        while self._routes is not None and not self._routes.wait_first(0.05):
            self._notifier.alive()
            self._turned = time.monotonic()
            if signals.wait(0) & {signal.SIGTERM, signal.SIGINT}:
                return False
        return True

    def _make_front(self, folder: Path, runtime: Runtime) -> Front:
        return Front(self._root, folder, runtime, self._nudge)

    def _not_live(self) -> str:
        return self._routes.not_live if self._routes else ""

    def _nudge(self) -> None:
        if self._deliverer is not None:
            self._deliverer.nudge()

    # ---- the parts

    def _begin_routes(self) -> Routes:
        self._routes = Routes(partial(Live, self._root, self._tell, target=self._target))
        return self._routes

    def _begin_checker(self) -> Checking:
        self._checking = Checking(Server(self._desk, self._runtime.listen, recorder=self._desk))
        return self._checking

    def _begin_webhooks(self) -> Delivering:
        self._deliverer = Deliverer(self._front.log, self._front.present)
        return Delivering(self._deliverer)

    def _begin_housekeeping(self) -> Keeping:
        return Keeping(Housekeeping(self._front.log, self._front.present))

    def _begin_vitals(self) -> Vitals:
        self._vitals = Vitals(self._front.log, self._metrics)
        self._vitals.start()
        return self._vitals

    def _begin_metrics(self, listen: tuple[str, int]) -> HttpServer:
        return begin_metrics(listen, pages(self._parts, self._metrics, self._is_going_round))

    def _look_routes(self) -> State:
        if self._routes is None:
            return State(is_ready=False, text="not started")
        standing = self._routes.live.standing
        return State(is_ready=standing.is_live, text=standing.text)

    def _look_database(self) -> State:
        return self._vitals.state

    def _tell(self, event: Event) -> None:
        """Called in the thread of the routes."""
        count(event, self._metrics)
        self._told.event(event)
        if isinstance(event, WentLive | Written | Unchanged):
            self._is_stale.set()

    # ---- while it runs

    def _go_round(self, signals: Signals) -> None:
        while True:
            came = signals.wait(TURN_SECONDS)
            if came & {signal.SIGTERM, signal.SIGINT}:
                return
            if signal.SIGHUP in came:
                self._reload()
            elif self._is_stale.is_set():
                self._adopt(says=False)
            self._turned = time.monotonic()
            self._parts.look_after()
            self._notifier.alive()
            self._end_reload()

    def _is_going_round(self) -> bool:
        return time.monotonic() - self._turned < STALE_SECONDS

    def _reload(self) -> None:
        """Read everything anew: settings, environment's files, routes."""
        _logger.info("SIGHUP: reading everything anew")
        self._notifier.reloading()
        self._adopt(says=True)
        if self._routes is not None:
            self._reload_round = self._routes.live.rounds
            self._routes.live.again()
        self._reload_until = time.monotonic() + RELOAD_SECONDS

    def _end_reload(self) -> None:
        if self._reload_until is None or self._routes is None:
            return
        if self._routes.live.rounds > self._reload_round or time.monotonic() > self._reload_until:
            self._reload_until = None
            _logger.info("everything was read anew: %s", self._routes.live.standing.text)
            self._notifier.ready(self._status())

    def _adopt(self, *, says: bool) -> None:
        """Take over what the settings say now; what cannot be taken over while running is said."""
        self._is_stale.clear()
        try:
            settings, runtime = self._load()
            folder = published_folder(self._root, settings)
            if not is_published(folder):
                folder = self._front.folder  # nothing is published there yet: when it is, this is asked again
        except (SettingsError, ServeError, OSError) as error:
            if says:
                _logger.error("%s; the settings before stay in force", error)  # noqa: TRY400
            return
        changed = fixed_changes(self._runtime, runtime)
        for what in fixed_changes(self._started, runtime):
            if says or what in changed:
                _logger.warning("%s has changed: that takes a restart of `routec serve`", what)
        said = offs(self._settings, self._runtime)
        for off in offs(settings, runtime):
            if says or off not in said:
                self._told.off(off)
        self._settings, self._runtime = settings, runtime
        if not self._front.is_for(folder, runtime):
            self._exchange(folder, runtime)

    def _exchange(self, folder: Path, runtime: Runtime) -> None:
        """Another database, state folder, pepper's file or published folder: calls from now on go there."""
        _logger.info("the settings have changed: calls from now on are answered with the new ones")
        before, self._front = self._front, self._make_front(folder, runtime)
        self._desk.front = self._front
        for name in (WEBHOOKS, HOUSEKEEPING, DATABASE):
            if (part := self._parts.all.get(name)) is not None:
                part.begin_anew()
        before.log.close()  # a conversation that still uses it opens it again

    # ---- the end

    def _end(self, signals: Signals) -> None:
        """End all parts in their order; a second signal makes it quick."""
        self._notifier.stopping()
        ending = threading.Thread(target=self._parts.stop, args=(ENDING,), name="ending", daemon=True)
        ending.start()
        while ending.is_alive():
            self._notifier.alive()
            if signals.wait(0.05) & {signal.SIGTERM, signal.SIGINT}:
                _logger.warning("a second signal: the conversations are cut")
                if self._checking is not None:
                    self._checking.cut()
                ending.join(HURRY_SECONDS)
                break
        if self._routes is not None and self._routes.is_alive:
            _logger.warning(
                "the routes were still at work: an apply may be left half done, with nobody to see whether Asterisk "
                "took it; the next `routec serve` or `routec apply` mends that"
            )
        self._front.log.close()

    def _status(self) -> str:
        return "; ".join(f"{name}: {state.text}" for name, state in self._parts.states().items())

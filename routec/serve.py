"""The long-running parts put together: the checker that Asterisk calls, what works behind it, the build on change.

A part whose settings are absent is off, and `Parts.off` says so. The checker reads the generated modules, never the
routes: what it asks is what was built.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from routec.apply.build import Built, published_folder
from routec.apply.watch import Watch
from routec.contract import MODULES_FILE, Module
from routec.settings import Runtime, Settings, parse_address
from routec.signin.credentials import CredentialsError, read_pepper
from routec.signin.delivery import Deliverer
from routec.signin.housekeeping import Housekeeping
from routec.signin.modules import ModulesError, ModuleStore
from routec.signin.server import Server
from routec.signin.session import Checker
from routec.signin.store import Filters, Log, LogError, UnreachableError

STOP_SECONDS = 30
"""How long conversations may go on after SIGTERM; a service manager waits 90 seconds by default."""


class ServeError(Exception):
    """A part cannot start. `help` is a way out."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


@dataclass
class Parts:
    """All parts of one `routec serve`; `run` returns when `stop` is set."""

    root: Path
    settings: Settings
    runtime: Runtime
    on_build: Callable[[Built, list[str]], None]
    on_failure: Callable[[Exception], None]
    on_off: Callable[[str], None]
    stop: threading.Event

    def off(self) -> list[str]:
        """What is not done, and why."""
        why = (
            "there is no [ami] in routes/routec.toml"
            if self.settings.ami is None
            else "`routec apply` is not there yet"
        )
        return [f"reloading Asterisk is off: {why}; run `dialplan reload` yourself"]

    def run(self, ready: Callable[[tuple[str, int]], None]) -> None:
        """Build, answer sign-ins, and build again on every change. Raises `ServeError`, `ServerError`."""
        modules = ModuleStore(published_folder(self.root, self.settings) / MODULES_FILE)
        with contextlib.ExitStack() as running:
            Watch(self.root, self.stop, self.on_build, self.on_failure).run(
                lambda: ready(self._answer(modules, running))
            )

    def _answer(self, modules: ModuleStore, running: contextlib.ExitStack) -> tuple[str, int]:
        """Start the checker and what works behind it, to be stopped with the rest; gives the checker's address."""
        self._check_pepper(modules)
        self._check_address()
        log = Log(self.runtime.database, self.runtime.spool)
        running.callback(log.close)
        self._check_log(log)

        def present() -> Mapping[str, Module]:
            return modules.compiled().modules

        deliverer = Deliverer(log, present)
        for off in deliverer.off(present()):
            self.on_off(off)
        housekeeping = Housekeeping(log, present)
        for part in (deliverer, housekeeping):
            part.start()
            running.callback(part.stop)
        server = Server(Checker(modules, log, self.runtime, on_row=deliverer.nudge), self.runtime.listen)
        server.start()
        running.callback(server.stop, STOP_SECONDS)
        return server.address

    def _check_address(self) -> None:
        """Say where Asterisk calls another address than this one."""
        agi = self.settings.agi
        if agi.connect is None and parse_address(agi.listen) != self.runtime.listen:
            host, port = self.settings.connect
            self.on_off(
                f"Asterisk does not reach this checker: the dialplan calls {host}:{port}. What ROUTEC_AGI_LISTEN says "
                "must stand in routes/routec.toml, too: [agi] listen"
            )

    def _check_log(self, log: Log) -> None:
        """Refuse to start on a log that can never be used; one that cannot be reached now may come back."""
        try:
            for _ in log.read(Filters(limit=1)):
                pass
        except UnreachableError as error:
            self.on_off(f"nobody is signed in for now: {error}")
        except LogError as error:
            raise ServeError(str(error), "ROUTEC_DATABASE or the state folder names another") from None

    def _check_pepper(self, modules: ModuleStore) -> None:
        """Refuse to start where nobody with a password could ever sign in."""
        try:
            asks = any(field.kind == "password" for one in modules.compiled().modules.values() for field in one.fields)
        except ModulesError as error:
            raise ServeError(str(error), "mend the routes: nothing has ever been built here") from None
        try:
            if asks:
                read_pepper(self.runtime)
        except CredentialsError as error:
            raise ServeError(str(error), error.help) from None

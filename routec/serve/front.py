"""What answers a sign-in: the modules in force, the log, the checker over both; exchanged as a whole when one changes.

A call keeps what it began with. Calls are counted here, and named to the process log: the runtime knows of neither.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from routec.contract import MODULES_FILE, Module
from routec.serve.logs import CALL
from routec.serve.metrics import NO_MODULE, Metrics
from routec.settings import Runtime
from routec.signin.agi import Agi
from routec.signin.call import Call
from routec.signin.modules import ModuleStore
from routec.signin.outcome import UNKNOWN_MODULE, Outcome
from routec.signin.session import Checker
from routec.signin.store import Log

MOST_CALL_ID = 80


class Front:
    """One set of them. `folder` holds the published modules; nothing is opened before it is used."""

    def __init__(self, folder: Path, runtime: Runtime, on_row: Callable[[], None]) -> None:
        self.folder = folder
        self.runtime = runtime
        self.modules = ModuleStore(folder / MODULES_FILE)
        self.log = Log(runtime.database, runtime.spool)
        self.checker = Checker(self.modules, self.log, runtime, on_row=on_row)

    def present(self) -> Mapping[str, Module]:
        """The modules that are in force. Raises `ModulesError` where there never were any."""
        return self.modules.compiled().modules

    def is_for(self, folder: Path, runtime: Runtime) -> bool:
        """Whether another one for these would do just the same; where it listens is none of its business."""
        own, other = (one.model_copy(update={"listen": None, "metrics": None}) for one in (self.runtime, runtime))
        return self.folder == folder and own == other


class Desk:
    """Where calls come in: each goes to the front that is there at that moment."""

    def __init__(self, front: Front, metrics: Metrics) -> None:
        self.front = front
        self._metrics = metrics

    def sign_in(self, agi: Agi, name: str, release: Callable[[], None] = lambda: None) -> Outcome:
        """As `Checker.sign_in`."""
        marked = CALL.set((Call.of(agi.env).id or "")[:MOST_CALL_ID])
        self._metrics.conversations.inc()
        try:
            outcome = self.front.checker.sign_in(agi, name, release)
        finally:
            self._metrics.conversations.dec()
            CALL.reset(marked)
        self._metrics.signed_in(NO_MODULE if outcome.reason == UNKNOWN_MODULE else name, outcome.verdict)
        return outcome

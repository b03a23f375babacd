"""What answers calls: the modules in force, the log, the checker over both, the recorder; exchanged as a whole.

A call keeps what it began with. Calls are counted here, and named to the process log: the runtime knows of neither.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from routec.contract import MODULES_FILE, Module
from routec.project import PROMPTS, ROUTES
from routec.recorder.ports import KEPT
from routec.recorder.recorder import Recorder
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


_logger = logging.getLogger("routec.recorder")


class Front:
    """One set of them, of the project in `root`. `folder` holds what is published.

    Nothing is opened before it is used, but that recordings which nobody can keep any more are removed.
    """

    def __init__(self, root: Path, folder: Path, runtime: Runtime, on_row: Callable[[], None]) -> None:
        self.folder = folder
        self.runtime = runtime
        self.modules = ModuleStore(folder / MODULES_FILE)
        self.log = Log(runtime.database, runtime.spool)
        self.checker = Checker(self.modules, self.log, runtime, on_row=on_row)
        self.recorder = Recorder(folder, root / ROUTES / PROMPTS, runtime.state)
        self.recorder.clear()

    def present(self) -> Mapping[str, Module]:
        """The modules that are in force. Raises `ModulesError` where there never were any."""
        return self.modules.compiled().modules

    def is_for(self, folder: Path, runtime: Runtime) -> bool:
        """Whether another one for these would do just the same; where it listens is none of its business."""
        own, other = (one.model_copy(update={"listen": None, "metrics": None}) for one in (self.runtime, runtime))
        return self.folder == folder and own == other


class Desk:
    """Where calls come in: each goes to the front that is there at that moment.

    `not_live` says what keeps a change of the routes from going live now; empty where nothing does.
    """

    def __init__(self, front: Front, metrics: Metrics, not_live: Callable[[], str] = lambda: "") -> None:
        self.front = front
        self._metrics = metrics
        self._not_live = not_live

    def sign_in(self, agi: Agi, name: str, release: Callable[[], None] = lambda: None) -> Outcome:
        """As `Checker.sign_in`."""
        with self._marked(agi):
            outcome = self.front.checker.sign_in(agi, name, release)
        self._metrics.signed_in(NO_MODULE if outcome.reason == UNKNOWN_MODULE else name, outcome.verdict)
        return outcome

    def record(self, agi: Agi, prompt: str, language: str | None) -> str:
        """As `Recorder.record`; the routes' watching sees what was kept, and puts it in force."""
        with self._marked(agi):
            result = self.front.recorder.record(agi, prompt, language)
            if result == KEPT and (why := self._not_live()):
                _logger.warning("the recording of %s is kept, and is not in force yet: %s", prompt, why)
        self._metrics.recorded(result)
        return result

    @contextmanager
    def _marked(self, agi: Agi) -> Iterator[None]:
        """Counted, and named to the process log."""
        marked = CALL.set((Call.of(agi.env).id or "")[:MOST_CALL_ID])
        self._metrics.conversations.inc()
        try:
            yield
        finally:
            self._metrics.conversations.dec()
            CALL.reset(marked)

"""Building again on every change of the route files; on a fault the last good files stay."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchfiles._rust_notify import RustNotify

from routec.apply.build import Built, build
from routec.project import ROUTES

STEP_MILLISECONDS = 10
"""How long a burst of changes may pause and still be one: an editor's save is one build, a checkout one too."""

LONGEST_BURST_MILLISECONDS = 1_600
WAKE_MILLISECONDS = 1_000


@dataclass(frozen=True, slots=True)
class Watch:
    """Builds now and after every change below routes/, until `stop` is set; `on_build` is told of each build.

    A build that fails, even for a bug of ours, is told to `on_failure`, and the next change is a new chance.
    """

    root: Path
    stop: threading.Event
    on_build: Callable[[Built, list[str]], None]
    on_failure: Callable[[Exception], None]
    out: Path | None = None

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Watch; `ready` is called after the first build. Raises FileNotFoundError where there is no routes/.

        Watching begins before the first build, so that no change falls between the two; hence not `watchfiles.watch`,
        which begins when it is first asked.
        """
        with RustNotify([str(self.root / ROUTES)], False, False, 0, True, False) as changes:
            self.build()
            ready()
            while not self.stop.is_set():
                seen = changes.watch(LONGEST_BURST_MILLISECONDS, STEP_MILLISECONDS, WAKE_MILLISECONDS, self.stop)
                if isinstance(seen, set):
                    self.build()

    def build(self) -> None:
        """One build."""
        try:
            built, changed = build(self.root, self.out)
        except Exception as error:  # noqa: BLE001 (whatever it is, the next save may be good)
            self.on_failure(error)
        else:
            self.on_build(built, changed)

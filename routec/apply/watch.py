"""Building again on every change of the route files; on a fault the last good files stay."""

import threading
from collections.abc import Iterator
from pathlib import Path

from watchfiles._rust_notify import RustNotify

from routec.apply.build import Built, build
from routec.project import ROUTES

STEP_MILLISECONDS = 10
"""How long a burst of changes may pause and still be one: an editor's save is one build, a checkout one too."""

LONGEST_BURST_MILLISECONDS = 1_600
WAKE_MILLISECONDS = 1_000


def watch(root: Path, stop: threading.Event, out: Path | None = None) -> Iterator[tuple[Built, list[str]]]:
    """Build now and after every change below routes/, until `stop` is set. Raises `PublishError`, FileNotFoundError.

    Watching begins before the first build, so that no change falls between the two; hence not `watchfiles.watch`,
    which begins when it is first asked.
    """
    changes = RustNotify([str(root / ROUTES)], False, False, 0, True, False)
    with changes:
        yield build(root, out)
        while not stop.is_set():
            seen = changes.watch(LONGEST_BURST_MILLISECONDS, STEP_MILLISECONDS, WAKE_MILLISECONDS, stop)
            if isinstance(seen, set):
                yield build(root, out)

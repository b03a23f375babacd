"""Building again on every change of the route files; on a fault the last good files stay."""

import threading
from collections.abc import Iterator
from pathlib import Path

import watchfiles

from routec.apply.build import Built, build
from routec.project import ROUTES

STEP_MILLISECONDS = 10
"""How long a burst of changes may pause and still be one: an editor's save is one build, a checkout one too."""


def watch(root: Path, stop: threading.Event, out: Path | None = None) -> Iterator[tuple[Built, list[str]]]:
    """Build now and after every change below routes/, until `stop` is set. Raises `PublishError`, FileNotFoundError."""
    yield build(root, out)
    changes = watchfiles.watch(root / ROUTES, step=STEP_MILLISECONDS, stop_event=stop, raise_interrupt=False)
    for _ in changes:
        yield build(root, out)

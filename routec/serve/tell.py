"""What happens to the routes, counted and logged as objects. People are shown it by the command line."""

import json
import logging
from typing import Any

from routec.apply.watching.events import (
    Broken,
    Checked,
    Drifted,
    Event,
    Refused,
    Tidied,
    Unchanged,
    Verified,
    Waiting,
    WentLive,
    Words,
    Written,
)
from routec.diagnostics.render_json import render_json
from routec.serve.metrics import Metrics
from routec.source import Sources

MOST_FAULTS = 100

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_logger = logging.getLogger("routec.routes")


def count(event: Event, metrics: Metrics) -> None:
    """Have an event show in the metrics."""
    match event:
        case Checked(built):
            metrics.built("fault" if built.failed else "good", event.errors)
        case Broken():
            metrics.built("failed", 0)
        case WentLive(applied, seconds):
            metrics.applied("ok", seconds)
            metrics.retired.set(applied.retired)
            metrics.drift.set(len(applied.plan.drift))
        case Written() | Unchanged():
            metrics.applied("ok")
        case Verified():
            metrics.drift.set(0)
            metrics.pbx_up.set(1)
        case Drifted(differences):
            metrics.drift.set(len(differences))
        case Waiting():
            metrics.applied("unreachable")
        case Refused():
            metrics.applied("refused")
        case Tidied(swept):
            metrics.retired.set(len(swept.kept))


def log(event: Event) -> None:
    """Log an event as one object, its faults with it."""
    words = event.words()
    if words is None:
        return
    fields = dict(words.fields)
    if words.diagnostics:
        fields["diagnostics"] = _faults(words)
    message = " ".join(line.strip() for line in words.lines) or "the routes have warnings"
    _logger.log(_LEVELS[words.level], "%s", message, extra={"fields": fields})


def _faults(words: Words) -> Any:
    return json.loads(render_json(words.diagnostics[:MOST_FAULTS], words.sources or Sources()))

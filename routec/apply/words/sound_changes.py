"""What an apply does to the published sounds, in sentences."""

from collections.abc import Iterator

from routec.apply.plan import Plan
from routec.apply.shelf import SOUNDS
from routec.apply.words.changes import Change
from routec.diagnostics.render_text import safe


def sound_changes(plan: Plan) -> Iterator[Change]:
    """The sounds that come, go, or are others now; it may be asked before the apply or after it."""
    for name in plan.stale:
        if name.startswith(f"{SOUNDS}/"):
            sound = safe(name.removeprefix(f"{SOUNDS}/"))
            what = "goes" if name in plan.removed else "is new" if name in plan.fresh else "differs"
            yield Change("sound", "sound", sound, f"sound {sound} {what}")

"""A plan as people read it, and as programs do."""

import json
from collections.abc import Iterator
from typing import Any

from routec.apply.plan import Drift, Plan
from routec.apply.shelf import shortened
from routec.apply.words.changes import Change, changes, gates_first
from routec.apply.words.module_changes import module_changes
from routec.apply.words.plan_diff import Contexts, contexts, diff
from routec.apply.words.sound_changes import sound_changes
from routec.contract import MODULES_FILE
from routec.diagnostics.render_text import safe

PLACES = {"pbx": "the PBX's memory", "file": "the published files"}


class PlanWords:
    """What is to be said of a plan, worked out once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        new = plan.built.held
        self.changes: list[Change] = gates_first([*changes(plan.before, new), *_modules(plan), *sound_changes(plan)])
        self.contexts: Contexts = contexts(plan.before, new)
        self._new = new

    def diff(self) -> str:
        """The difference of the dialplans, as text."""
        return diff(self.plan.before, self._new, self.contexts)

    @property
    def against(self) -> str:
        """What the plan was made against: `pbx` or `files`."""
        return "files" if self.plan.running is None else "pbx"

    @property
    def sum(self) -> str:
        """The last line."""
        if not self.plan.changes:
            return "nothing to change"
        routes = len(self.contexts.routes)
        parts = [f"{routes:,} route{' changes' if routes == 1 else 's change'}"] if routes else []
        return "; ".join([*parts, f"files to write: {', '.join(map(safe, shortened(self.plan.stale)))}"])


def _modules(plan: Plan) -> list[Change]:
    if MODULES_FILE not in plan.stale:
        return []
    try:
        old = (plan.folder / MODULES_FILE).read_bytes()
    except OSError:
        return []
    return module_changes(old, plan.built.files[MODULES_FILE])


# ---- for people


def plan_text(words: PlanWords, *, with_diff: bool = True) -> Iterator[str]:
    """The plan for people, line by line without their ends; blocks are set apart by an empty line."""
    plan = words.plan
    where = "the published files in " + safe(str(plan.folder)) if plan.running is None else "what the PBX runs"
    yield f"{f'{safe(plan.target)}: ' if plan.target else ''}against {where}:"
    blocks = [
        [f"{'! ' if change.gate else '  '}{change.text}" for change in words.changes],
        words.diff().splitlines() if with_diff else [],
        [*_drift(plan.drift)],
        [f"note: {safe(note)}" for note in plan.notes],
        [words.sum],
    ]
    for block in blocks:
        if block:
            yield ""
            yield from block


def _drift(drift: tuple[Drift, ...]) -> Iterator[str]:
    if drift:
        yield "drift, which an apply puts right:"
    for one in drift:
        yield f"  {PLACES.get(one.where, safe(one.where))}: {safe(one.text)}"


# ---- for programs


def plan_object(words: PlanWords) -> dict[str, Any]:
    """The plan for programs: the contract of `routec plan --format json`, one object a target."""
    plan = words.plan
    return {
        "target": plan.target,
        "against": words.against,
        "folder": str(plan.folder),
        "changes": [_change(change) for change in words.changes],
        "contexts": {
            "added": list(words.contexts.added),
            "changed": [{"old": old, "new": new} for old, new in words.contexts.changed],
            "removed": list(words.contexts.removed),
        },
        "routes": sorted(words.contexts.routes),
        "diff": words.diff(),
        "drift": [one._asdict() for one in plan.drift],
        "files": list(plan.stale),
        "retired": sorted(plan.retired),
        "notes": list(plan.notes),
    }


def _change(change: Change) -> dict[str, Any]:
    return {"kind": change.kind, change.about: change.subject, "text": change.text, "gate": change.gate}


def plan_json(words: PlanWords) -> str:
    """The same as a line."""
    return json.dumps(plan_object(words), ensure_ascii=True)

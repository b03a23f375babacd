"""What an apply would do, and what it did, as data: `routec plan` prints it, `routec apply` carries it out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from routec.apply.build import Built
from routec.apply.held import Difference, Held
from routec.backend.dialplan import CONTEXT_PREFIX, DIDS, EXTENSIONS
from routec.diagnostics import Diagnostic


class Drift(NamedTuple):
    """Something that stands otherwise than routec left it: somebody was there by hand, or an apply was cut off.

    `where` is `pbx` for Asterisk's memory and `file` for the published folder; `what` is the context (with the `exten`
    and the `priority` where one line is meant) or the file; `text` is a phrase for people, whole without the others.
    """

    where: str
    what: str
    text: str
    exten: str = ""
    priority: int | None = None


@dataclass(frozen=True)
class Plan:
    """The way from what a PBX runs to what was built.

    `running` is what the PBX holds of routec's contexts, None where it was not asked (offline). `wanted` is what it is
    to hold after the reload, `retired` the part of that which no route needs any more and calls may still be in.
    `files` are those to be written in `folder`, by name, and `removed` those that go. `differences` lead from `running`
    (offline: from the published files) to `wanted`. `foreign` are contexts with a name of routec's that stand in
    Asterisk's own files or were put into its memory: nothing leads to them, and they are left alone.
    """

    target: str | None
    built: Built
    folder: Path
    running: Held | None
    wanted: Held
    retired: Held = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    drift: tuple[Drift, ...] = ()
    retiring: tuple[str, ...] = ()
    """Those of `retired` that were in force up to now."""
    foreign: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    fresh: frozenset[str] = frozenset()
    """Those of `files` that were not in `folder` when it was looked at."""
    notes: tuple[str, ...] = ()
    """What keeps callers from the routes, and no apply can mend: sentences for people."""
    unseen: tuple[str, ...] = ()
    """Those of `notes` that stay true after an apply, which reads nothing back that would show it."""
    turn: int = 0
    """Of which turn of its applier it is; 0: of none, so that things may have changed since."""
    read_published: Callable[[], Held] = field(default=dict, repr=False, compare=False)

    @cached_property
    def published(self) -> Held:
        """What the published files hold, retired contexts included; nothing, where somebody wrote in them."""
        return self.read_published()

    @property
    def stale(self) -> tuple[str, ...]:
        """The names of the files that change, those that go among them."""
        return tuple(sorted([*self.files, *self.removed]))

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.stale or self.differences)

    @property
    def before(self) -> Held:
        """What the plan starts from, in Asterisk's memory or offline in the files."""
        return self.published if self.running is None else self.running


@dataclass(frozen=True)
class Applied:
    """What an apply did. `seconds` are those from the first byte written to the last one read back."""

    plan: Plan
    written: tuple[str, ...] = ()
    routes: int = 0
    """How many routes changed, came or went, those among them that lead to a changed one."""
    numbers: int = 0
    """How many extensions of the entry contexts changed."""
    verified: int = 0
    """How many priorities were read back."""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    """As those of the plan, after the reload."""

    @property
    def retired(self) -> int:
        """How many retired contexts there are."""
        return len(self.plan.retired)

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return self.plan.changes


@dataclass(frozen=True)
class Swept:
    """What a sweep did: the contexts that went, those that stay, and how many calls are in them.

    `foreign` are contexts with a name of routec's that are still in Asterisk's memory although none of its files holds
    them.
    """

    gone: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    calls: int = 0
    foreign: tuple[str, ...] = ()


class ApplyError(Exception):
    """The PBX does not run what was to be put in force. `diagnostics` say what stands in the way, place by place."""

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...] = (), help: str = "") -> None:
        super().__init__(message)
        self.diagnostics = diagnostics
        self.help = help


def counted(plan: Plan) -> tuple[int, int]:
    """How many routes are not what they were, and how many numbers came or went."""
    dialplan = plan.built.compilation.dialplan
    contexts = dialplan.contexts if dialplan else ()
    before, main = plan.before, plan.built.held
    routes = {context.route for context in contexts if context.route and context.name not in before}
    gone = (name.removeprefix(CONTEXT_PREFIX).rpartition("-")[0] for name in plan.retiring if "." not in name)
    routes.update(name for name in gone if name)
    entries = [(main.get(name, {}).keys(), before.get(name, {}).keys()) for name in (DIDS, EXTENSIONS)]
    return len(routes), sum(len(now ^ then) for now, then in entries)

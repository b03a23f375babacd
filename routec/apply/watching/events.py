"""What happens while routes are kept live, and how it is said. `watch` prints it, `serve` logs and counts it."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from routec.apply.build import Built
from routec.apply.held import Difference
from routec.apply.plan import Applied, ApplyError, Swept
from routec.apply.words.met import counted
from routec.diagnostics import Diagnostic
from routec.source import Sources

MOST_SENTENCES = 20
"""How many changes are listed one by one."""

MOST_NAMES = 50

Level = Literal["info", "warning", "error"]


class Words(NamedTuple):
    """An event in words: its lines, the faults to be shown before them, and what a machine wants of it."""

    level: Level
    lines: tuple[str, ...]
    fields: dict[str, Any]
    diagnostics: Sequence[Diagnostic] = ()
    sources: Sources | None = None


class Event:
    """Something that happened."""

    def words(self) -> Words | None:
        """How it is said, or None where it is worth no word."""
        return None


@dataclass(frozen=True, slots=True)
class Checked(Event):
    """A build ended, with faults or without."""

    built: Built

    @property
    def errors(self) -> int:
        """How many faults keep it from being applied."""
        return sum(diagnostic.severity == "error" for diagnostic in self.built.compilation.diagnostics)

    def words(self) -> Words | None:
        """The faults and their sum; nothing where there are none."""
        compilation, errors = self.built.compilation, self.errors
        warnings = len(compilation.diagnostics) - errors
        if not compilation.diagnostics:
            return None
        parts = [counted(number, thing) for number, thing in ((errors, "error"), (warnings, "warning")) if number]
        lines = (f"{', '.join(parts)}; the last good files stay",) if errors else ()
        fields = {"errors": errors, "warnings": warnings}
        level: Level = "error" if errors else "warning"
        return Words(level, lines, fields, compilation.diagnostics, compilation.sources)


@dataclass(frozen=True, slots=True)
class Broken(Event):
    """A build or an apply failed for what is no fault of the routes: the disk, or a bug of ours. It is tried again."""

    error: Exception

    def words(self) -> Words:
        """What failed; of a bug of ours, that it is one."""
        if isinstance(self.error, OSError):
            line = f"Error: {self.error.strerror or type(self.error).__name__}; it is tried again"
        else:
            what = f"{type(self.error).__name__}{_place(self.error)}"
            line = f"error[RT901]: internal error: {what}; this is a bug of routec's, not a fault of yours"
        return Words("error", (line,), {})


@dataclass(frozen=True, slots=True)
class Written(Event):
    """The files are written, and nobody reloads Asterisk; `changed` are their names, none where nothing changed."""

    changed: tuple[str, ...]

    def words(self) -> Words:
        """The files."""
        return Words("info", (f"built: {', '.join(self.changed) or 'nothing changed'}",), {"files": list(self.changed)})


@dataclass(frozen=True, slots=True)
class WentLive(Event):
    """The build is in force, read back. `seconds` are those since the change was seen; None without a change."""

    applied: Applied
    seconds: float | None

    def words(self) -> Words:
        """How long it took, and how much it is."""
        applied, seconds, kept = self.applied, self.seconds, self.applied.retired
        after = "" if seconds is None else f" after {_duration(seconds)}"
        counts = ((applied.routes, "route"), (applied.numbers, "number"))
        what = ", ".join(counted(number, thing) for number, thing in counts if number) or "no route"
        stay = f"; {counted(kept, 'old context')} until no call is in there" if kept else ""
        line = f"live{after}: {what} changed, {counted(applied.verified, 'step')} read back{stay}"
        fields = {
            "seconds": None if seconds is None else round(seconds, 3),
            "routes": applied.routes,
            "numbers": applied.numbers,
            "steps": applied.verified,
            "retired": kept,
        }
        return Words("info", (line,), fields)


@dataclass(frozen=True, slots=True)
class Meant(Event):
    """What callers meet now that they did not meet before what just went live."""

    sentences: tuple[str, ...]

    def words(self) -> Words | None:
        """The sentences, gates first."""
        if not self.sentences:
            return None
        lines = [f"  {sentence}" for sentence in self.sentences[:MOST_SENTENCES]]
        if (more := len(self.sentences) - MOST_SENTENCES) > 0:
            lines.append(f"  and {more:,} more")
        return Words("info", tuple(lines), {"changes": list(self.sentences[:MOST_NAMES])})


@dataclass(frozen=True, slots=True)
class Unchanged(Event):
    """The PBX runs just this already."""

    def words(self) -> Words:
        """That nothing was done."""
        return Words("info", ("nothing changed: Asterisk runs just this already",), {})


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """The PBX cannot be worked with for now; it is tried again and again, and said no more until it is over."""

    why: str
    help: str

    def words(self) -> Words:
        """Why."""
        return Words("error", _with_help(f"waiting for Asterisk: {self.why}", self.help), {})


@dataclass(frozen=True, slots=True)
class Back(Event):
    """The PBX can be worked with again, after so many seconds."""

    seconds: float

    def words(self) -> Words:
        """How long it was away."""
        fields = {"seconds": round(self.seconds, 3)}
        return Words("info", (f"Asterisk is back after {_duration(self.seconds)}",), fields)


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """The PBX did not take it, or a file could not be written: what was in force before is in force."""

    error: Exception
    sources: Sources | None

    def words(self) -> Words:
        """The places of what was not taken, and why."""
        lines = _with_help(f"not live: {self.error}", str(getattr(self.error, "help", "")))
        diagnostics = self.error.diagnostics if isinstance(self.error, ApplyError) else ()
        return Words("error", lines, {}, diagnostics, self.sources)


@dataclass(frozen=True, slots=True)
class Drifted(Event):
    """The PBX does not run what it was left with; it is put in force anew."""

    differences: tuple[Difference, ...]

    def words(self) -> Words:
        """Where."""
        contexts = sorted({one.context for one in self.differences})
        shown = ", ".join(contexts[:3]) + (" and others" if len(contexts) > 3 else "")
        line = f"DRIFT: Asterisk does not run what it was left with, in {shown}; putting it in force anew"
        return Words("error", (line,), {"differences": len(self.differences), "contexts": contexts[:MOST_NAMES]})


@dataclass(frozen=True, slots=True)
class Verified(Event):
    """Everything was read back and is as it should be; worth no word."""


@dataclass(frozen=True, slots=True)
class Tidied(Event):
    """Retired contexts were let go, or stay for calls that are in them."""

    swept: Swept

    def words(self) -> Words | None:
        """What went; nothing while all stay."""
        gone, kept, calls = self.swept.gone, self.swept.kept, self.swept.calls
        if not gone:
            return None
        stay = f"; {counted(len(kept), 'other')} with {counted(calls, 'call')}" if kept else ""
        line = f"{counted(len(gone), 'old context')} went: no call is in there any more{stay}"
        return Words("info", (line,), {"gone": list(gone[:MOST_NAMES]), "kept": len(kept), "calls": calls})


@dataclass(frozen=True, slots=True)
class Gone(Event):
    """There is no routes/ any more."""

    def words(self) -> Words:
        """That this does no harm."""
        return Words("error", ("routes/ is gone; the last good dialplan stays, until it is back",), {})


@dataclass(frozen=True, slots=True)
class Note(Event):
    """Something that a person may want to know, once."""

    text: str

    def words(self) -> Words:
        """The text."""
        return Words("warning", (self.text,), {})


def _place(error: Exception) -> str:
    """Where an exception comes from; its message may hold what is nobody's business."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _with_help(line: str, help: str) -> tuple[str, ...]:
    return (line, f"   = help: {help}") if help else (line,)


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

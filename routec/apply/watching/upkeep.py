"""A good build is put in force, and kept there: what cannot be done now is tried again, what drifts is put right."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from routec.apply.applier import Applied, Applier, ApplyError
from routec.apply.build import Built, published_folder
from routec.apply.publish import PublishError, publish
from routec.apply.watching.events import (
    Back,
    Broken,
    Drifted,
    Event,
    Meant,
    Refused,
    Tidied,
    Unchanged,
    Verified,
    Waiting,
    WentLive,
    Written,
)
from routec.apply.watching.pauses import ALIVE_SECONDS, FULL_SECONDS, QUIET_SECONDS, SWEEP_SECONDS, Pauses
from routec.apply.words.changes import changes, gates_first
from routec.apply.words.module_changes import module_changes
from routec.apply.words.sound_changes import sound_changes
from routec.contract import MODULES_FILE
from routec.diagnostics import codes
from routec.settings import Settings, SettingsError
from routec.source import Sources

AWAY_CODES = frozenset({"RT601", "RT602", "RT603", "RT604"})
"""Faults that are none of the dialplan: the PBX is not there, or does not let us in. They are waited for."""

AWAY = "away"
BOOT_SECONDS = 30.0
"""How long an Asterisk that has come back may hold nothing of ours. It answers over AMI before it has read its dialplan
and keeps a reload for then (`AST_MODULE_RELOAD_QUEUED` in loader.c), which manager.c takes for a success."""


class Standing(NamedTuple):
    """How things are: whether what was saved last is in force, and what keeps it from that."""

    is_live: bool
    text: str


class _Due(NamedTuple):
    """A good build that is to be put in force; `seen` is when its change was first seen, None without a change."""

    built: Built
    seen: float | None


class Upkeep:
    """The dialplan of one project on one PBX. Without `[ami]`, or with `out`, it only writes files.

    Raises nothing: what goes wrong is told, once, and tried again at `next_pause`.
    """

    def __init__(
        self,
        root: Path,
        tell: Callable[[Event], None],
        make_applier: Callable[[], Applier],
        out: Path | None = None,
        pauses: Pauses | None = None,
        is_current: Callable[[], bool] = lambda: True,
    ) -> None:
        self._root = root
        self._tell = tell
        self._make_applier = make_applier
        self._out = out
        self._pauses = pauses or Pauses()
        self._is_current = is_current
        self._applier: Applier | None = None
        self._settings: Settings | None = None
        self._due: _Due | None = None
        self._in_force: Built | None = None
        self._modules: bytes | None = None
        self._away_since: float | None = None
        self._refused_since: float | None = None
        self._is_refused = False
        """Whether Asterisk had what is due for a moment, and did not take it."""
        self._said = ""
        self.state = Standing(is_live=False, text="starting")

    @property
    def next_pause(self) -> float:
        """How long `duties` may wait at most, in seconds."""
        return self._pauses.next(has_retired=self._has_retired)

    def put(self, built: Built, seen: float | None) -> None:
        """Put a good build in force, now or as soon as it can be."""
        self._due = _Due(built, seen)
        self._is_refused = False
        self._pauses.fresh()
        self._bring(self._due)

    def duties(self) -> None:
        """What is to be done although nothing changed: another try, a sweep, a look whether all is as it was left."""
        if self._due is not None:
            if self._pauses.is_retry_due() and not self._would_be_refused():
                self._bring(self._due)
        elif self._applier is not None:
            try:
                self._look_after(self._applier)
            except Exception as error:  # noqa: BLE001 (the next look may go well)
                self._doubt()
                self._failed(error)

    def forget(self) -> None:
        """Let go of the connection, and of what is known of the PBX."""
        if self._applier is not None:
            self._applier.close()
            self._applier = None

    @property
    def _has_retired(self) -> bool:
        return self._applier is not None and bool(self._applier.retired)

    def _bring(self, due: _Due) -> None:
        settings = due.built.settings
        try:
            before = self._modules_before(settings)
            if self._out is not None or settings.ami is None:
                names = publish(due.built.files, self._out or published_folder(self._root, settings))
                self._done(due.built, "built; Asterisk is not reloaded")
                self._tell(Written(tuple(names)))
            else:
                applier = self._applier_for(settings)
                with applier.turn(settings):
                    # Another apply may have had its turn meanwhile, with newer files.
                    if not self._is_current() and self._pauses.put_off():
                        return
                    applied = applier.bring(due.built)
                seconds = None if due.seen is None else time.monotonic() - due.seen
                self._done(due.built, "live")
                self._went_live(applied, due, seconds, before)
        except Exception as error:  # noqa: BLE001 (a bug of ours, too, must not end the watching)
            self._failed(error)
            self._is_refused = _code(error) == codes.NOT_TAKEN.code and self._away_since is None

    def _would_be_refused(self) -> bool:
        """Whether a try would come to the same: Asterisk holds just what it did after the last one."""
        if not self._is_refused or self._applier is None:
            return False
        try:
            is_same = self._applier.is_as_put_back()
        except Exception as error:  # noqa: BLE001 (it is away: then another one may come back)
            self._is_refused = False
            self._failed(error)
            return True
        if is_same:
            self._pauses.failed(is_away=False)
        return is_same

    def _done(self, built: Built, text: str) -> None:
        self._pauses.done()
        self._due, self._in_force, self._said = None, built, ""
        self._modules = built.files.get(MODULES_FILE)
        self.state = Standing(is_live=True, text=text)

    def _went_live(self, applied: Applied, due: _Due, seconds: float | None, before: bytes | None) -> None:
        was_away, self._away_since, self._refused_since = self._away_since, None, None
        if was_away is not None:
            self._tell(Back(time.monotonic() - was_away))
        self._pauses.read_back_in(FULL_SECONDS if was_away is None and not applied.changed else QUIET_SECONDS)
        if applied.changed:
            plan = applied.plan
            self._tell(WentLive(applied, seconds))
            of_modules = module_changes(before, due.built.files.get(MODULES_FILE, b""))
            meant = gates_first([*changes(plan.before, due.built.held), *of_modules, *sound_changes(plan)])
            self._tell(Meant(tuple(map(str, meant))))
        elif due.seen is not None:
            self._tell(Unchanged())

    def _modules_before(self, settings: Settings) -> bytes | None:
        """The modules that were in force until now: what changed in them is said, too."""
        if self._modules is None:
            try:
                self._modules = (published_folder(self._root, settings) / MODULES_FILE).read_bytes()
            except OSError:
                return None
        return self._modules

    def _applier_for(self, settings: Settings) -> Applier:
        """The applier; another one where the settings name another PBX or folder."""
        told, known = ((one.ami, one.publish) if one else None for one in (settings, self._settings))
        if self._applier is None or told != known:
            self.forget()
            self._applier = self._make_applier()
            self._settings = settings
        return self._applier

    def _look_after(self, applier: Applier) -> None:
        if self._has_retired and self._pauses.is_due("sweep", SWEEP_SECONDS):
            self._tell(Tidied(applier.sweep()))
        if self._pauses.is_due("alive", ALIVE_SECONDS) and not applier.alive():
            self._pauses.read_back_in(0)
        if self._pauses.is_full_due():
            self._pauses.read_back_in(FULL_SECONDS)
            if found := applier.verify():
                self._tell(Drifted(tuple(found)))
                if due := self._doubt():
                    self._bring(due)
            else:
                self._tell(Verified())

    def _doubt(self) -> _Due | None:
        """What was in force may not be any more: it is due again."""
        if self._in_force is not None:
            self._due = _Due(self._in_force, None)
        return self._due

    def _failed(self, error: Exception) -> None:
        """Say it when it begins, or when it becomes something else, and try again later."""
        text, help = _text(error)
        is_away = is_waited_for(error) or self._is_booting(error)
        self._pauses.failed(is_away=is_away)
        event: Event
        if is_away:
            self._away_since = self._away_since or time.monotonic()
            if is_waited_for(error):
                self._refused_since = None
            event = Waiting(text, help)
            text = f"waiting for Asterisk: {text}"
        elif isinstance(error, ApplyError | PublishError | SettingsError):
            event = Refused(error, self._sources)
            text = f"not live: {text}"
        else:
            text, event = "an apply failed", Broken(error)
            self.forget()
        self.state = Standing(is_live=False, text=text)
        said = AWAY if is_away and self._said == AWAY else _kind(error)
        if said != self._said:
            self._tell(event)
        self._said = said

    def _is_booting(self, error: Exception) -> bool:
        """Whether a refusal may be that of an Asterisk that has only just come back."""
        if self._away_since is None or not isinstance(error, ApplyError):
            return False
        self._refused_since = self._refused_since or time.monotonic()
        return time.monotonic() - self._refused_since < BOOT_SECONDS

    @property
    def _sources(self) -> Sources | None:
        return self._due.built.compilation.sources if self._due else None


def is_waited_for(error: Exception) -> bool:
    """Whether this is none of the dialplan's, and may be over by itself: the PBX is away, or shuts us out."""
    return _code(error) in AWAY_CODES


def _text(error: Exception) -> tuple[str, str]:
    """The message of a fault, and what helps."""
    if isinstance(error, ApplyError) and error.diagnostics:
        return error.diagnostics[0].message, error.diagnostics[0].help
    return str(error), str(getattr(error, "help", ""))


def _kind(error: Exception) -> str:
    """What is said once. An Asterisk that goes is first silent and then away: that is one thing."""
    code = _code(error)
    return AWAY if code in ("RT601", "RT604") else f"{code} {type(error).__name__}: {error}"


def _code(error: Exception) -> str:
    return error.diagnostics[0].code.code if isinstance(error, ApplyError) and error.diagnostics else ""

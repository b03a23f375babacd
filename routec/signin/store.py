"""The sign-in log: rows that are durable when `write` returns, lists of them, and the counters of failures beside them.

This module is light. What does the work, `keeper`, is imported by the first use: SQLAlchemy takes 0.2 s to import, and
a plain AGI process must have played its first prompt by then.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from routec.contract import DENIED, GRANTED, LOCKED, Lockout, Module

if TYPE_CHECKING:
    from routec.signin.keeper import Keeper
    from routec.signin.outbox import Outbox
    from routec.signin.spool import Spool

_SPOOLED = (GRANTED, DENIED, LOCKED)


class LogError(Exception):
    """The log cannot be written or read. The message has no password, neither the database's nor a caller's."""


class UnreachableError(LogError):
    """The database cannot be used now: it is down, hung, full, locked or read-only; the row is not at fault."""


class ClashError(Exception):
    """A time clock cannot do what was asked: `in` for who is in, `break` for who is not. `state` is what they are."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sign-in, as the log keeps it. `time` has a zone. What the module does not log is None."""

    time: datetime
    module: str
    purpose: str | None
    caller: str | None
    called: str | None
    login: str | None
    user: str | None
    password: str | None = field(repr=False)
    extra1: str | None
    extra2: str | None
    verdict: str
    call_id: str | None
    attempts: int
    reason: str
    action: str | None = None
    """One of `contract.ACTIONS` or `contract.CLOSED`, where somebody was clocked."""
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)
    """The row's own name in all databases; its webhook has it as `webhook-id`."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Credentials that were keyed and are about to be verified. `inside`: the call came by an extension."""

    module: str
    login: str | None = field(repr=False)
    caller: str | None
    inside: bool


class Counted(NamedTuple):
    """A counter as a charge left it, with the lock that it set; `before` was the latest failure till then."""

    bucket: str
    until: datetime | None
    failures: int
    last: datetime
    before: datetime


@dataclass(frozen=True, slots=True)
class Charge:
    """A failure that was counted ahead of the verifying: given back (`Log.write`) when the credentials were right."""

    attempt: Attempt
    buckets: tuple[Counted, ...]
    known: bool
    spooled: bool = False
    """Counted on this machine, since the database could not be reached."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A counter of failures that is shut: `what` in words, for whom it is, until when, and how many failures."""

    module: str
    what: str
    until: datetime
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which sign-ins to list; None takes all. `since` is part of the list, `until` is not; both have a zone."""

    module: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    login: str | None = None
    caller: str | None = None
    verdict: str | None = None
    user: str | None = None
    called: str | None = None
    purpose: str | None = None
    call_id: str | None = None
    limit: int | None = None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Log:
    """The log at an SQLAlchemy URL. Threads share one, and processes share what it stands for.

    Making one touches nothing. The first use makes the tables, and for SQLite the file and its folder; a database of
    an earlier routec is brought up to date. `spool` is an SQLite file on this machine, for modules with `offline
    grant`. `now` is the clock of the counters, the leases and the retention.
    """

    def __init__(self, url: str, spool: Path | None = None, *, now: Callable[[], datetime] = _utc_now) -> None:
        self._url = url
        self._spool_file = spool
        self._now = now
        self._lock = threading.Lock()
        self._keeper: Keeper | None = None
        self._spool: Spool | None = None

    def charge(self, attempt: Attempt, lockout: Lockout, *, offline: bool = False) -> Charge | None:
        """Count a failure ahead of the verifying, or say None: locked, and nothing was counted.

        A charge is durable: who hangs up now has failed. Where it is `offline`, the counters are the spool's while the
        database cannot be reached. Raises `LogError`.
        """
        try:
            return self._opened().charge(attempt, lockout)
        except UnreachableError as error:
            if not offline or self._spool_file is None:
                raise
            return self._spooled(error).charge(attempt, lockout)

    def give_back(self, charge: Charge) -> Charge:
        """Uncount a failure that was none, ahead of its row; returns the charge that goes with the row. `LogError`."""
        if charge.spooled:
            return self._opened_spool().give_back(charge)
        return self._opened().give_back(charge)

    def write(
        self, entry: Entry, module: Module | None = None, charge: Charge | None = None, *, verified: bool = False
    ) -> Entry:
        """Add a row in one transaction with all that belongs to it; when this returns, it outlives a power cut.

        With a `module`: its webhook's entry in the outbox; and for a granted entry of a time clock, whose `action` is
        the one wanted (None: toggle), the clocking. With a `charge`: a granted entry gives it back and makes the caller
        known; one that was not granted gives it back if the credentials were `verified` all the same. Hand in each
        charge once.

        Returns the entry as it is stored. For a call that has clocked already, the stored row has no action and the
        reason `repeated`, but what is returned has the action and the time that count.

        Writing an entry again, by its `uid`, changes nothing and returns what is stored. Raises `ClashError`, and then
        nothing was written, or `LogError`. `UnreachableError` alone leaves open whether it was written.
        """
        try:
            return self._opened().write(entry, module, charge, verified=verified)
        except UnreachableError as error:
            if not self._may_spool(entry, module):
                raise
            return self._spooled(error).write(entry, module, charge, verified=verified)

    def read(self, filters: Filters | None = None) -> Iterator[Entry]:
        """The rows, newest first, as they are fetched; a log that is not there yet is empty. Raises `LogError`."""
        return self._opened().read(filters or Filters())

    def look(self) -> None:
        """See whether it can be read, and written where the last write failed. Raises `LogError`."""
        self._opened().look()

    def oldest_first(self, filters: Filters | None = None) -> Iterator[Entry]:
        """As `read`, oldest first: for time sheets. A limit takes the oldest."""
        return self._opened().read(filters or Filters(), oldest_first=True)

    def follow(self, stop: Callable[[], bool] | threading.Event, filters: Filters | None = None) -> Iterator[Entry]:
        """The rows that are added from this call on, as they come: none twice, none missed; no `limit`.

        Ends when `stop` is set or true, at once for an event. Waits for a database that went away. Raises `LogError`.
        """
        return self._opened().follow(stop, filters or Filters())

    def purge(self, before: datetime, module: str | None) -> int:
        """Remove the rows from before a moment, of a module or of all, and say how many. Raises `LogError`.

        A row whose webhook is pending stays. A dead letter of a row that goes loses its content.
        """
        return self._opened().purge(before, module)

    def locks(self, module: str | None = None, logins: Iterable[str] = ()) -> list[Lock]:
        """The counters that are shut now, those of the spool last; `LogError`.

        Logins are kept as digests: those in `logins` are named.
        """
        found = self._opened().locks(module, logins)
        return found + self._opened_spool().locks(module, logins) if self._has_spool() else found

    def unlock(self, module: str, login: str | None = None, caller: str | None = None) -> int:
        """Forget the failures of a login, a caller, or without either of the whole module; says how many counters.

        Raises `LogError`; the counters of the spool are forgotten then all the same.
        """
        count = self._opened_spool().unlock(module, login, caller) if self._has_spool() else 0
        return count + self._opened().unlock(module, login, caller)

    def tidy(self, modules: Mapping[str, Module]) -> None:
        """Close forgotten shifts, remove rows past their module's `keep` and what no longer counts. Raises `LogError`.

        Several processes may do so at once, as often as they like: once a minute is meant.
        """
        self._opened().tidy(modules)
        if self._has_spool():
            self._opened_spool().tidy()

    def drain(self) -> int:
        """Move spooled rows into the database, each exactly once and in order; says how many were moved.

        0 when there are none, the database cannot be reached, or another process is at it. Raises `LogError`.
        """
        if not self._has_spool():
            return 0
        return self._opened_spool().drain(self._opened())

    @property
    def outbox(self) -> Outbox:
        """The webhooks that are to be sent."""
        return self._opened().outbox

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        with self._lock:
            for part in (self._keeper, self._spool):
                if part is not None:
                    part.close()
            self._keeper = self._spool = None

    def _has_spool(self) -> bool:
        return self._spool_file is not None and self._spool_file.exists()

    def _may_spool(self, entry: Entry, module: Module | None) -> bool:
        if self._spool_file is None or module is None or module.offline != "grant":
            return False
        return module.clock is None and entry.verdict in _SPOOLED

    def _spooled(self, error: UnreachableError) -> Spool:
        spool = self._opened_spool()
        spool.complain(error)
        return spool

    def _opened(self) -> Keeper:
        with self._lock:
            if self._keeper is None:
                from routec.signin.keeper import Keeper

                self._keeper = Keeper(self._url, self._now)
            return self._keeper

    def _opened_spool(self) -> Spool:
        with self._lock:
            if self._spool is None:
                from routec.signin.spool import Spool

                if self._spool_file is None:
                    raise LogError("this log has no spool")
                self._spool = Spool(self._spool_file, self._now)
            return self._spool

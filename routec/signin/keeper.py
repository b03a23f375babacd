"""What a `Log` does, at one database: that of the log, or the spool."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import URL, Connection

from routec.contract import Lockout, Module
from routec.signin import clocks, guard, retention, rows
from routec.signin.database import Database
from routec.signin.following import Following
from routec.signin.outbox import Outbox
from routec.signin.store import Attempt, Charge, Entry, Filters, Lock


class Keeper:
    """The methods are those of `Log`, with the same names and faults."""

    def __init__(self, url: str | URL, now: Callable[[], datetime], *, is_spool: bool = False) -> None:
        self.database = Database(url, "the spool" if is_spool else "the sign-in log")
        self.outbox = Outbox(self.database, now)
        self._now = now
        self._is_spool = is_spool

    def charge(self, attempt: Attempt, lockout: Lockout) -> Charge | None:
        """As `Log.charge`."""
        try:
            charge = self.database.run(partial(guard.charge, attempt=attempt, lockout=lockout, now=self._now()))
        except guard.LockedOutError:
            return None
        return replace(charge, spooled=self._is_spool)

    def give_back(self, charge: Charge) -> Charge:
        """As `Log.give_back`."""
        self.database.run(partial(guard.give_back, charge=charge, now=self._now()))
        return replace(charge, buckets=())

    def write(self, entry: Entry, module: Module | None, charge: Charge | None, *, verified: bool) -> Entry:
        """As `Log.write`."""
        if charge is not None and charge.spooled != self._is_spool:
            # Counted elsewhere, where it is forgotten in a day.
            charge = replace(charge, buckets=())
        write = partial(rows.write, entry=entry, module=module, charge=charge, verified=verified, now=self._now())
        return self.database.run(write, repeatable=True)

    def look(self) -> None:
        """As `Log.look`."""
        for _ in self.read(Filters(limit=1)):
            pass
        self.database.look()

    def read(self, filters: Filters, *, oldest_first: bool = False) -> Iterator[Entry]:
        """As `Log.read` and `Log.oldest_first`."""
        for row in self.database.read(rows.listed(filters, oldest_first=oldest_first)):
            yield rows.as_entry(row)

    def follow(self, stop: Callable[[], bool] | threading.Event, filters: Filters) -> Iterator[Entry]:
        """As `Log.follow`."""
        return Following(self.database, stop, filters).entries()

    def purge(self, before: datetime, module: str | None) -> int:
        """As `Log.purge`."""
        return self._all(partial(retention.purge, before=before, module=module))

    def locks(self, module: str | None, logins: Iterable[str]) -> list[Lock]:
        """As `Log.locks`."""
        names = list(logins)
        return [guard.as_lock(row, names) for row in self.database.read(guard.shut(module, self._now()))]

    def unlock(self, module: str, login: str | None, caller: str | None) -> int:
        """As `Log.unlock`."""
        if not self.database.exists():
            return 0
        return self.database.run(
            partial(guard.unlock, module=module, login=login, caller=caller, now=self._now()), repeatable=True
        )

    def tidy(self, modules: Mapping[str, Module]) -> None:
        """As `Log.tidy`."""
        if not self.database.exists():
            return
        now = self._now()
        for name, module in modules.items():
            if module.clock is not None and module.clock.close is not None:
                query = clocks.begun_before(name, now - timedelta(seconds=module.clock.close))
                for user in [row.user for row in self.database.read(query)]:
                    self.database.run(partial(_close, name=name, module=module, user=user, now=now), repeatable=True)
            if module.keep is not None:
                self.purge(now - timedelta(seconds=module.keep), name)
        for remove in (retention.purge_failures, retention.purge_known, retention.purge_letters):
            self._all(partial(remove, now=now))

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def _all(self, remove: Callable[[Connection], retention.Removed]) -> int:
        if not self.database.exists():
            return 0
        count = 0
        while True:
            removed = self.database.run(remove, repeatable=True)
            count += removed.number
            if removed.is_all:
                return count


def _close(connection: Connection, name: str, module: Module, user: str, now: datetime) -> None:
    """End a shift that was forgotten, unless somebody else has."""
    state = clocks.locked(connection, name, user)
    row, state = clocks.close_if_due(name, user, module, state, now)
    if row is not None:
        clocks.store(connection, name, user, state)
        rows.add(connection, row, module, now)

"""The spool: an SQLite file on this machine, for sign-ins that `offline grant` lets through without the database.

It has the tables of the log. A row leaves it when it is in the database: if something dies in between, it is in both,
and at the next time the database has it already, by its `uid`.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.engine import URL

from routec.contract import Lockout, Module
from routec.signin import rows
from routec.signin.keeper import Keeper
from routec.signin.schema import outbox, signins
from routec.signin.store import Attempt, Charge, Entry, Lock, LogError, UnreachableError

ROWS_AT_ONCE = 100
COMPLAINT_SECONDS = 60

_logger = logging.getLogger("routec.signin.spool")


class _Spooled(NamedTuple):
    """A row in the spool, and what is to be sent of it, if anything."""

    id: int
    entry: Entry
    letter: Row[Any] | None


class Spool:
    """The file. Raises `LogError`."""

    def __init__(self, file: Path, now: Callable[[], datetime]) -> None:
        self._file = file.absolute()
        self._keeper = Keeper(URL.create("sqlite", database=str(self._file)), now, is_spool=True)
        self._now = now
        self._lock = threading.Lock()
        self._complained: float | None = None
        self._refused: set[str] = set()

    def charge(self, attempt: Attempt, lockout: Lockout) -> Charge | None:
        """As `Log.charge`, with the counters of this machine."""
        return self._keeper.charge(attempt, lockout)

    def give_back(self, charge: Charge) -> Charge:
        """As `Log.give_back`."""
        return self._keeper.give_back(charge)

    def write(self, entry: Entry, module: Module | None, charge: Charge | None, *, verified: bool) -> Entry:
        """As `Log.write`."""
        return self._keeper.write(entry, module, charge, verified=verified)

    def locks(self, module: str | None, logins: Iterable[str]) -> list[Lock]:
        """As `Log.locks`, of this machine."""
        found = self._keeper.locks(module, logins)
        return [replace(lock, what=f"{lock.what}, on this machine while the database is away") for lock in found]

    def unlock(self, module: str, login: str | None, caller: str | None) -> int:
        """As `Log.unlock`, of this machine."""
        return self._keeper.unlock(module, login, caller)

    def tidy(self) -> None:
        """Remove counters that no longer count."""
        self._keeper.tidy({})

    def drain(self, log: Keeper) -> int:
        """As `Log.drain`, into the database of the log."""
        with self._alone() as is_alone:
            count = self._move(log) if is_alone else 0
        if count:
            _logger.warning("%s sign-ins of %s are in the database now", count, self._file)
            with self._lock:
                self._complained = None
        return count

    def complain(self, error: UnreachableError) -> None:
        """Say that the spool is being used, once a minute."""
        now = time.monotonic()
        with self._lock:
            if self._complained is not None and now - self._complained < COMPLAINT_SECONDS:
                return
            self._complained = now
        _logger.error("%s; sign-ins of modules with `offline grant` are spooled in %s", error, self._file)

    def close(self) -> None:
        """Close all connections."""
        self._keeper.close()

    def _move(self, log: Keeper) -> int:
        count = last = 0
        while batch := self._after(last):
            last = batch[-1].id
            try:
                count += self._hand_over(log, batch)
            except UnreachableError as error:
                _logger.info("%s; spooled sign-ins wait for it", error)
                return count
            except LogError:
                # One that the database refuses is not to keep the others from it.
                for each in batch:
                    count += self._try(log, each)
        return count

    def _try(self, log: Keeper, each: _Spooled) -> int:
        try:
            return self._hand_over(log, [each])
        except UnreachableError:
            return 0
        except LogError as error:
            if each.entry.uid not in self._refused:
                self._refused.add(each.entry.uid)
                _logger.error("%s; the sign-in %s stays in %s", error, each.entry.uid, self._file)  # noqa: TRY400
            return 0

    def _hand_over(self, log: Keeper, batch: Sequence[_Spooled]) -> int:
        count = log.database.run(partial(_insert, batch=batch, now=self._now()), repeatable=True)
        self._keeper.database.run(partial(_forget, batch=batch), repeatable=True)
        return count

    def _after(self, last: int) -> list[_Spooled]:
        database = self._keeper.database
        query = rows.numbered().where(signins.c.id > last).limit(ROWS_AT_ONCE)
        found = [(row.id, rows.as_entry(row)) for row in database.read(query)]
        uids = [entry.uid for _, entry in found]
        letters = {row.uid: row for row in database.read(select(outbox).where(outbox.c.uid.in_(uids)))} if uids else {}
        return [_Spooled(number, entry, letters.get(entry.uid)) for number, entry in found]

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process or thread is draining; while this lasts, none is."""
        try:
            lock = os.open(
                self._file.with_name(self._file.name + "-drain"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise LogError(f"the spool {self._file}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
        finally:
            os.close(lock)


def _insert(connection: Connection, batch: Sequence[_Spooled], now: datetime) -> int:
    """Into the database, what it does not have."""
    for module in sorted({each.letter.module for each in batch if each.letter is not None}):
        rows.take_order(connection, module)
    added = rows.insert(connection, [each.entry for each in batch])
    letters = [each.letter for each in batch if each.letter is not None and each.entry.uid in added]
    if letters:
        rows.post(connection, [(each.uid, each.module, each.created, each.payload) for each in letters], now)
    return len(added)


def _forget(connection: Connection, batch: Sequence[_Spooled]) -> None:
    """From the spool, what the database has."""
    connection.execute(delete(outbox).where(outbox.c.uid.in_([each.entry.uid for each in batch])))
    connection.execute(delete(signins).where(signins.c.id.in_([each.id for each in batch])))

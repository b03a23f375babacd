"""The rows of the log: how one is written, with all that belongs to it, and which a list takes."""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, String, func, select

from routec.contract import GRANTED, Module
from routec.signin import clocks, guard
from routec.signin.dialects import insert_into
from routec.signin.outbox import PENDING
from routec.signin.outcome import REPEATED
from routec.signin.plain import storable
from routec.signin.record import as_json
from routec.signin.schema import outbox, signins
from routec.signin.store import Charge, Entry, Filters, LogError

_NAMES = tuple(column.name for column in fields(Entry))
_COLUMNS = tuple(signins.c[name] for name in _NAMES)
_LENGTHS = {
    column.name: column.type.length for column in _COLUMNS if isinstance(column.type, String) and column.type.length
}
_EQUAL = ("module", "login", "caller", "verdict", "user", "called", "purpose", "call_id")
_ORDERING = 0x726F75
"""The first half of PostgreSQL's number for the lock of an ordered module's outbox; the second is the module's."""


def write(
    connection: Connection, entry: Entry, module: Module | None, charge: Charge | None, *, verified: bool, now: datetime
) -> Entry:
    """As `Log.write`: one transaction. Writing again what is written changes nothing."""
    if entry.time.tzinfo is None:
        raise LogError("a sign-in with a time without a zone cannot be kept")
    entry = cleaned(entry)
    closed, state = None, None
    if module is not None and module.clock is not None:
        if clocks.is_clocked(entry, module):
            # Whoever writes the same entry at the same time waits here, so that what `_found` sees is the truth.
            state = clocks.locked(connection, entry.module, entry.user)
            if stored := _found(connection, entry.uid):
                return _told(stored, state)
            entry, closed, state = clocks.clock(connection, entry, module, state)
        else:
            entry = replace(entry, action=None)
    if closed is not None:
        add(connection, closed, module, now)
    if not add(connection, entry, module, now):
        return _found(connection, entry.uid) or entry
    if charge is not None:
        is_granted = entry.verdict == GRANTED
        if charge.buckets and (is_granted or verified):
            guard.give_back(connection, charge, now)
        if is_granted:
            guard.remember(connection, charge.attempt, now)
    return _told(entry, state)


def add(connection: Connection, entry: Entry, module: Module | None, now: datetime) -> bool:
    """Add a row and its webhook's entry in the outbox. False: the row is there already."""
    if module is not None and module.webhook is not None and module.webhook.ordered:
        take_order(connection, entry.module)
    if not insert(connection, [entry]):
        return False
    if module is not None and module.webhook is not None:
        post(connection, [(entry.uid, entry.module, now, as_json(entry))], now)
    return True


def insert(connection: Connection, entries: Sequence[Entry]) -> set[str]:
    """Add rows alone, and give the uids of those that were not there already."""
    statement = insert_into(connection, signins).values([asdict(entry) for entry in entries])
    added = statement.on_conflict_do_nothing(index_elements=["uid"]).returning(signins.c.uid)
    return set(connection.execute(added).scalars())


def post(connection: Connection, letters: Sequence[tuple[str, str, datetime, str]], due: datetime) -> None:
    """Add entries to the outbox (uid, module, created, payload), but for those that are there already."""
    names = ("uid", "module", "created", "payload")
    rest = {"state": PENDING, "due": due, "attempts": 0}
    values = [dict(zip(names, letter, strict=True)) | rest for letter in letters]
    connection.execute(insert_into(connection, outbox).values(values).on_conflict_do_nothing(index_elements=["uid"]))


def take_order(connection: Connection, module: str) -> None:
    """Let no other transaction add to an ordered module's outbox before this one ends: ids are given as it happens."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ORDERING, zlib.crc32(module.encode()) - 2**31)))


def cleaned(entry: Entry) -> Entry:
    """The entry with text that every database takes, cut to its column."""
    changes: dict[str, Any] = {}
    for name, length in _LENGTHS.items():
        value = getattr(entry, name)
        if value is not None and (kept := storable(value, length)) != value:
            changes[name] = kept
    return replace(entry, **changes) if changes else entry


def as_entry(row: Row[Any]) -> Entry:
    """A row of `listed` or `numbered`."""
    return Entry(**dict(zip(_NAMES, row[: len(_NAMES)], strict=True)))


def listed(filters: Filters, *, oldest_first: bool = False) -> Select[Any]:
    """The query for a list."""
    query = filtered(select(*_COLUMNS), filters)
    order = (signins.c.time, signins.c.id)
    query = query.order_by(*(order if oldest_first else [column.desc() for column in order]))
    return query if filters.limit is None else query.limit(filters.limit)


def numbered() -> Select[Any]:
    """The query for rows by id, which is their last column."""
    return select(*_COLUMNS, signins.c.id).order_by(signins.c.id)


def filtered(query: Select[Any], filters: Filters) -> Select[Any]:
    """The query with the filters' conditions, all but the limit."""
    for name in _EQUAL:
        wanted = getattr(filters, name)
        if wanted is not None:
            query = query.where(signins.c[name] == storable(wanted, _LENGTHS[name]))
    if filters.since is not None:
        query = query.where(signins.c.time >= filters.since)
    if filters.until is not None:
        query = query.where(signins.c.time < filters.until)
    return query


def takes(filters: Filters, entry: Entry) -> bool:
    """Whether the filters take an entry; as `filtered`."""
    wanted = {name: getattr(filters, name) for name in _EQUAL}
    return (
        all(value is None or storable(value, _LENGTHS[name]) == getattr(entry, name) for name, value in wanted.items())
        and (filters.since is None or entry.time >= filters.since)
        and (filters.until is None or entry.time < filters.until)
    )


def _found(connection: Connection, uid: str) -> Entry | None:
    row = connection.execute(select(*_COLUMNS).where(signins.c.uid == uid)).first()
    return None if row is None else as_entry(row)


def _told(entry: Entry, state: clocks.State | None) -> Entry:
    """What the caller is told: for a call that has clocked already, what it clocked."""
    if state is None or entry.reason != REPEATED:
        return entry
    return replace(entry, action=state.action, time=state.since or entry.time)

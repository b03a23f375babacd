"""What is removed, and when: rows past their time, and what no longer counts.

Each function removes some and says how many it found: the rest is for the next transaction, since on SQLite sign-ins
wait for this one.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Select, Table, delete, exists, or_, select, tuple_, update

from routec.signin.lockout import KNOWN, LONGEST
from routec.signin.outbox import DEAD, DELIVERED, PENDING
from routec.signin.schema import attempts, known, outbox, signins

ROWS_AT_ONCE = 1000

FAILURES = timedelta(days=2)
"""How long a counter is kept after its last failure. No lock is longer, and a failure counts for a day."""

LETTERS = timedelta(days=30)
"""How long the outbox tells of what was delivered."""


class Removed(NamedTuple):
    """How many rows a transaction removed, and whether there may be more."""

    number: int
    is_all: bool


def purge(connection: Connection, before: datetime, module: str | None) -> Removed:
    """Remove rows from before a moment, but for those whose webhook is pending."""
    is_pending = exists().where(outbox.c.uid == signins.c.uid, outbox.c.state == PENDING)
    query = select(signins.c.id, signins.c.uid).where(signins.c.time < before, ~is_pending).limit(ROWS_AT_ONCE)
    if module is not None:
        query = query.where(signins.c.module == module)
    found = connection.execute(query).all()
    if not found:
        return Removed(0, is_all=True)
    of_these = outbox.c.uid.in_([row.uid for row in found])
    connection.execute(delete(outbox).where(of_these, outbox.c.state == DELIVERED))
    connection.execute(update(outbox).where(of_these, outbox.c.state == DEAD).values(payload=None))
    removed = connection.execute(delete(signins).where(signins.c.id.in_([row.id for row in found])))
    return Removed(removed.rowcount, len(found) < ROWS_AT_ONCE)


def purge_failures(connection: Connection, now: datetime) -> Removed:
    """Remove counters that no longer count, and those of a clock that was ahead."""
    is_over = or_(attempts.c.last < now - FAILURES, attempts.c.last > now + LONGEST)
    return _remove(connection, attempts, select(*attempts.primary_key).where(is_over))


def purge_known(connection: Connection, now: datetime) -> Removed:
    """Forget callers who are not known any more."""
    return _remove(connection, known, select(*known.primary_key).where(known.c.time < now - KNOWN))


def purge_letters(connection: Connection, now: datetime) -> Removed:
    """Forget webhooks that were delivered long ago."""
    is_old = (outbox.c.state == DELIVERED, outbox.c.created < now - LETTERS)
    return _remove(connection, outbox, select(*outbox.primary_key).where(*is_old))


def _remove(connection: Connection, table: Table, query: Select[tuple[object, ...]]) -> Removed:
    # What a sign-in holds is not old: it is passed over, so that neither waits for the other.
    found = connection.execute(query.limit(ROWS_AT_ONCE).with_for_update(skip_locked=True)).all()
    if found:
        connection.execute(delete(table).where(tuple_(*table.primary_key).in_([tuple(row) for row in found])))
    return Removed(len(found), len(found) < ROWS_AT_ONCE)

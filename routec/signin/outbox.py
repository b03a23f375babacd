"""The outbox: webhooks that are to be sent. An entry is written in the transaction of its row (`rows`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, select, update

from routec.signin.database import Database
from routec.signin.plain import storable
from routec.signin.schema import MOST_ANSWER, outbox

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that this process is to send now. `attempts` counts this one. `payload` is the JSON text to post."""

    id: int
    uid: str
    module: str
    payload: str = field(repr=False)
    attempts: int
    created: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """An entry of the outbox as an admin sees it. `status` is the last answer's HTTP status, `answer` its text.

    `is_empty`: there is nothing left to send, since it was delivered or its row was purged. `retry` passes it over.
    """

    id: int
    uid: str
    module: str
    state: str
    created: datetime
    attempts: int
    next_attempt: datetime | None
    status: int | None
    answer: str | None
    is_empty: bool = False


class Outbox:
    """The entries of one database. Threads and processes share it. All methods raise `LogError`."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def claim(self, modules: Mapping[str, bool], limit: int, lease_seconds: float) -> list[Delivery]:
        """Take what is due, of `modules` (name to ordered), for so many seconds; then it is anybody's again.

        Counts the attempt. Of an ordered module, the oldest entry that is pending, and no other.
        """
        if not modules or not self._database.exists():
            return []
        now = self._now()
        return self._database.run(lambda connection: _claim(connection, modules, limit, now, lease_seconds))

    def delivered(self, id: int, status: int, answer: str) -> None:
        """It arrived: the payload is forgotten."""
        self._set(id, (PENDING, DEAD), {"state": DELIVERED, "payload": None}, status, answer)

    def failed(self, id: int, retry_at: datetime, status: int | None, answer: str) -> None:
        """It did not arrive, and is to be tried again then."""
        self._set(id, (PENDING,), {"due": retry_at}, status, answer)

    def bury(self, id: int, status: int | None, answer: str) -> None:
        """It is not tried any more: a dead letter, until `retry`."""
        self._set(id, (PENDING,), {"state": DEAD}, status, answer)

    def next_due(self, modules: Mapping[str, bool]) -> datetime | None:
        """When `claim` may next find something, which may be in the past; None where there is nothing to send."""
        moments = []
        for module, is_ordered in modules.items():
            query = select(outbox.c.due).where(outbox.c.state == PENDING, outbox.c.module == module)
            query = query.order_by(outbox.c.id if is_ordered else outbox.c.due).limit(1)
            moments += [row.due for row in self._database.read(query)]
        return min(moments, default=None)

    def list(self, state: str | None = None, module: str | None = None, limit: int | None = None) -> Iterator[Letter]:
        """The entries, newest first."""
        query = select(outbox).order_by(outbox.c.id.desc())
        if state is not None:
            query = query.where(outbox.c.state == state)
        if module is not None:
            query = query.where(outbox.c.module == module)
        for row in self._database.read(query if limit is None else query.limit(limit)):
            is_empty = row.payload is None
            due = row.due if row.state == PENDING and not is_empty else None
            told = (row.created, row.attempts, due, row.status, row.answer, is_empty)
            yield Letter(row.id, row.uid, row.module, row.state, *told)

    def counts(self) -> dict[str, int]:
        """How many entries are in which state; a state that nothing is in counts 0."""
        query = select(outbox.c.state, func.count().label("entries")).group_by(outbox.c.state)
        return dict.fromkeys((PENDING, DELIVERED, DEAD), 0) | {
            row.state: row.entries for row in self._database.read(query)
        }

    def retry(self, ids: Iterable[int] | None, module: str | None = None) -> int:
        """Make these entries (None: all) due at once, dead letters and pending ones; says how many.

        A dead letter's attempts are counted anew. One whose row was purged has nothing left to send.
        """
        if not self._database.exists():
            return 0
        query = update(outbox).where(outbox.c.state.in_((PENDING, DEAD)), outbox.c.payload.is_not(None))
        if ids is not None:
            query = query.where(outbox.c.id.in_(list_of(ids)))
        if module is not None:
            query = query.where(outbox.c.module == module)
        attempts = case((outbox.c.state == DEAD, 0), else_=outbox.c.attempts)
        query = query.values(state=PENDING, due=self._now(), attempts=attempts)
        return self._database.run(lambda connection: connection.execute(query).rowcount, repeatable=True)

    def _set(self, id: int, states: tuple[str, ...], values: dict[str, Any], status: int | None, answer: str) -> None:
        query = update(outbox).where(outbox.c.id == id, outbox.c.state.in_(states))
        query = query.values(**values, status=status, answer=storable(answer, MOST_ANSWER))
        self._database.run(lambda connection: connection.execute(query), repeatable=True)


list_of = list
"""The type, which has another meaning in the class."""


def _claim(
    connection: Connection, modules: Mapping[str, bool], limit: int, now: datetime, lease_seconds: float
) -> list[Delivery]:
    is_due = (outbox.c.state == PENDING, outbox.c.due <= now)
    unordered = [module for module, is_ordered in modules.items() if not is_ordered]
    # What another process has locked, it is claiming: it is passed over.
    due = select(outbox).where(*is_due).with_for_update(skip_locked=True)
    query = due.where(outbox.c.module.in_(unordered)).order_by(outbox.c.due, outbox.c.id).limit(limit)
    found = list(connection.execute(query)) if unordered else []
    for module, is_ordered in modules.items():
        if is_ordered and len(found) < limit:
            oldest = select(func.min(outbox.c.id)).where(outbox.c.state == PENDING, outbox.c.module == module)
            found += connection.execute(due.where(outbox.c.id == oldest.scalar_subquery()))
    if found:
        of_these = outbox.c.id.in_([row.id for row in found])
        until = now + timedelta(seconds=lease_seconds)
        connection.execute(update(outbox).where(of_these).values(attempts=outbox.c.attempts + 1, due=until))
    return [Delivery(row.id, row.uid, row.module, row.payload, row.attempts + 1, row.created) for row in found]

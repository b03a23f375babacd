"""The counters of failures in the database. `lockout` has the rules."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, delete, or_, select, update

from routec.contract import Lockout
from routec.signin.dialects import insert_into
from routec.signin.lockout import KNOWN, LONGEST, SKEW, Counter, buckets, caller_digest, digest, in_words, is_own, pair
from routec.signin.plain import storable
from routec.signin.schema import attempts, known
from routec.signin.store import Attempt, Charge, Counted, Lock

_UPDATE = (
    update(attempts)
    .where(attempts.c.module == bindparam("of_module"), attempts.c.bucket == bindparam("of_bucket"))
    .values(failures=bindparam("failures"), last=bindparam("last"), until=bindparam("until"))
)


class LockedOutError(Exception):
    """A bucket is shut; nothing of the transaction is to stay."""


def charge(connection: Connection, attempt: Attempt, lockout: Lockout, now: datetime) -> Charge:
    """As `Log.charge`. Raises `LockedOutError`."""
    is_known = _is_known(connection, attempt, now)
    wanted = buckets(attempt, lockout, is_known=is_known)
    # A flood of calls to what is shut is turned away without a write.
    look = select(attempts.c.until).where(attempts.c.module == attempt.module, attempts.c.bucket.in_(wanted))
    if connection.execute(look.where(_is_shut(now))).first() is not None:
        raise LockedOutError
    counters = _locked(connection, attempt.module, wanted, now)
    if any(counter.is_shut(now) for counter in counters.values()):
        raise LockedOutError
    charged = {bucket: counters[bucket].charged(after, lockout, now) for bucket, after in wanted.items()}
    _store(connection, attempt.module, charged)
    counted = [
        Counted(bucket, counter.until, counter.failures, counter.last, counters[bucket].last)
        for bucket, counter in charged.items()
    ]
    return Charge(attempt, tuple(counted), is_known)


def give_back(connection: Connection, charge: Charge, now: datetime) -> None:
    """Uncount a failure that was none."""
    attempt = charge.attempt
    found = {counted.bucket: counted for counted in sorted(charge.buckets)}
    counters = _locked(connection, attempt.module, found, now)
    given_back = {
        bucket: counters[bucket].given_back(counted, is_own=is_own(attempt, bucket))
        for bucket, counted in found.items()
    }
    _store(connection, attempt.module, given_back)


def remember(connection: Connection, attempt: Attempt, now: datetime) -> None:
    """Make a caller known who was granted."""
    own = pair(attempt)
    if own is not None:
        insert = insert_into(connection, known).values(module=attempt.module, pair=own, time=now)
        connection.execute(
            insert.on_conflict_do_update(index_elements=["module", "pair"], set_={"time": insert.excluded.time})
        )


def shut(module: str | None, now: datetime) -> Select[Any]:
    """The query for the buckets that are shut."""
    query = select(attempts).where(_is_shut(now)).order_by(attempts.c.module, attempts.c.bucket)
    return query if module is None else query.where(attempts.c.module == module)


def as_lock(row: Row[Any], logins: Iterable[str]) -> Lock:
    """A row of `shut` for an admin."""
    return Lock(row.module, in_words(row.module, row.bucket, logins), row.until, row.failures)


def unlock(connection: Connection, module: str, login: str | None, caller: str | None, now: datetime) -> int:
    """As `Log.unlock`."""
    query = select(attempts.c.bucket).where(attempts.c.module == module)
    bucket = attempts.c.bucket
    wanted = []
    if login is not None:
        own = digest(module, login)
        wanted += [bucket.in_([f"login/inside/{own}", f"login/outside/{own}"]), bucket.startswith(f"pair/{own}/")]
    if caller is not None:
        kept = storable(caller)
        wanted += [bucket.in_([f"caller/inside/{kept}", f"caller/outside/{kept}"])]
        wanted += [bucket.like(f"pair/%/{caller_digest(module, caller)}")]
    if wanted:
        query = query.where(or_(*wanted))
    found = sorted(connection.execute(query).scalars())
    if found:
        _locked(connection, module, found, now)
        connection.execute(delete(attempts).where(attempts.c.module == module, bucket.in_(found)))
    return len(found)


def _is_shut(now: datetime) -> ColumnElement[bool]:
    """As `Counter.is_shut`."""
    return and_(attempts.c.until > now, attempts.c.until <= now + LONGEST + SKEW)


def _is_known(connection: Connection, attempt: Attempt, now: datetime) -> bool:
    own = pair(attempt)
    if own is None:
        return False
    query = select(known.c.time).where(
        known.c.module == attempt.module, known.c.pair == own, known.c.time > now - KNOWN
    )
    return connection.execute(query).first() is not None


def _locked(connection: Connection, module: str, wanted: Iterable[str], now: datetime) -> dict[str, Counter]:
    """The counters, made where they are missing, and nobody else's until the transaction ends.

    One statement, which takes the rows in the order given: all who take several take them in that order, so that no two
    wait for each other.
    """
    rows = [{"module": module, "bucket": bucket, "failures": 0, "last": now} for bucket in wanted]
    insert = insert_into(connection, attempts).values(rows)
    taken = insert.on_conflict_do_update(
        index_elements=["module", "bucket"], set_={"failures": attempts.c.failures}
    ).returning(attempts.c.bucket, attempts.c.failures, attempts.c.last, attempts.c.until)
    return {row.bucket: Counter(row.failures, row.last, row.until) for row in connection.execute(taken)}


def _store(connection: Connection, module: str, counters: dict[str, Counter]) -> None:
    connection.execute(
        _UPDATE,
        [
            {
                "of_module": module,
                "of_bucket": bucket,
                "failures": counter.failures,
                "last": counter.last,
                "until": counter.until,
            }
            for bucket, counter in counters.items()
        ],
    )

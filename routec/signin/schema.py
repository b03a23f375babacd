"""The tables of the sign-in log, for SQLite and PostgreSQL alike. Importing this imports SQLAlchemy (0.2 s)."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from routec.signin.plain import MOST_TEXT

REVISION = "0002"
"""The name under which alembic knows this schema."""

EARLIER = ("0001",)
"""The schemas that were released before, all of which `migrations` leads on from."""

MOST_ANSWER = 500
"""How much of a receiver's answer is kept, in characters."""


class UtcTime(TypeDecorator[datetime]):
    """A moment. Aware datetimes go in and come out, in UTC, also from SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

# SQLite counts by itself in a column that is INTEGER exactly, and as AUTOINCREMENT never gives a number twice.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

signins = Table(
    "signins",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("time", UtcTime, nullable=False),
    Column("module", String(MOST_TEXT), nullable=False),
    Column("purpose", String(16)),
    Column("caller", String(MOST_TEXT)),
    Column("called", String(MOST_TEXT)),
    Column("login", String(MOST_TEXT)),
    Column("user", String(MOST_TEXT)),
    Column("password", String(MOST_TEXT)),
    Column("extra1", String(MOST_TEXT)),
    Column("extra2", String(MOST_TEXT)),
    Column("verdict", String(16), nullable=False),
    Column("call_id", String(MOST_TEXT)),
    Column("attempts", Integer, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("action", String(16)),
    Column("uid", String(64), nullable=False),
    sqlite_autoincrement=True,
)

# Newest first, of all or of those that have one thing in common: each list is a walk along one index.
Index("signins_time", signins.c.time, signins.c.id)
for _name in ("module", "login", "caller", "verdict", "user", "call_id"):
    Index(f"signins_{_name}_time", signins.c[_name], signins.c.time, signins.c.id)
Index("signins_uid", signins.c.uid, unique=True)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("uid", String(64), nullable=False),
    Column("module", String(MOST_TEXT), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", UtcTime, nullable=False),
    # When it may be claimed: the next attempt, or the end of the lease of whoever has claimed it.
    Column("due", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Integer),
    Column("answer", String(MOST_ANSWER)),
    # Nothing, once it is not needed: it says what the row says.
    Column("payload", Text),
    sqlite_autoincrement=True,
)
Index("outbox_uid", outbox.c.uid, unique=True)
Index("outbox_due", outbox.c.state, outbox.c.module, outbox.c.due, outbox.c.id)
Index("outbox_order", outbox.c.state, outbox.c.module, outbox.c.id)

# Failures, a counter for each bucket (`lockout`). Shut until `until`.
attempts = Table(
    "attempts",
    metadata,
    Column("module", String(MOST_TEXT), primary_key=True),
    Column("bucket", String(160), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until", UtcTime),
    Column("last", UtcTime, nullable=False),
)
Index("attempts_last", attempts.c.last)

# Who was granted from where: a digest of login and caller.
known = Table(
    "known",
    metadata,
    Column("module", String(MOST_TEXT), primary_key=True),
    Column("pair", String(160), primary_key=True),
    Column("time", UtcTime, nullable=False),
)
Index("known_time", known.c.time)

# Who is in, at a time clock. `call_id` and `action` are of the latest clocking, which was at `since`.
clocks = Table(
    "clocks",
    metadata,
    Column("module", String(MOST_TEXT), primary_key=True),
    Column("user", String(MOST_TEXT), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("since", UtcTime),
    Column("begun", UtcTime),
    Column("call_id", String(MOST_TEXT)),
    Column("action", String(16)),
)

alembic_version = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))

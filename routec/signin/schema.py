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
    TypeDecorator,
)

REVISION = "0001"
"""The name under which alembic knows this schema; its first migration begins where this leaves off."""

MOST_TEXT = 80
"""The longest text in a column, in characters; what comes from a caller is cut to it before."""


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

signins = Table(
    "signins",
    metadata,
    # SQLite counts by itself in a column that is INTEGER exactly.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
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
)

# Newest first, of all or of those that have one thing in common: each list is a walk along one index.
Index("signins_time", signins.c.time, signins.c.id)
for _name in ("module", "login", "caller", "verdict"):
    Index(f"signins_{_name}_time", signins.c[_name], signins.c.time, signins.c.id)

alembic_version = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))

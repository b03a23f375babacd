"""Actions and names for the rows; the outbox, the counters of failures and the time clocks.

Frozen: it makes the schema of 0002, whatever `schema` says by now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """From 0001."""
    _extend_signins()
    _make_outbox()
    op.create_table(
        "attempts",
        sa.Column("module", sa.String(80), primary_key=True),
        sa.Column("bucket", sa.String(160), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("until", _TIME),
        sa.Column("last", _TIME, nullable=False),
    )
    op.create_index("attempts_last", "attempts", ["last"])
    op.create_table(
        "known",
        sa.Column("module", sa.String(80), primary_key=True),
        sa.Column("pair", sa.String(160), primary_key=True),
        sa.Column("time", _TIME, nullable=False),
    )
    op.create_index("known_time", "known", ["time"])
    op.create_table(
        "clocks",
        sa.Column("module", sa.String(80), primary_key=True),
        sa.Column("user", sa.String(80), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", _TIME),
        sa.Column("begun", _TIME),
        sa.Column("call_id", sa.String(80)),
        sa.Column("action", sa.String(16)),
    )


def _extend_signins() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # SQLite gets the table anew, since only that makes a column required or numbers that are never used twice.
    with op.batch_alter_table(
        "signins", recreate="always" if is_sqlite else "auto", table_kwargs={"sqlite_autoincrement": True}
    ) as table:
        table.add_column(sa.Column("action", sa.String(16)))
        table.add_column(sa.Column("uid", sa.String(64)))
    name = "lower(hex(randomblob(16)))" if is_sqlite else "replace(gen_random_uuid()::text, '-', '')"
    op.execute(f"UPDATE signins SET uid = {name}")  # noqa: S608 (nothing of anybody's is in it)
    with op.batch_alter_table("signins", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.alter_column("uid", existing_type=sa.String(64), nullable=False)
    op.create_index("signins_user_time", "signins", ["user", "time", "id"])
    op.create_index("signins_call_id_time", "signins", ["call_id", "time", "id"])
    op.create_index("signins_uid", "signins", ["uid"], unique=True)


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("module", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.String(500)),
        sa.Column("payload", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_uid", "outbox", ["uid"], unique=True)
    op.create_index("outbox_due", "outbox", ["state", "module", "due", "id"])
    op.create_index("outbox_order", "outbox", ["state", "module", "id"])

"""The tables: made where there are none, brought up to date where they are an earlier routec's.

Both are one transaction under a lock, so that several processes may start at once, and one that is killed in the middle
leaves what was there. alembic, which takes 0.3 s to import, is imported for a migration and for nothing else.
"""

import threading
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, text, update

from routec.signin import limits
from routec.signin.schema import EARLIER, REVISION, alembic_version, metadata, signins
from routec.signin.sqlite import READS
from routec.signin.store import LogError

SCRIPTS = Path(__file__).with_name("migrations")
_MOST_SECONDS = 3600.0
_LOCK = 0x726F75746563
"""PostgreSQL's number for the lock: `routec` in ASCII."""

_alembic = threading.Lock()
"""alembic has one context a process."""


def is_there(connection: Connection) -> bool:
    """Whether there are tables, of whatever revision."""
    return _revision(connection) is not None


def make_ready(connection: Connection, place: str) -> None:
    """See to it that the tables are of `REVISION`. Raises `LogError` where they are of one that is not known."""
    connection.execution_options(**{READS: True})
    with connection.begin():
        is_ready = _revision(connection) == REVISION
    connection.execution_options(**{READS: False})
    if is_ready:
        return
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        revision = _revision(connection)
        if revision is None:
            _make(connection, place)
        elif revision in EARLIER:
            with limits.unhurried(_MOST_SECONDS), _alembic:
                _upgrade(connection)
        elif revision != REVISION:
            raise LogError(
                f"{place}: its tables are of revision {revision:.40}, and this routec knows {REVISION} and earlier: "
                "it was used by a newer routec, or is another program's"
            )


def touch(connection: Connection) -> None:
    """Write what is there already: it fails as any other write would."""
    connection.execute(update(alembic_version).values(version_num=alembic_version.c.version_num))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(alembic_version.name):
        return None
    return connection.execute(select(alembic_version.c.version_num)).scalar()


def _make(connection: Connection, place: str) -> None:
    if inspect(connection).has_table(signins.name):
        raise LogError(f"{place}: it has a table `{signins.name}` that is not routec's")
    metadata.create_all(connection, checkfirst=False)
    connection.execute(alembic_version.insert().values(version_num=REVISION))


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        # A table of a million rows takes longer than a sign-in may.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

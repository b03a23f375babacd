"""The sign-in log's database, over SQLAlchemy Core: `store` says what it does, this how. Importing it takes 0.2 s.

Within a process, writers to SQLite queue for a lock instead of polling the file, which is what SQLite does between
processes.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from routec.signin.schema import REVISION, alembic_version, metadata, signins
from routec.signin.store import Entry, Filters, LogError

BUSY_MILLISECONDS = 2_000
"""How long to wait for another process's write. With the wait for a turn it is within the grace that the dialplan gives
the checker: a row must not say `granted` of a caller who was cut off while it waited."""

_QUEUE_SECONDS = 2.5
_ROWS_AT_ONCE = 500
_COLUMNS = tuple(signins.c[column.name] for column in fields(Entry))
_CREATING = 0x726F75746563
"""PostgreSQL's number for the lock that creating the tables takes: `routec` in ASCII."""


class Database:
    """The engine of one URL, made by the first call that needs it. Raises `LogError` and nothing else."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            # The driver that routec comes with, under both names that people write.
            is_plain = parsed.drivername in ("postgres", "postgresql")
            self._url = parsed.set(drivername="postgresql+psycopg") if is_plain else parsed
        except (SQLAlchemyError, ValueError):
            raise LogError(
                "ROUTEC_DATABASE is no SQLAlchemy URL, such as sqlite:////var/lib/routec/signin.db"
            ) from None
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._file = _file_of(self._url)
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._engine: Engine | None = None
        self._is_ready = False

    def write(self, entry: Entry) -> None:
        """As `Log.write`."""
        with self._errors(), self._turn():
            engine = self._open()
            if not self._is_ready:
                with engine.begin() as connection:
                    _make_tables(connection)
                self._is_ready = True
            with engine.begin() as connection:
                connection.execute(signins.insert().values(asdict(entry)))

    def read(self, filters: Filters) -> Iterator[Entry]:
        """As `Log.read`."""
        if self._file is not None and not self._file.exists():
            return
        query = select(*_COLUMNS).order_by(signins.c.time.desc(), signins.c.id.desc())
        for name in ("module", "login", "caller", "verdict"):
            wanted = getattr(filters, name)
            if wanted is not None:
                query = query.where(signins.c[name] == wanted)
        if filters.since is not None:
            query = query.where(signins.c.time >= filters.since)
        if filters.until is not None:
            query = query.where(signins.c.time < filters.until)
        if filters.limit is not None:
            query = query.limit(filters.limit)
        with (
            self._errors(),
            self._open().connect().execution_options(yield_per=_ROWS_AT_ONCE, routec_reads=True) as connection,
        ):
            if inspect(connection).has_table(signins.name):
                with connection.execute(query) as rows:
                    for row in rows:
                        yield Entry(**row._mapping)  # noqa: SLF001 (public, for all its underscore)

    def close(self) -> None:
        """Close all connections."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is None:
                if self._is_sqlite:
                    engine = create_engine(self._url, hide_parameters=True)
                    _prepare_sqlite(engine)
                    _make_private(self._file)
                    self._engine = engine
                else:
                    self._engine = create_engine(self._url, hide_parameters=True, pool_pre_ping=True)
            return self._engine

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the turn to write, which SQLite gives to one at a time."""
        if not self._is_sqlite:
            yield
            return
        if not self._writing.acquire(timeout=_QUEUE_SECONDS):
            raise LogError(f"{self._place}: too many writers wait")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what SQLAlchemy and the system raise into `LogError`, without what must not be seen."""
        try:
            yield
        except ModuleNotFoundError as error:
            raise LogError(f"{self._place}: the database driver {error.name} is not installed") from None
        except (SQLAlchemyError, OSError) as error:
            # The driver's own first line. PostgreSQL's further lines quote the row, SQLAlchemy's the statement.
            cause = getattr(error, "orig", None) or error
            lines = str(cause).splitlines() or [type(cause).__name__]
            raise LogError(f"{self._place}: {lines[0]:.200}") from None

    @property
    def _place(self) -> str:
        """The database in words, without the URL's user, password and options."""
        host = f"//{self._url.host}/" if self._url.host else ""
        return f"the sign-in log {self._url.get_backend_name()}:{host}{self._url.database or ''}"


def _file_of(url: URL) -> Path | None:
    """The file of an SQLite database; None for one in memory and for other databases."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return None if url.database.startswith("file:") else Path(url.database)


def _make_private(file: Path | None) -> None:
    """Make the file and its folder, where missing, closed to others; SQLite's further files take the file's mode."""
    if file is None:
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # the driver's own connection, which has no type here
        connection.isolation_level = None
        # The time to wait goes first: even the journal's mode may have to wait for another process.
        for pragma in (f"busy_timeout={BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # A write takes its lock at once: one that began as a read is refused, not made to wait, when another
        # process has written in between.
        reads = connection.get_execution_options().get("routec_reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _make_tables(connection: Connection) -> None:
    """Make the tables that are missing; another process may be doing the same."""
    if connection.dialect.name == "postgresql":
        # IF NOT EXISTS alone fails when two sessions create at once.
        connection.execute(select(func.pg_advisory_xact_lock(_CREATING)))
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index, if_not_exists=True))
    if connection.execute(select(alembic_version)).first() is None:
        connection.execute(alembic_version.insert().values(version_num=REVISION))

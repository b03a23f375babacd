"""The database of a log, over SQLAlchemy: transactions, lists, and errors in clear words. Importing it takes 0.2 s.

Whatever the database does, `run` ends within `WRITE_SECONDS`: the dialplan waits a grace of five for a row. Within a
process, writers to SQLite queue for a lock instead of polling the file, which is what SQLite does between processes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Select
from sqlalchemy.engine import Row, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from routec.signin import limits, migrate, sqlite
from routec.signin.store import LogError, UnreachableError

WRITE_SECONDS = 4.3
RETURN_SECONDS = 2.0
"""How long to knock at a database that was there less than `RECENT_SECONDS` ago: a restart takes about a second."""

RECENT_SECONDS = 10.0
_KNOCK_SECONDS = 0.1
_ROWS_AT_ONCE = 500
_READ_ONLY = "25006"
"""PostgreSQL's code for a write to a standby."""

_NO_TABLE = "42P01"
"""PostgreSQL's code for a table that is gone: the next call makes it."""

T = TypeVar("T")


class Database:
    """The engines of one URL, made by the first call that needs them. Raises `LogError` and nothing else of its own."""

    def __init__(self, url: str | URL, title: str = "the sign-in log") -> None:
        self._title = title
        try:
            parsed = make_url(url)
            backend = parsed.get_backend_name()
        except (SQLAlchemyError, ValueError):
            backend = ""
        if backend not in ("sqlite", "postgresql", "postgres"):
            example = "sqlite:////var/lib/routec/signin.db"
            raise LogError(f"ROUTEC_DATABASE is no SQLAlchemy URL of SQLite or PostgreSQL, such as {example}") from None
        self.is_sqlite = backend == "sqlite"
        if not self.is_sqlite and _is_torn(parsed):
            # What was taken for the host would be shown.
            raise LogError("ROUTEC_DATABASE has a `@` or `/` in its password: write %40 for `@`, %2F for `/`")
        if self.is_sqlite and (fault := sqlite.fault_of(parsed)):
            # Each process would have a log of its own.
            raise LogError(f"ROUTEC_DATABASE, of SQLite, {fault}; write sqlite:////absolute/path, with four slashes")
        # The driver that routec comes with, whichever people name.
        self._url = parsed if self.is_sqlite else parsed.set(drivername="postgresql+psycopg")
        self._file = Path(parsed.database or "") if self.is_sqlite else None
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._engines: dict[bool, Engine] = {}
        self._identity: tuple[int, int] | None = None
        self._ready: Engine | None = None
        self._worked: float | None = None
        self._is_failing = False

    @property
    def place(self) -> str:
        """The database in words, without the URL's user, password and options."""
        host = f"//{self._url.host}/" if self._url.host else ""
        return f"{self._title} {self._url.get_backend_name()}:{host}{self._url.database or ''}"

    def run(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        """One transaction. When this returns, it is durable.

        Where the connection broke, `work` is done once more on another, unless the first may have been committed and
        it is not `repeatable`.
        """
        with self._noting(), self._errors(), self._turn() as late, limits.within(WRITE_SECONDS - late):
            self._make_ready()
            try:
                return self._transact(work, repeatable=repeatable)
            except _BrokenError:
                return self._transact(work, repeatable=None)

    def look(self) -> None:
        """See whether it can be written again, where the last write failed; what can be read may be full all the same.

        Raises `LogError`.
        """
        if self._is_failing:
            self.run(migrate.touch, repeatable=True)

    def read(self, query: Select[Any]) -> Iterator[Row[Any]]:
        """The rows of a query, as they are fetched; none where there is no log yet, which is not made by this."""
        with self._errors():
            if self._may_read():
                with self._reading() as connection, connection.execute(query) as rows:
                    yield from rows

    def exists(self) -> bool:
        """Whether there is a log at all. One of an earlier routec is brought up to date."""
        with self._errors():
            return self._may_read()

    def close(self) -> None:
        """Close all connections."""
        with self._opening:
            self._dispose()

    def _transact(self, work: Callable[[Connection], T], *, repeatable: bool | None) -> T:
        """Do it once. Raises `_BrokenError` where it may be done again; None: it may not."""
        is_committing = False
        with self._connected() as connection:
            try:
                with connection.begin():
                    result = work(connection)
                    if limits.remaining() <= 0:
                        # Nobody waits for it any more: it must not say of a caller who was cut off that he passed.
                        raise UnreachableError(f"{self.place}: it took too long")
                    is_committing = True
            except DBAPIError as error:
                is_certain = repeatable or not is_committing
                if repeatable is None or not error.connection_invalidated or not is_certain or _is_late():
                    raise
                raise _BrokenError from None
        self._worked = time.monotonic()
        return result

    def _connected(self) -> Connection:
        """A connection for writing. One that was there a moment ago is knocked at: it may be being restarted."""
        started = time.monotonic()
        is_recent = self._worked is not None and started - self._worked < RECENT_SECONDS
        while True:
            try:
                return self._engine(reads=False).connect()
            except OperationalError:
                is_over = time.monotonic() - started > RETURN_SECONDS
                if self.is_sqlite or not is_recent or is_over or _is_late():
                    raise
            time.sleep(_KNOCK_SECONDS)

    def _reading(self) -> Connection:
        connection = self._engine(reads=True).connect()
        return connection.execution_options(yield_per=_ROWS_AT_ONCE, **{sqlite.READS: True})

    def _make_ready(self) -> None:
        self._notice_another_file()
        engine = self._engine(reads=False)
        if self._ready is not engine:
            with self._connected() as connection:
                migrate.make_ready(connection, self.place)
            self._ready = engine
            if limits.remaining() <= 0:
                raise UnreachableError(f"{self.place}: bringing it up to date took too long for this call")

    def _may_read(self) -> bool:
        self._notice_another_file()
        if self._file is not None and not self._file.exists():
            return False
        if self._ready is None:
            with self._reading() as connection:
                if not migrate.is_there(connection):
                    return False
            with self._turn():
                self._make_ready()
        return True

    def _notice_another_file(self) -> None:
        """Open anew where the file was removed or replaced: rows would go into one that nobody will read."""
        if self._file is not None and self._identity is not None and sqlite.identity(self._file) != self._identity:
            with self._opening:
                self._dispose()

    def _engine(self, *, reads: bool) -> Engine:
        with self._opening:
            if reads not in self._engines:
                self._engines[reads] = self._new_engine(reads=reads)
            return self._engines[reads]

    def _new_engine(self, *, reads: bool) -> Engine:
        if self._file is None:
            from routec.signin import postgres

            return postgres.engine_for(self._url, reads=reads)
        engine = sqlite.engine_for(self._url, reads=reads)
        sqlite.make_private(self._file)
        self._identity = sqlite.identity(self._file)
        return engine

    def _dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        self._identity = None
        self._ready = None

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Wait for the turn to write, which SQLite gives to one at a time; gives how long that took beyond patience."""
        if not self.is_sqlite:
            yield 0
            return
        started, patience = time.monotonic(), limits.patience()
        if not self._writing.acquire(timeout=sqlite.QUEUE_SECONDS + patience):
            raise UnreachableError(f"{self.place}: too many writers wait")
        try:
            yield max(0.0, time.monotonic() - started - patience)
        finally:
            self._writing.release()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep in mind how the last write went."""
        try:
            yield
        except UnreachableError:
            self._is_failing = True
            raise
        self._is_failing = False

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what SQLAlchemy and the system raise into `LogError`, without what must not be seen."""
        try:
            yield
        except ModuleNotFoundError as error:
            raise LogError(f"{self.place}: the database driver {error.name} is not installed") from None
        except (SQLAlchemyError, OSError, ValueError) as error:
            # The driver's own first line. PostgreSQL's further lines quote the row, SQLAlchemy's the statement.
            cause = getattr(error, "orig", None) or error
            if getattr(cause, "sqlstate", None) == _NO_TABLE:
                self._ready = None
            what = UnreachableError if _is_unreachable(error, cause) else LogError
            raise what(f"{self.place}: {_words_of(cause):.200}") from None


class _BrokenError(Exception):
    """The connection broke, and what was to be done on it may be done on another."""


def _is_torn(url: URL) -> bool:
    """Whether a raw `@` of a password ended it too early, so that the rest of it is in the host or the database."""
    database = url.database or ""
    return "@" in (url.host or "") or ("@" in database and "/" in database)


def _is_late() -> bool:
    return limits.remaining() < 2 * _KNOCK_SECONDS


def _words_of(cause: BaseException) -> str:
    if isinstance(cause, UnicodeError):
        return "text that cannot be kept"
    if isinstance(cause, ValueError):
        return "the driver does not take a value, such as an option of ROUTEC_DATABASE"
    if isinstance(cause, PoolTimeoutError):
        return "too many writers wait"
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
    lines = str(cause).splitlines()
    return sqlite.words_of(cause) or (lines[0] if lines else type(cause).__name__)


def _is_unreachable(error: BaseException, cause: BaseException) -> bool:
    """Whether it is the database's state that is at fault, and not what was to be kept."""
    if hasattr(cause, "sqlite_errorcode"):
        return sqlite.words_of(cause) is not None
    if getattr(cause, "sqlstate", None) == _READ_ONLY:
        return True
    return isinstance(error, (OperationalError, InterfaceError, PoolTimeoutError, OSError))

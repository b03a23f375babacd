"""PostgreSQL over psycopg such that nobody waits for ever, whatever the server or the network does.

The server's own time limits do not help where the server hangs, nor TCP's where its machine still answers. So each wait
for an answer ends at the deadline of what is being done (`limits`), by closing the connection.
"""

import threading
import time
from collections.abc import Generator
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DisconnectionError

from routec.signin import limits

CONNECT_SECONDS = 2
POOL, OVERFLOW = 10, 15
"""Fifty writers share twenty-five connections, each for some milliseconds, so that a PostgreSQL with its hundred serves
several PBXs."""

POOL_SECONDS = 2
PING_SECONDS = 1.5
"""How long a connection of the pool may take to say that it is alive; another is made then."""

_WRITING = "-c statement_timeout=4000 -c lock_timeout=3500 -c idle_in_transaction_session_timeout=10000"
"""The server gives up as well, so that no lock outlives the one who waited for it, or who was cut off holding it."""

_DEFAULTS = {
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 3000,
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "application_name": "routec",
}


class _Connection(psycopg.Connection[Any]):
    """A connection that is closed when an answer does not come in time."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
        """As psycopg's, which asks about ten times a second whether to go on."""
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        end = time.monotonic() + limits.remaining()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() >= end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("no answer in time")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value


def engine_for(url: URL, *, reads: bool) -> Engine:
    """An engine with a pool; the one for `reads`, which may last, is apart, so that no writer waits for them."""
    options = " ".join(filter(None, ("" if reads else _WRITING, _text(url.query.get("options")))))
    arguments = {name: value for name, value in _DEFAULTS.items() if name not in url.query}
    if options:
        arguments["options"] = options
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=2 if reads else POOL,
        max_overflow=OVERFLOW,
        pool_timeout=POOL_SECONDS,
        connect_args=arguments,
    )
    _ping_first(engine)
    event.listen(engine, "do_connect", _connect)
    return engine


def _ping_first(engine: Engine) -> None:
    """What the pool's own pre-ping does, with a deadline: it leaves time for another connection."""

    @event.listens_for(engine, "checkout")
    def checked_out(connection: _Connection, _record: object, _proxy: object) -> None:
        try:
            with limits.within(PING_SECONDS):
                engine.dialect.do_ping(connection)  # type: ignore[arg-type]  # the driver's own connection
        except psycopg.Error:
            raise DisconnectionError from None


def _text(value: str | tuple[str, ...] | None) -> str | None:
    return " ".join(value) if isinstance(value, tuple) else value


def _connect(
    _dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]
) -> psycopg.Connection[Any]:
    """Connect in a thread: looking up a name cannot be bounded otherwise."""
    attempt = _Attempt(arguments, options)
    attempt.start()
    return attempt.result(min(CONNECT_SECONDS + 0.2, limits.remaining()))


class _Attempt(threading.Thread):
    """One attempt to connect. A connection that comes too late is closed."""

    def __init__(self, arguments: list[Any], options: dict[str, Any]) -> None:
        super().__init__(name="postgres-connect", daemon=True)
        self._arguments = arguments
        self._options = options
        self._change = threading.Lock()
        self._is_late = False
        self._connection: _Connection | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        connection = None
        try:
            connection = _Connection.connect(*self._arguments, **self._options)
        except Exception as error:  # noqa: BLE001 (raised by `result`)
            self._error = error
        with self._change:
            self._connection = connection
            is_late = self._is_late
        if is_late and connection is not None:
            connection.close()

    def result(self, seconds: float) -> _Connection:
        """The connection. Raises what connecting raised."""
        self.join(max(0.0, seconds))
        with self._change:
            if self._connection is not None:
                return self._connection
            self._is_late = True
        raise self._error or psycopg.OperationalError("no connection in time")

"""SQLite as the log needs it: durable at each commit, closed to others, and one writer at a time."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

BUSY_MILLISECONDS = 2_000
"""How long to wait for another process's write. With the wait for a turn it is within the grace that the dialplan gives
the checker: a row must not say `granted` of a caller who was cut off while it waited."""

QUEUE_SECONDS = 2.5
"""How long a writer waits for its turn among the threads of this process."""

READS = "routec_reads"
"""The execution option of a connection that only reads."""

WORDS = {
    5: "another process keeps it locked",
    6: "another process keeps it locked",
    8: "it cannot be written: the file, its folder or its disk is read-only for this user",
    10: "the disk failed to read or write",
    13: "the disk is full",
    14: "the file cannot be opened by this user",
    15: "another process keeps it locked",
}
"""What an error code of SQLite says, for those that are about the file and not about what was to be kept."""


def engine_for(url: URL, *, reads: bool) -> Engine:
    """An engine; for `reads`, which may last, with a connection for each, so that none waits for them."""
    engine = create_engine(url, hide_parameters=True, poolclass=NullPool if reads else None)

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
        is_read = connection.get_execution_options().get(READS)
        connection.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")

    return engine


def file_named(text: str) -> Path | None:
    """The file that the text of a URL names; None where it names none, or is no URL."""
    try:
        url = make_url(text)
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    except (SQLAlchemyError, ValueError):
        return None


def fault_of(url: URL) -> str | None:
    """Why a URL is not of one file that is the same for all processes; None where it is."""
    if not url.database or url.database == ":memory:":
        return "is in memory, where no other process sees it"
    if url.database.startswith("file:"):
        return "is a `file:` URI"
    if url.query:
        return "has options, after `?`"
    return "has a path with a NUL" if "\0" in url.database else None


def make_private(file: Path) -> None:
    """Make the file and its folder, where missing, closed to others; SQLite's further files take the file's mode.

    A file that is there is not even opened: to close it would drop the locks that other connections of this process
    hold (POSIX has one set of them for a process), and another process would take the log away under their feet.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def identity(file: Path) -> tuple[int, int] | None:
    """Which file it is: another one in its place has another identity. None where there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino)


def words_of(cause: object) -> str | None:
    """What the driver's error says in words, where it is about the file; None for any other."""
    code = getattr(cause, "sqlite_errorcode", None)
    return WORDS.get(code & 0xFF) if isinstance(code, int) else None

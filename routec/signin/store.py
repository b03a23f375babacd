"""The sign-in log: rows that are durable when `write` returns, and lists of them, newest first.

This module is light. What does the work, `database`, is imported by the first write or read: SQLAlchemy takes 0.2 s
to import, and a plain AGI process must have played its first prompt by then.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routec.signin.database import Database


class LogError(Exception):
    """The log cannot be written or read. The message has no password, neither the database's nor a caller's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sign-in, as the log keeps it. `time` has a zone. What the module does not log is None."""

    time: datetime
    module: str
    purpose: str | None
    caller: str | None
    called: str | None
    login: str | None
    user: str | None
    password: str | None = field(repr=False)
    extra1: str | None
    extra2: str | None
    verdict: str
    call_id: str | None
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which sign-ins to list; None takes all. `since` is part of the list, `until` is not; both have a zone."""

    module: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    login: str | None = None
    caller: str | None = None
    verdict: str | None = None
    limit: int | None = None


class Log:
    """The log at an SQLAlchemy URL. Threads share one, and processes share what it stands for.

    Making one touches nothing; the first `write` makes the tables, and for SQLite the file and its folder.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._database: Database | None = None

    def write(self, entry: Entry) -> None:
        """Add a row; when this returns, it outlives a power cut. Raises `LogError`."""
        self._opened().write(entry)

    def read(self, filters: Filters | None = None) -> Iterator[Entry]:
        """The rows, newest first, as they are fetched; a log that is not there yet is empty. Raises `LogError`."""
        return self._opened().read(filters or Filters())

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None

    def _opened(self) -> Database:
        with self._lock:
            if self._database is None:
                from routec.signin.database import Database

                self._database = Database(self._url)
            return self._database

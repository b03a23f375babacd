"""New rows as they come: by their ids, which PostgreSQL gives before it commits, and so not in the order of commits."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from sqlalchemy import select

from routec.signin import rows
from routec.signin.database import Database
from routec.signin.schema import signins
from routec.signin.store import Entry, Filters, UnreachableError

POLL_SECONDS = 0.3
GAP_SECONDS = 20.0
"""How long a number that is missing may still appear: longer than any transaction that adds a row lasts."""

_LOOK_BACK = 500
"""How many numbers before the first may belong to transactions that were under way when following began."""

_MOST_GAPS = 2000
_ROWS_AT_ONCE = 1000

_logger = logging.getLogger("routec.signin.following")


class Following:
    """Where one who follows is: the highest number seen, and those below it that may still appear."""

    def __init__(self, database: Database, stop: Callable[[], bool] | threading.Event, filters: Filters) -> None:
        self._database = database
        self._stop = stop
        self._filters = filters
        self._last = 0
        self._gaps: dict[int, float] = {}
        query = select(signins.c.id).order_by(signins.c.id.desc()).limit(_LOOK_BACK)
        there = [number for (number,) in database.read(query)]
        if there:
            self._last = max(0, there[0] - _LOOK_BACK)
            self._see(number for number in reversed(there) if number > self._last)

    def entries(self) -> Iterator[Entry]:
        """The rows, until it is to stop."""
        is_away = False
        while not self._is_over():
            found: list[tuple[int, Entry]] = []
            try:
                found = self._look()
                is_away = False
            except UnreachableError as error:
                if not is_away:
                    _logger.warning("%s; waiting for it", error)
                is_away = True
            for _, entry in found:
                if rows.takes(self._filters, entry):
                    yield entry
                    if self._is_over():
                        return
            if len(found) < _ROWS_AT_ONCE:
                self._wait()

    def _look(self) -> list[tuple[int, Entry]]:
        """What has come since the last look, by number."""
        limit = time.monotonic() - GAP_SECONDS
        self._gaps = {number: missed for number, missed in self._gaps.items() if missed > limit}
        late = []
        if self._gaps:
            query = rows.numbered().where(signins.c.id.in_(self._gaps))
            late = [(row.id, rows.as_entry(row)) for row in self._database.read(query)]
        query = rows.numbered().where(signins.c.id > self._last).limit(_ROWS_AT_ONCE)
        new = [(row.id, rows.as_entry(row)) for row in self._database.read(query)]
        for number, _ in late:
            del self._gaps[number]
        self._see(number for number, _ in new)
        return late + new

    def _see(self, numbers: Iterable[int]) -> None:
        """Note numbers, which rise, and those that are missing between them."""
        now = time.monotonic()
        for number in numbers:
            # Of a long row of missing numbers, the latest: sequences jump when PostgreSQL was restarted.
            self._gaps |= dict.fromkeys(range(max(self._last + 1, number - _LOOK_BACK), number), now)
            self._last = number
        for oldest in list(islice(self._gaps, max(0, len(self._gaps) - _MOST_GAPS))):
            del self._gaps[oldest]

    def _is_over(self) -> bool:
        return self._stop.is_set() if isinstance(self._stop, threading.Event) else self._stop()

    def _wait(self) -> None:
        if isinstance(self._stop, threading.Event):
            self._stop.wait(POLL_SECONDS)
        else:
            time.sleep(POLL_SECONDS)

"""Sign-ins as `routec log` prints them: a batch of rows in, its text out, as the rows come."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from routec.cli.layout import csv_line, table

if TYPE_CHECKING:
    from routec.signin.store import Entry

_COLUMNS = ("time", "verdict", "module", "caller", "called", "login", "user", "extra1", "extra2", "reason")
"""The table's columns. A password, where a module logs it, is for those who ask for csv or json."""

_ROWS_AT_ONCE = 500

Batches = Iterable[Sequence["Entry"]]


def in_batches(entries: Iterable["Entry"]) -> Iterator[list["Entry"]]:
    """Rows, some at a time: what is read and printed together, and no more than that is held."""
    remaining = iter(entries)
    while batch := list(islice(remaining, _ROWS_AT_ONCE)):
        yield batch


def _json(batches: Batches) -> Iterator[str]:
    """An object a line."""
    from routec.signin.record import as_json

    for batch in batches:
        yield "".join(f"{as_json(entry)}\n" for entry in batch)


def _csv(batches: Batches) -> Iterator[str]:
    """The columns are the keys of json; the first line names them."""
    from routec.signin.record import KEYS, as_object

    keys = (*KEYS, "action")
    yield csv_line(keys)
    for batch in batches:
        yield "".join(csv_line(map(as_object(entry).get, keys)) for entry in batch)


def _table(batches: Batches) -> Iterator[str]:
    return table(_COLUMNS, ([[_cell(entry, column) for column in _COLUMNS] for entry in batch] for batch in batches))


def _cell(entry: "Entry", column: str) -> str | None:
    if column == "time":
        return entry.time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if column == "reason" and entry.action is not None:
        return f"{entry.reason} ({entry.action})"
    value: str | None = getattr(entry, column)
    return value


FORMATS: dict[str, Callable[[Batches], Iterator[str]]] = {"table": _table, "csv": _csv, "json": _json}

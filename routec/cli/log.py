"""`routec log`: who signed in, newest first."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from routec.cli import FAULTS
from routec.cli.here import runtime
from routec.cli.main import fail
from routec.contract import VERDICTS

if TYPE_CHECKING:
    from routec.signin.store import Entry

KEYS = (
    "time",
    "module",
    "purpose",
    "caller",
    "called",
    "login",
    "user",
    "password",
    "extra1",
    "extra2",
    "verdict",
    "call_id",
)
"""The keys of `--format json`, in order; others build on them."""

_COLUMNS = ("time", "verdict", "module", "caller", "called", "login", "user", "extra1", "extra2", "reason")
"""The table's columns. A password, where a module logs it, is for those who ask for json."""

_ROWS_AT_ONCE = 500
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,9})([smhdw])")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on only
    """A moment: an ISO 8601 date or time, in the local zone unless it names one, or how long ago, such as `2h`.

    A bare date is the day's start, or with `whole_day` its end, so that `--until 2026-11-23` takes in that day.
    """

    name = "when"

    def __init__(self, *, whole_day: bool = False) -> None:
        self._whole_day = whole_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read what was typed; wrong use where it is none of these."""
        try:
            return self._read(str(value).strip())
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no date, time or duration; write 2026-11-23, 2026-11-23T09:00 or 2h", param, ctx)

    def _read(self, text: str) -> datetime:
        if match := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            return datetime.combine(day + timedelta(days=1) if self._whole_day else day, time()).astimezone()
        moment = datetime.fromisoformat(text)
        return moment.astimezone() if moment.tzinfo is None else moment


@click.command()
@click.option("--module", metavar="NAME", help="Sign-ins of this module.")
@click.option("--since", type=Moment(), metavar="WHEN", help="From then on: a date, a time, or 2h, 3d ago.")
@click.option("--until", type=Moment(whole_day=True), metavar="WHEN", help="Before then; a date includes its day.")
@click.option("--login", metavar="DIGITS", help="Sign-ins with this login.")
@click.option("--caller", metavar="NUMBER", help="Sign-ins from this number, as Asterisk gives it.")
@click.option("--verdict", type=click.Choice(VERDICTS), help="Sign-ins that ended so.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N.")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def log(
    module: str | None,
    since: datetime | None,
    until: datetime | None,
    login: str | None,
    caller: str | None,
    verdict: str | None,
    limit: int | None,
    form: str,
) -> None:
    """List the sign-ins, newest first."""
    from routec.signin.store import Filters, Log, LogError

    filters = Filters(module=module, since=since, until=until, login=login, caller=caller, verdict=verdict, limit=limit)
    store = Log(runtime().database)
    try:
        rows = store.read(filters)
        lines = map(_object, rows) if form == "json" else _table(rows)
        is_empty = True
        for line in lines:
            is_empty = False
            click.echo(line)
        if is_empty and form == "table":
            click.echo("no sign-ins", err=True)
    except LogError as error:
        fail(str(error), code=FAULTS)
    except BrokenPipeError:
        # Whoever read has read enough. What is still buffered must not be tried again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        store.close()


def _object(entry: "Entry") -> str:
    values = {key: getattr(entry, key) for key in KEYS}
    values["time"] = entry.time.astimezone(UTC).isoformat(timespec="milliseconds")
    return json.dumps(values)


def _table(entries: Iterable["Entry"]) -> Iterator[str]:
    """Aligned lines, as they come: columns grow with what they hold, and never shrink."""
    widths = [len(column) for column in _COLUMNS]
    is_first = True
    remaining = iter(entries)
    while batch := list(islice(remaining, _ROWS_AT_ONCE)):
        rows = [[_cell(entry, column) for column in _COLUMNS] for entry in batch]
        if is_first:
            rows.insert(0, [column.upper() for column in _COLUMNS])
            is_first = False
        widths = [max(width, *map(len, cells)) for width, cells in zip(widths, zip(*rows, strict=True), strict=True)]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(entry: "Entry", column: str) -> str:
    if column == "time":
        return entry.time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    value = getattr(entry, column)
    # What a caller chose must not drive the terminal of whoever reads it.
    return "".join(c if c.isprintable() else "?" for c in value) if value else "-"

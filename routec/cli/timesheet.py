"""`routec log timesheet`: who worked when, and how long, from the rows of time clocks."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import click

from routec.cli.known_modules import note_no_clock
from routec.cli.layout import csv_line, for_a_reader_who_may_leave, put, table
from routec.cli.main import fail
from routec.cli.moments import Days, Moment, Zone, start_of
from routec.cli.open_log import opened_log, say_empty
from routec.contract import GRANTED

if TYPE_CHECKING:
    from routec.signin.timesheet import Work

_LENGTHS = ("break", "break_decimal", "hours", "hours_decimal", "state")
_COLUMNS = {
    "shift": ("module", "user", "in", "out", *_LENGTHS),
    "day": ("module", "user", "day", "in", "out", *_LENGTHS),
    "period": ("module", "user", "days", "shifts", *_LENGTHS),
}
"""The columns of csv and the keys of json; the table has no decimals."""

_MINUTE = timedelta(minutes=1)
_HUNDREDTH = timedelta(hours=1) / 100


@click.command()
@click.option("--module", metavar="NAME", help="Only this time clock.")
@click.option("--user", metavar="NAME", help="Only this user.")
@click.option("--since", type=Moment(), metavar="WHEN", help="From then on: a date, a time, or 2h, 3d ago.")
@click.option("--until", type=Moment(whole_day=True), metavar="WHEN", help="Before then; a date includes its day.")
@click.option("--month", type=Days("month"), metavar="MONTH", help="A month, such as 2026-11.")
@click.option("--week", type=Days("week"), metavar="WEEK", help="A week from Monday on, such as 2026-W47.")
@click.option("--by", type=click.Choice(tuple(_COLUMNS)), default="day", show_default=True, help="What a row is.")
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table", show_default=True)
@click.option(
    "--zone", type=Zone(), is_eager=True, metavar="ZONE", help="Such as Europe/Brussels; else this machine's."
)
def timesheet(
    module: str | None,
    user: str | None,
    month: tuple[date, date] | None,
    week: tuple[date, date] | None,
    by: str,
    form: str,
    zone: tzinfo | None,
    **period: datetime | None,
) -> None:
    """List the hours of those who clocked in and out.

    Breaks are subtracted. A shift over midnight belongs to both days. What began before the period is counted from
    its start. `open` is who has not clocked out yet, counted to now; `forgotten`, what the time clock closed because
    nobody clocked out; `incomplete`, what lacks a row, for instance because it was purged.

    csv has hours as 7:30 and as 7.50, rounded to the minute and the hundredth, each from the exact time.
    """
    from routec.signin import timesheet as sheet
    from routec.signin.store import Filters

    since, until = _period(period["since"], period["until"], month or week, zone, is_double=bool(month and week))
    with opened_log() as store, for_a_reader_who_may_leave():
        # From the beginning of the log, since a shift that began at any time may reach into the period.
        rows = store.oldest_first(Filters(module=module, user=user, purpose="timeclock", verdict=GRANTED))
        parts = (shift.within(since, until) for shift in sheet.shifts(rows, datetime.now(UTC), until))
        works = {"shift": sheet.by_shift, "day": sheet.by_day, "period": sheet.by_period}[by](
            (part for part in parts if part is not None), zone
        )
        for text in _lines(works, by, form, zone):
            put(text)
        if not works:
            say_empty("no shifts", only_where=form != "table")
            note_no_clock(store, module)


def _period(
    since: datetime | None,
    until: datetime | None,
    days: tuple[date, date] | None,
    zone: tzinfo | None,
    *,
    is_double: bool,
) -> tuple[datetime | None, datetime | None]:
    if is_double or (days is not None and (since or until)):
        fail("--month, --week, and --since with --until exclude one another")
    if days is not None:
        since, until = (start_of(day, zone) for day in days)
    if since is not None and until is not None and since >= until:
        fail("the period ends before it begins")
    return since, until


def _lines(works: "list[Work]", by: str, form: str, zone: tzinfo | None) -> Iterator[str]:
    columns = _COLUMNS[by]
    if form == "table":
        columns = tuple(column for column in columns if not column.endswith("_decimal"))
        rows = [[_for_people(work, column, by, zone) for column in columns] for work in works]
        yield from table(columns, [rows])
    elif form == "csv":
        yield csv_line(columns)
        for work in works:
            cells = (_value(work, column, zone) for column in columns)
            yield csv_line(None if cell is None else str(cell) for cell in cells)
    else:
        for work in works:
            values = {column: _value(work, column, zone) for column in columns}
            values |= {key: float(values[key]) for key in values if key.endswith("_decimal")}
            yield json.dumps(values) + "\n"


def _value(work: "Work", column: str, zone: tzinfo | None) -> Any:
    """A cell of csv and, but for decimals, a value of json."""
    match column:
        case "day":
            return work.day.isoformat()
        case "in" | "out":
            moment = work.begin if column == "in" else work.end
            return moment and moment.astimezone(zone).isoformat(timespec="seconds")
        case "break" | "hours":
            return _clock(work.rest if column == "break" else work.work)
        case "break_decimal" | "hours_decimal":
            return _decimal(work.rest if column == "break_decimal" else work.work)
        case "state":
            return " ".join(work.marks) or None
    return getattr(work, column)


def _for_people(work: "Work", column: str, by: str, zone: tzinfo | None) -> str | None:
    if column not in ("in", "out"):
        value = _value(work, column, zone)
        return None if value is None else str(value)
    moment = work.begin if column == "in" else work.end
    if moment is None:
        return None
    here = moment.astimezone(zone)
    if by == "shift":
        return here.strftime("%Y-%m-%d %H:%M")
    return "24:00" if here.date() > work.day else here.strftime("%H:%M")


def _clock(length: timedelta) -> str:
    """7:30, rounded to the minute."""
    minutes = (length + _MINUTE / 2) // _MINUTE
    return f"{minutes // 60}:{minutes % 60:02}"


def _decimal(length: timedelta) -> str:
    """7.50, rounded to the hundredth."""
    hundredths = (length + _HUNDREDTH / 2) // _HUNDREDTH
    return f"{hundredths // 100}.{hundredths % 100:02}"

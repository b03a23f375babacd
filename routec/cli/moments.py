"""Moments, periods and zones as people type them."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"([0-9]{1,9})([smhdw])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


class Length(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on only
    """A length of time: 90s, 15m, 2h, 90d, 3w."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read what was typed; wrong use where it is none."""
        try:
            length = _length(str(value).strip())
        except OverflowError:
            length = None
        if length is None:
            self.fail(f"{value!r} is no length of time; write 90d, 12h or 2w", param, ctx)
        return length


class Zone(click.ParamType):  # type: ignore[type-arg]  # as above
    """A time zone by its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        """Find what was typed; wrong use where there is no such zone."""
        try:
            return ZoneInfo(str(value))
        except (KeyError, ValueError, OSError):
            self.fail(f"there is no zone {value!r}; write one like Europe/Brussels", param, ctx)


class Moment(click.ParamType):  # type: ignore[type-arg]  # as above
    """A moment: an ISO 8601 date or time, in the local zone unless it names one, or how long ago, such as `2h`.

    A bare date is the day's start, or with `whole_day` its end, so that `--until 2026-11-23` takes in that day. Where
    the command has an option --zone, read before all others, that is the zone instead of the local one.
    """

    name = "when"

    def __init__(self, *, whole_day: bool = False) -> None:
        self._whole_day = whole_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read what was typed; wrong use where it is none of these."""
        zone = ctx.params.get("zone") if ctx else None
        try:
            return self._read(str(value).strip(), zone if isinstance(zone, tzinfo) else None)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no date, time or duration; write 2026-11-23, 2026-11-23T09:00 or 2h", param, ctx)

    def _read(self, text: str, zone: tzinfo | None) -> datetime:
        if (length := _length(text)) is not None:
            return datetime.now(UTC) - length
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            return start_of(day + timedelta(days=1) if self._whole_day else day, zone)
        moment = datetime.fromisoformat(text)
        return _in_zone(moment, zone) if moment.tzinfo is None else moment


class Days(click.ParamType):  # type: ignore[type-arg]  # as above
    """A month or a week: its first day, and the first behind it."""

    name = "days"

    def __init__(self, unit: str) -> None:
        self._unit = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, date]:
        """Read what was typed; wrong use where it is none."""
        days = self._read(str(value).strip())
        if days is None:
            example = "2026-11" if self._unit == "month" else "2026-W47"
            self.fail(f"{value!r} is no {self._unit}; write {example}", param, ctx)
        return days

    def _read(self, text: str) -> tuple[date, date] | None:
        try:
            if self._unit == "month" and (match := _MONTH.fullmatch(text)):
                first = date(int(match[1]), int(match[2]), 1)
                return first, (first + timedelta(days=31)).replace(day=1)
            if self._unit == "week" and (match := _WEEK.fullmatch(text)):
                first = date.fromisocalendar(int(match[1]), int(match[2]), 1)
                return first, first + timedelta(days=7)
        except (ValueError, OverflowError):
            pass
        return None


def start_of(day: date, zone: tzinfo | None) -> datetime:
    """The first moment of a day in a zone; None is this machine's."""
    return _in_zone(datetime.combine(day, time()), zone)


def _in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.replace(tzinfo=zone).astimezone(UTC)


def _length(text: str) -> timedelta | None:
    """The length that a text stands for. Raises OverflowError where Python's timedelta ends."""
    match = _LENGTH.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None

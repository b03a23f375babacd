"""Rows of a time clock as shifts, and shifts as days and periods with their hours; pure.

Every length is counted between moments in UTC, so the day on which clocks change has the 23 or 25 hours that were
worked in it. What the log does not tell is not made up: who went without having come is listed with no hours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from routec.contract import ACTIONS, CLOSED, GRANTED
from routec.signin.store import Entry

OPEN = "open"
"""Not clocked out yet; counted to now."""
FORGOTTEN = "forgotten"
"""Closed by the time clock, because nobody clocked out."""
INCOMPLETE = "incomplete"
"""A row is missing, for instance because it was purged; counted is what is known."""

MARKS = (OPEN, FORGOTTEN, INCOMPLETE)


class Stretch(NamedTuple):
    """From one moment to another, both in UTC."""

    begin: datetime
    end: datetime

    def within(self, begin: datetime, end: datetime) -> "Stretch":
        """The part of it that lies between two moments, perhaps of no length."""
        return Stretch(min(max(self.begin, begin), end), max(min(self.end, end), begin))


@dataclass(frozen=True, slots=True)
class Shift:
    """From clocking in to clocking out, or a part of that. `marks` are some of `MARKS`.

    `has_begin` and `has_end`: that somebody came, or went, then is known, and not only that they were there.
    """

    module: str
    user: str
    begin: datetime
    end: datetime
    breaks: tuple[Stretch, ...] = ()
    marks: frozenset[str] = frozenset()
    has_begin: bool = True
    has_end: bool = True

    @property
    def rest(self) -> timedelta:
        """How long the breaks were."""
        return sum((end - begin for begin, end in self.breaks), timedelta())

    @property
    def work(self) -> timedelta:
        """How long was worked."""
        return self.end - self.begin - self.rest

    def within(self, since: datetime | None, until: datetime | None) -> "Shift | None":
        """The part of it in a period; None where there is none. What has no length is in the period it begins in."""
        begin = self.begin if since is None else max(self.begin, since.astimezone(UTC))
        end = self.end if until is None else min(self.end, until.astimezone(UTC))
        is_point = self.begin == self.end and begin == self.begin and (until is None or self.begin < until)
        return self._cut(begin, end) if begin < end or is_point else None

    def days(self, zone: tzinfo | None) -> "Iterator[tuple[date, Shift]]":
        """Its parts between the midnights of a zone (None: this machine's), each with its day."""
        begin = self.begin
        while True:
            day = begin.astimezone(zone).date()
            end = min(self.end, _midnight_after(begin, zone))
            yield day, self._cut(begin, end)
            if end >= self.end:
                return
            begin = end

    def _cut(self, begin: datetime, end: datetime) -> "Shift":
        parts = (stretch.within(begin, end) for stretch in self.breaks)
        return replace(
            self,
            begin=begin,
            end=end,
            breaks=tuple(part for part in parts if part.begin < part.end),
            has_begin=self.has_begin or begin > self.begin,
            has_end=self.has_end or end < self.end,
        )


def _midnight_after(moment: datetime, zone: tzinfo | None) -> datetime:
    """The next beginning of a day. A midnight that clocks skip is when they do; of one that comes twice, the first."""
    following = datetime.combine(moment.astimezone(zone).date() + timedelta(days=1), time(), zone)
    first = following.astimezone(UTC)
    return first if first > moment else following.replace(fold=1).astimezone(UTC)


# ---- rows to shifts


@dataclass(slots=True)
class _Begun:
    """A shift that has not ended yet. `last` is the latest moment of which it is known that it was under way."""

    begin: datetime
    last: datetime
    break_begin: datetime | None = None
    breaks: list[Stretch] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    has_begin: bool = True

    def rest(self, moment: datetime) -> None:
        if self.break_begin is None:
            self.break_begin = moment
        else:
            self.marks.add(INCOMPLETE)

    def resume(self, moment: datetime) -> None:
        if self.break_begin is None:
            self.marks.add(INCOMPLETE)
        elif self.break_begin < moment:
            self.breaks.append(Stretch(self.break_begin, moment))
        self.break_begin = None

    def ended(self, key: tuple[str, str], moment: datetime, *marks: str, has_end: bool = True) -> Shift:
        if self.break_begin is not None:
            self.resume(moment)
        return Shift(
            *key, self.begin, moment, tuple(self.breaks), frozenset({*self.marks, *marks}), self.has_begin, has_end
        )


def shifts(entries: Iterable[Entry], now: datetime, until: datetime | None = None) -> Iterator[Shift]:
    """The shifts that rows come to, as they end, and then those that have not. The rows are oldest first, of all time.

    Of shifts that begin at `until` or later nothing is told, so that the rows are not read further than they must be.
    Rows of one user with one time count in the order they come in.
    """
    begun: dict[tuple[str, str], _Begun] = {}
    for entry in entries:
        if entry.user is None or entry.action is None or entry.verdict != GRANTED:
            continue
        key, moment = (entry.module, entry.user), entry.time.astimezone(UTC)
        if until is not None and moment >= until and key not in begun:
            if not begun:
                return
            continue
        yield from _step(begun, key, entry.action, moment)
    for key, shift in begun.items():
        yield shift.ended(key, max(now.astimezone(UTC), shift.last), OPEN, has_end=False)


def _step(begun: dict[tuple[str, str], _Begun], key: tuple[str, str], action: str, moment: datetime) -> Iterator[Shift]:
    """What one row does to a user's shift; gives the shift that it ends."""
    if action not in (*ACTIONS, CLOSED):
        return
    shift = begun.get(key)
    if shift is not None:
        moment = max(moment, shift.last)
    if action == "in":
        if shift is not None:
            yield shift.ended(key, shift.last, INCOMPLETE, has_end=False)
        begun[key] = _Begun(moment, moment)
        return
    if shift is None:
        shift = begun[key] = _Begun(moment, moment, marks={INCOMPLETE}, has_begin=False)
        if action == "back":
            shift.break_begin = moment
    shift.last = moment
    if action == "break":
        shift.rest(moment)
    elif action == "back":
        shift.resume(moment)
    else:
        del begun[key]
        yield shift.ended(key, moment, *([FORGOTTEN] if action == CLOSED else []))


# ---- shifts to rows of a time sheet


@dataclass(frozen=True, slots=True)
class Work:
    """One row of a time sheet: what a user worked in a shift, on a day, or in a period.

    `begin` and `end` are the first coming and the last going, None where that is not known.
    """

    module: str
    user: str
    day: date
    begin: datetime | None
    end: datetime | None
    days: int
    shifts: int
    rest: timedelta
    work: timedelta
    marks: tuple[str, ...]


def by_shift(parts: Iterable[Shift], zone: tzinfo | None) -> list[Work]:
    """A row a shift, by user and time."""
    return [_sum(list(shift.days(zone)), 1) for shift in sorted(parts, key=_order)]


def by_day(parts: Iterable[Shift], zone: tzinfo | None) -> list[Work]:
    """A row a user and day, by user and day."""
    groups: dict[tuple[str, str, date], list[tuple[date, Shift]]] = {}
    for shift in parts:
        for day, part in shift.days(zone):
            groups.setdefault((shift.module, shift.user, day), []).append((day, part))
    return [_sum(groups[key], len(groups[key])) for key in sorted(groups)]


def by_period(parts: Iterable[Shift], zone: tzinfo | None) -> list[Work]:
    """A row a user."""
    groups: dict[tuple[str, str], list[Shift]] = {}
    for shift in parts:
        groups.setdefault((shift.module, shift.user), []).append(shift)
    return [
        _sum([part for shift in groups[key] for part in shift.days(zone)], len(groups[key])) for key in sorted(groups)
    ]


def _order(shift: Shift) -> tuple[str, str, datetime, datetime]:
    return shift.module, shift.user, shift.begin, shift.end


def _sum(parts: list[tuple[date, Shift]], shifts: int) -> Work:
    """Parts of one user's shifts as one row."""
    first = min((part for _, part in parts), key=_order)
    last = max((part for _, part in parts), key=lambda part: part.end)
    marks = frozenset[str]().union(*(part.marks for _, part in parts))
    return Work(
        first.module,
        first.user,
        min(day for day, _ in parts),
        first.begin if first.has_begin else None,
        last.end if last.has_end else None,
        len({day for day, _ in parts}),
        shifts,
        sum((part.rest for _, part in parts), timedelta()),
        sum((part.work for _, part in parts), timedelta()),
        tuple(mark for mark in MARKS if mark in marks),
    )

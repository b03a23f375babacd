from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routec.signin.store import Entry
from routec.signin.timesheet import Shift, Work, by_day, by_period, by_shift, shifts

BRUSSELS = ZoneInfo("Europe/Brussels")
START = datetime(2026, 11, 23, 8, tzinfo=UTC)  # 9:00 in Brussels, a Monday
NOW = START + timedelta(days=7)
HOUR = timedelta(hours=1)


def row(time: datetime, action: str | None, user: str | None = "anna", **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "time": time, "module": "clock", "purpose": "timeclock", "caller": None, "called": None, "login": None,
        "user": user, "password": None, "extra1": None, "extra2": None, "verdict": "granted", "call_id": None,
        "attempts": 1, "reason": "ok", "action": action,
    }  # fmt: skip
    return Entry(**(values | changes))


def rows(text: str, user: str = "anna", start: datetime = START) -> list[Entry]:
    """`0 in, 4.5 break`: hours after the start, and what was done."""
    return [
        row(start.astimezone(UTC) + float(hours) * HOUR, action, user)
        for hours, action in map(str.split, text.split(","))
    ]


def told(shift: Shift | Work) -> tuple[Any, ...]:
    """Hours after the start: from, to, breaks, work; and the marks."""
    begin, end = (None if each is None else (each - START) / HOUR for each in (shift.begin, shift.end))
    if isinstance(shift, Shift):
        begin, end = begin if shift.has_begin else None, end if shift.has_end else None
    return begin, end, shift.rest / HOUR, shift.work / HOUR, *sorted(shift.marks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 in, 8 out", [(0, 8, 0, 8)]),
        ("0 in, 3 break, 3.5 back, 8 out", [(0, 8, 0.5, 7.5)]),
        ("0 in, 1 break, 2 back, 3 break, 3.5 back, 8 out, 24 in, 25 out", [(0, 8, 1.5, 6.5), (24, 25, 0, 1)]),
        ("0 in, 3 break, 8 out", [(0, 8, 5, 3)]),
        ("0 in, 12 closed", [(0, 12, 0, 12, "forgotten")]),
        ("0 in, 3 break, 12 closed, 13 in, 14 out", [(0, 12, 9, 3, "forgotten"), (13, 14, 0, 1)]),
        ("0 in", [(0, None, 0, 168, "open")]),
        ("0 in, 8 break", [(0, None, 160, 8, "open")]),
        ("200 in", [(200, None, 0, 0, "open")]),
        ("8 out", [(None, 8, 0, 0, "incomplete")]),
        ("8 closed", [(None, 8, 0, 0, "forgotten", "incomplete")]),
        ("3 break, 4 back, 8 out", [(None, 8, 1, 4, "incomplete")]),
        ("4 back, 8 out, 9 in, 10 out", [(None, 8, 0, 4, "incomplete"), (9, 10, 0, 1)]),
        ("3 break", [(None, None, 165, 0, "incomplete", "open")]),
        ("0 in, 5 break, 8 in, 9 out", [(0, None, 0, 5, "incomplete"), (8, 9, 0, 1)]),
        ("0 in, 1 back, 8 out", [(0, 8, 0, 8, "incomplete")]),
        ("0 in, 1 break, 2 break, 3 back, 8 out", [(0, 8, 2, 6, "incomplete")]),
        ("0 in, 0 out, 0 in, 0 break, 0 back, 0 out", [(0, 0, 0, 0), (0, 0, 0, 0)]),
        ("0 in, 1 dance, 8 out", [(0, 8, 0, 8)]),
        ("1 dance", []),
    ],
)
def test_rows_to_shifts(text: str, expected: list[tuple[Any, ...]]) -> None:
    assert [told(shift) for shift in shifts(rows(text), NOW)] == expected


def test_what_is_no_clocking_is_passed_over() -> None:
    others = [
        row(START, None),
        row(START, "in", None),
        row(START, "in", verdict="denied"),
        row(START + HOUR, None, reason="repeated"),
    ]
    assert list(shifts(others, NOW)) == []
    assert [told(one) for one in shifts([*rows("0 in"), others[3], *rows("2 out")], NOW)] == [(0, 2, 0, 2)]


def test_users_and_modules_are_apart() -> None:
    entries = [row(START, "in"), row(START, "in", "bram"), row(START, "in", module="gate")]
    entries += [row(START + n * HOUR, "out", *who) for n, who in enumerate([["bram"], ["anna"]], 1)]
    found = {(shift.module, shift.user): told(shift)[1] for shift in shifts(entries, NOW)}
    assert found == {("clock", "bram"): 1, ("clock", "anna"): 2, ("gate", "anna"): None}


class TestPeriods:
    def part(self, text: str, since: float | None, until: float | None) -> tuple[Any, ...] | None:
        (shift,) = shifts(rows(text), NOW)
        bounds = [None if hours is None else START + hours * HOUR for hours in (since, until)]
        part = shift.within(*bounds)
        return told(part) if part else None

    @pytest.mark.parametrize(
        ("since", "until", "expected"),
        [
            (None, None, (0, 8, 1, 7)),
            (-1, 9, (0, 8, 1, 7)),
            (2, None, (2, 8, 1, 5)),
            (3.5, None, (3.5, 8, 0.5, 4)),
            (None, 3.5, (0, 3.5, 0.5, 3)),
            (3, 4, (3, 4, 1, 0)),
            (4, 8, (4, 8, 0, 4)),
            (8, None, None),
            (None, 0, None),
            (9, 10, None),
            (5, 5, None),
            (6, 5, None),
        ],
    )
    def test_part_of_a_shift(self, since: float | None, until: float | None, expected: object) -> None:
        assert self.part("0 in, 3 break, 4 back, 8 out", since, until) == expected

    def test_from_its_beginning_on_an_unknown_beginning_is_known(self) -> None:
        assert self.part("3 break, 4 back, 8 out", 5, None) == (5, 8, 0, 3, "incomplete")

    def test_an_open_shift_is_counted_to_the_end_of_a_past_period(self) -> None:
        assert self.part("0 in", None, 10) == (0, 10, 0, 10, "open")
        assert self.part("0 in", None, 1000) == (0, None, 0, 168, "open")

    def test_what_has_no_length_is_where_it_begins(self) -> None:
        found = [self.part("8 out", *bounds) for bounds in ((0, 8), (8, 9), (None, 8), (8, None), (9, None))]
        assert found == [None, (None, 8, 0, 0, "incomplete"), None, (None, 8, 0, 0, "incomplete"), None]

    def test_rows_are_read_no_further_than_they_must_be(self) -> None:
        read = []

        def entries() -> Iterator[Entry]:
            yield from rows("0 in, 9 in", "bram")
            for entry in rows("1 in, 8 out, 12 in, 14 out, 15 in, 16 out, 17 in"):
                read.append(entry.time)
                yield entry
                if entry.time == START + 14 * HOUR:
                    yield from rows("14 out", "bram")

        found = list(shifts(entries(), NOW, START + 10 * HOUR))
        assert [(shift.user, *told(shift)) for shift in found] == [
            ("bram", 0, None, 0, 0, "incomplete"),
            ("anna", 1, 8, 0, 7),
            ("bram", 9, 14, 0, 5),
        ]
        assert max(read) == START + 15 * HOUR


class TestDays:
    def days(self, text: str, start: datetime, zone: tzinfo | None = BRUSSELS) -> list[tuple[str, float]]:
        return [(str(work.day), work.work / HOUR) for work in by_day(shifts(rows(text, start=start), NOW), zone)]

    def test_over_midnight(self) -> None:
        start = datetime(2026, 11, 23, 22, tzinfo=BRUSSELS)
        entries = rows("0 in, 1.5 break, 2.5 back, 8 out, 20 in, 21 out", start=start)
        work = by_day(shifts(entries, NOW), BRUSSELS)
        midnight = datetime(2026, 11, 24, tzinfo=BRUSSELS)
        assert [(str(w.day), w.begin, w.end, w.rest / HOUR, w.work / HOUR, w.shifts) for w in work] == [
            ("2026-11-23", start, midnight, 0.5, 1.5, 1),
            ("2026-11-24", midnight, start + 21 * HOUR, 0.5, 6.5, 2),
        ]
        (total,) = by_period(shifts(entries, NOW), BRUSSELS)
        assert (total.day, total.days, total.shifts, total.rest / HOUR, total.work / HOUR) == (
            date(2026, 11, 23), 2, 2, 1, 8,
        )  # fmt: skip

    def test_a_zone_decides_what_a_day_is(self) -> None:
        start = datetime(2026, 11, 23, 21, tzinfo=UTC)
        assert self.days("0 in, 4 out", start) == [("2026-11-23", 2), ("2026-11-24", 2)]
        assert self.days("0 in, 4 out", start, UTC) == [("2026-11-23", 3), ("2026-11-24", 1)]
        assert self.days("0 in, 4 out", start, ZoneInfo("Asia/Tokyo")) == [("2026-11-24", 4)]

    def test_days_of_23_and_25_hours(self) -> None:
        spring = datetime(2026, 3, 28, 23, tzinfo=BRUSSELS)
        assert self.days("0 in, 30 out", spring) == [("2026-03-28", 1), ("2026-03-29", 23), ("2026-03-30", 6)]
        autumn = datetime(2026, 10, 24, 23, tzinfo=BRUSSELS)
        assert self.days("0 in, 30 out", autumn) == [("2026-10-24", 1), ("2026-10-25", 25), ("2026-10-26", 4)]

    def test_the_hour_that_comes_twice(self) -> None:
        first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=BRUSSELS, fold=fold) for fold in (0, 1))
        assert [told(shift)[3] for shift in shifts([row(first, "in"), row(second, "out")], NOW)] == [1]

    @pytest.mark.parametrize(
        ("zone", "start", "expected"),
        [
            # Midnight does not exist: 00:00 is 01:00.
            (
                "America/Sao_Paulo",
                "2018-11-03T22:00",
                [("2018-11-03", 2), ("2018-11-04", 23), ("2018-11-05", 1)],
            ),
            # The hour before midnight comes twice.
            ("America/Sao_Paulo", "2018-02-17T22:00", [("2018-02-17", 3), ("2018-02-18", 23)]),
            # The hour after midnight comes twice.
            ("America/Havana", "2026-10-31T22:00", [("2026-10-31", 2), ("2026-11-01", 24)]),
            # At 00:01 it is 23:01 again: a day that has begun goes on.
            ("America/St_Johns", "2010-11-06T22:00", [("2010-11-06", 2), ("2010-11-07", 24)]),
            ("America/St_Johns", "2010-11-06T23:30", [("2010-11-06", 0.5), ("2010-11-07", 25), ("2010-11-08", 0.5)]),
            # There was no 30 December.
            ("Pacific/Apia", "2011-12-29T22:00", [("2011-12-29", 2), ("2011-12-31", 24)]),
        ],
    )
    def test_midnights_that_are_skipped_or_come_twice(self, zone: str, start: str, expected: Any) -> None:
        found = self.days("0 in, 26 out", datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)), ZoneInfo(zone))
        assert [(day, pytest.approx(hours)) for day, hours in found] == expected

    def test_an_open_shift_has_no_end_but_its_days_have(self) -> None:
        entries = rows("0 in", start=datetime(2026, 11, 29, 22, tzinfo=BRUSSELS))
        first, last = by_day(shifts(entries, NOW), BRUSSELS)
        assert (first.end, first.marks) == (datetime(2026, 11, 30, tzinfo=BRUSSELS), ("open",))
        assert (last.end, last.work, last.marks) == (None, 9 * HOUR, ("open",))

    def test_marks_of_a_day_are_those_of_its_shifts(self) -> None:
        (work,) = by_day(shifts(rows("0 out, 1 in, 2 closed, 3 in, 4 out"), NOW), BRUSSELS)
        assert (work.begin, work.marks) == (None, ("forgotten", "incomplete"))

    def test_rows_are_in_order(self) -> None:
        entries = [row(START + n * HOUR, "in", user) for n, user in enumerate(["c", "a", "b"])]
        entries += [row(START + (30 - n) * HOUR, "out", user) for n, user in enumerate(["b", "c", "a"])]
        found = sorted(entries, key=lambda entry: entry.time)
        assert [work.user for work in by_shift(shifts(found, NOW), BRUSSELS)] == ["a", "b", "c"]
        assert [work.user for work in by_day(shifts(found, NOW), BRUSSELS)] == list("aabbcc")


# ---- properties

ZONES = ["UTC", "Europe/Brussels", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"]
zones = st.sampled_from([*map(ZoneInfo, ZONES), None])
WINTER = (datetime(2011, 10, 1, tzinfo=UTC), datetime(2012, 3, 1, tzinfo=UTC))
moments = st.datetimes(*(moment.replace(tzinfo=None) for moment in WINTER), timezones=st.just(UTC))
gaps = st.integers(0, 40 * 60).map(lambda minutes: timedelta(minutes=minutes)) | st.just(timedelta())


@st.composite
def logs(draw: st.DrawFn, actions: tuple[str, ...] = ("in", "out", "break", "back", "closed")) -> list[Entry]:
    """Any rows in order of time, as a log may hold them that was purged or written by several."""
    time = draw(moments)
    entries: list[Entry] = []
    for _ in range(draw(st.integers(0, 12))):
        time += draw(gaps)
        entries.append(row(time, draw(st.sampled_from(actions)), draw(st.sampled_from(["anna", "bram"]))))
    return entries


@st.composite
def orderly_logs(draw: st.DrawFn) -> tuple[list[Entry], timedelta, timedelta]:
    """What one user did who forgot nothing, and how long was worked and rested."""
    time, state = draw(moments), "out"
    entries: list[Entry] = []
    lengths = {"out": timedelta(), "in": timedelta(), "break": timedelta()}
    for _ in range(draw(st.integers(0, 12))):
        gap = draw(gaps)
        lengths[state] += gap if entries else timedelta()
        time += gap
        action = draw(st.sampled_from({"out": ["in"], "in": ["out", "break"], "break": ["back", "out"]}[state]))
        state = "in" if action == "back" else action
        entries.append(row(time, action))
    if state != "out":
        entries.append(row(time, "out"))
    return entries, lengths["in"], lengths["break"]


LATER = WINTER[1] + timedelta(days=60)


def total(parts: list[Work] | list[Shift]) -> tuple[timedelta, timedelta]:
    return sum((part.work for part in parts), timedelta()), sum((part.rest for part in parts), timedelta())


@settings(deadline=None, max_examples=50)
@given(orderly_logs())
def test_what_was_worked_is_what_is_counted(made: tuple[list[Entry], timedelta, timedelta]) -> None:
    entries, worked, rested = made
    found = list(shifts(entries, LATER))
    assert total(found) == (worked, rested)
    assert not any(shift.marks for shift in found)
    assert sum(entry.action == "in" for entry in entries) == len(found)


@settings(deadline=None, max_examples=50)
@given(logs(), zones)
def test_days_shifts_and_periods_have_one_sum(entries: list[Entry], zone: tzinfo | None) -> None:
    found = list(shifts(entries, LATER))
    sums = {total(sheet(found, zone)) for sheet in (by_shift, by_day, by_period)}
    assert sums == {total(found)}
    works = by_day(found, zone)
    assert [(work.user, work.day) for work in works] == sorted({(work.user, work.day) for work in works})
    assert all(work.work >= timedelta() <= work.rest for work in works)


@settings(deadline=None, max_examples=50)
@given(logs(), zones)
def test_the_parts_of_a_shift_lie_end_to_end_each_in_its_day(entries: list[Entry], zone: tzinfo | None) -> None:
    for shift in shifts(entries, LATER):
        parts = list(shift.days(zone))
        assert (parts[0][1].begin, parts[-1][1].end) == (shift.begin, shift.end)
        assert all(before.end == after.begin for (_, before), (_, after) in pairwise(parts))
        for day, part in parts:
            assert part.begin.astimezone(zone).date() == day
            assert part.begin < part.end or len(parts) == 1
            if part.begin < part.end:
                assert (part.end - timedelta(microseconds=1)).astimezone(zone).date() == day


@settings(deadline=None, max_examples=50)
@given(logs())
def test_no_two_shifts_of_a_user_overlap(entries: list[Entry]) -> None:
    found = list(shifts(entries, LATER))
    for user in ("anna", "bram"):
        mine = [shift for shift in found if shift.user == user]
        assert all(before.end <= after.begin for before, after in pairwise(mine))
        for shift in mine:
            edges = [shift.begin, *(edge for stretch in shift.breaks for edge in stretch), shift.end]
            assert edges == sorted(edges)


@settings(deadline=None, max_examples=50)
@given(logs(), moments, moments, moments)
def test_two_halves_of_a_period_have_the_sum_of_the_whole(
    entries: list[Entry], one: datetime, two: datetime, three: datetime
) -> None:
    since, middle, until = sorted([one, two, three])

    def within(since: datetime, until: datetime) -> list[Shift]:
        return [part for shift in shifts(entries, LATER, until) if (part := shift.within(since, until))]

    first, second, whole = (total(within(*bounds)) for bounds in ((since, middle), (middle, until), (since, until)))
    assert (first[0] + second[0], first[1] + second[1]) == whole


@settings(deadline=None, max_examples=50)
@given(logs(), moments)
def test_reading_stops_where_nothing_more_is_to_be_had(entries: list[Entry], until: datetime) -> None:
    def within(all_until: datetime | None) -> list[Shift]:
        found = (shift.within(None, until) for shift in shifts(entries, LATER, all_until))
        return sorted((part for part in found if part), key=lambda part: (part.user, part.begin, part.end))

    assert within(until) == within(None)


@settings(deadline=None, max_examples=50)
@given(logs(), st.randoms(use_true_random=False))
def test_rows_of_one_time_may_stand_in_any_order_between_users(entries: list[Entry], random: Any) -> None:
    """Only the order of a user's own rows counts."""
    mixed: list[Entry] = []
    queues = {user: [entry for entry in entries if entry.user == user] for user in ("anna", "bram")}
    while any(queues.values()):
        first = min(queue[0].time for queue in queues.values() if queue)
        users = [user for user, queue in queues.items() if queue and queue[0].time == first]
        mixed.append(queues[random.choice(users)].pop(0))
    assert by_shift(shifts(mixed, LATER), UTC) == by_shift(shifts(entries, LATER), UTC)

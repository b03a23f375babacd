"""The time clock: who is in is determined in the transaction of the row."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from routec.contract import GRACE_SECONDS, Clock
from routec.signin.store import ClashError, Entry, Log, LogError

from ..stores import START, WEBHOOK, Time, at_once, entry, time_clock

CLOCK = time_clock()


def stamp(log: Log, hours: float = 0, action: str | None = None, **changes: Any) -> str | None:
    """A call at the time clock; what was done."""
    return log.write(clocking(hours, action, **changes), CLOCK).action


def clocking(hours: float = 0, action: str | None = None, **changes: Any) -> Entry:
    values = {"module": "clock", "purpose": "timeclock", "user": "anna", "call_id": None, "action": action}
    return entry(60 * hours, **(values | changes))


def rows(log: Log) -> list[tuple[str | None, str | None, float]]:
    """User, action and hour of all rows."""
    return [(row.user, row.action, (row.time - START) / timedelta(hours=1)) for row in log.oldest_first()]


def test_it_toggles_for_each_user_apart(log: Log) -> None:
    assert [stamp(log, hours) for hours in range(4)] == ["in", "out", "in", "out"]
    assert stamp(log, 5, user="bert") == "in"
    assert stamp(log, 6) == "in"
    assert stamp(log, 7, user="bert") == "out"
    assert [action for _, action, _ in rows(log)] == ["in", "out", "in", "out", "in", "in", "out"]


def test_each_time_clock_apart(log: Log) -> None:
    assert stamp(log) == "in"
    elsewhere = log.write(clocking(1, module="other"), replace(CLOCK, name="other"))
    assert elsewhere.action == "in"


@pytest.mark.parametrize(
    ("before", "wanted", "state"),
    [
        ([], "in", None),
        ([], "out", "out"),
        ([], "break", "out"),
        ([], "back", "out"),
        (["in"], "in", "in"),
        (["in"], "out", None),
        (["in"], "break", None),
        (["in"], "back", "in"),
        (["in", "break"], "in", "break"),
        (["in", "break"], "out", None),
        (["in", "break"], "break", "break"),
        (["in", "break"], "back", None),
        (["in", "break", "back"], "break", None),
        (["in", "break", "out"], "in", None),
    ],
)
def test_by_key(log: Log, before: list[str], wanted: str, state: str | None) -> None:
    for hours, action in enumerate(before):
        assert stamp(log, hours, action) == action
    if state is None:
        assert stamp(log, 9, wanted) == wanted
        assert len(rows(log)) == len(before) + 1
        return
    with pytest.raises(ClashError) as caught:
        log.write(clocking(9, wanted), replace(CLOCK, webhook=WEBHOOK))
    assert caught.value.state == state
    assert len(rows(log)) == len(before), "nothing is written"
    assert list(log.outbox.list()) == []


def test_toggling_ends_a_break(log: Log) -> None:
    assert [stamp(log, n, action) for n, action in enumerate(["in", "break", None, None])] == [
        "in", "break", "back", "out",
    ]  # fmt: skip


def test_only_what_is_granted_is_clocked(log: Log) -> None:
    denied = log.write(clocking(action="in", verdict="denied"), CLOCK)
    assert denied.action is None
    assert stamp(log, 1) == "in"


def test_somebody_without_a_name_is_not_clocked(log: Log) -> None:
    with pytest.raises(LogError, match="without a name"):
        stamp(log, user=None)
    assert rows(log) == []


class TestOneCall:
    def test_asked_anew_it_clocks_once_and_says_the_same(self, log: Log) -> None:
        first = log.write(clocking(call_id="7.1"), replace(CLOCK, webhook=WEBHOOK))
        again = log.write(clocking(0.05, call_id="7.1"), replace(CLOCK, webhook=WEBHOOK))
        assert (first.action, again.action, again.time, again.reason) == ("in", "in", START, "repeated")
        newest, oldest = log.read()
        assert (newest.action, newest.reason, newest.time) == (None, "repeated", START + timedelta(minutes=3))
        assert (oldest.action, oldest.reason) == ("in", "ok")
        assert len(list(log.outbox.list())) == 2
        assert stamp(log, 1, call_id="7.2") == "out"

    def test_another_key_is_another_clocking(self, log: Log) -> None:
        # The route led back to the time clock.
        for number, action in enumerate(["in", "break", "back", "out", "in"]):
            assert stamp(log, number / 1000, action, call_id="7.1") == action
        assert stamp(log, 5 / 1000, "in", call_id="7.1") == "in"
        assert [action for _, action, _ in rows(log)] == ["in", "break", "back", "out", "in", None]

    def test_a_key_that_does_not_fit_is_a_clash_there_as_well(self, log: Log) -> None:
        assert stamp(log, 0, "in", call_id="7.1") == "in"
        with pytest.raises(ClashError):
            stamp(log, 0.01, "back", call_id="7.1")

    def test_until_nobody_can_have_been_asked_anew(self, log: Log) -> None:
        longest = (CLOCK.seconds + 2 * GRACE_SECONDS) / 3600
        assert stamp(log, 0, call_id="7.1") == "in"
        assert stamp(log, longest, call_id="7.1") == "in"
        assert stamp(log, longest + 1 / 3600, call_id="7.1") == "out"
        assert stamp(log, 2 * longest, "in", call_id="7.1") == "in"
        with pytest.raises(ClashError):
            stamp(log, 4 * longest, "in", call_id="7.1")

    def test_a_row_written_twice_is_told_as_it_was(self, log: Log) -> None:
        first, second = clocking(call_id="7.1"), clocking(0.05, call_id="7.1")
        for _ in range(2):
            assert log.write(first, CLOCK).action == "in"
        for _ in range(2):
            again = log.write(second, CLOCK)
            assert (again.action, again.time) == ("in", START)
        assert len(rows(log)) == 2

    def test_calls_without_an_id_are_not_one(self, log: Log) -> None:
        assert [stamp(log, n) for n in range(2)] == ["in", "out"]


class TestForgotten:
    def test_a_shift_is_ended_before_the_next_clocking(self, log: Log) -> None:
        stamp(log, 0)
        assert stamp(log, 13) == "in"
        assert rows(log) == [("anna", "in", 0), ("anna", "closed", 12), ("anna", "in", 13)]
        closed = list(log.oldest_first())[1]
        assert (closed.verdict, closed.reason, closed.caller, closed.called, closed.call_id, closed.purpose) == (
            "granted", "forgotten", None, None, None, "timeclock",
        )  # fmt: skip

    def test_not_a_moment_too_early(self, log: Log) -> None:
        stamp(log, 0)
        assert stamp(log, 12 - 1 / 3600) == "out"

    def test_also_in_a_break(self, log: Log) -> None:
        stamp(log, 0)
        stamp(log, 1, "break")
        assert stamp(log, 12) == "in"
        assert rows(log)[2] == ("anna", "closed", 12)

    def test_not_before_its_latest_clocking_where_the_limit_is_new(self, log: Log, clock: Time) -> None:
        for user in ("anna", "bert"):
            for hours, action in ((0, "in"), (13, "break"), (14, "back")):
                log.write(clocking(hours, action, user=user), time_clock(close=None))
        assert stamp(log, 15) == "in"
        clock.go_on(hours=15)
        log.tidy({"clock": CLOCK})
        ends = [(user, hours) for user, action, hours in rows(log) if action == "closed"]
        assert ends == [("anna", 14), ("bert", 14)]

    def test_by_tidy_once(self, log: Log, clock: Time) -> None:
        stamp(log, 0)
        stamp(log, 1, user="bert")
        clock.go_on(hours=12)
        for _ in range(3):
            log.tidy({"clock": CLOCK})
        assert rows(log) == [("anna", "in", 0), ("bert", "in", 1), ("anna", "closed", 12)]
        assert stamp(log, 14) == "in"

    def test_with_its_webhook(self, log: Log, clock: Time) -> None:
        hooked = replace(CLOCK, webhook=WEBHOOK)
        log.write(clocking(0), hooked)
        log.write(clocking(13), hooked)
        clock.go_on(hours=26)
        log.tidy({"clock": hooked})
        sent = [delivery.payload for delivery in log.outbox.claim({"clock": False}, 9, 60)]
        assert ['"closed"' in payload for payload in sent] == [False, True, False, True]

    def test_once_however_many_tidy(self, log: Log, database_url: str, clock: Time) -> None:
        for number in range(10):
            stamp(log, 0, user=f"user{number}")
        clock.go_on(hours=20)
        logs = [Log(database_url, now=clock) for _ in range(4)]
        at_once(8, lambda number: logs[number % 4].tidy({"clock": CLOCK}))
        for each in logs:
            each.close()
        assert len([1 for _, action, _ in rows(log) if action == "closed"]) == 10

    def test_never_where_it_is_not_wanted(self, log: Log, clock: Time) -> None:
        open_ended = time_clock(close=None)
        log.write(clocking(0), open_ended)
        clock.go_on(days=30)
        log.tidy({"clock": open_ended})
        assert log.write(clocking(24 * 30), open_ended).action == "out"

    def test_a_clash_leaves_the_forgotten_shift_to_the_next(self, log: Log) -> None:
        stamp(log, 0)
        with pytest.raises(ClashError) as caught:
            stamp(log, 13, "out")
        assert caught.value.state == "out"
        assert stamp(log, 14, "in") == "in"
        assert rows(log)[1:] == [("anna", "closed", 12), ("anna", "in", 14)]


def test_twelve_hours_are_twelve_hours_when_clocks_change(log: Log) -> None:
    brussels = ZoneInfo("Europe/Brussels")
    evening = datetime(2026, 10, 24, 20, 0, tzinfo=brussels)  # summer time ends in this night
    log.write(clocking(time=evening), CLOCK)
    assert log.write(clocking(time=datetime(2026, 10, 25, 6, 59, tzinfo=brussels)), CLOCK).action == "out"
    log.write(clocking(time=evening, user="bert"), CLOCK)
    log.write(clocking(time=datetime(2026, 10, 25, 7, 0, tzinfo=brussels), user="bert"), CLOCK)
    assert [row.action for row in log.oldest_first()][-2:] == ["closed", "in"]


def test_parallel_calls_of_one_user_take_turns(log: Log) -> None:
    done = at_once(20, lambda number: stamp(log, number / 1000, call_id=f"{number}.1"))
    assert sorted(map(str, done)) == ["in"] * 10 + ["out"] * 10


def test_one_call_in_parallel_clocks_once(log: Log) -> None:
    assert at_once(10, lambda _: stamp(log, call_id="7.1")) == ["in"] * 10
    assert sorted(str(row.action) for row in log.read()) == ["None"] * 9 + ["in"]


def test_one_row_in_parallel_is_written_once(log: Log) -> None:
    row = clocking(call_id="7.1")
    assert at_once(10, lambda _: log.write(row, CLOCK).action) == ["in"] * 10
    assert len(rows(log)) == 1


def test_the_clock_of_the_module_counts_and_not_that_of_the_row(log: Log) -> None:
    gate = replace(CLOCK, clock=None)
    assert log.write(clocking(action="in"), gate).action == "in"
    assert Clock().close is None

import csv
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from routec.contract import Clock, Module
from routec.settings import Runtime
from routec.signin.store import Entry, Log

from .command_line import entry, objects, run, write
from .fake import module

CLOCK: Module = module(name="clock", purpose="timeclock", clock=Clock(close=12 * 3600))


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Europe/Brussels")
    time.tzset()
    return {"ROUTEC_STATE": str(tmp_path / "state")}


@pytest.fixture(autouse=True)
def _zone_afterwards() -> Iterator[None]:
    """Set up before `monkeypatch`, so torn down after it, when TZ is again what it was."""
    yield
    time.tzset()


def clocked(when: str, action: str, user: str = "anna", **changes: Any) -> Entry:
    """A row of a time clock; the time is Brussels' in winter."""
    moment = datetime.fromisoformat(f"{when}+01:00")
    return entry(time=moment, module="clock", purpose="timeclock", user=user, action=action, **changes)


@pytest.fixture
def written(environ: dict[str, str]) -> dict[str, str]:
    write(
        environ,
        [
            clocked("2026-10-30T17:00", "out"),
            clocked("2026-11-02T09:00", "in"),
            clocked("2026-11-02T12:00", "break"),
            clocked("2026-11-02T12:30:20", "back"),
            clocked("2026-11-02T17:00:50", "out"),
            clocked("2026-11-03T22:00", "in", "bram"),
            clocked("2026-11-04T06:00", "out", "bram"),
            clocked("2026-11-05T08:00", "in"),
            clocked("2026-11-05T20:00", "closed", reason="forgotten", caller=None, called=None, call_id=None),
            clocked("2026-11-30T23:30", "in", "bram"),
            clocked("2026-12-01T01:30", "out", "bram"),
            entry(module="gate", purpose="gate"),
            clocked("2026-11-05T09:00", "in", verdict="denied"),
        ],
    )
    return environ


def table(environ: dict[str, str], *args: str) -> list[str]:
    result = run(environ, "log", "timesheet", *args)
    assert (result.exit_code, result.stderr) == (0, "")
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


class TestRows:
    def test_by_day(self, written: dict[str, str]) -> None:
        assert table(written) == [
            "MODULE USER DAY IN OUT BREAK HOURS STATE",
            "clock anna 2026-10-30 - 17:00 0:00 0:00 incomplete",
            "clock anna 2026-11-02 09:00 17:00 0:30 7:31 -",
            "clock anna 2026-11-05 08:00 20:00 0:00 12:00 forgotten",
            "clock bram 2026-11-03 22:00 24:00 0:00 2:00 -",
            "clock bram 2026-11-04 00:00 06:00 0:00 6:00 -",
            "clock bram 2026-11-30 23:30 24:00 0:00 0:30 -",
            "clock bram 2026-12-01 00:00 01:30 0:00 1:30 -",
        ]

    def test_by_shift(self, written: dict[str, str]) -> None:
        assert table(written, "--by", "shift", "--user", "bram") == [
            "MODULE USER IN OUT BREAK HOURS STATE",
            "clock bram 2026-11-03 22:00 2026-11-04 06:00 0:00 8:00 -",
            "clock bram 2026-11-30 23:30 2026-12-01 01:30 0:00 2:00 -",
        ]

    def test_by_period(self, written: dict[str, str]) -> None:
        assert table(written, "--by", "period", "--month", "2026-11") == [
            "MODULE USER DAYS SHIFTS BREAK HOURS STATE",
            "clock anna 2 2 0:30 19:31 forgotten",
            "clock bram 3 2 0:00 8:30 -",
        ]

    def test_csv_has_hours_in_both_forms(self, written: dict[str, str]) -> None:
        result = run(written, "log", "timesheet", "--user", "anna", "--week", "2026-W45", "--format", "csv")
        assert list(csv.reader(io.StringIO(result.stdout, newline=""), strict=True)) == [
            ["module", "user", "day", "in", "out", "break", "break_decimal", "hours", "hours_decimal", "state"],
            ["clock", "anna", "2026-11-02", "2026-11-02T09:00:00+01:00", "2026-11-02T17:00:50+01:00",
             "0:30", "0.51", "7:31", "7.51", ""],
            ["clock", "anna", "2026-11-05", "2026-11-05T08:00:00+01:00", "2026-11-05T20:00:00+01:00",
             "0:00", "0.00", "12:00", "12.00", "forgotten"],
        ]  # fmt: skip

    def test_json(self, written: dict[str, str]) -> None:
        first, *_ = objects(written, "log", "timesheet", "--user", "bram")
        assert first == {
            "module": "clock", "user": "bram", "day": "2026-11-03", "in": "2026-11-03T22:00:00+01:00",
            "out": "2026-11-04T00:00:00+01:00", "break": "0:00", "break_decimal": 0.0, "hours": "2:00",
            "hours_decimal": 2.0, "state": None,
        }  # fmt: skip
        (period,) = objects(written, "log", "timesheet", "--user", "bram", "--by", "period")
        assert (period["days"], period["shifts"], period["hours_decimal"]) == (4, 2, 10.0)

    def test_days_of_23_and_25_hours(self, environ: dict[str, str]) -> None:
        write(
            environ,
            [
                clocked("2026-03-28T23:00", "in"),
                clocked("2026-03-30T00:00", "out"),
                clocked("2026-10-24T22:00", "in"),
                clocked("2026-10-26T01:00", "out"),
            ],
        )
        found = objects(environ, "log", "timesheet", "--zone", "Europe/Brussels")
        assert [(each["day"][5:], each["hours"]) for each in found] == [
            ("03-28", "1:00"), ("03-29", "23:00"), ("03-30", "1:00"),
            ("10-24", "1:00"), ("10-25", "25:00"), ("10-26", "1:00"),
        ]  # fmt: skip


class TestPeriods:
    @pytest.mark.parametrize(
        ("args", "days"),
        [
            (["--month", "2026-11"], ["11-02", "11-05", "11-03", "11-04", "11-30"]),
            (["--month", "2026-12"], ["12-01"]),
            (["--week", "2026-W45", "--user", "anna"], ["11-02", "11-05"]),
            (["--week", "2026-W44"], ["10-30"]),
            (["--since", "2026-11-04", "--until", "2026-11-04"], ["11-04"]),
            (["--since", "2026-11-04T05:00", "--until", "2026-11-05T10:00"], ["11-05", "11-04"]),
            (["--module", "other"], []),
            (["--until", "2026-10-29"], []),
        ],
        ids=str,
    )
    def test_periods(self, written: dict[str, str], args: list[str], days: list[str]) -> None:
        assert [each["day"][5:] for each in objects(written, "log", "timesheet", *args)] == days

    def test_what_began_before_is_counted_from_the_period_on(self, written: dict[str, str]) -> None:
        assert table(written, "--since", "2026-12-01")[1:] == ["clock bram 2026-12-01 00:00 01:30 0:00 1:30 -"]
        assert table(written, "--since", "2026-11-02T12:10", "--until", "2026-11-02T13:00")[1:] == [
            "clock anna 2026-11-02 12:10 13:00 0:20 0:30 -"
        ]

    def test_the_zone_is_that_of_days_and_of_what_is_typed(self, written: dict[str, str]) -> None:
        tokyo = table(written, "--zone", "Asia/Tokyo", "--user", "bram", "--month", "2026-11")
        assert tokyo[1:] == ["clock bram 2026-11-04 06:00 14:00 0:00 8:00 -"]
        for args in (["--since", "2026-11-04T10:00", "--zone", "Asia/Tokyo"], ["--since", "2026-11-04T02:00"]):
            (first, *_) = objects(written, "log", "timesheet", "--user", "bram", *args)
            assert first["hours"] == "4:00"

    @pytest.mark.parametrize(
        "args",
        [
            ["--month", "2026-13"],
            ["--month", "2026"],
            ["--month", "9999-12"],
            ["--week", "2026-W54"],
            ["--week", "2026-45"],
            ["--week", "9999-W52"],
            ["--month", "2026-11", "--week", "2026-W45"],
            ["--month", "2026-11", "--since", "2026-11-02"],
            ["--since", "2026-11-05", "--until", "2026-11-03"],
            ["--zone", "Brussels"],
            ["--zone", "../../etc/passwd"],
            ["--zone", "Europe"],
            ["--by", "week"],
            ["--format", "xlsx"],
        ],
        ids=str,
    )
    def test_wrong_use(self, environ: dict[str, str], args: list[str]) -> None:
        result = run(environ, "log", "timesheet", *args)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Error: " in result.stderr

    def test_an_empty_log_says_so(self, environ: dict[str, str], tmp_path: Path) -> None:
        result = run(environ, "log", "timesheet")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.startswith(f"there is no sign-in log yet at sqlite:{tmp_path}/state/signin.db (")
        assert run(environ, "log", "timesheet", "--format", "csv").stdout.count("\n") == 1
        assert not (tmp_path / "state").exists()


class TestWithTheClock:
    """Rows as the log itself writes them."""

    def clock(self, environ: dict[str, str], *times: datetime) -> None:
        store = Log(Runtime.of(environ).database)
        for number, moment in enumerate(times):
            store.write(entry(time=moment, module="clock", purpose="timeclock", call_id=str(number)), CLOCK)
        store.close()

    def test_open(self, environ: dict[str, str]) -> None:
        now = datetime.now(UTC)
        self.clock(environ, now - timedelta(hours=3, minutes=10))
        (shift,) = objects(environ, "log", "timesheet", "--by", "shift")
        assert (shift["out"], shift["hours"], shift["state"]) == (None, "3:10", "open")
        (shift,) = objects(environ, "log", "timesheet", "--by", "shift", "--until", "2h")
        assert (shift["out"] is None, shift["hours"], shift["state"]) == (False, "1:10", "open")

    def test_forgotten(self, environ: dict[str, str]) -> None:
        day = datetime(2026, 11, 5, 8, tzinfo=UTC)
        self.clock(environ, day, day + timedelta(days=1), day + timedelta(days=1, hours=8))
        assert [(each["hours"], each["state"]) for each in objects(environ, "log", "timesheet", "--by", "shift")] == [
            ("12:00", "forgotten"),
            ("8:00", None),
        ]

    def test_a_call_that_clocked_twice_counts_once(self, environ: dict[str, str]) -> None:
        day = datetime(2026, 11, 5, 8, tzinfo=UTC)
        store = Log(Runtime.of(environ).database)
        for minutes, call in ((0, "1"), (1, "1"), (480, "2"), (481, "2")):
            row = entry(time=day + timedelta(minutes=minutes), module="clock", purpose="timeclock", call_id=call)
            store.write(row, CLOCK)
        store.close()
        assert [each["hours"] for each in objects(environ, "log", "timesheet")] == ["8:00"]

    def test_after_a_purge_the_rest_is_incomplete(self, environ: dict[str, str]) -> None:
        day = datetime(2026, 11, 5, 8, tzinfo=UTC)
        self.clock(environ, day, day + timedelta(hours=8), day + timedelta(hours=24))
        store = Log(Runtime.of(environ).database)
        store.purge(day + timedelta(hours=1), None)
        store.close()
        first, last = objects(environ, "log", "timesheet", "--by", "shift", "--until", "2026-11-06T12:00Z")
        assert (first["in"], first["hours"], first["state"]) == (None, "0:00", "incomplete")
        assert last["state"] == "open"

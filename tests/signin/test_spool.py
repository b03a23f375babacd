"""What is kept on this machine while the database is away, and how it comes into the database: each row once."""

import contextlib
import logging
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from routec.contract import Lockout, Module
from routec.signin import rows, spool
from routec.signin.store import Entry, Filters, Log, LogError, UnreachableError
from tests.postgres.server import Postgres

from .stores import WEBHOOK, Time, at_once, attempt, entry, module, time_clock

ROOT = Path(__file__).parents[2]
GRANT = module(offline="grant", webhook=WEBHOOK)
LOCKOUT = Lockout(3, 900)


class Away:
    """A database that can be away: both kinds, each in its own way."""

    def __init__(self, url: str, server: Callable[[], Postgres]) -> None:
        self.url = url
        self._server = server
        self._folder = Path(url.removeprefix("sqlite:///")).parent
        self._is_sqlite = url.startswith("sqlite")

    def go(self) -> None:
        if self._is_sqlite:
            # A folder that is a file: nothing can be opened in it.
            if self._folder.exists():
                self._folder.rename(self._folder.with_name("aside"))
            self._folder.touch()
        else:
            self._server().stop()

    def come_back(self) -> None:
        if self._is_sqlite:
            self._folder.unlink()
            if self._folder.with_name("aside").exists():
                self._folder.with_name("aside").rename(self._folder)
        else:
            self._server().start()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "spool.db"


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def log(database_url: str, file: Path, clock: Time, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    monkeypatch.setattr("routec.signin.database.RECENT_SECONDS", 0)
    log = Log(database_url, file, now=clock)
    yield log
    log.close()


@pytest.fixture
def away(database_url: str, request: pytest.FixtureRequest) -> Away:
    return Away(database_url, lambda: request.getfixturevalue("postgres_server"))


def logins(log: Log) -> list[str | None]:
    """In the order of time."""
    return [row.login for row in log.oldest_first()]


def spooled(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    found = [login for (login,) in connection.execute("SELECT login FROM signins ORDER BY id")]
    connection.close()
    return found


class TestFalling:
    def test_while_it_is_away_and_only_then(
        self, log: Log, away: Away, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        log.write(entry(login="before"), GRANT)
        assert not file.exists()
        away.go()
        row = entry(1, login="while")
        assert log.write(row, GRANT) == row
        for verdict in ("denied", "locked"):
            log.write(entry(2, login=verdict, verdict=verdict), GRANT)
        assert spooled(file) == ["while", "denied", "locked"]
        assert len([record for record in caplog.records if f"spooled in {file}" in record.message]) == 1
        away.come_back()
        log.write(entry(3, login="after"), GRANT)
        assert logins(log) == ["before", "after"]
        assert log.drain() == 3
        assert logins(log) == ["before", "while", "denied", "locked", "after"]
        assert spooled(file) == []
        assert log.drain() == 0

    @pytest.mark.parametrize(
        ("which", "row"),
        [
            (module(webhook=WEBHOOK), entry()),
            (time_clock(offline="grant"), entry(module="clock")),
            (GRANT, entry(verdict="error")),
            (None, entry()),
        ],
        ids=["deny", "a clock", "an error", "no module"],
    )
    def test_not_for_all(self, log: Log, away: Away, file: Path, which: Module | None, row: Entry) -> None:
        away.go()
        with pytest.raises(UnreachableError):
            log.write(row, which)
        assert not file.exists()

    def test_not_without_a_spool(self, database_url: str, away: Away) -> None:
        log = Log(database_url)
        away.go()
        with pytest.raises(UnreachableError):
            log.write(entry(), GRANT)
        with pytest.raises(UnreachableError):
            log.charge(attempt(), LOCKOUT, offline=True)
        assert log.drain() == 0
        log.close()

    def test_not_for_a_row_that_is_at_fault(self, log: Log, file: Path) -> None:
        with pytest.raises(LogError, match="zone"):
            log.write(replace(entry(), time=entry().time.replace(tzinfo=None)), GRANT)
        assert not file.exists()

    def test_a_spool_that_cannot_be_written_either(self, log: Log, away: Away, file: Path) -> None:
        away.go()
        file.parent.write_text("")
        with pytest.raises(LogError, match="the spool"):
            log.write(entry(), GRANT)
        with pytest.raises(LogError, match="the spool"):
            log.charge(attempt(), LOCKOUT, offline=True)

    def test_it_is_private(self, log: Log, away: Away, file: Path) -> None:
        away.go()
        log.write(entry(), GRANT)
        log.drain()
        assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


class TestCharging:
    def test_the_counters_are_this_machines(self, log: Log, away: Away) -> None:
        assert log.charge(attempt(), LOCKOUT, offline=True)
        away.go()
        with pytest.raises(UnreachableError):
            log.charge(attempt(), LOCKOUT)
        charges = [log.charge(attempt(), LOCKOUT, offline=True) for _ in range(4)]
        assert [charge is not None and charge.spooled for charge in charges] == [True, True, True, False]

    def test_right_credentials_are_no_failure(self, log: Log, away: Away) -> None:
        away.go()
        for number in range(9):
            charge = log.charge(attempt(), LOCKOUT, offline=True)
            assert charge
            assert charge.known == (number > 0)
            log.write(entry(), GRANT, charge)

    def test_a_charge_is_given_back_where_it_was_counted(self, log: Log, away: Away) -> None:
        ours = log.charge(attempt(), LOCKOUT, offline=True)
        away.go()
        theirs = log.charge(attempt(), LOCKOUT, offline=True)
        log.write(entry(), GRANT, ours)
        away.come_back()
        log.write(entry(), GRANT, theirs)
        # Each counts for a day where it was made: nothing is taken off that was not put there.
        assert [log.charge(attempt("1002"), LOCKOUT) is not None for _ in range(3)] == [True, True, False]

    def test_an_admin_sees_and_clears_them(self, log: Log, away: Away) -> None:
        assert log.locks() == []
        away.go()
        for _ in range(3):
            log.charge(attempt(), LOCKOUT, offline=True)
        assert log.charge(attempt(), LOCKOUT, offline=True) is None
        away.come_back()
        log.charge(attempt("1002", caller="+1"), Lockout(1, 900), offline=True)
        assert [lock.what.partition(", on")[2] for lock in log.locks("hotel_staff", ["1001"])] == [
            "", "", " this machine while the database is away", " this machine while the database is away",
        ]  # fmt: skip
        assert log.locks("other") == []
        assert log.unlock("other") == 0
        assert log.unlock("hotel_staff", login="1001") == 1
        assert log.unlock("hotel_staff") == 5
        assert log.locks() == []

    def test_cleared_also_while_the_database_is_away(self, log: Log, away: Away) -> None:
        away.go()
        for _ in range(3):
            log.charge(attempt(), LOCKOUT, offline=True)
        with contextlib.suppress(UnreachableError):  # SQLite's is not there, which is no fault
            log.unlock("hotel_staff")
        assert log.charge(attempt(), LOCKOUT, offline=True)

    def test_the_file_may_be_named_as_one_likes(self, database_url: str, tmp_path: Path, away: Away) -> None:
        file = tmp_path / "a?b=c%00d" / "spool.db"
        away.go()
        log = Log(database_url, file)
        log.write(entry(), GRANT)
        log.close()
        away.come_back()
        assert spooled(file) == ["1001"]

    def test_old_counters_are_removed(self, log: Log, away: Away, file: Path, clock: Time) -> None:
        away.go()
        log.charge(attempt(), LOCKOUT, offline=True)
        away.come_back()
        clock.go_on(days=3)
        log.tidy({})
        connection = sqlite3.connect(file)
        assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (0,)
        connection.close()


@pytest.fixture
def full(log: Log, away: Away) -> Log:
    """A log whose spool has rows, and whose database is there again."""
    log.write(entry(login="before"), GRANT)
    away.go()
    for number in range(7):
        log.write(entry(number + 1, login=str(number)), GRANT)
    away.come_back()
    return log


ALL = ["before", *(str(number) for number in range(7))]


def sent(log: Log) -> list[str]:
    """The uids to be sent, in order."""
    return [letter.uid for letter in log.outbox.list()][::-1]


class TestDraining:
    @pytest.fixture(autouse=True)
    def _in_small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spool, "ROWS_AT_ONCE", 3)

    def test_rows_and_their_webhooks_in_order(self, full: Log) -> None:
        assert full.drain() == 7
        assert logins(full) == ALL
        assert sent(full) == [row.uid for row in full.oldest_first()]
        deliveries = full.outbox.claim({"hotel_staff": False}, 99, 60)
        assert [delivery.uid for delivery in deliveries] == sent(full)
        assert all('"login"' in delivery.payload for delivery in deliveries)

    def test_nothing_while_it_is_away(self, full: Log, away: Away, file: Path) -> None:
        away.go()
        assert full.drain() == 0
        away.come_back()
        assert len(spooled(file)) == 7
        assert full.drain() == 7

    def test_several_at_once(self, full: Log, database_url: str, file: Path, clock: Time) -> None:
        logs = [Log(database_url, file, now=clock) for _ in range(3)]
        assert sum(at_once(6, lambda number: logs[number % 3].drain())) == 7
        assert logins(full) == ALL
        for each in logs:
            each.close()

    def test_rows_that_come_meanwhile(self, full: Log, file: Path) -> None:
        at_once(4, lambda number: full.drain() if number % 2 else full.write(entry(60, login="new"), GRANT))
        full.drain()
        assert sorted(str(login) for login in logins(full)) == sorted([*ALL, "new", "new"])
        assert spooled(file) == []

    def test_a_row_that_the_database_refuses_does_not_keep_the_others(
        self, full: Log, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        insert = rows.insert

        def refuse(connection: Connection, entries: Sequence[Entry]) -> set[str]:
            if any(row.login == "4" for row in entries):
                raise LogError("no such thing")
            return insert(connection, entries)

        with monkeypatch.context() as patch:
            patch.setattr("routec.signin.rows.insert", refuse)
            assert full.drain() == 6
            assert full.drain() == 0
        assert spooled(file) == ["4"]
        assert caplog.text.count("stays in") == 1
        assert full.drain() == 1
        assert logins(full) == ALL

    @pytest.mark.parametrize("where", ["_insert", "_forget"])
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_killed_in_the_middle(self, full: Log, database_url: str, file: Path, where: str, when: str) -> None:
        code = """
import os, signal, sys
from pathlib import Path
from routec.signin import rows, spool
from routec.signin.store import Log
url, file, where, when = sys.argv[1:]
work = getattr(spool, where)
count = 0
def die(connection, **arguments):
    global count
    count += 1
    if count < 2:
        return work(connection, **arguments)
    if when == "after":
        work(connection, **arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(spool, where, die)
spool.ROWS_AT_ONCE = 2
Log(url, Path(file)).drain()
"""
        died = subprocess.run(
            [sys.executable, "-c", code, database_url, str(file), where, when], cwd=ROOT, check=False, timeout=60
        )
        assert died.returncode == -signal.SIGKILL
        in_both = set(spooled(file)) & set(logins(full))
        assert in_both == (set() if where == "_insert" else {"2", "3"})
        assert full.drain() == (5 if where == "_insert" else 3)
        assert logins(full) == ALL
        assert sent(full) == [row.uid for row in full.oldest_first()]
        assert spooled(file) == []

    def test_a_row_that_was_written_after_all(self, log: Log, away: Away, file: Path) -> None:
        row = entry(login="1")
        away.go()
        log.write(row, GRANT)
        away.come_back()
        log.write(row, GRANT)
        assert log.drain() == 0
        assert (logins(log), spooled(file)) == (["1"], [])
        assert sent(log) == [row.uid]

    def test_where_the_log_is_new(self, log: Log, away: Away) -> None:
        away.go()
        log.write(entry(login="1"), GRANT)
        away.come_back()
        assert log.drain() == 1
        assert logins(log) == ["1"]

    def test_it_is_told(self, full: Log, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            full.drain()
        assert "7 sign-ins of" in caplog.text
        assert list(full.read(Filters(login="6")))

"""One suite for both databases: what is written, listed, followed and removed."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, inspect, text

from routec.signin import following
from routec.signin.schema import signins
from routec.signin.store import Entry, Filters, Log, LogError, UnreachableError

from ..stores import START, WEBHOOK, Time, at_once, entry, module

ROOT = Path(__file__).parents[3]
MEGABYTE = 1_000_000


def logins(rows: Iterator[Entry]) -> list[str | None]:
    return [row.login for row in rows]


class TestWriting:
    def test_what_was_written_is_what_is_read(self, log: Log) -> None:
        rows = [entry(), entry(1, **dict.fromkeys(("purpose", "caller", "called", "login", "user", "call_id"), None))]
        for row in rows:
            assert log.write(row) == row
        assert list(log.read()) == rows[::-1]

    def test_times_are_aware_and_utc_whatever_zone_they_came_in(self, log: Log) -> None:
        brussels = timezone(timedelta(hours=1))
        log.write(entry(time=datetime(2026, 11, 23, 10, 0, 0, 123456, brussels)))
        (row,) = log.read()
        assert row.time == START + timedelta(microseconds=123456)
        assert row.time.utcoffset() == timedelta()

    def test_a_time_without_zone_is_refused(self, log: Log) -> None:
        with pytest.raises(LogError, match="zone"):
            log.write(entry(time=START.replace(tzinfo=None)))

    def test_writing_again_changes_nothing(self, log: Log) -> None:
        first = entry()
        log.write(first, module(webhook=WEBHOOK))
        again = log.write(replace(first, verdict="error"), module(webhook=WEBHOOK))
        assert again == first
        assert list(log.read()) == [first]
        assert len(list(log.outbox.list())) == 1

    def test_hostile_text_is_only_text(self, log: Log) -> None:
        log.write(entry(caller="'); DROP TABLE signins; --", login="é😀"))
        (row,) = log.read()
        assert (row.caller, row.login) == ("'); DROP TABLE signins; --", "é😀")

    @pytest.mark.parametrize(
        ("hostile", "kept"),
        [("a\0b", "a?b"), ("\udc80x\ud83d", "?x?"), ("9" * 10_000, "9" * 80), ("😀" * 10_000, "😀" * 80)],
        ids=["nul", "halves", "long", "long emoji"],
    )
    def test_what_no_database_takes_is_cut_and_replaced(self, log: Log, hostile: str, kept: str) -> None:
        names = ("module", "caller", "called", "login", "user", "password", "extra1", "extra2", "call_id")
        texts: dict[str, Any] = dict.fromkeys(names, hostile)
        stored = log.write(entry(reason=hostile, **texts), module(webhook=WEBHOOK))
        (row,) = log.read()
        assert row == stored
        assert {getattr(row, name) for name in names} == {kept}
        assert row.reason == kept[:16]
        assert list(log.read(Filters(caller=hostile))) == [row]
        (delivery,) = log.outbox.claim({kept: False}, 9, 60)
        assert delivery.uid == row.uid

    def test_threads(self, log: Log) -> None:
        at_once(20, lambda number: [log.write(entry(login=f"{number}{n}")) for n in range(5)])
        assert len(set(logins(log.read()))) == 100

    def test_processes_that_all_start_at_once(self, database_url: str) -> None:
        code = """
import sys
from routec.signin.store import Log
from tests.signin.stores import entry
log = Log(sys.argv[1])
for n in range(10):
    log.write(entry(login=f"{sys.argv[2]}-{n}"))
log.close()
"""
        processes = [
            subprocess.Popen([sys.executable, "-c", code, database_url, str(number)], cwd=ROOT) for number in range(3)
        ]
        assert [process.wait(30) for process in processes] == [0] * 3
        log = Log(database_url)
        assert len(set(logins(log.read()))) == 30
        log.close()

    def test_an_entry_does_not_show_its_password(self) -> None:
        assert "735198" not in repr(entry(password="735198"))


class TestLists:
    def test_newest_first_and_of_one_time_the_last_written(self, log: Log) -> None:
        for minutes, login in [(0, "1"), (5, "2"), (5, "3"), (2, "4")]:
            log.write(entry(minutes, login=login))
        assert logins(log.read()) == ["3", "2", "4", "1"]
        assert logins(log.oldest_first()) == ["1", "4", "2", "3"]
        assert logins(log.oldest_first(Filters(limit=2))) == ["1", "4"]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (Filters(), "edcba"),
            (Filters(module="clock"), "b"),
            (Filters(login="1002"), "c"),
            (Filters(caller="900"), "d"),
            (Filters(verdict="denied"), "e"),
            (Filters(user="b"), "b"),
            (Filters(called="600"), "b"),
            (Filters(purpose="gate"), "c"),
            (Filters(call_id="1.2"), "d"),
            (Filters(since=START + timedelta(minutes=2)), "edc"),
            (Filters(until=START + timedelta(minutes=2)), "ba"),
            (Filters(since=START + timedelta(minutes=1), until=START + timedelta(minutes=3)), "cb"),
            (Filters(limit=2), "ed"),
            (Filters(module="hotel_staff", login="1001", verdict="granted", limit=1), "d"),
            (Filters(module="hotel_staff' OR 1=1 --"), ""),
            (Filters(caller="%"), ""),
        ],
        ids=str,
    )
    def test_filters(self, log: Log, filters: Filters, expected: str) -> None:
        changes: list[dict[str, Any]] = [
            {},
            {"module": "clock", "called": "600"},
            {"login": "1002", "purpose": "gate"},
            {"caller": "900", "call_id": "1.2"},
            {"verdict": "denied"},
        ]
        for minutes, (name, change) in enumerate(zip("abcde", changes, strict=True)):
            log.write(entry(minutes, user=name, **change))
        assert "".join(row.user or "?" for row in log.read(filters)) == expected

    def test_reading_streams_and_may_stop_early(self, log: Log) -> None:
        for n in range(20):
            log.write(entry(n))
        rows = log.read()
        assert next(rows).time == START + timedelta(minutes=19)
        log.write(entry(30))
        rows.close()  # type: ignore[attr-defined]  # it is a generator
        assert len(list(log.read())) == 21

    def test_no_tables_yet_is_an_empty_log(self, log: Log) -> None:
        assert list(log.read()) == []
        assert log.locks() == []
        assert log.outbox.claim({"hotel_staff": True}, 9, 60) == []
        assert log.outbox.next_due({"hotel_staff": True}) is None
        assert (log.purge(START, None), log.unlock("hotel_staff"), log.outbox.retry(None), log.drain()) == (0, 0, 0, 0)
        log.tidy({"hotel_staff": module(keep=60)})

    def test_many_rows_in_little_memory(self, log: Log, database_url: str) -> None:
        log.write(entry())
        count = 100_000
        add_rows(database_url, count)
        rows = log.read(Filters(limit=1000))
        assert sum(1 for _ in rows) == 1000
        before = resident()
        assert sum(1 for _ in log.read()) == count + 1
        assert resident() - before < 10 * MEGABYTE, "all rows at once are ten times as much"


def add_rows(url: str, count: int) -> None:
    """Copies of the one row that is there."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    names = ", ".join(f'"{column.name}"' for column in signins.c if column.name not in ("id", "uid"))
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
    copies = f"{numbers} INSERT INTO signins (uid, {names}) SELECT 'uid' || n, {names} FROM signins, numbers"
    with engine.begin() as connection:
        connection.execute(text(copies), {"count": count})
    engine.dispose()


def resident() -> int:
    """The memory of this process, in bytes; the driver's own is in it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class TestFollowing:
    @contextmanager
    def followed(self, log: Log, filters: Filters | None = None) -> Iterator[Callable[[int], list[str | None]]]:
        """A thread that follows; what is given waits for so many rows and tells their logins."""
        stop, came, found = threading.Event(), threading.Condition(), []
        rows = log.follow(stop, filters)

        def run() -> None:
            for row in rows:
                with came:
                    found.append(row.login)
                    came.notify_all()

        def wait(count: int) -> list[str | None]:
            with came:
                came.wait_for(lambda: len(found) >= count, 20)
                return found

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield wait
        finally:
            stop.set()
            thread.join(10)
            assert not thread.is_alive()

    @pytest.fixture(autouse=True)
    def _quickly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "POLL_SECONDS", 0.02)

    def test_new_rows_as_they_come_and_no_others(self, log: Log) -> None:
        log.write(entry(login="old"))
        with self.followed(log, Filters(module="hotel_staff")) as wait:
            log.write(entry(login="1"))
            log.write(entry(login="elsewhere", module="other"))
            log.write(entry(-600, login="2"))
            assert wait(2) == ["1", "2"]
            log.write(entry(login="3"))
            assert wait(3) == ["1", "2", "3"]

    def test_a_log_that_is_not_there_yet(self, log: Log) -> None:
        with self.followed(log) as wait:
            log.write(entry(login="1"))
            assert wait(1) == ["1"]

    def test_more_rows_than_are_fetched_at_once(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "_ROWS_AT_ONCE", 3)
        with self.followed(log) as wait:
            for n in range(10):
                log.write(entry(login=str(n)))
            assert wait(10) == [str(n) for n in range(10)]

    def test_rows_after_all_were_purged(self, log: Log) -> None:
        log.write(entry(login="old"))
        with self.followed(log) as wait:
            assert log.purge(START + timedelta(days=1), None) == 1
            log.write(entry(login="new"))
            assert wait(1) == ["new"]

    def test_parallel_writers_none_twice_none_missed(self, log: Log) -> None:
        log.write(entry(login="old"))
        with self.followed(log) as wait:
            at_once(8, lambda number: [log.write(entry(login=f"{number}-{n}")) for n in range(10)])
            found = wait(80)
            assert len(found) == len(set(found)) == 80

    def test_a_row_that_is_committed_late(self, postgres: str) -> None:
        log = Log(postgres)
        log.write(entry(login="old"))
        engine = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as slow_before, engine.connect() as slow:
            slow_before.execute(signins.insert().values(asdict(entry(login="before"))))
            with self.followed(log) as wait:
                slow.execute(signins.insert().values(asdict(entry(login="late"))))
                log.write(entry(login="1"))
                assert wait(1) == ["1"]
                slow.commit()
                assert wait(2) == ["1", "late"]
                slow_before.commit()
                assert wait(3) == ["1", "late", "before"]
        engine.dispose()
        log.close()

    def test_stopping_is_at_once(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "POLL_SECONDS", 600)
        log.write(entry())
        with self.followed(log):
            pass

    def test_a_function_says_when_to_stop(self, log: Log) -> None:
        log.write(entry())
        answers = iter([False, False, True])
        assert list(log.follow(lambda: next(answers))) == []


class TestPurging:
    def test_rows_before_a_moment_of_a_module_or_of_all(self, log: Log) -> None:
        for minutes in range(3):
            log.write(entry(minutes, login=str(minutes)))
            log.write(entry(minutes, login=f"other{minutes}", module="other"))
        assert log.purge(START + timedelta(minutes=1), "hotel_staff") == 1
        assert log.purge(START + timedelta(minutes=2), None) == 3
        assert sorted(str(row.login) for row in log.read()) == ["2", "other2"]
        assert log.purge(START, None) == 0

    def test_more_rows_than_are_removed_at_once(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("routec.signin.retention.ROWS_AT_ONCE", 3)
        for n in range(7):
            log.write(entry(n))
        assert log.purge(START + timedelta(days=1), None) == 7

    def test_a_row_with_a_pending_webhook_stays_and_a_dead_letter_loses_its_content(self, log: Log) -> None:
        rows = {name: entry(login=name) for name in ("pending", "delivered", "dead")}
        for row in rows.values():
            log.write(row, module(webhook=WEBHOOK))
        claimed = {delivery.uid: delivery.id for delivery in log.outbox.claim({"hotel_staff": False}, 9, 60)}
        log.outbox.delivered(claimed[rows["delivered"].uid], 200, "")
        log.outbox.bury(claimed[rows["dead"].uid], 500, "")
        assert log.purge(START + timedelta(days=1), None) == 2
        assert logins(log.read()) == ["pending"]
        assert {letter.uid: letter.state for letter in log.outbox.list()} == {
            rows["pending"].uid: "pending",
            rows["dead"].uid: "dead",
        }
        assert log.outbox.retry(None) == 1, "what a dead letter said is gone"

    def test_retention(self, log: Log, clock: Time) -> None:
        for name in ("short", "long"):
            for minutes in (0, 90):
                log.write(entry(minutes, module=name))
        modules = {"short": module(name="short", keep=3600), "long": module(name="long")}
        clock.go_on(hours=2)
        log.tidy(modules)
        assert sorted((row.module, row.time) for row in log.read()) == [
            ("long", START),
            ("long", START + timedelta(minutes=90)),
            ("short", START + timedelta(minutes=90)),
        ]


class TestSqlite:
    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[Log]:
        log = Log(f"sqlite:///{tmp_path / 'signin.db'}")
        yield log
        log.close()

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "signin.db"

    def test_file_and_folder_are_private(self, tmp_path: Path) -> None:
        file = tmp_path / "a" / "b" / "signin.db"
        log = Log(f"sqlite:///{file}")
        log.write(entry())
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, *file.parent.glob("signin.db-*"))]
        log.close()
        assert modes == [0o600, 0o700, 0o600, 0o600]

    def test_durable(self, log: Log) -> None:
        log.write(entry())
        with engine_of(log).connect() as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"

    @pytest.mark.parametrize(
        ("url", "what"),
        [
            ("sqlite://", "in memory"),
            ("sqlite:///", "in memory"),
            ("sqlite:///:memory:", "in memory"),
            ("sqlite+pysqlite:///:memory:", "in memory"),
            ("sqlite:///file:x?mode=memory&uri=true", "`file:`"),
            ("sqlite:///file:/tmp/x", "`file:`"),
            ("sqlite:////tmp/x?mode=ro", "options"),
            ("sqlite:////tmp/x?timeout=abc", "options"),
            ("sqlite:////tmp/a\0b", "NUL"),
            ("sqlite:////tmp/a%00b", "NUL"),
        ],
    )
    def test_a_file_that_is_not_one_for_all_processes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, what: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(LogError, match=rf"{what}.*; write sqlite:////absolute/path"):
            Log(url).write(entry())
        assert list(tmp_path.iterdir()) == []

    def test_reading_makes_nothing(self, tmp_path: Path) -> None:
        assert list(Log(f"sqlite:///{tmp_path / 'x' / 'signin.db'}").read()) == []
        assert list(tmp_path.iterdir()) == []

    def test_waits_for_another_process_that_writes(self, log: Log, file: Path) -> None:
        log.write(entry())
        other = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
        log.write(entry())
        other.close()
        assert len(list(log.read())) == 2

    def test_gives_up_in_time_when_another_process_does_not(self, log: Log, file: Path) -> None:
        log.write(entry())
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with pytest.raises(UnreachableError, match="locked"):
            log.write(entry())
        assert time.monotonic() - start < 4.5
        other.close()
        log.write(entry())

    def test_the_lists_walk_an_index_and_sort_nothing(self, log: Log, file: Path) -> None:
        log.write(entry())
        connection = sqlite3.connect(file)
        names = ("module", "login", "caller", "verdict", "user", "call_id")
        for where in ("", *(f"WHERE \"{name}\" = 'x'" for name in names)):
            query = f"EXPLAIN QUERY PLAN SELECT * FROM signins {where} ORDER BY time DESC, id DESC"
            plan = str(connection.execute(query).fetchall())
            assert "USING INDEX" in plan
            assert "TEMP B-TREE" not in plan
        connection.close()

    def test_a_full_disk_and_room_again(self, log: Log, file: Path) -> None:
        log.write(entry())
        engine = engine_of(log)
        engine.dispose()
        pages = sqlite3.connect(file).execute("PRAGMA page_count").fetchone()[0]
        limit = pages

        @event.listens_for(engine, "begin")
        def begun(connection: Any) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count={limit}")

        written = []

        def fill() -> None:
            while True:
                written.append(log.write(entry(extra1="x" * 80), module(webhook=WEBHOOK)))

        with pytest.raises(UnreachableError, match="the disk is full"):
            fill()
        assert list(log.read())[:-1] == written[::-1]
        assert len(list(log.outbox.list())) == len(written)
        limit = pages + 1000
        log.write(entry())
        assert len(list(log.read())) == len(written) + 2

    @pytest.mark.skipif(not Path("/proc").exists(), reason="needs Linux")
    def test_a_folder_that_is_read_only_and_a_file_closed_to_us(self) -> None:
        with as_nobody() as folder:
            file = folder / "signin.db"
            log = Log(f"sqlite:///{file}")
            log.write(entry())
            log.close()
            file.chmod(0o000)
            for use in (lambda: log.write(entry()), lambda: list(log.read())):
                with pytest.raises(UnreachableError, match=r"signin\.db: the file cannot be opened by this user"):
                    use()
            file.chmod(0o600)
            folder.chmod(0o500)
            with pytest.raises(UnreachableError, match=r"(read-only|cannot be opened)"):
                log.write(entry())
            folder.chmod(0o700)
            log.write(entry())
            assert len(list(log.read())) == 2
            log.close()

    def test_a_folder_that_cannot_be_made(self) -> None:
        with as_nobody() as folder:
            folder.chmod(0o500)
            log = Log(f"sqlite:///{folder / 'state' / 'signin.db'}")
            with pytest.raises(UnreachableError, match="Permission denied"):
                log.write(entry())

    def test_a_file_that_was_removed_is_made_anew(self, log: Log, file: Path) -> None:
        log.write(entry(login="old"))
        for path in file.parent.glob("signin.db*"):
            path.unlink()
        log.write(entry(login="new"))
        other = Log(f"sqlite:///{file}")
        assert logins(other.read()) == logins(log.read()) == ["new"]
        other.close()


@pytest.mark.parametrize("url", ["postgresql://h:1/x?connect_timeout=abc", "postgresql://u:735198%00@h:1/x"])
def test_what_the_driver_does_not_take_is_a_fault_in_words(url: str) -> None:
    log = Log(url)
    for use in (lambda: log.write(entry()), lambda: list(log.read())):
        with pytest.raises(LogError) as caught:
            use()
        assert "735198" not in str(caught.value)


def engine_of(log: Log) -> Any:
    assert log._keeper
    return log._keeper.database._engine(reads=False)


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder, with the rights of one who is not root in the block."""
    with tempfile.TemporaryDirectory() as name:
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if is_root:
                os.seteuid(0)
            Path(name).chmod(0o700)


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b"no database" * 100), lambda path: path.mkdir()])
def test_a_log_that_cannot_be_used(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "signin.db")
    log = Log(f"sqlite:///{tmp_path / 'signin.db'}")
    with pytest.raises(LogError, match=r"signin\.db"):
        log.write(entry())
    with pytest.raises(LogError, match=r"signin\.db"):
        list(log.read())
    log.close()


@pytest.mark.parametrize(
    "url",
    [
        "hush",
        "",
        "nosuch://u:hush@h/d",
        "mysql+nosuch://u:hush@h/d",
        "sqlite+nosuch:///hush",
        "postgresql://u:hush@127.0.0.1:x/d",
        "postgresql://u:hush@127.0.0.1:1/d",
        "postgresql+psycopg2://u:hush@127.0.0.1:1/d?sslmode=hush",
        "postgresql://u:hush@127.0.0.1:1/d?hush=hush",
    ],
)
def test_a_url_that_cannot_be_used_is_not_repeated(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = Log(url)
    with pytest.raises(LogError) as caught:
        log.write(entry(password="hush-pin"))
    assert "u:" not in str(caught.value)
    assert "hush-pin" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert list(tmp_path.iterdir()) == []
    log.close()


@pytest.mark.parametrize("url", ["postgresql://u:se@hush@h/d", "postgresql://u:se@hu/sh@h/d"])
def test_a_password_with_a_raw_at_is_refused_before_it_is_taken_for_a_host(url: str) -> None:
    with pytest.raises(LogError, match="write %40") as caught:
        list(Log(url).read())
    assert not any(part in str(caught.value) for part in ("hu", "sh@", "/h"))


def test_the_tables_are_stamped_for_alembic_once(log: Log, database_url: str) -> None:
    log.write(entry())
    log.close()
    log.write(entry())
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("0002",)]
    indexes = {index["name"] for index in inspect(engine).get_indexes("signins")}
    engine.dispose()
    assert indexes >= {f"signins_{name}time" for name in ("", "module_", "login_", "caller_", "verdict_")}

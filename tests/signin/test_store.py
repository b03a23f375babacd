"""One suite for both databases: SQLite always, PostgreSQL where ROUTEC_TEST_POSTGRES is the URL of an empty one."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from routec.signin.schema import metadata
from routec.signin.store import Entry, Filters, Log, LogError

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def entry(minutes: float = 0, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "time": START + timedelta(minutes=minutes),
        "module": "hotel_staff",
        "purpose": "register",
        "caller": "+32475000001",
        "called": "3225551234",
        "login": "1001",
        "user": "floor1",
        "password": None,
        "extra1": "204",
        "extra2": None,
        "verdict": "granted",
        "call_id": "1790000000.7",
        "attempts": 1,
        "reason": "ok",
    }
    return Entry(**(values | changes))


@pytest.fixture(params=["sqlite", *(["postgresql"] if "ROUTEC_TEST_POSTGRES" in os.environ else [])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'signin.db'}"
        return
    url = os.environ["ROUTEC_TEST_POSTGRES"]
    engine = create_engine(url)
    metadata.drop_all(engine)
    yield url
    metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def log(url: str) -> Iterator[Log]:
    log = Log(url)
    yield log
    log.close()


class TestBothDatabases:
    def test_what_was_written_is_what_is_read(self, log: Log) -> None:
        rows = [entry(), entry(1, **dict.fromkeys(("purpose", "caller", "called", "login", "user", "call_id"), None))]
        for row in rows:
            log.write(row)
        assert list(log.read()) == rows[::-1]

    def test_times_are_aware_and_utc_whatever_zone_they_came_in(self, log: Log) -> None:
        brussels = timezone(timedelta(hours=1))
        log.write(entry(time=datetime(2026, 11, 23, 10, 0, 0, 123456, brussels)))
        (row,) = log.read()
        assert row.time == START + timedelta(microseconds=123456)
        assert row.time.utcoffset() == timedelta()

    def test_a_time_without_zone_is_refused(self, log: Log) -> None:
        with pytest.raises(LogError):
            log.write(entry(time=START.replace(tzinfo=None)))

    def test_newest_first_and_of_one_time_the_last_written(self, log: Log) -> None:
        for minutes, login in [(0, "1"), (5, "2"), (5, "3"), (2, "4")]:
            log.write(entry(minutes, login=login))
        assert [row.login for row in log.read()] == ["3", "2", "4", "1"]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (Filters(), "edcba"),
            (Filters(module="clock"), "b"),
            (Filters(login="1002"), "c"),
            (Filters(caller="900"), "d"),
            (Filters(verdict="denied"), "e"),
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
            {"module": "clock"},
            {"login": "1002"},
            {"caller": "900"},
            {"verdict": "denied"},
        ]
        for minutes, (name, change) in enumerate(zip("abcde", changes, strict=True)):
            log.write(entry(minutes, user=name, **change))
        assert "".join(row.user or "?" for row in log.read(filters)) == expected

    def test_hostile_text_is_only_text(self, log: Log) -> None:
        log.write(entry(caller="'); DROP TABLE signins; --", login="é😀"))
        (row,) = log.read()
        assert (row.caller, row.login) == ("'); DROP TABLE signins; --", "é😀")

    def test_reading_streams_and_may_stop_early(self, log: Log) -> None:
        for n in range(20):
            log.write(entry(n))
        rows = log.read()
        assert next(rows).time == START + timedelta(minutes=19)
        log.write(entry(30))
        rows.close()  # type: ignore[attr-defined]  # it is a generator
        assert len(list(log.read())) == 21

    def test_threads(self, log: Log) -> None:
        def write(number: int) -> None:
            for n in range(5):
                log.write(entry(login=f"{number}{n}"))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({row.login for row in log.read()}) == 100

    def test_processes_that_all_start_at_once(self, url: str) -> None:
        code = """
import sys
from routec.signin.store import Log
from tests.signin.test_store import entry
log = Log(sys.argv[1])
for n in range(10):
    log.write(entry(login=f"{sys.argv[2]}-{n}"))
log.close()
"""
        processes = [subprocess.Popen([sys.executable, "-c", code, url, str(number)], cwd=ROOT) for number in range(4)]
        assert [process.wait(30) for process in processes] == [0] * 4
        log = Log(url)
        assert len({row.login for row in log.read()}) == 40
        log.close()

    def test_the_schema_is_stamped_for_alembic_once(self, log: Log, url: str) -> None:
        log.write(entry())
        log.close()
        log.write(entry())
        engine = create_engine(url)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("0001",)]
        indexes = {index["name"] for index in inspect(engine).get_indexes("signins")}
        engine.dispose()
        assert indexes >= {f"signins_{name}time" for name in ("", "module_", "login_", "caller_", "verdict_")}

    def test_no_tables_yet_is_an_empty_log(self, log: Log) -> None:
        assert list(log.read()) == []


class TestSqlite:
    def test_file_and_folder_are_private(self, tmp_path: Path) -> None:
        file = tmp_path / "a" / "b" / "signin.db"
        log = Log(f"sqlite:///{file}")
        log.write(entry())
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, *file.parent.glob("signin.db-*"))]
        log.close()
        assert modes == [0o600, 0o700, 0o600, 0o600]

    def test_durable(self, tmp_path: Path) -> None:
        log = Log(f"sqlite:///{tmp_path / 'signin.db'}")
        log.write(entry())
        assert log._database
        with log._database._open().connect() as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        log.close()

    def test_reading_makes_nothing(self, tmp_path: Path) -> None:
        assert list(Log(f"sqlite:///{tmp_path / 'x' / 'signin.db'}").read()) == []
        assert list(tmp_path.iterdir()) == []

    def test_waits_for_another_process_that_writes(self, tmp_path: Path) -> None:
        file = tmp_path / "signin.db"
        log = Log(f"sqlite:///{file}")
        log.write(entry())
        other = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
        log.write(entry())
        other.close()
        assert len(list(log.read())) == 2
        log.close()

    def test_the_lists_walk_an_index_and_sort_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "signin.db"
        log = Log(f"sqlite:///{file}")
        log.write(entry())
        log.close()
        connection = sqlite3.connect(file)
        for where in ("", *(f"WHERE {name} = 'x'" for name in ("module", "login", "caller", "verdict"))):
            query = f"EXPLAIN QUERY PLAN SELECT * FROM signins {where} ORDER BY time DESC, id DESC"
            plan = str(connection.execute(query).fetchall())
            assert "USING INDEX" in plan
            assert "TEMP B-TREE" not in plan
        connection.close()


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
    ],
)
def test_a_url_that_cannot_be_used_is_not_repeated(url: str) -> None:
    log = Log(url)
    with pytest.raises(LogError) as caught:
        log.write(entry(password="hush-pin"))
    assert "hush" not in str(caught.value).removeprefix("the sign-in log sqlite:hush")
    assert caught.value.__cause__ is None


def test_an_entry_does_not_show_its_password() -> None:
    assert "735198" not in repr(entry(password="735198"))

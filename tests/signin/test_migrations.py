"""From each released schema to the present one: the rows stay, and what comes out is what a new log has."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from routec.signin import migrate, schema
from routec.signin.store import Filters, Log, LogError

from .stores import START, at_once, entry, module

ROOT = Path(__file__).parents[2]
COLUMNS_0001 = """
    id {id} NOT NULL, time {time} NOT NULL, module VARCHAR(80) NOT NULL, purpose VARCHAR(16),
    caller VARCHAR(80), called VARCHAR(80), login VARCHAR(80), "user" VARCHAR(80), password VARCHAR(80),
    extra1 VARCHAR(80), extra2 VARCHAR(80), verdict VARCHAR(16) NOT NULL, call_id VARCHAR(80),
    attempts INTEGER NOT NULL, reason VARCHAR(16) NOT NULL, PRIMARY KEY (id)
"""
VERSION = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num))"
KINDS = {
    "sqlite": COLUMNS_0001.format(id="INTEGER", time="DATETIME"),
    "postgresql": COLUMNS_0001.format(id="BIGSERIAL", time="TIMESTAMP WITH TIME ZONE"),
}
RELEASED = {kind: [VERSION, f"CREATE TABLE signins ({columns})"] for kind, columns in KINDS.items()}
"""The schema that was released as 0001, as it was made then."""

INDEXES_0001 = [
    "CREATE INDEX signins_time ON signins (time, id)",
    *(
        f"CREATE INDEX signins_{name}_time ON signins ({name}, time, id)"
        for name in ("module", "login", "caller", "verdict")
    ),
    "INSERT INTO alembic_version (version_num) VALUES ('0001')",
]
ROWS = 5


def engine_for(url: str) -> Engine:
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def release(url: str) -> None:
    """Make the released log at `url`, with rows."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = engine_for(url)
    with engine.begin() as connection:
        for statement in RELEASED[engine.dialect.name] + INDEXES_0001:
            connection.execute(text(statement))
        for number in range(ROWS):
            connection.execute(
                text(
                    "INSERT INTO signins (time, module, login, verdict, attempts, reason) "
                    "VALUES (:time, 'hotel_staff', :login, 'granted', 1, 'ok')"
                ),
                {"time": f"2026-11-23 09:0{number}:00.000000", "login": str(number)},
            )
    engine.dispose()


@pytest.fixture
def released(database_url: str) -> str:
    release(database_url)
    return database_url


@pytest.fixture
def log(released: str) -> Iterator[Log]:
    log = Log(released)
    yield log
    log.close()


def described(url: str) -> dict[str, Any]:
    """All that can be known of the tables, without the names that a database gives by itself."""
    engine = engine_for(url)
    found = inspect(engine)
    described = {
        table: {
            "columns": [
                (column["name"], column["type"].compile(engine.dialect), column["nullable"], column["default"])
                for column in found.get_columns(table)
            ],
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted(
                (str(index["name"]), index["column_names"], bool(index["unique"])) for index in found.get_indexes(table)
            ),
        }
        for table in found.get_table_names()
    }
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            counting = connection.execute(text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"))
            described["counting"] = {"tables": sorted(counting.scalars())}
    engine.dispose()
    return described


def revision(url: str) -> str:
    engine = engine_for(url)
    with engine.connect() as connection:
        found = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    engine.dispose()
    return found


def test_the_first_revision_is_the_released_one() -> None:
    assert schema.EARLIER[0] == "0001"
    assert schema.REVISION not in schema.EARLIER


def test_every_revision_has_its_step() -> None:
    from alembic.script import ScriptDirectory

    steps = {step.revision: step.down_revision for step in ScriptDirectory(str(migrate.SCRIPTS)).walk_revisions()}
    chain = (*schema.EARLIER, schema.REVISION)
    assert steps == dict(zip(chain, (None, *chain), strict=False))


class TestFromReleased:
    def test_the_rows_stay_and_have_names(self, log: Log) -> None:
        rows = list(log.read())
        assert [row.login for row in rows] == [str(number) for number in reversed(range(ROWS))]
        assert len({row.uid for row in rows}) == ROWS
        assert {len(row.uid) for row in rows} == {32}
        assert rows[-1].time == START
        assert {row.action for row in rows} == {None}

    def test_it_is_what_a_new_log_has(self, released: str, log: Log, request: pytest.FixtureRequest) -> None:
        log.write(entry())
        if released.startswith("sqlite"):
            fresh = released.replace("signin.db", "new.db")
        else:
            server = request.getfixturevalue("postgres_server")
            fresh = server.new_database()
        new = Log(fresh)
        new.write(entry())
        new.close()
        log.close()
        assert described(released) == described(fresh)
        assert revision(released) == revision(fresh) == schema.REVISION

    def test_by_a_write(self, released: str, log: Log) -> None:
        log.write(entry(9), module())
        assert len(list(log.read())) == ROWS + 1
        assert revision(released) == schema.REVISION

    def test_numbers_go_on(self, released: str, log: Log) -> None:
        log.write(entry())
        engine = engine_for(released)
        with engine.connect() as connection:
            assert list(connection.execute(text("SELECT id FROM signins ORDER BY id")).scalars()) == [1, 2, 3, 4, 5, 6]
        engine.dispose()

    def test_several_that_start_at_once(self, released: str) -> None:
        logs = [Log(released) for _ in range(6)]
        at_once(6, lambda number: logs[number].write(entry(login=f"new{number}")))
        assert len(list(logs[0].read())) == ROWS + 6
        for each in logs:
            each.close()

    def test_several_processes_that_start_at_once(self, released: str) -> None:
        code = "import sys; from routec.signin.store import *; print(len(list(Log(sys.argv[1]).read())))"
        processes = [
            subprocess.Popen([sys.executable, "-c", code, released], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        assert [process.communicate(timeout=60)[0] for process in processes] == [f"{ROWS}\n"] * 2

    def test_one_that_fails_leaves_the_old_log_whole(
        self, released: str, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = described(released)
        upgrade = migrate._upgrade

        def fail(connection: Connection) -> None:
            upgrade(connection)
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(migrate, "_upgrade", fail)
            with pytest.raises(LogError, match="Input/output error"):
                list(log.read())
        assert described(released) == before
        assert revision(released) == "0001"
        assert len(list(log.read())) == ROWS

    def test_one_that_is_killed_leaves_the_old_log_whole(self, released: str, log: Log) -> None:
        before = described(released)
        code = """
import os, signal, sys
from routec.signin import migrate
from routec.signin.store import Log
upgrade = migrate._upgrade
def die(connection):
    upgrade(connection)
    os.kill(os.getpid(), signal.SIGKILL)
migrate._upgrade = die
list(Log(sys.argv[1]).read())
"""
        died = subprocess.run([sys.executable, "-c", code, released], cwd=ROOT, check=False, timeout=60)
        assert died.returncode == -signal.SIGKILL
        assert described(released) == before
        assert len(list(log.read(Filters(login="3")))) == 1


class TestUnknown:
    @pytest.mark.parametrize("use", ["write", "read"])
    def test_a_newer_log_is_refused_in_clear_words(self, released: str, log: Log, use: str) -> None:
        engine = engine_for(released)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
        engine.dispose()
        with pytest.raises(LogError, match=r"revision 0999, and this routec knows 0002 and earlier.*newer routec"):
            log.write(entry()) if use == "write" else list(log.read())

    def test_tables_of_another_program_are_left_alone(self, database_url: str) -> None:
        release(database_url)
        engine = engine_for(database_url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
        log = Log(database_url)
        with pytest.raises(LogError, match="not routec's"):
            log.write(entry())
        log.close()
        assert inspect(engine).get_table_names() == ["signins"]
        engine.dispose()


def test_alembic_is_imported_for_a_migration_and_for_nothing_else(tmp_path: Path) -> None:
    code = """
import sys
from routec.signin.store import Log
from tests.signin.stores import entry
log = Log(sys.argv[1])
log.write(entry())
list(log.read())
print("alembic" in sys.modules, "psycopg" in sys.modules)
"""
    urls = [f"sqlite:///{tmp_path / name}" for name in ("new.db", "old.db")]
    release(urls[1])
    printed = [
        subprocess.run([sys.executable, "-c", code, url], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for url in urls
    ]
    assert printed == ["False False\n", "True False\n"]


def test_the_steps_are_found_in_the_wheel(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    release(f"sqlite:///{tmp_path / 'old.db'}")
    code = """
import sys, routec
from routec.signin.store import Log
print(len(list(Log(sys.argv[1]).read())), routec.__file__)
"""
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path / "site")], check=True)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, f"sqlite:///{tmp_path / 'old.db'}"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "site")}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == f"{ROWS} {tmp_path / 'site' / 'routec' / '__init__.py'}\n"

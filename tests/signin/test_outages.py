"""A PostgreSQL that is dead, hung, restarted or cut off: a write ends in time, and what it says is so."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from routec.contract import Lockout
from routec.signin.database import RECENT_SECONDS
from routec.signin.store import Log, LogError, UnreachableError
from tests.postgres.link import Link
from tests.postgres.server import Postgres

from .stores import WEBHOOK, at_once, attempt, entry, module, time_clock

GRACE = 4.5
HOOKED = module(webhook=WEBHOOK)
LOCKOUT = Lockout(100, 900)


@pytest.fixture
def link(postgres_server: Postgres) -> Iterator[Link]:
    with Link(postgres_server.port) as link:
        yield link


@pytest.fixture
def log(postgres: str, link: Link) -> Iterator[Log]:
    """A log through a wire that can be cut; it has been used."""
    log = Log(link.url(postgres))
    log.write(entry(login="first"), HOOKED)
    yield log
    log.close()


def refused(use: Callable[[], object]) -> str:
    """What is said when it cannot be done, in time."""
    start = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        use()
    assert time.monotonic() - start < GRACE
    assert "hush" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for as long as it takes is waited for a second, where the length itself is not what is shown."""
    monkeypatch.setattr("routec.signin.database.WRITE_SECONDS", 1)
    monkeypatch.setattr("routec.signin.database.RETURN_SECONDS", 0.3)
    monkeypatch.setattr("routec.signin.postgres.PING_SECONDS", 0.3)


class TestAway:
    @pytest.mark.usefixtures("hasty")
    def test_cut_off_without_a_word(self, log: Log, link: Link) -> None:
        link.silence()
        refused(lambda: log.write(entry()))
        refused(lambda: log.charge(attempt(), LOCKOUT))
        link.speak()
        log.write(entry())

    def test_hung(self, postgres: str, postgres_server: Postgres) -> None:
        log = Log(postgres)
        log.write(entry())
        postgres_server.hang()
        refused(lambda: log.write(entry()))
        postgres_server.resume()
        log.write(entry())
        log.close()

    @pytest.mark.usefixtures("hasty")
    def test_stopped_and_started_again(self, postgres: str, postgres_server: Postgres) -> None:
        log = Log(postgres)
        log.write(entry())
        postgres_server.stop()
        assert "refused" in refused(lambda: log.write(entry()))
        postgres_server.start()
        log.write(entry())
        log.close()

    @pytest.mark.usefixtures("hasty")
    def test_somebody_holds_what_it_needs(self, postgres: str) -> None:
        log = Log(postgres)
        clock = time_clock()
        log.write(entry(module="clock"), clock)
        engine = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(text("SELECT * FROM clocks FOR UPDATE"))
            refused(lambda: log.write(entry(module="clock"), clock))
        engine.dispose()
        log.write(entry(module="clock"), clock)
        log.close()

    def test_no_such_server(self) -> None:
        log = Log("postgresql://routec:hush@127.0.0.1:1/routec")
        refused(lambda: log.write(entry()))
        with pytest.raises(UnreachableError):
            list(log.read())
        log.close()

    def test_a_wrong_password_is_not_repeated(self, postgres: str) -> None:
        log = Log(postgres.replace("hush-database", "hush-wrong"))
        assert "password authentication failed" in refused(lambda: log.write(entry()))
        log.close()

    def test_a_standby_takes_no_rows(self, log: Log, postgres: str) -> None:
        engine = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(
                text(f"ALTER DATABASE {connection.engine.url.database} SET default_transaction_read_only = on")
            )
        log.close()
        assert "read-only" in refused(lambda: log.write(entry()))
        assert len(list(log.read())) == 1
        with engine.connect() as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text(f"ALTER DATABASE {connection.engine.url.database} RESET ALL"))
        engine.dispose()

    def test_following_waits_for_it(self, log: Log, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("routec.signin.following.POLL_SECONDS", 0.01)
        rows = log.follow(threading.Event())
        log.write(entry(login="1"))
        assert next(rows).login == "1"
        link.break_all()
        log.write(entry(login="2"))
        assert next(rows).login == "2"

    def test_tables_that_are_gone_are_made_again(self, log: Log, postgres: str, postgres_server: Postgres) -> None:
        postgres_server.empty(postgres)
        with pytest.raises(LogError, match="does not exist"):
            log.write(entry())
        log.write(entry())
        assert len(list(log.read())) == 1

    def test_the_urls_own_options_are_kept(self, postgres: str, postgres_server: Postgres) -> None:
        name = postgres.rpartition("/")[2]
        postgres_server.execute("CREATE SCHEMA elsewhere", database=name)
        log = Log(f"{postgres}?options=-csearch_path%3Delsewhere&application_name=ours&connect_timeout=1")
        log.write(entry())
        assert len(list(log.read())) == 1
        where = "SELECT schemaname FROM pg_tables WHERE tablename = 'signins'"
        assert postgres_server.execute(where, database=name) == [("elsewhere",)]
        names = "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
        assert ("ours",) in postgres_server.execute(names, database=name)
        log.close()
        postgres_server.execute("DROP SCHEMA elsewhere CASCADE", database=name)

    def test_what_took_too_long_is_not_kept(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("routec.signin.limits.remaining", lambda: 0)
        with pytest.raises(UnreachableError, match="too long"):
            log.write(entry())
        monkeypatch.undo()
        assert len(list(log.read())) == 1


class TestCut:
    """The wire breaks at a commit."""

    @pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
    @pytest.mark.parametrize("kind", ["plain", "ordered", "clock"])
    def test_a_row_is_there_once(self, log: Log, link: Link, before: bool, kind: str) -> None:
        which = {
            "plain": HOOKED,
            "ordered": module(webhook=replace(WEBHOOK, ordered=True)),
            "clock": time_clock(name="hotel_staff", webhook=WEBHOOK),
        }[kind]
        row = entry(login="cut")
        link.cut_at(b"COMMIT", before=before)
        stored = log.write(row, which)
        assert link.cuts == 1
        assert list(log.read())[0:1] == [replace(row, action=stored.action)]
        assert len([1 for each in log.read() if each.login == "cut"]) == 1
        assert len([1 for each in log.outbox.list() if each.uid == row.uid]) == 1
        assert stored.action == ("in" if kind == "clock" else None)

    def test_a_charge_that_may_have_been_counted_is_not_counted_again(self, log: Log, link: Link) -> None:
        lockout = Lockout(2, 900)
        log.charge(attempt(), lockout)
        log.unlock("hotel_staff")
        link.cut_at(b"COMMIT", before=False)
        refused(lambda: log.charge(attempt(), lockout))
        assert link.cuts == 1
        assert log.charge(attempt(), lockout)
        assert log.charge(attempt(), lockout) is None

    @pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
    def test_a_charge_that_was_not_counted_is(self, log: Log, link: Link, before: bool) -> None:
        lockout = Lockout(2, 900)
        link.cut_at(b"INSERT INTO attempts", before=before)
        assert log.charge(attempt(), lockout)
        assert link.cuts == 1
        assert log.charge(attempt(), lockout)
        assert log.charge(attempt(), lockout) is None

    def test_a_grant_gives_back_once(self, log: Log, link: Link) -> None:
        lockout = Lockout(3, 900)
        charge = log.charge(attempt(), lockout)
        other = log.charge(attempt("1002"), lockout)
        assert other
        link.cut_at(b"COMMIT", before=False)
        log.write(entry(), module(), charge)
        assert link.cuts == 1
        assert log.charge(attempt("1003"), lockout)
        assert log.charge(attempt("1004"), lockout)
        assert log.charge(attempt("1005"), lockout) is None


class TestLoad:
    def test_fifty_writers(self, postgres: str) -> None:
        log = Log(postgres)

        def call(number: int) -> None:
            charge = log.charge(attempt(str(number), str(number)), LOCKOUT)
            log.write(entry(login=str(number), caller=str(number)), HOOKED, charge)

        at_once(50, call)
        assert len(list(log.read())) == 50
        log.close()

    @pytest.mark.parametrize("how", ["restart", "kill"])
    def test_no_row_is_lost_whose_write_returned(self, durable_postgres: Postgres, how: str) -> None:
        url = durable_postgres.new_database()
        logs = [Log(url) for _ in range(2)]
        logs[0].write(entry(login="first"))
        written: list[str] = []
        stop = threading.Event()

        def call(number: int) -> None:
            while not stop.is_set():
                row = entry(login=str(number))
                try:
                    logs[number % 2].write(row, HOOKED)
                except LogError:
                    continue
                written.append(row.uid)

        threads = [threading.Thread(target=call, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            wait_for_more(written)
            if how == "kill":
                durable_postgres.kill()
                durable_postgres.start()
            else:
                durable_postgres.restart()
        wait_for_more(written)
        stop.set()
        for thread in threads:
            thread.join(20)
        kept = [row.uid for row in logs[0].read() if row.login != "first"]
        letters = [letter.uid for letter in logs[0].outbox.list()]
        assert set(written) <= set(kept)
        assert sorted(kept) == sorted(letters)
        assert len(kept) == len(set(kept))
        for log in logs:
            log.close()

    def test_a_restart_is_waited_for(self, postgres: str, postgres_server: Postgres) -> None:
        log = Log(postgres)
        log.write(entry())
        postgres_server.stop()
        starting = threading.Thread(target=postgres_server.start)
        starting.start()
        log.write(entry())
        starting.join()
        log.close()

    def test_one_that_is_long_gone_is_not(self, postgres: str, postgres_server: Postgres) -> None:
        log = Log(postgres)
        log.write(entry())
        postgres_server.stop()
        assert log._keeper
        database = log._keeper.database
        assert database._worked
        database._worked -= RECENT_SECONDS
        start = time.monotonic()
        refused(lambda: log.write(entry()))
        assert time.monotonic() - start < 1
        log.close()


def wait_for_more(written: list[str]) -> None:
    wanted = len(written) + 40
    deadline = time.monotonic() + 20
    while len(written) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.005)

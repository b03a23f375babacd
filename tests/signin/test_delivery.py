import base64
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from routec.contract import Module, Webhook
from routec.signin import delivery, sending
from routec.signin.backoff import JITTER, LEAST_LIFE, PAUSES, next_attempt
from routec.signin.delivery import Deliverer
from routec.signin.modules import ModulesError
from routec.signin.outbox import Delivery, Letter, Outbox
from routec.signin.record import as_object
from routec.signin.store import Entry, Log, LogError
from routec.signin.webhooks import WHOLE_SECONDS, Answer, Poster, UnreadyError

from . import stores
from .sink import Answering, Sink, after, close, echo, hang, held, reply
from .stores import Time, entry

SECRET = "whsec_" + base64.b64encode(b"secret of the tests").decode()
ENVIRON = {"HOOK_SECRET": SECRET}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def log(url: str, clock: Time) -> Iterator[Log]:
    log = Log(url, now=clock)
    yield log
    log.close()


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path / 'signin.db'}"
    postgres: str = request.getfixturevalue("postgres")
    return postgres


on_both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


def module(name: str, at: Sink | str, *, ordered: bool = False) -> Module:
    url = at if isinstance(at, str) else at.url()
    return stores.module(name=name, webhook=Webhook(url, "HOOK_SECRET", private=True, ordered=ordered))


def write(log: Log, to: Module, number: int = 1, **changes: Any) -> list[Entry]:
    return [log.write(entry(module=to.name, login=str(n), **changes), to) for n in range(number)]


def letters(log: Log) -> dict[str, Letter]:
    """By uid, the oldest first."""
    return {letter.uid: letter for letter in reversed(list(log.outbox.list()))}


def states(log: Log) -> list[str]:
    return [letter.state for letter in letters(log).values()]


def until(condition: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def wait_for_due(log: Log, row: Entry, due: datetime) -> None:
    until(lambda: letters(log)[row.uid].next_attempt == due)


def deliverer(
    log: Any,
    *modules: Module,
    clock: Time,
    environ: Mapping[str, str] = ENVIRON,
    poster: Poster | None = None,
    poll: float = 0.04,
    jitter: float = 0,
) -> Deliverer:
    present = {one.name: one for one in modules}
    return Deliverer(
        log, lambda: present, poster or Poster(environ), clock=clock, jitter=lambda: jitter, poll_seconds=poll
    )


class TestBackoff:
    created = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def pause(
        self, failures: int, age: timedelta = LEAST_LIFE, retry_after: float | None = None, random: float = 0
    ) -> float | None:
        now = self.created + age
        wanted = None if retry_after is None else timedelta(seconds=retry_after)
        again = next_attempt(failures, self.created, now, wanted, lambda: random)
        return None if again is None else (again - now).total_seconds()

    def test_the_pauses_are_over_a_day_in_all(self) -> None:
        assert sum(PAUSES) > 24 * 3600
        assert PAUSES[:6] == (5, 30, 120, 600, 1800, 3600)
        assert [self.pause(n) for n in range(1, 11)] == list(PAUSES)

    def test_then_it_is_given_up(self) -> None:
        assert self.pause(11) is None
        assert self.pause(99) is None

    def test_but_not_within_a_day(self) -> None:
        assert self.pause(11, timedelta(hours=23)) == PAUSES[-1]

    def test_jitter_only_lengthens(self) -> None:
        assert self.pause(1, random=1) == 5 * (1 + JITTER)
        assert self.pause(1, random=0.5) == 5 * (1 + JITTER / 2)

    def test_a_receiver_can_lengthen_a_pause_and_not_shorten_it(self) -> None:
        assert self.pause(1, retry_after=3600) == 3600
        assert self.pause(5, retry_after=0) == 1800
        assert self.pause(11, retry_after=5) is None


class TestDelivery:
    @on_both
    def test_delivered(self, log: Log, clock: Time) -> None:
        with Sink(reply(201, "thanks")) as sink:
            rooms = module("rooms", sink)
            (row,) = write(log, rooms)
            with deliverer(log, rooms, clock=clock):
                until(lambda: states(log) == ["delivered"])
        (request,) = sink.received
        assert request.id == f"msg_{row.uid}"
        assert request.verified(SECRET) == as_object(row)
        letter = letters(log)[row.uid]
        assert (letter.attempts, letter.status, letter.answer, letter.next_attempt) == (1, 201, "thanks", None)

    def test_down_and_then_up(self, log: Log, clock: Time) -> None:
        with Sink() as sink:
            pass
        rooms = module("rooms", sink)
        (row,) = write(log, rooms)
        with deliverer(log, rooms, clock=clock):
            until(lambda: letters(log)[row.uid].answer)
            letter = letters(log)[row.uid]
            assert letter.answer == "no connection: connection refused"
            assert (letter.state, letter.attempts, letter.status) == ("pending", 1, None)
            assert letter.next_attempt == clock.moment + timedelta(seconds=5)
            with sink:
                clock.go_on(seconds=5)
                until(lambda: states(log) == ["delivered"])
        assert sink.ids == [f"msg_{row.uid}"]

    def test_the_same_id_at_every_retry(self, log: Log, clock: Time) -> None:
        with Sink(reply(500), close, reply(404), reply(302, location="/x"), reply()) as sink:
            rooms = module("rooms", sink)
            (row,) = write(log, rooms)
            with deliverer(log, rooms, clock=clock):
                for number, pause in enumerate((5, 30, 120, 600), 1):
                    sink.wait(number)
                    wait_for_due(log, row, clock.moment + timedelta(seconds=pause))
                    clock.go_on(seconds=pause)
                until(lambda: states(log) == ["delivered"])
        assert sink.ids == [f"msg_{row.uid}"] * 5
        assert len({request.body for request in sink.received}) == 1
        assert letters(log)[row.uid].attempts == 5

    def test_over_a_day_and_then_dead(self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture) -> None:
        began = clock.moment
        with Sink(reply(503, "down")) as sink:
            rooms = module("rooms", sink)
            (row,) = write(log, rooms)
            with deliverer(log, rooms, clock=clock, jitter=1):
                for number, pause in enumerate(PAUSES, 1):
                    sink.wait(number)
                    due = clock.moment + timedelta(seconds=pause * (1 + JITTER))
                    wait_for_due(log, row, due)
                    clock.moment = due
                until(lambda: states(log) == ["dead"])
        assert len(sink.received) == 11
        assert clock.moment - began > timedelta(days=1)
        letter = letters(log)[row.uid]
        assert (letter.attempts, letter.status, letter.answer) == (11, 503, "down")
        assert "503; a dead letter" in caplog.text

    def test_a_dead_letter_that_is_retried(self, log: Log, clock: Time) -> None:
        with Sink(reply(410, "gone"), reply()) as sink:
            rooms = module("rooms", sink)
            (row,) = write(log, rooms)
            with deliverer(log, rooms, clock=clock):
                until(lambda: states(log) == ["dead"])
                assert log.outbox.retry([letters(log)[row.uid].id]) == 1
                until(lambda: states(log) == ["delivered"])
        assert sink.ids == [f"msg_{row.uid}"] * 2

    @pytest.mark.parametrize(("asked", "seconds"), [("3600", 3600), ("1", 5), ("999999", 86_400)])
    def test_retry_after(self, log: Log, clock: Time, asked: str, seconds: int) -> None:
        with Sink(reply(429, retry_after=asked)) as sink:
            rooms = module("rooms", sink)
            (row,) = write(log, rooms)
            with deliverer(log, rooms, clock=clock):
                until(lambda: letters(log)[row.uid].status)
        assert letters(log)[row.uid].next_attempt == clock.moment + timedelta(seconds=seconds)

    def test_a_module_without_webhook_any_more_waits(self, log: Log, clock: Time) -> None:
        with Sink() as sink:
            rooms, others = module("rooms", sink), module("others", sink)
            write(log, rooms)
            write(log, others)
            present = {"rooms": replace(rooms, webhook=None), "others": others}
            running = Deliverer(log, lambda: present, Poster(ENVIRON), clock=clock, poll_seconds=0.02)
            with running:
                until(lambda: states(log) == ["pending", "delivered"])
                del present["rooms"]
                write(log, others)
                until(lambda: states(log) == ["pending", "delivered", "delivered"])
                present["rooms"] = rooms
                until(lambda: states(log) == ["delivered"] * 3)

    def test_a_webhook_that_moved_is_sent_to_its_new_place(self, log: Log, clock: Time) -> None:
        with Sink(reply(500)) as old, Sink() as new:
            present = {"rooms": module("rooms", old)}
            looks = threading.Semaphore(0)

            def modules() -> dict[str, Module]:
                looks.release()
                return dict(present)

            write(log, present["rooms"])
            with Deliverer(log, modules, Poster(ENVIRON), clock=clock, jitter=lambda: 0, poll_seconds=0.02):
                until(lambda: next(iter(letters(log).values())).status)
                present["rooms"] = module("rooms", new)
                while looks.acquire(blocking=False):
                    pass
                assert looks.acquire(timeout=15)
                clock.go_on(seconds=5)
                until(lambda: states(log) == ["delivered"])


class TestManyAtOnce:
    def test_a_slow_receiver_holds_up_nobody_else(self, log: Log, clock: Time) -> None:
        with Sink(hang) as slow, Sink() as quick:
            rooms, clocks = module("rooms", slow), module("clocks", quick)
            write(log, rooms, 20)
            write(log, clocks, 20)
            running = deliverer(log, rooms, clocks, clock=clock, poster=Poster(ENVIRON, seconds=10))
            with running:
                quick.wait(20)
                until(lambda: states(log).count("delivered") == 20)
                assert slow.most_at_once == 2
                slow.closing.set()

    def test_eight_at_once_and_two_a_host(self, log: Log, clock: Time) -> None:
        release = threading.Event()
        sinks = [Sink(held(release, reply())) for _ in range(5)]
        for sink in sinks:
            sink.__enter__()
        modules = [module(f"m{n}", sink) for n, sink in enumerate(sinks)]
        for one in modules:
            write(log, one, 4)
        with deliverer(log, *modules, clock=clock):
            until(lambda: sum(len(sink.received) for sink in sinks) == 8)
            time.sleep(0.1)
            assert sum(len(sink.received) for sink in sinks) == 8
            release.set()
            until(lambda: states(log) == ["delivered"] * 20)
        assert max(sink.most_at_once for sink in sinks) == 2
        for sink in sinks:
            sink.__exit__()

    def test_hosts_that_do_not_answer_leave_room_for_the_others(self, log: Log, clock: Time) -> None:
        with contextlib.ExitStack() as stack:
            hung = [stack.enter_context(Sink(after(0.4, close))) for _ in range(6)]
            good = stack.enter_context(Sink())
            modules = [module(f"hung{n}", sink) for n, sink in enumerate(hung)]
            for one in modules:
                write(log, one, 100)
            running = deliverer(log, *modules, module("good", good), clock=clock)
            with running:
                # Each of them has failed, and what was under way till then as well.
                until(lambda: all(len(sink.received) >= 3 for sink in hung))
                until(lambda: running._at_hosts.total() <= 4)
                for sink in hung:
                    sink.most_at_once = sink._busy
                write(log, module("good", good), 5)
                running.nudge()
                good.wait(5)
                for _ in range(20):
                    assert sum(running._at_hosts[host] for host in running._silent) <= 4
                    time.sleep(0.02)
                assert all(sink.most_at_once <= 1 for sink in hung)
            for sink in hung:
                sink.closing.set()

    def test_a_host_that_answers_again_has_its_whole_share(self, log: Log, clock: Time) -> None:
        release = threading.Event()
        with Sink(close, reply(500), held(release, reply())) as sink:
            rooms = module("rooms", sink)
            with deliverer(log, rooms, clock=clock) as running:
                for number in (1, 2):
                    write(log, rooms)
                    running.nudge()
                    sink.wait(number)
                    until(lambda: not running._at_hosts.total())
                    assert len(running._silent) == 2 - number
                write(log, rooms, 2)
                running.nudge()
                sink.wait(4)
                release.set()
        assert sink.most_at_once == 2

    def test_modules_with_one_host_share_its_places(self, log: Log, clock: Time) -> None:
        with Sink(after(0.05, reply())) as sink:
            modules = [module(name, sink) for name in ("rooms", "clocks", "gate")]
            for one in modules:
                write(log, one, 3)
            with deliverer(log, *modules, clock=clock):
                until(lambda: states(log) == ["delivered"] * 9)
        assert sink.most_at_once == 2

    @on_both
    def test_ordered(self, log: Log, clock: Time) -> None:
        with Sink(reply(500), after(0.05, reply())) as sink:
            rooms = module("rooms", sink, ordered=True)
            ids = [f"msg_{row.uid}" for row in write(log, rooms, 4)]
            with deliverer(log, rooms, clock=clock):
                sink.wait(1)
                until(lambda: next(iter(letters(log).values())).status == 500)
                time.sleep(0.1)
                assert sink.ids == ids[:1]
                clock.go_on(seconds=5)
                until(lambda: states(log) == ["delivered"] * 4)
        assert sink.ids == [ids[0], *ids]
        assert sink.most_at_once == 1

    @on_both
    def test_ordered_goes_on_past_a_dead_letter(self, log: Log, clock: Time) -> None:
        with Sink(reply(410), reply()) as sink:
            rooms = module("rooms", sink, ordered=True)
            rows = write(log, rooms, 3)
            with deliverer(log, rooms, clock=clock):
                until(lambda: states(log) == ["dead", "delivered", "delivered"])
        assert sink.ids == [f"msg_{row.uid}" for row in rows]

    @on_both
    @pytest.mark.parametrize("ordered", [False, True])
    def test_two_processes_share_without_double_work(self, url: str, clock: Time, *, ordered: bool) -> None:
        logs = [Log(url, now=clock), Log(url, now=clock)]
        with Sink() as sink:
            rooms = module("rooms", sink, ordered=ordered)
            rows = write(logs[0], rooms, 30)
            with deliverer(logs[0], rooms, clock=clock), deliverer(logs[1], rooms, clock=clock):
                until(lambda: states(logs[0]) == ["delivered"] * 30)
        wanted = [f"msg_{row.uid}" for row in rows]
        assert (sink.ids if ordered else sorted(sink.ids)) == (wanted if ordered else sorted(wanted))
        for log in logs:
            log.close()


class TestWaking:
    def test_a_nudge(self, log: Log, clock: Time) -> None:
        with Sink() as sink:
            rooms = module("rooms", sink)
            with deliverer(log, rooms, clock=clock, poll=30) as running:
                until(running._thread.is_alive)
                for number in range(1, 4):
                    write(log, rooms)
                    running.nudge()
                    sink.wait(number, 5)

    def test_what_another_process_wrote_is_found(self, log: Log, clock: Time) -> None:
        with Sink() as sink:
            rooms = module("rooms", sink)
            with deliverer(log, rooms, clock=clock, poll=0.05):
                write(log, rooms)
                sink.wait(1, 5)

    def test_an_empty_log_is_not_made(self, log: Log, clock: Time, tmp_path: Path) -> None:
        looked = threading.Event()

        def modules() -> dict[str, Module]:
            looked.set()
            return {"rooms": module("rooms", "http://127.0.0.1:1/")}

        with Deliverer(log, modules, Poster(ENVIRON), clock=clock, poll_seconds=0.01) as running:
            assert looked.wait(5)
            running.nudge()
        assert list(tmp_path.iterdir()) == []


class TestStopping:
    def test_what_is_under_way_ends_and_is_written(self, log: Log, clock: Time) -> None:
        release = threading.Event()
        with Sink(held(release, reply())) as sink:
            rooms = module("rooms", sink)
            write(log, rooms, 3)
            running = deliverer(log, rooms, clock=clock)
            running.start()
            sink.wait(2)
            stopping = threading.Thread(target=running.stop)
            stopping.start()
            until(lambda: running._is_stopping)
            release.set()
            stopping.join(10)
        assert states(log) == ["delivered", "delivered", "pending"]
        assert len(sink.received) == 2

    def test_but_not_for_ever(self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture) -> None:
        with Sink(hang) as sink:
            rooms = module("rooms", sink)
            write(log, rooms)
            running = deliverer(log, rooms, clock=clock)
            running.start()
            sink.wait(1)
            began = time.monotonic()
            running.stop(0.1)
            assert time.monotonic() - began < 2
        assert "1 webhooks were under way" in caplog.text
        assert states(log) == ["pending"]

    def test_one_that_never_began(self, log: Log, clock: Time) -> None:
        deliverer(log, clock=clock).stop()


class Ailing(Outbox):
    """The outbox of a log; some of its methods fail some times."""

    def __init__(self, log: Log, **failures: list[Exception]) -> None:
        self._log = log
        self._failures = failures

    @property
    def outbox(self) -> Outbox:
        """It is its own log, too."""
        return self

    def _fail(self, name: str) -> Outbox:
        if self._failures.get(name):
            raise self._failures[name].pop(0)
        return self._log.outbox

    def next_due(self, modules: Mapping[str, bool]) -> datetime | None:
        return self._fail("next_due").next_due(modules)

    def claim(self, modules: Mapping[str, bool], limit: int, lease_seconds: float) -> list[Delivery]:
        return self._fail("claim").claim(modules, limit, lease_seconds)

    def delivered(self, id: int, status: int, answer: str) -> None:
        self._fail("delivered").delivered(id, status, answer)

    def failed(self, id: int, retry_at: datetime, status: int | None, answer: str) -> None:
        self._fail("failed").failed(id, retry_at, status, answer)

    def list(self, state: str | None = None, module: str | None = None, limit: int | None = None) -> Iterator[Letter]:
        return self._fail("list").list(state, module, limit)


AWAY = LogError("the sign-in log postgresql://db/pbx: connection refused")


class Broken(Poster):
    """Fails in a way that nobody foresaw for one of the webhooks."""

    def __init__(self, uid: str, error: Exception) -> None:
        super().__init__(ENVIRON)
        self._uid = uid
        self._error = error

    def post(self, webhook: Webhook, identity: str, payload: str) -> Answer:
        if identity == f"msg_{self._uid}":
            raise self._error
        return super().post(webhook, identity, payload)


class Forgetful(Poster):
    """Has the secret when it is asked, and never when it is to sign."""

    def __init__(self) -> None:
        super().__init__(ENVIRON)
        self._looks = 0

    def post(self, webhook: Webhook, identity: str, payload: str) -> Answer:  # noqa: ARG002
        self._looks += 1
        raise UnreadyError(f"look {self._looks}")


class TestTrouble:
    @pytest.fixture(autouse=True)
    def _short_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delivery, "AWAY_SECONDS", 0.01)
        monkeypatch.setattr(sending, "WRITE_PAUSES", (0.01,) * 5)

    @pytest.mark.parametrize("where", ["next_due", "claim"])
    @pytest.mark.parametrize(
        ("error", "said"),
        [(AWAY, "connection refused"), (ValueError(SECRET), "a bug of routec's: ValueError at test_delivery.py")],
    )
    def test_the_database_is_away_and_comes_back(
        self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture, where: str, error: Exception, said: str
    ) -> None:
        caplog.set_level(logging.INFO)
        with Sink() as sink:
            rooms = module("rooms", sink)
            write(log, rooms)
            with deliverer(Ailing(log, **{where: [error] * 10}), rooms, clock=clock):
                until(lambda: states(log) == ["delivered"])
                until(lambda: "webhooks are delivered again" in caplog.text)
        assert [said in record.message for record in caplog.records if record.levelno == logging.ERROR] == [True]
        assert SECRET not in caplog.text

    def test_it_is_away_when_the_answer_is_to_be_written(self, log: Log, clock: Time) -> None:
        with Sink() as sink:
            rooms = module("rooms", sink)
            write(log, rooms)
            with deliverer(Ailing(log, delivered=[AWAY] * 4), rooms, clock=clock):
                until(lambda: states(log) == ["delivered"])
        assert len(sink.received) == 1

    def test_it_stays_away_when_the_answer_is_to_be_written(
        self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Sink() as sink:
            rooms = module("rooms", sink)
            write(log, rooms)
            with deliverer(Ailing(log, delivered=[AWAY] * 6), rooms, clock=clock):
                until(lambda: "will be sent again" in caplog.text)
                clock.go_on(seconds=delivery.LEASE_SECONDS - 1)
                time.sleep(0.1)
                assert len(sink.received) == 1
                clock.go_on(seconds=1)
                until(lambda: states(log) == ["delivered"])
        assert len(set(sink.ids)) == 1
        assert len(sink.ids) == 2

    def test_a_delivery_that_crashes_harms_no_other(
        self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Sink() as sink:
            rooms = module("rooms", sink)
            rows = write(log, rooms, 4)
            poster = Broken(rows[1].uid, RuntimeError(f"{SECRET} {sink.url()}"))
            with deliverer(log, rooms, clock=clock, poster=poster):
                until(lambda: states(log).count("delivered") == 3 and letters(log)[rows[1].uid].answer)
        letter = letters(log)[rows[1].uid]
        assert (letter.state, letter.attempts, letter.status) == ("pending", 1, None)
        assert letter.answer is not None
        assert letter.answer.startswith("a bug of routec's: RuntimeError at test_delivery.py:")
        assert letter.next_attempt == clock.moment + timedelta(seconds=5)
        assert SECRET not in caplog.text

    def test_a_crash_when_the_answer_is_written_harms_no_other(
        self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Sink() as sink:
            rooms = module("rooms", sink)
            write(log, rooms, 4)
            with deliverer(Ailing(log, delivered=[RuntimeError(SECRET)]), rooms, clock=clock):
                until(lambda: states(log).count("delivered") == 3)
                assert "failed: RuntimeError at" in caplog.text
                clock.go_on(seconds=delivery.LEASE_SECONDS)
                until(lambda: states(log) == ["delivered"] * 4)
        assert SECRET not in caplog.text

    def test_no_thread_can_be_started(self, log: Log, clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
        start, refused = threading.Thread.start, list[str]()

        def starts(thread: threading.Thread) -> None:
            if thread.name == "webhook" and not refused:
                refused.append(thread.name)
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", starts)
        with Sink() as sink:
            rooms = module("rooms", sink)
            write(log, rooms, 2)
            with deliverer(log, rooms, clock=clock):
                until(lambda: states(log).count("delivered") == 1)
                clock.go_on(seconds=delivery.LEASE_SECONDS)
                until(lambda: states(log) == ["delivered"] * 2)

    def test_the_modules_cannot_be_read(self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture) -> None:
        with Sink() as sink:
            rooms, faults = module("rooms", sink), [ModulesError("signin.json: this is not JSON")] * 5
            write(log, rooms)

            def modules() -> dict[str, Module]:
                if faults:
                    raise faults.pop()
                return {"rooms": rooms}

            with Deliverer(log, modules, Poster(ENVIRON), clock=clock, poll_seconds=0.02):
                until(lambda: states(log) == ["delivered"])
        assert caplog.text.count("this is not JSON") == 1


class TestMissingSecret:
    WHY = "the environment has no HOOK_SECRET"

    @on_both
    def test_it_waits_and_says_so_once(self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        environ: dict[str, str] = {}
        with Sink() as sink:
            rooms, others = module("rooms", sink), module("others", sink)
            others = replace(others, webhook=Webhook(sink.url(), "OTHER", private=True))
            rows = write(log, rooms, 3)
            environ["OTHER"] = SECRET
            with deliverer(log, rooms, others, clock=clock, environ=environ):
                clock.go_on(seconds=delivery.HOLD_SECONDS + 1)
                until(lambda: [letter.answer for letter in letters(log).values()] == [self.WHY] * 3)
                write(log, others)
                until(lambda: "delivered" in states(log))
                clock.go_on(seconds=7 * 86_400)
                write(log, others)
                until(lambda: states(log).count("delivered") == 2)
                assert {letters(log)[row.uid].attempts for row in rows} == {0}
                assert states(log)[:3] == ["pending"] * 3
                assert len(sink.received) == 2
                environ["HOOK_SECRET"] = SECRET
                until(lambda: states(log) == ["delivered"] * 5)
        assert caplog.text.count(f"the webhook of rooms waits: {self.WHY}") == 1
        assert "the webhook of rooms waits no longer" in caplog.text

    def test_it_goes_missing_between_the_look_and_the_post(self, log: Log, clock: Time) -> None:
        """However often that was tried, and for however long: it waits."""
        rooms = module("rooms", "http://127.0.0.1:1/")
        (row,) = write(log, rooms)
        with deliverer(log, rooms, clock=clock, poster=Forgetful()):
            for number in range(1, 14):
                until(lambda number=number: letters(log)[row.uid].answer == f"look {number}")  # type: ignore[misc]
                letter = letters(log)[row.uid]
                assert (letter.state, letter.attempts) == ("pending", number)
                assert letter.next_attempt == clock.moment + sending.UNREADY_PAUSE
                clock.go_on(days=1)

    def test_an_unusable_one(self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture) -> None:
        with Sink() as sink:
            rooms = module("rooms", sink)
            (row,) = write(log, rooms)
            with deliverer(log, rooms, clock=clock, environ={"HOOK_SECRET": "hush1234"}):
                clock.go_on(seconds=delivery.HOLD_SECONDS + 1)
                until(lambda: letters(log)[row.uid].answer)
        assert letters(log)[row.uid].answer == "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"
        assert "hush1234" not in caplog.text

    def test_another_process_has_it(self, url: str, clock: Time) -> None:
        logs = [Log(url, now=clock), Log(url, now=clock)]
        with Sink(reply(500), reply()) as sink:
            rooms = module("rooms", sink)
            (row,) = write(logs[0], rooms)
            with deliverer(logs[0], rooms, clock=clock, environ={}), deliverer(logs[1], rooms, clock=clock):
                until(lambda: letters(logs[0])[row.uid].status == 500)
                clock.go_on(seconds=4)
                time.sleep(0.1)
                assert letters(logs[0])[row.uid].answer == ""
                clock.go_on(seconds=1)
                until(lambda: states(logs[0]) == ["delivered"])
        assert len(sink.received) == 2
        for log in logs:
            log.close()


class TestSecrets:
    @pytest.mark.parametrize("answering", [echo(200), echo(500), echo(410)])
    def test_none_is_logged_or_kept(
        self, log: Log, clock: Time, caplog: pytest.LogCaptureFixture, answering: Answering
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with Sink(answering) as sink:
            rooms = module("rooms", sink.url("/hook?token=hush1234"))
            (row,) = write(log, rooms, password="73519846")
            running = deliverer(log, rooms, clock=clock)
            with running:
                until(lambda: letters(log)[row.uid].status)
        claimed = Delivery(1, "u", "rooms", '{"password": "73519846"}', 1, clock.moment)
        said = caplog.text + repr(running) + repr(claimed) + repr(letters(log))
        signature = sink.received[0].headers["webhook-signature"][3:]
        assert [secret for secret in (SECRET, SECRET[6:20], signature, "73519846", "hush1234") if secret in said] == []
        assert "caller" not in caplog.text


_SENDER = """
import sys, threading
from pathlib import Path
from routec.contract import Webhook
from routec.signin.delivery import Deliverer
from routec.signin.store import Log
from tests.signin.test_delivery import module

url, sink, lease = sys.argv[1:]
Deliverer(Log(url), lambda: {"rooms": module("rooms", sink)}, lease_seconds=float(lease), poll_seconds=0.02).start()
threading.Event().wait(60)
"""


@on_both
class TestKilled:
    def test_between_the_post_and_the_mark(self, url: str) -> None:
        """At least once: what the dead process had sent is sent again, under the same id."""
        killed = threading.Event()
        process: list[subprocess.Popen[bytes]] = []

        def kill(*_: object) -> None:
            # The request is here, whole; its answer never is.
            if not killed.is_set():
                process[0].send_signal(signal.SIGKILL)
                process[0].wait(10)
                killed.set()

        log = Log(url)
        with Sink(kill, reply()) as sink:
            rooms = module("rooms", sink)
            (row,) = write(log, rooms)
            arguments = [sys.executable, "-c", _SENDER, url, sink.url(), "2"]
            environ = os.environ | ENVIRON | {"PYTHONPATH": str(ROOT)}
            process.append(subprocess.Popen(arguments, env=environ, cwd=ROOT))
            assert killed.wait(30)
            assert (states(log), letters(log)[row.uid].attempts) == (["pending"], 1)
            with Deliverer(log, lambda: {"rooms": rooms}, Poster(ENVIRON), poll_seconds=0.02):
                until(lambda: states(log) == ["delivered"])
        assert sink.ids == [f"msg_{row.uid}"] * 2
        assert letters(log)[row.uid].attempts == 2
        log.close()


def test_the_lease_outlasts_the_longest_delivery() -> None:
    assert WHOLE_SECONDS + sum(sending.WRITE_PAUSES) < delivery.LEASE_SECONDS

"""The outbox: what is to be sent is claimed by one process at a time, and nothing is forgotten."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from routec.signin.outbox import Delivery, Letter, Outbox
from routec.signin.record import KEYS, as_object
from routec.signin.store import Log

from ..stores import START, WEBHOOK, Time, at_once, entry, module

HOOKED = module(webhook=WEBHOOK)
ORDERED = module(webhook=replace(WEBHOOK, ordered=True))
PLAIN = {"hotel_staff": False}
IN_ORDER = {"hotel_staff": True}


@pytest.fixture
def outbox(log: Log) -> Outbox:
    return log.outbox


def write(log: Log, count: int, **changes: object) -> list[str]:
    """Sign-ins with a webhook; their uids."""
    return [log.write(entry(n, **changes), HOOKED).uid for n in range(count)]


def uids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.uid for delivery in deliveries]


def letter(log: Log, uid: str) -> Letter:
    (found,) = (each for each in log.outbox.list() if each.uid == uid)
    return found


class TestWhatIsSent:
    def test_is_what_the_log_prints(self, log: Log, outbox: Outbox) -> None:
        row = log.write(entry(password="735198", action="in", verdict="denied"), HOOKED)
        (delivery,) = outbox.claim(PLAIN, 9, 60)
        sent = json.loads(delivery.payload)
        assert sent == as_object(row)
        assert list(sent)[: len(KEYS)] == list(KEYS)
        assert sent["time"] == "2026-11-23T09:00:00.000+00:00"
        assert (delivery.uid, delivery.module, delivery.attempts, delivery.created) == (row.uid, row.module, 1, START)
        assert "735198" not in repr(delivery)

    def test_an_action_is_told_last_and_only_where_there_is_one(self) -> None:
        assert list(as_object(entry())) == list(KEYS)
        assert list(as_object(entry(action="in"))) == [*KEYS, "action"]

    @pytest.mark.parametrize("verdict", ["granted", "denied", "locked", "error"])
    def test_every_verdict(self, log: Log, outbox: Outbox, verdict: str) -> None:
        log.write(entry(verdict=verdict), HOOKED)
        assert len(outbox.claim(PLAIN, 9, 60)) == 1

    def test_nothing_without_a_webhook(self, log: Log, outbox: Outbox) -> None:
        log.write(entry(), module())
        log.write(entry())
        assert list(outbox.list()) == []


class TestClaiming:
    def test_the_oldest_first_and_no_more_than_wanted(self, log: Log, outbox: Outbox) -> None:
        all_of_them = write(log, 5)
        assert uids(outbox.claim(PLAIN, 3, 60)) == all_of_them[:3]
        assert uids(outbox.claim(PLAIN, 3, 60)) == all_of_them[3:]
        assert outbox.claim(PLAIN, 3, 60) == []

    def test_only_of_the_modules_asked_for(self, log: Log, outbox: Outbox) -> None:
        write(log, 1)
        (other,) = write(log, 1, module="other")
        assert outbox.claim({}, 9, 60) == []
        assert uids(outbox.claim({"other": False, "unknown": True}, 9, 60)) == [other]

    def test_a_lease_that_ran_out_is_anybodys_and_attempts_count(self, log: Log, outbox: Outbox, clock: Time) -> None:
        write(log, 1)
        (first,) = outbox.claim(PLAIN, 9, 60)
        clock.go_on(seconds=59)
        assert outbox.claim(PLAIN, 9, 60) == []
        clock.go_on(seconds=1)
        (second,) = outbox.claim(PLAIN, 9, 60)
        assert (first.attempts, second.attempts) == (1, 2)
        assert replace(second, attempts=1) == first

    def test_no_two_get_one(self, log: Log, database_url: str, clock: Time) -> None:
        all_of_them = write(log, 40)
        logs = [Log(database_url, now=clock) for _ in range(2)]
        claimed = at_once(8, lambda number: uids(logs[number % 2].outbox.claim(PLAIN, 10, 60)))
        for each in logs:
            each.close()
        found = [uid for some in claimed for uid in some] + uids(log.outbox.claim(PLAIN, 40, 60))
        assert sorted(found) == sorted(all_of_them)

    def test_what_another_is_claiming_is_passed_over(self, postgres: str) -> None:
        log = Log(postgres)
        first, second = write(log, 2)
        engine = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(text("SELECT * FROM outbox WHERE uid = :uid FOR UPDATE"), {"uid": first})
            assert uids(log.outbox.claim(PLAIN, 9, 60)) == [second]
            assert log.outbox.claim(IN_ORDER, 9, 60) == []
        engine.dispose()
        log.close()


class TestOutcomes:
    def test_delivered(self, log: Log, outbox: Outbox, clock: Time) -> None:
        (uid,) = write(log, 1)
        (delivery,) = outbox.claim(PLAIN, 9, 60)
        outbox.delivered(delivery.id, 204, "thank you")
        clock.go_on(days=9)
        assert outbox.claim(PLAIN, 9, 60) == []
        assert outbox.next_due(PLAIN) is None
        found = letter(log, uid)
        assert (found.state, found.attempts, found.next_attempt, found.status, found.answer) == (
            "delivered", 1, None, 204, "thank you",
        )  # fmt: skip
        assert outbox.retry([delivery.id]) == 0

    def test_failed_and_tried_again_then(self, log: Log, outbox: Outbox, clock: Time) -> None:
        (uid,) = write(log, 1)
        (delivery,) = outbox.claim(PLAIN, 9, 60)
        outbox.failed(delivery.id, START + timedelta(minutes=5), None, "no connection")
        assert outbox.next_due(PLAIN) == letter(log, uid).next_attempt == START + timedelta(minutes=5)
        assert outbox.claim(PLAIN, 9, 60) == []
        clock.go_on(minutes=5)
        (again,) = outbox.claim(PLAIN, 9, 60)
        assert again.payload == delivery.payload
        assert again.attempts == 2

    def test_buried_and_retried(self, log: Log, outbox: Outbox, clock: Time) -> None:
        (uid,) = write(log, 1)
        (delivery,) = outbox.claim(PLAIN, 9, 60)
        outbox.bury(delivery.id, 410, "gone")
        assert outbox.claim(PLAIN, 9, 60) == []
        assert (letter(log, uid).state, letter(log, uid).next_attempt) == ("dead", None)
        clock.go_on(days=2)
        assert outbox.retry([delivery.id, 999]) == 1
        (again,) = outbox.claim(PLAIN, 9, 60)
        assert (again.payload, again.attempts) == (delivery.payload, 1)

    def test_who_comes_late_does_not_undo_a_delivery(self, log: Log, outbox: Outbox) -> None:
        (uid,) = write(log, 1)
        (delivery,) = outbox.claim(PLAIN, 9, 60)
        outbox.delivered(delivery.id, 200, "")
        outbox.failed(delivery.id, START, 500, "")
        outbox.bury(delivery.id, 500, "")
        assert (letter(log, uid).state, letter(log, uid).status) == ("delivered", 200)

    def test_a_hostile_answer(self, log: Log, outbox: Outbox) -> None:
        (uid,) = write(log, 1)
        (delivery,) = outbox.claim(PLAIN, 9, 60)
        outbox.failed(delivery.id, START, 500, "\0\udc80" + "😀" * 10_000)
        assert letter(log, uid).answer == "??" + "😀" * 498


class TestInOrder:
    @pytest.fixture
    def written(self, log: Log) -> list[str]:
        return [log.write(entry(n), ORDERED).uid for n in range(3)]

    def test_only_the_oldest(self, outbox: Outbox, written: list[str], clock: Time) -> None:
        (first,) = outbox.claim(IN_ORDER, 9, 60)
        assert first.uid == written[0]
        assert outbox.claim(IN_ORDER, 9, 60) == []
        outbox.failed(first.id, clock() + timedelta(hours=1), 500, "")
        clock.go_on(minutes=59)
        assert outbox.claim(IN_ORDER, 9, 60) == []
        assert outbox.next_due(IN_ORDER) == START + timedelta(hours=1)
        clock.go_on(minutes=1)
        (again,) = outbox.claim(IN_ORDER, 9, 60)
        outbox.delivered(again.id, 200, "")
        (second,) = outbox.claim(IN_ORDER, 9, 60)
        outbox.bury(second.id, 410, "")
        (third,) = outbox.claim(IN_ORDER, 9, 60)
        assert [again.uid, second.uid, third.uid] == written

    def test_other_modules_do_not_wait(self, log: Log, outbox: Outbox, written: list[str]) -> None:
        (other,) = write(log, 1, module="other")
        assert uids(outbox.claim({**IN_ORDER, "other": False}, 9, 60)) == [other, written[0]]

    def test_one_claims_it_of_many(self, outbox: Outbox, written: list[str]) -> None:
        claimed = at_once(8, lambda _: uids(outbox.claim(IN_ORDER, 9, 60)))
        assert sorted(claimed) == [[]] * 7 + [[written[0]]]

    def test_numbers_are_in_the_order_of_commits(self, postgres: str) -> None:
        log = Log(postgres)
        log.write(entry(), ORDERED)
        seen: list[list[int]] = []

        def look_and_write(number: int) -> None:
            if number % 4 == 0:
                seen.extend(sorted(each.id for each in log.outbox.list()) for _ in range(10))
            else:
                for n in range(5):
                    log.write(entry(n), ORDERED)

        at_once(12, look_and_write)
        for before, after in zip(*[sorted(seen, key=len)[offset:] for offset in (0, 1)], strict=False):
            assert after[: len(before)] == before, "no lower number came later"
        log.close()


class TestRetrying:
    def test_all_or_those_of_a_module(self, log: Log, outbox: Outbox, clock: Time) -> None:
        write(log, 2)
        write(log, 1, module="other")
        for delivery in outbox.claim({**PLAIN, "other": False}, 9, 60):
            outbox.failed(delivery.id, clock() + timedelta(hours=9), 500, "")
        assert outbox.retry(None, "other") == 1
        assert len(outbox.claim({**PLAIN, "other": False}, 9, 60)) == 1
        assert outbox.retry(None) == 3
        assert [delivery.attempts for delivery in outbox.claim(PLAIN, 9, 60)] == [2, 2]
        assert outbox.retry([]) == 0

    def test_what_has_nothing_left_to_send_is_not_counted(self, log: Log, outbox: Outbox) -> None:
        write(log, 3)
        delivered, dead, pending = outbox.claim(PLAIN, 9, 60)
        outbox.delivered(delivered.id, 200, "")
        outbox.bury(dead.id, 500, "")
        assert [each.is_empty for each in outbox.list()] == [False, False, True]
        assert log.purge(START + timedelta(days=1), None) == 2
        assert {each.id: each.is_empty for each in outbox.list()} == {dead.id: True, pending.id: False}
        assert outbox.retry([dead.id]) == 0
        assert outbox.retry(None) == 1
        assert [each.id for each in outbox.claim(PLAIN, 9, 60)] == [pending.id]

    def test_a_module_without_webhook_is_as_due_as_any(self, log: Log, outbox: Outbox) -> None:
        # It has its content, and is sent as soon as the routes have a webhook for it again.
        (uid,) = write(log, 1)
        assert outbox.claim({"other": False}, 9, 60) == []
        assert not letter(log, uid).is_empty
        assert outbox.retry(None) == 1


class TestListing:
    def test_newest_first_by_state_and_module(self, log: Log, outbox: Outbox) -> None:
        first, second = write(log, 2)
        (other,) = write(log, 1, module="other")
        (delivery,) = outbox.claim(PLAIN, 1, 60)
        outbox.bury(delivery.id, None, "")
        assert [each.uid for each in outbox.list()] == [other, second, first]
        assert [each.uid for each in outbox.list("dead")] == [first]
        assert [each.uid for each in outbox.list("pending", "hotel_staff")] == [second]
        assert [each.uid for each in outbox.list(limit=1)] == [other]

    def test_what_was_delivered_long_ago_is_forgotten(self, log: Log, outbox: Outbox, clock: Time) -> None:
        write(log, 2)
        delivered, dead = outbox.claim(PLAIN, 9, 60)
        outbox.delivered(delivered.id, 200, "")
        outbox.bury(dead.id, 500, "")
        clock.go_on(days=31)
        log.tidy({})
        assert [each.state for each in outbox.list()] == ["dead"]

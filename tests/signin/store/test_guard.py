"""Who is locked out: on both databases, with a clock that stands still, and in real parallel."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from routec.contract import Lockout
from routec.signin.lockout import Counter
from routec.signin.store import Attempt, Charge, Log

from ..stores import START, Time, at_once, attempt, entry, module

ROOT = Path(__file__).parents[3]
LOCKOUT = Lockout(3, 900)
STRICT = Lockout(1, 900)
STAFF = "+32475000001"
OUTSIDER = "+32999999999"


def fail(log: Log, *attempts: Attempt, lockout: Lockout = LOCKOUT) -> list[bool]:
    """Wrong credentials, one after another; which of them were verified at all."""
    return [log.charge(each, lockout) is not None for each in attempts]


def sign_in(log: Log, who: Attempt, lockout: Lockout = LOCKOUT) -> Charge | None:
    """The right credentials."""
    charge = log.charge(who, lockout)
    if charge is not None:
        log.write(entry(module=who.module, caller=who.caller, login=who.login), module(), charge)
    return charge


def locked(log: Log) -> list[str]:
    return [lock.what for lock in log.locks(logins=["1001", "1002"])]


class TestLocking:
    def test_after_so_many_failures_for_so_long(self, log: Log, clock: Time) -> None:
        assert fail(log, *[attempt()] * 4) == [True, True, True, False]
        clock.go_on(seconds=899)
        assert fail(log, attempt()) == [False]
        clock.go_on(seconds=1)
        assert fail(log, attempt()) == [True]

    def test_what_is_locked_counts_nothing(self, log: Log, clock: Time) -> None:
        fail(log, *[attempt()] * 50)
        assert [lock.failures for lock in log.locks()] == [3, 3]
        clock.go_on(seconds=900)
        assert log.locks() == []

    def test_the_right_credentials_are_locked_out_as_well(self, log: Log) -> None:
        fail(log, *[attempt()] * 3)
        assert sign_in(log, attempt()) is None

    def test_twice_as_long_after_each_further_failure_and_a_day_at_most(self, log: Log, clock: Time) -> None:
        fail(log, *[attempt()] * 2)
        minutes = []
        for _ in range(8):
            assert fail(log, *[attempt()] * 2) == [True, False]
            (lock, _) = log.locks()
            minutes.append((lock.until - clock()).total_seconds() / 60)
            clock.moment = lock.until
        assert minutes == [15, 30, 60, 120, 240, 480, 960, 1440]
        # The last failure is a day old by then: it begins anew.
        assert fail(log, *[attempt()] * 4) == [True, True, True, False]

    def test_forgotten_a_day_after_the_last(self, log: Log, clock: Time) -> None:
        fail(log, *[attempt()] * 2)
        clock.go_on(hours=23)
        assert fail(log, attempt()) == [True]
        assert fail(log, attempt()) == [False]
        clock.go_on(hours=24)
        assert fail(log, *[attempt()] * 4) == [True, True, True, False]

    def test_old_counters_are_removed(self, log: Log, clock: Time) -> None:
        fail(log, *[attempt()] * 3)
        clock.go_on(days=3)
        log.tidy({})
        assert log.unlock("hotel_staff") == 0


class TestGivingBack:
    def test_right_credentials_are_no_failure(self, log: Log) -> None:
        assert all(sign_in(log, attempt(caller=f"+{number}")) for number in range(40))
        assert locked(log) == []

    def test_a_login_is_cleared_and_a_caller_only_of_this_attempt(self, log: Log) -> None:
        fail(log, *[attempt()] * 2)
        assert sign_in(log, attempt())
        assert fail(log, *[attempt("1002")] * 2) == [True, False]
        assert locked(log) == [f"caller {STAFF}, from outside"]

    def test_the_lock_that_the_charge_set_is_lifted(self, log: Log) -> None:
        fail(log, *[attempt()] * 2)
        assert sign_in(log, attempt())
        assert locked(log) == []

    def test_without_a_login_a_success_clears_nothing_but_itself(self, log: Log) -> None:
        # A number is no proof of who guesses: the owner of one PIN at the phone in the lobby, and a guest.
        lobby = attempt(None, STAFF, inside=True)
        assert sign_in(log, lobby)
        admitted = []
        for _ in range(5):
            admitted += fail(log, lobby)
            sign_in(log, lobby)
        assert admitted == [True, True, True, False, False]
        assert locked(log) == ["the password, for a caller who is known"]

    def test_without_a_login_only_the_lock_that_the_charge_set_is_lifted(self, log: Log, clock: Time) -> None:
        lobby = attempt(None, STAFF)
        assert sign_in(log, lobby)
        fail(log, *[lobby] * 2)
        mine = log.charge(lobby, LOCKOUT)
        assert mine
        assert log.charge(lobby, LOCKOUT) is None
        log.give_back(mine)
        assert locked(log) == []
        slow = log.charge(lobby, Lockout(1000, 900))
        assert slow
        clock.go_on(seconds=1)
        fail(log, lobby)
        assert len(locked(log)) == 1
        log.give_back(slow)
        assert len(locked(log)) == 1

    @pytest.mark.parametrize("login", ["1002", None])
    def test_successes_keep_no_failure_alive(self, log: Log, clock: Time, login: str | None) -> None:
        # The bucket of the caller, and of the pair where there is no login.
        if login is None:
            assert sign_in(log, attempt(None))
        fail(log, *[attempt("1001" if login else None)] * 2)
        for _ in range(4):
            clock.go_on(hours=6)
            assert sign_in(log, attempt(login, STAFF))
        assert fail(log, *[attempt("1001" if login else None)] * 4) == [True, True, True, False]

    def test_but_a_failure_since_is_the_latest(self, log: Log, clock: Time) -> None:
        fail(log, attempt("1001"))
        clock.go_on(hours=20)
        charge = log.charge(attempt("1002"), LOCKOUT)
        assert charge
        clock.go_on(minutes=1)
        fail(log, attempt("1003"))
        log.give_back(charge)
        clock.go_on(hours=20)
        assert fail(log, *[attempt(str(number)) for number in range(3)]) == [True, False, False]

    def test_the_lock_that_another_set_is_not(self, log: Log) -> None:
        charge = log.charge(attempt(), LOCKOUT)
        fail(log, *[attempt("1002")] * 2)
        assert locked(log) == [f"caller {STAFF}, from outside"]
        log.write(entry(), module(), charge)
        assert locked(log) == [f"caller {STAFF}, from outside"]
        (lock,) = log.locks()
        assert lock.failures == 2

    def test_only_for_what_was_granted_or_verified(self, log: Log) -> None:
        charge = log.charge(attempt(), LOCKOUT)
        log.write(entry(verdict="denied"), module(), charge)
        assert fail(log, *[attempt()] * 3) == [True, True, False]
        assert log.unlock("hotel_staff") == 3
        charge = log.charge(attempt(), LOCKOUT)
        log.write(entry(verdict="denied"), module(), charge, verified=True)
        assert fail(log, *[attempt()] * 4) == [True, True, True, False]

    def test_in_the_transaction_of_the_row(self, log: Log) -> None:
        row = entry()
        log.write(row)
        charge = log.charge(attempt(), LOCKOUT)
        log.write(row, module(), charge)
        assert fail(log, *[attempt()] * 3) == [True, True, False], "it was there: nothing was given back"


class TestDodging:
    def test_not_by_hanging_up_early(self, log: Log) -> None:
        # A charge without a row: the caller went before anything was verified.
        for _ in range(3):
            assert log.charge(attempt(), LOCKOUT)
        assert log.charge(attempt(), LOCKOUT) is None

    def test_not_by_other_caller_ids_with_one_login(self, log: Log) -> None:
        assert fail(log, *[attempt(caller=f"+{number}") for number in range(9)]) == [True] * 3 + [False] * 6

    def test_not_by_other_caller_ids_and_logins(self, log: Log) -> None:
        many = [attempt(str(number), f"+{number}") for number in range(40)]
        assert fail(log, *many) == [True] * 30 + [False] * 10
        assert locked(log) == ["all callers who are not known, from outside"]

    def test_not_by_other_caller_ids_where_there_is_no_login(self, log: Log) -> None:
        many = [attempt(None, f"+{number}") for number in range(40)]
        assert fail(log, *many) == [True] * 30 + [False] * 10

    def test_not_by_other_logins_from_one_caller(self, log: Log) -> None:
        assert fail(log, *[attempt(str(number)) for number in range(5)]) == [True] * 3 + [False] * 2

    def test_not_by_withholding_the_number(self, log: Log) -> None:
        for caller in (None, ""):
            log.unlock("hotel_staff")
            assert sign_in(log, attempt(caller=caller))
            many = [attempt(str(number), caller) for number in range(9)]
            assert fail(log, *many) == [True] * 3 + [False] * 6
            assert locked(log) == ["callers without a number, from outside"]

    def test_not_by_borrowing_the_number_of_one_who_is_known(self, log: Log) -> None:
        sign_in(log, attempt("1001", STAFF))
        assert fail(log, *[attempt("1001", STAFF)] * 5) == [True] * 3 + [False] * 2
        assert locked(log) == ["login 1001, for a caller who is known"]
        # With other logins that number is nobody's.
        assert fail(log, *[attempt(str(number), STAFF) for number in range(9)]) == [True] * 3 + [False] * 6

    def test_not_by_parallel_calls(self, log: Log) -> None:
        assert sum(at_once(40, lambda _: log.charge(attempt(), LOCKOUT) is not None)) == 3

    def test_not_by_parallel_calls_with_other_caller_ids(self, log: Log) -> None:
        assert sum(at_once(40, lambda number: log.charge(attempt(caller=str(number)), LOCKOUT) is not None)) == 3

    def test_not_by_parallel_calls_with_other_logins_and_caller_ids(self, log: Log) -> None:
        lockout = Lockout(2, 900)
        admitted = at_once(40, lambda number: log.charge(attempt(str(number), str(number)), lockout) is not None)
        assert sum(admitted) == 20

    def test_not_by_parallel_calls_at_several_processes(self, database_url: str) -> None:
        code = """
import sys
from routec.contract import Lockout
from routec.signin.store import Log
from tests.signin.stores import at_once, attempt
log = Log(sys.argv[1])
list(log.read())
print("ready", flush=True)
sys.stdin.readline()
print(sum(at_once(10, lambda _: log.charge(attempt(), Lockout(5, 900)) is not None)))
log.close()
"""
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, database_url],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(4)
        ]  # fmt: skip
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        assert sum(int(process.communicate(timeout=30)[0]) for process in processes) == 5

    def test_charges_and_grants_in_parallel_wait_for_each_other_and_never_for_ever(self, log: Log) -> None:
        lockout = Lockout(1000, 900)

        def call(number: int) -> None:
            who = attempt(str(number % 3), f"+{number % 4}")
            charge = log.charge(who, lockout)
            if number % 2:
                log.write(entry(login=who.login, caller=who.caller), module(), charge)
            if number % 10 == 0:
                log.unlock("hotel_staff", login=who.login)

        at_once(40, call)


class TestStaff:
    """An outsider who has shut all that there is to be shut."""

    @pytest.fixture
    def shut(self, log: Log) -> Log:
        assert sign_in(log, attempt("1001", STAFF), STRICT)
        assert sign_in(log, attempt(None, STAFF, module="gate"), STRICT)
        for number in range(11):
            fail(log, attempt(str(number), f"+{number}"), attempt("1001", OUTSIDER), lockout=STRICT)
            fail(log, attempt(None, f"+{number}", module="gate"), lockout=STRICT)
        return log

    def test_all_is_shut(self, shut: Log) -> None:
        assert sign_in(shut, attempt("1001", "+1234"), STRICT) is None
        assert sign_in(shut, attempt("1003", "+1234"), STRICT) is None
        assert sign_in(shut, attempt(None, "+1234", module="gate"), STRICT) is None

    def test_a_known_caller_is_not_kept_out(self, shut: Log) -> None:
        charge = sign_in(shut, attempt("1001", STAFF), STRICT)
        assert charge
        assert charge.known
        assert sign_in(shut, attempt(None, STAFF, module="gate"), STRICT)

    def test_nor_is_who_calls_from_inside(self, shut: Log) -> None:
        assert sign_in(shut, attempt("1001", "101", inside=True), STRICT)
        assert sign_in(shut, attempt(None, "102", module="gate", inside=True), STRICT)

    def test_a_grant_from_inside_makes_known_as_well(self, shut: Log) -> None:
        assert sign_in(shut, attempt("1002", "+1", inside=True), STRICT)
        assert sign_in(shut, attempt("1002", "+1"), STRICT)

    def test_another_module_is_another_matter(self, shut: Log) -> None:
        assert sign_in(shut, attempt("1001", "+1234", module="other"), STRICT)

    def test_known_for_ninety_days_after_the_latest_grant(self, log: Log, clock: Time) -> None:
        for days in (0, 89, 89):
            clock.go_on(days=days)
            charge = sign_in(log, attempt())
            assert charge
            assert charge.known == (days > 0)
        clock.go_on(days=90)
        log.tidy({})
        charge = sign_in(log, attempt())
        assert charge
        assert not charge.known

    def test_a_denial_makes_nobody_known(self, log: Log) -> None:
        charge = log.charge(attempt(), LOCKOUT)
        log.write(entry(verdict="denied"), module(), charge, verified=True)
        again = log.charge(attempt(), LOCKOUT)
        assert again
        assert not again.known


class TestUnlocking:
    @pytest.fixture
    def shut(self, log: Log) -> Log:
        sign_in(log, attempt("1001", STAFF))
        fail(log, *[attempt("1001", STAFF)] * 3)
        fail(log, *[attempt("1001", OUTSIDER)] * 3)
        fail(log, *[attempt("1002", "101", inside=True)] * 3)
        fail(log, *[attempt("1001", OUTSIDER, module="other")] * 3)
        return log

    def test_the_list(self, shut: Log) -> None:
        assert [lock.what for lock in shut.locks("hotel_staff", logins=["1001"])] == [
            "caller 101, from inside",
            f"caller {OUTSIDER}, from outside",
            "a login, from inside",
            "login 1001, from outside",
            "login 1001, for a caller who is known",
        ]
        assert [lock.module for lock in shut.locks()] == ["hotel_staff"] * 5 + ["other"] * 2
        assert {lock.until for lock in shut.locks()} == {START + timedelta(seconds=900)}

    def test_a_login(self, shut: Log) -> None:
        assert shut.unlock("hotel_staff", login="1001") == 2
        assert locked_of(shut) == ["caller 101", f"caller {OUTSIDER}", "login 1002"]

    def test_a_caller(self, shut: Log) -> None:
        assert shut.unlock("hotel_staff", caller=STAFF) == 2, "the pair, and a counter that is not shut"
        assert shut.unlock("hotel_staff", caller=OUTSIDER) == 1
        assert locked_of(shut) == ["caller 101", "login 1002", "login 1001"]

    def test_a_module(self, shut: Log) -> None:
        shut.unlock("hotel_staff")
        assert locked_of(shut) == []
        assert len(shut.locks("other")) == 2
        assert shut.unlock("hotel_staff") == 0

    def test_text_that_would_match_others(self, shut: Log) -> None:
        for hostile in ("%", "_", "' OR 1=1 --", "", "\0"):
            assert shut.unlock("hotel_staff", login=hostile) == 0
            assert shut.unlock("hotel_staff", caller=hostile) == 0


def locked_of(log: Log) -> list[str]:
    return [lock.what.partition(",")[0] for lock in log.locks("hotel_staff", logins=["1001", "1002"])]


class TestSecrets:
    def test_a_login_is_in_no_text_of_ours(self, log: Log) -> None:
        charge = log.charge(attempt("735198"), Lockout(1, 900))
        assert "735198" not in repr(charge)
        assert "735198" not in repr(log.locks())

    def test_hostile_text(self, log: Log) -> None:
        for hostile in ("a\0b", "\udc80", "9" * 10_000, "😀" * 10_000, "a/b/c", "%"):
            log.unlock("hotel_staff")
            assert fail(log, *[attempt(hostile, hostile)] * 4) == [True, True, True, False]
            assert log.unlock("hotel_staff", login=hostile, caller=hostile) == 2
            charge = sign_in(log, attempt(hostile, hostile))
            assert charge
            again = log.charge(attempt(hostile, hostile), LOCKOUT)
            assert again
            assert again.known


class TestClocksThatWereWrong:
    @pytest.fixture(autouse=True)
    def _ahead(self, log: Log, clock: Time) -> None:
        clock.go_on(days=3650)
        fail(log, *[attempt()] * 3)
        assert len(locked(log)) == 2
        clock.moment = START

    def test_a_lock_does_not_outlive_them(self, log: Log) -> None:
        assert locked(log) == []
        assert fail(log, *[attempt()] * 4) == [True, True, True, False], "and its failures are forgotten"

    def test_the_counters_are_removed(self, log: Log) -> None:
        log.tidy({})
        assert log.unlock("hotel_staff") == 0

    def test_clocks_that_differ_by_minutes_keep_the_longest_lock(self, log: Log, clock: Time) -> None:
        log.tidy({})
        fail(log, attempt(), lockout=Lockout(1, 86_400))
        clock.go_on(minutes=-5)
        assert fail(log, attempt(), lockout=Lockout(1, 86_400)) == [False]
        assert len(locked(log)) == 2


def test_the_time_of_a_lock_does_not_overflow() -> None:
    counter = Counter(10**6, START)
    assert counter.charged(5, Lockout(5, 86_400), START).until == START + timedelta(days=1)
    assert replace(counter, failures=0).charged(1000, LOCKOUT, START).until is None

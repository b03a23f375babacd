"""What one conversation charges and gives back, at a log that fails."""

from dataclasses import replace
from typing import Any

import pytest

from routec.contract import Lockout
from routec.signin.call import Call
from routec.signin.ledger import CallLedger
from routec.signin.outcome import Outcome
from routec.signin.store import Log, LogError, UnreachableError

from .stores import attempt, module

ROOMS = module(lockout=Lockout(3, 900))


@pytest.fixture
def ledger(log: Log) -> CallLedger:
    call = Call("1790000000.7", "+32475000001", "3225551234", None)
    return CallLedger(log, ROOMS, ROOMS.name, call, lambda: None, inside=False)


def failures(log: Log) -> int:
    """Of the caller, who is shut to be counted."""
    log.charge(replace(attempt("other")), Lockout(1, 900))
    return next(lock.failures for lock in log.locks() if lock.what.startswith("caller")) - 1


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("failure", [UnreachableError, LogError])
def test_a_charge_is_never_given_back_twice(
    log: Log, ledger: CallLedger, monkeypatch: pytest.MonkeyPatch, failure: type[LogError], *, is_done: bool
) -> None:
    give_back = Log.give_back

    def fail(self: Log, *args: Any) -> None:
        if is_done:
            give_back(self, *args)
        raise failure("the answer to the commit was lost")

    monkeypatch.setattr(Log, "give_back", fail)
    for _ in range(2):
        assert log.charge(attempt("1002"), ROOMS.lockout), "somebody else at this number"
    assert ledger.charge("1001")
    ledger.proved()
    assert ledger.record(Outcome("granted", "ok", "floor1", "1001")).action is None
    known = log.charge(attempt("1001"), ROOMS.lockout)
    assert known
    assert known.known, "the grant counts all the same"
    log.unlock(ROOMS.name, login="1002")
    assert (log.charge(attempt("1003"), ROOMS.lockout) is not None) == is_done


def test_given_back_ahead_of_the_row_once(log: Log, ledger: CallLedger) -> None:
    assert log.charge(attempt("1002"), ROOMS.lockout)
    assert ledger.charge("1001")
    ledger.proved()
    ledger.proved()
    ledger.record(Outcome("granted", "ok", "floor1", "1001"))
    assert failures(log) == 1

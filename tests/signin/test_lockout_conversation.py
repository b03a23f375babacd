"""When a conversation counts a failure, when it is given back, and what becomes of a caller who is locked out."""

import pytest

from routec.contract import DENIED, GRANTED, LOCKED, Clock
from routec.signin import outcome as reasons
from routec.signin.outcome import Outcome, Secret

from .fake import field, module
from .pure import Caller, Held

GATE = module(purpose="gate", fields=[field("login", 4, 4), field("password")])
LOGIN_ONLY = module(purpose="gate", fields=[field("login", 4, 4)])
PIN_ONLY = module(purpose="gate", fields=[field("password")])
CLOCK = module(purpose="timeclock", clock=Clock(), fields=GATE.fields)
REGISTER = module()
KNOWN_PIN = (None, "4321", "all")
KNOWN_LOGIN = ("1001", None, "floor1")


def test_a_failure_is_counted_before_the_credentials_are_looked_at() -> None:
    held = Held(["1001", "9999", "1002", "4321", "1001", "4321"], GATE)
    assert held.rows.charges == ["1001", "1002", "1001"]
    assert held.rows.given_back == 3
    assert len(held.book.asked) == 3


def test_for_a_login_only_and_a_password_only_too() -> None:
    assert Held(["1001"], LOGIN_ONLY, KNOWN_LOGIN).rows.charges == ["1001"]
    assert Held(["9999", "4321"], PIN_ONLY, KNOWN_PIN).rows.charges == [None, None]


@pytest.mark.parametrize("pin", ["", "1", "43*1", "432143219"])
def test_what_is_ill_formed_is_not_verified_and_costs_nothing(pin: str) -> None:
    held = Held(["1001", pin] * 3, GATE)
    assert (held.rows.charges, held.book.asked) == ([], [])


def test_whoever_calls_is_not_verified_and_never_charged() -> None:
    anybody = module(fields=[field("login", 4, 4)], users=[], verify=False)
    held = Held(["4711"], anybody, most=0)
    assert (held.outcome.verdict, held.rows.charges) == (GRANTED, [])


@pytest.mark.parametrize(
    ("locking", "keys"),
    [(GATE, ["1001", "4321"]), (CLOCK, ["1001", "4321"]), (REGISTER, ["1001", "4321"]), (PIN_ONLY, ["4321"])],
)
@pytest.mark.parametrize("most", range(3))
def test_locked_at_once_and_not_even_verified(locking: object, keys: list[str], most: int) -> None:
    assert isinstance(locking, type(GATE))
    wrong = [*keys[:-1], "9999"]
    held = Held([*wrong * most, *keys, *keys], locking, ("1001", "4321", "floor1"), KNOWN_PIN, most=most)
    assert (held.outcome.verdict, held.reason, held.outcome.user) == (LOCKED, reasons.LOCKED, None)
    assert held.ending.left == held.outcome
    assert not held.ending.is_gone
    assert len(held.book.asked) == most, "the right PIN was not looked at"
    assert held.story[-1] == "locked", "and nothing was said"
    assert held.rows.kept == []


def test_the_row_of_who_was_locked_has_the_login() -> None:
    assert Held(["1001", "4321"], GATE, most=0).outcome == Outcome(
        LOCKED, "locked", None, "1001", Secret("4321"), attempts=1
    )


@pytest.mark.parametrize("heard", range(6))
def test_a_hangup_anywhere_leaves_the_charge(heard: int) -> None:
    keys = ["1001", "9999", "1001", "4321", "204"]
    held = Held(keys[:heard], REGISTER)
    assert len(held.rows.charges) == heard // 2
    assert held.rows.given_back == (2 if heard == 5 else 0)
    assert (held.outcome.verdict == GRANTED) == (heard == 5)


def test_who_was_right_has_the_charge_back_before_anything_else_is_asked() -> None:
    held = Held(["1001", "4321"], REGISTER)
    assert (held.outcome.verdict, held.rows.proofs) == (DENIED, 1)
    assert Held(["1001", "4321"], CLOCK).rows.proofs == 1


def test_a_gate_has_nothing_to_ask_and_gives_the_charge_back_with_the_row() -> None:
    held = Held(["1001", "4321"], GATE)
    assert (held.outcome.verdict, held.rows.proofs, held.rows.given_back) == (GRANTED, 0, 1)


def test_who_was_wrong_proves_nothing() -> None:
    assert Held(["1001", "9999"] * 3, REGISTER).rows.proofs == 0


def test_the_deadline_after_the_charge_leaves_it() -> None:
    held = Held([], module(seconds=30), caller=Caller(["1001", "4321", "204"], seconds_a_key=10))
    assert (held.outcome.verdict, len(held.rows.charges), held.rows.given_back) == (DENIED, 1, 0)

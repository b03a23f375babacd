import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.signin.outcome import Secret
from routec.signin.weak_pins import COMMON, why_weak


def why(pin: str, login: str | None = None) -> str | None:
    return why_weak(Secret(pin), login)


@pytest.mark.parametrize(
    ("pins", "reason"),
    [
        ("1 12 999 123", "it has fewer than 4 digits"),
        ("0000 1111 99999999", "its digits are all equal"),
        ("1234 4321 9876 2345 7890 8901 0987 123456 2468 1357 9630", "its digits go up or down in equal steps"),
        ("1212 6969 121212 123123 58175817", "it repeats itself"),
        ("2580 0852 1590 0951 123789 3690 147258369 159357 9874560", "it is a line on the keypad"),
        ("1470 0741 4560", None),
        ("1900 1984 2026 2099", "it is a year"),
        ("24121984 12241984 19841224 29022024", "it is a date"),
        ("1122 9731 1004 1397 112233", "it is one of the most common PINs"),
    ],
)
def test_weak(pins: str, reason: str | None) -> None:
    for pin in pins.split():
        found = why(pin)
        assert found is not None, pin
        assert reason is None or found == reason, (pin, found)


@pytest.mark.parametrize("pin", ["7351", "73519846", "2486", "3018", "1884", "2107", "99991234", "45121984", "314159"])
def test_not_weak(pin: str) -> None:
    assert why(pin) is None
    assert why(pin, "1001") is None


@pytest.mark.parametrize(
    ("pin", "login", "reason"),
    [
        ("7351", "7351", "it is the login"),
        ("1537", "7351", "it is the login backwards"),
        ("17", "71", "it is the login backwards"),
        ("973510", "7351", "it holds the login"),
        ("991537", "7351", "it holds the login"),
        ("7351", "907351", "it is a part of the login"),
        ("1537", "907351", "it is a part of the login"),
        ("7351", "7", None),
        ("7351", "35", None),
        ("7351", "", None),
        ("1234", "7351", "its digits go up or down in equal steps"),
    ],
)
def test_like_the_login(pin: str, login: str, reason: str | None) -> None:
    assert why(pin, login) == reason


digits = st.text("0123456789", min_size=1, max_size=32)


@given(digits, st.none() | digits)
def test_any_pin_has_an_answer_that_does_not_hold_it(pin: str, login: str | None) -> None:
    reason = why(pin, login)
    assert reason is None or len(pin) < 4 or pin not in reason


def test_few_are_weak() -> None:
    """A warning that comes for every tenth PIN would not be read."""
    weak = sum(why(f"{pin:04}") is not None for pin in range(10_000))
    assert 300 < weak < 500


def test_what_is_common_has_no_rule_of_its_own() -> None:
    told = {pin: why(pin) for pin in COMMON}
    assert set(told.values()) - {"it is one of the most common PINs"} == set(), told

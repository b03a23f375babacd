import pickle
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.contract import DENIED, DIGIT_SECONDS, ERROR, GRANTED, Module
from routec.signin.conversation import (
    DEADLINE,
    HANGUP,
    INCOMPLETE,
    OK,
    SILENCE,
    WRONG,
    CallerGone,
    Conversation,
    Outcome,
    Secret,
    converse,
)

from .fake import field, module


class Caller:
    """Presses the keys that it was given, then hangs up."""

    def __init__(self, keys: Iterable[str], seconds_a_key: float = 0) -> None:
        self.keys = list(keys)
        self.asked: list[tuple[str, int, float]] = []
        self.now = 1000.0
        self._seconds = seconds_a_key

    def ask(self, sound: str, most: int, seconds: float) -> str:
        self.asked.append((sound.removeprefix("routec/enter_"), most, seconds))
        self.now += self._seconds
        if not self.keys:
            raise CallerGone
        return self.keys.pop(0)

    def clock(self) -> float:
        return self.now


class Book:
    """Verifies against a plain list, and remembers what it was asked."""

    def __init__(self, *known: tuple[str | None, str | None, str]) -> None:
        self._known = known
        self.asked: list[tuple[str | None, str | None]] = []

    def verify(self, login: str | None, password: Secret | None) -> str | None:
        pin = password.reveal() if password else None
        self.asked.append((login, pin))
        return next((user for *credentials, user in self._known if credentials == [login, pin]), None)


FLOOR1 = ("1001", "4321", "floor1")


def hold(
    keys: Iterable[str], module: Module, *known: tuple[str | None, str | None, str]
) -> tuple[Outcome, Caller, Book]:
    caller, book = Caller(keys), Book(*(known or (FLOOR1,)))
    return converse(module, caller, book, caller.clock), caller, book


def test_right_login_pin_and_extra() -> None:
    outcome, caller, _ = hold(["1001", "4321", "204"], module())
    assert outcome == Outcome(GRANTED, OK, "floor1", "1001", Secret("4321"), "204", None, 1)
    assert caller.asked == [("login", 5, DIGIT_SECONDS), ("password", 9, DIGIT_SECONDS), ("extra1", 4, DIGIT_SECONDS)]


def test_fields_are_asked_in_the_contracts_order() -> None:
    fields = (field("extra2"), field("password"), field("extra1"), field("login"))
    _, caller, _ = hold(["1001", "4321", "2040", "3050"], module(fields=fields))
    assert [sound for sound, *_ in caller.asked] == ["login", "password", "extra1", "extra2"]


def test_wrong_then_right() -> None:
    outcome, _, book = hold(["1001", "9999", "1001", "4321", "204"], module())
    assert (outcome.verdict, outcome.attempts) == (GRANTED, 2)
    assert book.asked == [("1001", "9999"), ("1001", "4321")]


def test_tries_used_up() -> None:
    outcome, caller, _ = hold(["1001", "9999"] * 4, module(tries=3))
    assert outcome == Outcome(DENIED, WRONG, None, "1001", Secret("9999"), attempts=3)
    assert len(caller.asked) == 6


def test_silence_is_told_from_wrong_keys() -> None:
    assert hold([""] * 3, module())[0] == Outcome(DENIED, SILENCE, attempts=3)
    assert hold(["", "1001", "", ""], module())[0].reason == WRONG


@pytest.mark.parametrize("pin", ["", "1", "432", "432143219", "43*1", "#", "A321", "٤٣٢١", "-1"])
def test_ill_formed_input_fails_the_attempt_and_is_not_verified(pin: str) -> None:
    outcome, caller, book = hold(["1001", pin] * 2, module(tries=2))
    assert outcome == Outcome(DENIED, WRONG, None, "1001", attempts=2)
    assert [sound for sound, *_ in caller.asked] == ["login", "password"] * 2
    assert book.asked == []


def test_ill_formed_login_is_asked_again_before_any_password() -> None:
    outcome, caller, _ = hold(["10", "1001", "4321", "204"], module())
    assert [sound for sound, *_ in caller.asked] == ["login", "login", "password", "extra1"]
    assert (outcome.verdict, outcome.attempts) == (GRANTED, 2)


def test_one_digit_too_many_is_not_cut_to_the_right_one() -> None:
    fields = (field("login", 4, 4), field("password", 4, 4))
    assert hold(["1001", "43210"], module(fields=fields, tries=1))[0].verdict == DENIED


def test_login_only() -> None:
    only = module(fields=[field("login")])
    assert hold(["1001"], only, ("1001", None, "floor1"))[0].verdict == GRANTED
    assert hold(["1003"] * 3, only, ("1001", None, "floor1"))[0].verdict == DENIED


def test_password_only() -> None:
    only = module(fields=[field("password")])
    assert hold(["4321"], only, (None, "4321", "all"))[0].user == "all"
    assert hold(["4322"] * 3, only, (None, "4321", "all"))[0].verdict == DENIED


def test_extras_only_register_without_a_user() -> None:
    outcome, _, book = hold(["2040"], module(fields=[field("extra1")]))
    assert outcome == Outcome(GRANTED, OK, extra1="2040")
    assert book.asked == []


def test_a_module_that_asks_for_nothing_grants_nothing() -> None:
    assert hold([], module(fields=[]))[0].verdict == DENIED


@pytest.mark.parametrize("tries", [0, -1])
def test_no_tries_no_grant(tries: int) -> None:
    assert hold(["1001", "4321", "204"], module(tries=tries))[0].verdict == DENIED


def test_extra_is_asked_again_and_then_denied_with_the_user_that_was_proved() -> None:
    outcome, caller, _ = hold(["1001", "4321", "", "20", "2040"], module(tries=3))
    assert outcome == Outcome(DENIED, INCOMPLETE, "floor1", "1001", Secret("4321"), attempts=1)
    assert len(caller.asked) == 5


def test_optional_extra_may_stay_empty() -> None:
    fields = (field("password"), field("extra1", 3, 3, optional=True), field("extra2", 1, 2))
    outcome, *_ = hold(["4321", "", "7"], module(fields=fields), (None, "4321", "all"))
    assert (outcome.verdict, outcome.extra1, outcome.extra2) == (GRANTED, None, "7")


def test_optional_extra_that_is_ill_formed_is_asked_again() -> None:
    fields = (field("extra1", 3, 3, optional=True),)
    assert hold(["20", "204"], module(fields=fields))[0].extra1 == "204"
    assert hold(["20"] * 3, module(fields=fields))[0].reason == INCOMPLETE


@pytest.mark.parametrize("heard", range(4))
def test_hangup_at_each_step_keeps_what_was_given(heard: int) -> None:
    fields = (field("login"), field("password"), field("extra1"), field("extra2"))
    keys = ["1001", "4321", "2040", "3050"]
    outcome, *_ = hold(keys[:heard], module(fields=fields))
    assert (outcome.verdict, outcome.reason) == (DENIED, HANGUP)
    given = [outcome.login, outcome.password.reveal() if outcome.password else None, outcome.extra1, outcome.extra2]
    assert given == keys[:heard] + [None] * (4 - heard)


def test_a_password_is_not_kept_with_another_login() -> None:
    outcome, *_ = hold(["1001", "9999", "1002"], module())
    assert (outcome.login, outcome.password) == ("1002", None)


def test_deadline_is_checked_before_each_ask() -> None:
    caller = Caller(["1001", "9999"] * 9, seconds_a_key=10)
    outcome = converse(module(seconds=35, tries=9), caller, Book(FLOOR1), caller.clock)
    assert (outcome.verdict, outcome.reason, outcome.login) == (DENIED, DEADLINE, "1001")
    assert [seconds for *_, seconds in caller.asked] == [5, 5, 5, 5]


def test_the_last_ask_waits_no_longer_than_what_is_left() -> None:
    caller = Caller(["1001", "4321", "204"], seconds_a_key=4)
    converse(module(seconds=10), caller, Book(FLOOR1), caller.clock)
    assert [seconds for *_, seconds in caller.asked] == [5, 5, 2]


def test_what_fails_in_the_middle_still_tells_how_far_it_came() -> None:
    class Broken:
        def verify(self, login: str | None, password: Secret | None) -> str | None:  # noqa: ARG002
            raise RuntimeError

    caller = Caller(["1001", "4321"])
    conversation = Conversation(module(), caller, Broken(), caller.clock)
    with pytest.raises(RuntimeError):
        conversation.run()
    assert conversation.end(ERROR, "fault") == Outcome(ERROR, "fault", None, "1001", Secret("4321"), attempts=1)


keys = st.one_of(st.text("0123456789*#ABCD", max_size=9), st.sampled_from(["1001", "1002", "4321", "204", ""]))
shapes = st.sampled_from([("login", "password"), ("login", "password", "extra1"), ("password",), ("login",)])


@given(st.lists(keys, max_size=12), shapes, st.integers(1, 4), st.sets(st.integers(0, 11)))
def test_nobody_is_granted_without_the_right_credentials(
    pressed: list[str], kinds: tuple[str, ...], tries: int, hangups: set[int]
) -> None:
    for cut in hangups:
        del pressed[cut:]
    login = "1001" if "login" in kinds else None
    pin = "4321" if "password" in kinds else None
    outcome, caller, book = hold(
        pressed, module(fields=[field(kind, 3, 4) for kind in kinds], tries=tries), (login, pin, "floor1")
    )
    credentials = [text for text in (login, pin) if text]
    in_a_row = any(pressed[n : n + len(credentials)] == credentials for n in range(len(pressed)))
    assert outcome.verdict in (GRANTED, DENIED)
    assert outcome.attempts <= tries
    if outcome.verdict == GRANTED:
        assert in_a_row
        assert book.asked[-1] == (login, pin)
        assert outcome.user == "floor1"
    else:
        assert outcome.user is None or "extra1" in kinds
    assert len(caller.asked) <= tries * len(kinds)


@given(st.lists(keys, max_size=8), st.booleans())
def test_a_verifier_that_knows_nobody_grants_nobody(pressed: list[str], has_extra: bool) -> None:
    fields = [field("login"), field("password"), *([field("extra1", optional=True)] if has_extra else [])]
    assert hold(pressed, module(fields=fields), ("no", "one", "x"))[0].verdict == DENIED


@pytest.mark.parametrize("show", [repr, str, "{}".format, "%s".__mod__, "{0!r:>40}".format, lambda s: repr([s])])
def test_a_secret_shows_nothing(show: Callable[[object], str]) -> None:
    assert "4321" not in show(Secret("4321"))
    assert "4321" not in show(Outcome(DENIED, WRONG, password=Secret("4321")))


def test_a_secret_is_neither_pickled_nor_hashed() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("4321"))
    with pytest.raises(TypeError):
        hash(Secret("4321"))
    assert Secret("1") == Secret("1") != Secret("2")
    assert Secret("1") != "1"


def test_who_was_verified_too_late_is_not_granted() -> None:
    caller = Caller(["1001", "4321", "214"])

    class Slow(Book):
        def verify(self, login: str | None, password: Secret | None) -> str | None:
            caller.now += 61
            return super().verify(login, password)

    outcome = converse(module(seconds=60), caller, Slow(FLOOR1), caller.clock)
    assert (outcome.verdict, outcome.reason) == (DENIED, DEADLINE)


def test_the_last_code_came_too_late() -> None:
    caller = Caller(["1001", "4321", "214"], seconds_a_key=25)
    outcome = converse(module(seconds=60), caller, Book(FLOOR1), caller.clock)
    assert (outcome.verdict, outcome.reason) == (DENIED, DEADLINE)

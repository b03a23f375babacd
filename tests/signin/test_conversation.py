import pickle
from collections.abc import Callable, Iterable

import pytest

from routec.contract import DENIED, DIGIT_SECONDS, ERROR, GRANTED, Clock, Code, Module
from routec.signin.conversation import Conversation, converse
from routec.signin.outcome import (
    DEADLINE,
    FAULT,
    HANGUP,
    INCOMPLETE,
    NO_ANSWER,
    NO_SOUND,
    OK,
    SILENCE,
    UNKNOWN_CODE,
    WRONG,
    CallerGone,
    Ending,
    Outcome,
    Recorded,
    Secret,
)

from .fake import field, module
from .pure import FLOOR1, Book, Caller, Held, Rows


def hold(
    keys: Iterable[str], module: Module, *known: tuple[str | None, str | None, str]
) -> tuple[Outcome, Caller, Book]:
    held = Held(keys, module, *known)
    return held.outcome, held.caller, held.book


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
    outcome = Held([], module(seconds=35, tries=9), caller=caller).outcome
    assert (outcome.verdict, outcome.reason, outcome.login) == (DENIED, DEADLINE, "1001")
    assert [seconds for *_, seconds in caller.asked] == [5, 5, 5, 5]


def test_the_last_ask_waits_no_longer_than_what_is_left() -> None:
    caller = Caller(["1001", "4321", "204"], seconds_a_key=4)
    Held([], module(seconds=10), caller=caller)
    assert [seconds for *_, seconds in caller.asked] == [5, 5, 2]


def test_what_fails_in_the_middle_still_tells_how_far_it_came() -> None:
    class Broken:
        def verify(self, login: str | None, password: Secret | None) -> list[str]:  # noqa: ARG002
            raise RuntimeError

    caller = Caller(["1001", "4321"])
    conversation = Conversation(module(), caller, Broken(), Rows(caller.story), caller.clock)
    with pytest.raises(RuntimeError):
        conversation.run()
    assert conversation.end(ERROR, "fault") == Outcome(ERROR, "fault", None, "1001", Secret("4321"), attempts=1)


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
        def verify(self, login: str | None, password: Secret | None) -> list[str]:
            caller.now += 61
            return super().verify(login, password)

    outcome = converse(module(seconds=60), caller, Slow(FLOOR1), Rows(caller.story), caller.clock).outcome
    assert (outcome.verdict, outcome.reason) == (DENIED, DEADLINE)


def test_the_last_code_came_too_late() -> None:
    caller = Caller(["1001", "4321", "214"], seconds_a_key=25)
    outcome = Held([], module(seconds=60), caller=caller).outcome
    assert (outcome.verdict, outcome.reason) == (DENIED, DEADLINE)


GATE = module(purpose="gate", fields=[field("login", 4, 4), field("password")])


def test_a_gate_in_order() -> None:
    held = Held(["1001", "4321"], GATE)
    assert held.story == ["ask login", "ask password", "charge", "row"]
    assert held.ending == Ending(Outcome(GRANTED, OK, "floor1", "1001", Secret("4321"), attempts=1))
    assert held.rows.kept == [held.outcome]


def test_a_wrong_try_is_told_and_the_last_is_not() -> None:
    told = module(purpose="gate", tries=3, tells=(("wrong", "vm-invalid"),), fields=GATE.fields)
    held = Held(["1001", "9999", "10", "1001", "9998"], told)
    assert held.story == [
        *("ask login", "ask password", "charge", "play vm-invalid"),
        *("ask login", "play vm-invalid"),
        *("ask login", "ask password", "charge"),
    ]
    assert (held.outcome.verdict, held.reason) == (DENIED, WRONG)
    assert held.ending.left == held.outcome
    assert held.rows.kept == []


@pytest.mark.parametrize("at", range(2))
def test_what_is_told_can_be_hung_up_on(at: int) -> None:
    told = module(purpose="gate", tells=(("wrong", "vm-invalid"),), fields=GATE.fields)
    caller = Caller(["1001", "9999"] * (at + 1), deaf_to=["vm-invalid"])
    held = Held([], told, caller=caller)
    assert (held.outcome.verdict, held.reason, held.ending.is_gone) == (DENIED, HANGUP, True)
    assert held.rows.given_back == 0


@pytest.mark.parametrize(("reason", "is_gone"), [(HANGUP, True), (NO_ANSWER, True), (NO_SOUND, False)])
def test_who_is_gone_and_who_is_not(reason: str, is_gone: bool) -> None:
    class Going(Caller):
        def ask(self, sound: str, most: int, seconds: float) -> str:  # noqa: ARG002
            raise CallerGone(reason)

    held = Held([], GATE, caller=Going([]))
    assert held.ending.is_gone is is_gone
    assert (held.outcome.verdict, held.reason) == (DENIED, reason)


def test_no_sound_is_begun_after_the_deadline() -> None:
    told = module(purpose="gate", seconds=30, tells=(("wrong", "vm-invalid"),), fields=GATE.fields)
    held = Held([], told, caller=Caller(["1001", "9999"], seconds_a_key=15))
    assert held.story == ["ask login", "ask password", "charge"]
    assert held.reason == DEADLINE


def test_what_the_ledger_raises_is_no_grant() -> None:
    class Broken(Rows):
        def record(self, outcome: Outcome) -> Recorded:  # noqa: ARG002
            raise RuntimeError

    caller = Caller(["1001", "4321"])
    conversation = Conversation(GATE, caller, Book(FLOOR1), Broken(caller.story), caller.clock)
    with pytest.raises(RuntimeError):
        conversation.run()
    assert conversation.end(ERROR, FAULT).verdict == ERROR
    assert caller.story[-1] == "charge"


def test_one_pin_of_several_lets_in_without_saying_whom() -> None:
    shared = [(None, "4321", "anna"), (None, "4321", "bram")]
    gate = module(purpose="gate", fields=[field("password")])
    held = Held(["4321"], gate, *shared)
    assert (held.outcome.verdict, held.outcome.user) == (GRANTED, None)
    register = module(fields=[field("password"), field("extra1")])
    assert Held(["4321", "2040"], register, *shared).outcome.verdict == GRANTED
    assert Held(["4322"] * 3, gate, *shared).outcome.verdict == DENIED


CODES = (Code("1", "1", "clean"), Code("31", "31"), Code("101", "120"))


@pytest.mark.parametrize("purpose", ["gate", "register"])
@pytest.mark.parametrize("code", ["1", "31", "101", "110", "120"])
def test_a_code_of_the_table(purpose: str, code: str) -> None:
    fields = (*GATE.fields, field("extra1", 1, 3, codes=CODES))
    assert Held(["1001", "4321", code], module(purpose=purpose, fields=fields)).outcome.extra1 == code


@pytest.mark.parametrize("purpose", ["gate", "register"])
@pytest.mark.parametrize("code", ["0", "2", "3", "11", "30", "10", "100", "121", "001", "010"])
def test_a_code_that_is_in_no_table_is_told_and_asked_again(purpose: str, code: str) -> None:
    fields = (*GATE.fields, field("extra1", 1, 3, codes=CODES))
    table = module(purpose=purpose, fields=fields, tells=(("unknown", "vm-invalid"),), tries=2)
    held = Held(["1001", "4321", code, "31"], table)
    assert held.story[3:] == ["ask extra1", "play vm-invalid", "ask extra1", "row"]
    held = Held(["1001", "4321", code, code], table)
    assert (held.outcome.verdict, held.reason, held.outcome.extra1) == (DENIED, UNKNOWN_CODE, None)
    assert held.outcome.user == "floor1"
    assert held.rows.given_back == 0


def test_an_optional_field_with_codes_may_stay_empty_and_an_ill_formed_code_is_not_told() -> None:
    optional = field("extra1", 1, 3, codes=CODES, optional=True)
    told = module(fields=[optional], tells=(("unknown", "vm-invalid"),))
    assert Held([""], told).outcome == Outcome(GRANTED, OK)
    assert Held(["1*", "31"], told).story == ["ask extra1", "ask extra1", "row"]
    assert Held(["2", "3", "1*"], told).reason == INCOMPLETE


@pytest.mark.parametrize(
    "senseless",
    [
        module(fields=[]),
        module(purpose="gate", fields=[field("extra1")]),
        module(purpose="gate", verify=False),
        module(purpose="gate", verify=False, fields=[field("extra1")]),
        module(purpose="timeclock", verify=False, clock=Clock(), fields=[field("login")]),
        module(purpose="timeclock", clock=Clock(), fields=[field("extra1")]),
        module(purpose="timeclock"),
        module(purpose="timeclock", clock=Clock(keys=(("1", "in"), ("2", "out")))),
        module(purpose="timeclock", clock=Clock(sound="x")),
        module(purpose="register", verify=False),
        module(purpose="register", clock=Clock()),
    ],
)
def test_a_module_that_makes_no_sense_asks_nothing_and_lets_nobody_pass(senseless: Module) -> None:
    held = Held(["1001", "4321", "2040"], senseless)
    assert (held.outcome.verdict, held.reason, held.story) == (DENIED, FAULT, [])

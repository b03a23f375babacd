from typing import Any

import pytest

from routec.contract import DENIED, GRANTED, Clock, Module
from routec.signin.outcome import (
    AMBIGUOUS,
    CLASH,
    DEADLINE,
    HANGUP,
    INCOMPLETE,
    OK,
    SILENCE,
    Ending,
    Outcome,
    Recorded,
    Secret,
)

from .fake import field, module
from .pure import NOON, Caller, Held, Rows

LOGIN_AND_PIN = (field("login", 4, 4), field("password"))
KEYS = (("1", "in"), ("2", "out"), ("3", "break"), ("4", "back"))
TELLS = (("unknown", "vm-invalid"), ("clash", "vm-sorry"), ("break", "pause"), ("back", "resume"))
NOW = f"time {int(NOON.timestamp())}"
SIGNED_IN = ["1001", "4321"]
VERIFIED = ["ask login", "ask password", "charge"]


def timeclock(clock: Clock | None = None, **changes: Any) -> Module:
    return module(fields=changes.pop("fields", LOGIN_AND_PIN), purpose="timeclock", clock=clock or Clock(), **changes)


def keyed(**changes: Any) -> Module:
    return timeclock(Clock("which", KEYS), tells=TELLS, **changes)


def test_toggles_and_reads_back_what_the_log_did() -> None:
    held = Held(SIGNED_IN, timeclock())
    assert held.story == [*VERIFIED, "row", "play agent-loginok", NOW]
    assert held.ending == Ending(Outcome(GRANTED, OK, "floor1", "1001", Secret("4321"), attempts=1))


@pytest.mark.parametrize(
    ("action", "sound"), [("in", "agent-loginok"), ("out", "agent-loggedoff"), ("break", "pause"), ("back", "resume")]
)
def test_by_key(action: str, sound: str) -> None:
    (key,) = [key for key, named in KEYS if named == action]
    held = Held([*SIGNED_IN, key], keyed())
    assert held.story == [*VERIFIED, "ask which", "row", f"play {sound}", NOW]
    assert held.caller.asked[-1][:2] == ("which", 1), "one key is enough"
    assert held.outcome.action == action


def test_data_fields_are_asked_before_the_key() -> None:
    held = Held([*SIGNED_IN, "204", "1"], keyed(fields=[*LOGIN_AND_PIN, field("extra1", 3, 3)]))
    assert held.asked == ["login", "password", "extra1", "which"]
    assert held.outcome.extra1 == "204"


def test_an_unknown_key_is_told_and_asked_again_and_silence_only_asked() -> None:
    held = Held([*SIGNED_IN, "9", "", "1"], keyed())
    assert held.story[3:7] == ["ask which", "play vm-invalid", "ask which", "ask which"]
    assert held.outcome.verdict == GRANTED
    held = Held([*SIGNED_IN, "9", "", "#"], keyed())
    assert (held.outcome.verdict, held.reason, held.rows.kept) == (DENIED, INCOMPLETE, [])
    assert held.outcome.user == "floor1"


def test_what_does_not_fit_is_told_and_asked_again() -> None:
    held = Held([*SIGNED_IN, "1", "2"], keyed(), clashes=["in"])
    assert held.story[3:] == ["ask which", "play vm-sorry", "ask which", "row", "play agent-loggedoff", NOW]
    assert [row.action for row in held.rows.kept] == ["out"]


def test_what_never_fits() -> None:
    held = Held([*SIGNED_IN, "1", "9", "1"], keyed(), clashes=["in"] * 3)
    assert (held.outcome.verdict, held.reason, held.rows.kept) == (DENIED, CLASH, [])
    assert held.ending.left == held.outcome
    assert held.rows.given_back == 0


def test_a_toggle_that_clashes_all_the_same() -> None:
    held = Held(SIGNED_IN, timeclock(tells=TELLS), clashes=[None])
    assert (held.outcome.verdict, held.reason) == (DENIED, CLASH)
    assert held.story == [*VERIFIED, "play vm-sorry"]


def test_a_pin_of_several_is_nobodys() -> None:
    shared = [(None, "4321", "anna"), (None, "4321", "bram"), (None, "2486", "carl")]
    pins = timeclock(fields=[field("password")])
    held = Held(["4321"], pins, *shared)
    assert (held.outcome.verdict, held.reason, held.outcome.user) == (DENIED, AMBIGUOUS, None)
    assert held.story == ["ask password", "charge"]
    assert Held(["2486"], pins, *shared).outcome.user == "carl"


@pytest.mark.parametrize("deaf_to", ["agent-loginok", "time"])
def test_a_hangup_in_the_read_back_does_not_undo_what_was_clocked(deaf_to: str) -> None:
    held = Held([], timeclock(), caller=Caller(SIGNED_IN, deaf_to=[deaf_to]))
    assert held.ending == Ending(held.rows.kept[0], None, is_gone=True)


@pytest.mark.parametrize("heard", range(3))
def test_a_hangup_before_the_row_clocks_nothing(heard: int) -> None:
    held = Held([*SIGNED_IN, "1"][:heard], keyed())
    assert (held.outcome.verdict, held.reason, held.rows.kept) == (DENIED, HANGUP, [])


def test_the_deadline_before_the_row_clocks_nothing() -> None:
    held = Held([], keyed(seconds=60), caller=Caller([*SIGNED_IN, "1"], seconds_a_key=20))
    assert (held.outcome.verdict, held.reason, held.rows.kept) == (DENIED, DEADLINE, [])


def test_past_the_deadline_there_is_no_time_for_the_read_back() -> None:
    class Slow(Rows):
        def record(self, outcome: Outcome) -> Recorded:
            caller.now += 60
            return super().record(outcome)

    caller = Caller(SIGNED_IN)
    held = Held([], timeclock(seconds=60), caller=caller, rows=Slow(caller.story))
    assert held.story == [*VERIFIED, "row"]
    assert held.outcome.verdict == GRANTED
    caller = Caller(SIGNED_IN)
    caller.seconds_a_sound = 60
    assert Held([], timeclock(seconds=60), caller=caller).story[-1] == "play agent-loginok"


def test_an_action_without_a_sound_still_has_its_time() -> None:
    class Odd(Rows):
        def record(self, outcome: Outcome) -> Recorded:
            super().record(outcome)
            return Recorded(None, NOON)

    caller = Caller(SIGNED_IN)
    assert Held([], timeclock(), caller=caller, rows=Odd(caller.story)).story[-2:] == ["row", NOW]


def test_silence() -> None:
    assert Held([""] * 3, timeclock()).reason == SILENCE

from typing import Any

import pytest

from routec.contract import DENIED, GRANTED, Again, Code, Field, Module
from routec.signin.outcome import (
    DEADLINE,
    HANGUP,
    INCOMPLETE,
    NO_SOUND,
    OK,
    UNCONFIRMED,
    UNKNOWN_CODE,
    CallerGone,
    Ending,
    Outcome,
    Secret,
)

from .fake import field, module
from .pure import Caller, Held

ROOM = Field("extra1", "routec/enter_extra1", 3, 3, codes=(Code("101", "120"), Code("201", "201", "suite")))
CODE = field("extra2", 1, 2)
SIGNED_IN = ["1001", "4321"]
VERIFIED = ["ask login", "ask password", "charge"]


def rooms(**changes: Any) -> Module:
    return module(fields=[field("login", 4, 4), field("password"), ROOM, CODE], **changes)


def anybody(**changes: Any) -> Module:
    return module(fields=[field("login", 4, 4), ROOM], users=[], verify=False, **changes)


def test_an_item() -> None:
    held = Held([*SIGNED_IN, "110", "7"], rooms())
    assert held.story == [*VERIFIED, "ask extra1", "ask extra2", "row"]
    assert held.ending == Ending(Outcome(GRANTED, OK, "floor1", "1001", Secret("4321"), "110", "7", 1))


def test_whoever_calls_is_not_verified_and_the_login_is_a_code_like_others() -> None:
    held = Held(["4711", "110"], anybody())
    assert held.story == ["ask login", "ask extra1", "row"]
    assert held.outcome == Outcome(GRANTED, OK, login="4711", extra1="110")
    assert held.book.asked == []
    assert Held(["47", "4711", "110"], anybody()).outcome.login == "4711", "it is asked again like others, too"
    assert Held(["47"] * 3, anybody()).reason == INCOMPLETE


class TestConfirm:
    confirmed = rooms(confirm="is-correct")

    def test_is_read_back_and_confirmed(self) -> None:
        held = Held([*SIGNED_IN, "110", "7", "1"], self.confirmed)
        assert held.story[3:] == [
            *("ask extra1", "ask extra2"),
            *("digits 110", "digits 7", "ask is-correct", "row"),
        ]
        assert held.caller.asked[-1] == ("is-correct", 1, 5), "one key is enough"

    @pytest.mark.parametrize("no", ["", "0", "2", "*", "#", "A"])
    def test_anything_but_1_asks_all_anew(self, no: str) -> None:
        held = Held([*SIGNED_IN, "110", "7", no, "111", "8", "1"], self.confirmed)
        assert held.asked[2:] == ["extra1", "extra2", "is-correct"] * 2
        assert [(row.extra1, row.extra2) for row in held.rows.kept] == [("111", "8")]

    def test_never_confirmed(self) -> None:
        held = Held([*SIGNED_IN, *["110", "7", ""] * 3], self.confirmed)
        assert (held.outcome.verdict, held.reason, held.rows.kept) == (DENIED, UNCONFIRMED, [])
        assert held.rows.given_back == 0

    def test_what_was_not_right_is_not_kept_when_the_caller_hangs_up_then(self) -> None:
        held = Held([*SIGNED_IN, "110", "7", "2", "111"], self.confirmed)
        assert (held.reason, held.outcome.extra1, held.outcome.extra2) == (HANGUP, "111", None)

    def test_a_field_left_empty_is_not_read_back(self) -> None:
        fields = [field("extra1", optional=True), field("extra2", 1, 2)]
        held = Held(["", "7", "1"], module(fields=fields, confirm="is-correct"))
        assert held.story == ["ask extra1", "ask extra2", "digits 7", "ask is-correct", "row"]

    def test_credentials_are_not_read_back_and_the_login_of_whoever_calls_is(self) -> None:
        assert "digits 1001" not in Held([*SIGNED_IN, "110", "7", "1"], self.confirmed).story
        assert "digits 4711" in Held(["4711", "110", "1"], anybody(confirm="is-correct")).story

    def test_nothing_to_confirm(self) -> None:
        held = Held(
            SIGNED_IN, module(fields=[field("login"), field("password")], confirm="x", again=Again("y", "extra1"))
        )
        assert held.story == [*VERIFIED, "row"]

    @pytest.mark.parametrize("deaf_to", ["digits"])
    def test_hangup_in_the_read_back(self, deaf_to: str) -> None:
        held = Held([], self.confirmed, caller=Caller([*SIGNED_IN, "110", "7", "1"], deaf_to=[deaf_to]))
        assert (held.outcome.verdict, held.reason, held.rows.kept) == (DENIED, HANGUP, [])


class TestAgain:
    more = rooms(again=Again("another", "extra2"))

    def test_items_each_with_its_row_before_the_next_question(self) -> None:
        held = Held([*SIGNED_IN, "110", "7", "1", "8", "1", "9", "2"], self.more)
        assert held.story[3:] == [
            *("ask extra1", "ask extra2", "row", "ask another"),
            *("ask extra2", "row", "ask another"),
            *("ask extra2", "row", "ask another"),
        ]
        assert [(row.extra1, row.extra2, row.user) for row in held.rows.kept] == [
            ("110", "7", "floor1"),
            ("110", "8", "floor1"),
            ("110", "9", "floor1"),
        ]
        assert held.ending == Ending(held.rows.kept[-1])
        assert held.caller.asked[4][:2] == ("another", 1)
        assert len(held.rows.charges) == 1, "who was verified is not verified for each item"

    @pytest.mark.parametrize("end", ["", "0", "2", "*", "#"])
    def test_anything_but_1_ends(self, end: str) -> None:
        assert len(Held([*SIGNED_IN, "110", "7", end], self.more).rows.kept) == 1

    def test_from_the_first_field_all_are_asked_anew(self) -> None:
        held = Held([*SIGNED_IN, "110", "7", "1", "201", "8", ""], rooms(again=Again("another", "extra1")))
        assert [(row.extra1, row.extra2) for row in held.rows.kept] == [("110", "7"), ("201", "8")]

    def test_what_the_next_item_leaves_empty_is_empty(self) -> None:
        fields = [field("extra1", 3, 3), field("extra2", 1, 2, optional=True)]
        held = Held(["110", "7", "1", "", ""], module(fields=fields, again=Again("another", "extra2")))
        assert [(row.extra1, row.extra2) for row in held.rows.kept] == [("110", "7"), ("110", None)]

    def test_an_item_that_is_not_confirmed_is_asked_anew_as_a_whole(self) -> None:
        keys = [*SIGNED_IN, "110", "7", "1", "1", "8", "2", "111", "9", "1", ""]
        held = Held(keys, rooms(again=Again("another", "extra2"), confirm="right"))
        assert [(row.extra1, row.extra2) for row in held.rows.kept] == [("110", "7"), ("111", "9")]
        assert "digits 110" in held.story[held.story.index("ask another") :], "what was kept is read back, too"

    def test_of_whoever_calls(self) -> None:
        held = Held(["4711", "110", "1", "111", ""], anybody(again=Again("another", "extra1")))
        assert [(row.login, row.extra1) for row in held.rows.kept] == [("4711", "110"), ("4711", "111")]

    def test_hangup_at_the_question_leaves_no_row(self) -> None:
        held = Held([*SIGNED_IN, "110", "7"], self.more)
        assert held.ending == Ending(held.rows.kept[0], None, is_gone=True)
        assert held.outcome.verdict == GRANTED

    def test_hangup_in_an_item_is_its_row(self) -> None:
        held = Held([*SIGNED_IN, "110", "7", "1"], self.more)
        left = Outcome(DENIED, HANGUP, "floor1", "1001", Secret("4321"), "110", None, 1)
        assert held.ending == Ending(held.rows.kept[0], left, is_gone=True)

    @pytest.mark.parametrize(
        ("keys", "reason"),
        [(["1", "", "", ""], INCOMPLETE), (["1", "8", "", "110", "8", "", "110", "8", "3"], UNCONFIRMED)],
    )
    def test_an_item_that_fails_leaves_those_before(self, keys: list[str], reason: str) -> None:
        confirmed = rooms(again=Again("another", "extra2"), confirm="right")
        held = Held([*SIGNED_IN, "110", "7", "1", *keys], confirmed)
        assert (held.outcome.verdict, held.outcome.extra2) == (GRANTED, "7")
        assert held.ending.left is not None
        assert (held.ending.left.verdict, held.ending.left.reason) == (DENIED, reason)
        assert not held.ending.is_gone

    def test_an_unknown_code_in_a_later_item(self) -> None:
        held = Held([*SIGNED_IN, "110", "7", "1", *["999"] * 3], rooms(again=Again("another", "extra1")))
        assert held.outcome.extra1 == "110"
        assert held.ending.left is not None
        assert (held.ending.left.reason, held.ending.left.extra1) == (UNKNOWN_CODE, None)

    @pytest.mark.parametrize(
        ("keys", "seconds", "kept", "left"),
        [
            (["110", "7"], 40, 0, DEADLINE),
            (["110", "7", "1"], 45, 1, DEADLINE),
            (["110", "7", "2"], 45, 1, None),
        ],
    )
    def test_the_deadline(self, keys: list[str], seconds: int, kept: int, left: str | None) -> None:
        more = rooms(again=Again("another", "extra2"), seconds=seconds)
        held = Held([], more, caller=Caller([*SIGNED_IN, *keys], seconds_a_key=10))
        assert len(held.rows.kept) == kept
        assert held.outcome.verdict == (GRANTED if kept else DENIED)
        assert (held.ending.left.reason if held.ending.left else None) == left
        assert not held.ending.is_gone

    def test_the_deadline_before_the_question(self) -> None:
        class Slow(Caller):
            def ask(self, sound: str, most: int, seconds: float) -> str:
                keys = super().ask(sound, most, seconds)
                self.now += 100 if sound == "another" else 0
                return keys

        held = Held([], self.more, caller=Slow([*SIGNED_IN, "110", "7", "1"]))
        assert held.ending.left is not None
        assert (held.outcome.verdict, held.ending.left.reason) == (GRANTED, DEADLINE)

    def test_a_question_that_cannot_be_asked(self) -> None:
        class Mute(Caller):
            def ask(self, sound: str, most: int, seconds: float) -> str:
                if sound == "another":
                    raise CallerGone(NO_SOUND)
                return super().ask(sound, most, seconds)

        held = Held([], self.more, caller=Mute([*SIGNED_IN, "110", "7"]))
        assert held.ending == Ending(held.rows.kept[0])

"""Prompts by phone: spoken in, heard, kept, and heard in the next call, on a real Asterisk and over real SIP.

All is told by ear: a prompt is known by its tone, wherever its file lies.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.asterisk.config import PHONES
from tests.asterisk.conftest import both_versions, newest_version
from tests.asterisk.hearing import likeness, rustle
from tests.asterisk.machine import until
from tests.asterisk.pbx import Pbx
from tests.asterisk.sip import SipCall
from tests.asterisk.studio import (
    ASKS,
    BEEP,
    ENGLISH,
    HEARD,
    HIGH,
    KEPT,
    MENU,
    OLD,
    OUTSIDE,
    PLAIN,
    PLAYS,
    RECORDS,
    SETTLES,
    SPOKEN,
    Studio,
)

CALLER = "+32475000001"

Scene = Callable[[Studio], None]


@pytest.fixture(scope="module")
def studio(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("studio")
    with Pbx(asterisk_root, root / "pbx", debug=0) as pbx:
        studio = Studio(root, pbx, asks_pin=(pbx.layout.modules / "chan_sip.so").exists())
        try:
            yield studio
        finally:
            studio.end()


def spoken_in_heard_kept_and_heard_by_the_next_caller(studio: Studio) -> None:
    before = studio.files("welcome")
    assert studio.tones(OUTSIDE, CALLER) == [OLD]
    with SipCall(studio.pbx, RECORDS["welcome"], "201") as call:
        studio.record(call)
        call.wait_heard(OLD, BEEP, MENU)
        since = call.moment
        call.press("1")
        call.wait_heard(SPOKEN, MENU, since=since)
        assert studio.files("welcome") == before, "nothing changes before it is kept"
        since = call.moment
        call.press("2")
        call.wait_heard(KEPT, since=since)
        call.wait_over()
    assert studio.sound("welcome.wav").tones(HEARD) == [SPOKEN]
    assert studio.sound("welcome.wav").seconds == pytest.approx(1, abs=0.25)
    files = studio.files("welcome")
    (replaced,) = files.keys() - before.keys()
    assert replaced.startswith(".replaced/welcome.")
    assert files[replaced] == before["welcome.wav"]
    studio.wait_published("welcome.wav")
    assert studio.tones(OUTSIDE, CALLER) == [SPOKEN]
    assert studio.wait_told(call).startswith(f"welcome by '{'recorder' if studio.asks_pin else 'anna'}': kept")


def a_language_has_a_prompt_of_its_own_and_wideband_phones_hear_it_in_full(studio: Studio) -> None:
    """Without a step for it callers hear the base language, which is not the one that Asterisk begins in."""
    with SipCall(studio.pbx, RECORDS["english"], "202", "g722") as call:
        studio.record(call)
        assert ENGLISH in call.heard().tones(HEARD), "the current one is that of the language"
        call.press("2")
        call.wait_over()
    assert studio.sound("en/hello.wav").tones(HEARD) == [SPOKEN]
    studio.wait_published("en/hello.wav")
    studio.wait_published("en/hello.wav16")
    calls = [(PLAYS["english"], "202", "g722"), (PLAYS["english"], "203", "pcmu"), (PLAYS["hello"], "204", "pcmu")]
    with ThreadPoolExecutor(len(calls)) as threads:
        heard = list(threads.map(lambda one: studio.tones(*one), calls))
    assert heard == [[SPOKEN, HIGH, PLAIN], [SPOKEN, PLAIN], [OLD]]


def what_a_call_is_playing_is_replaced(studio: Studio) -> None:
    new = rustle(1, seed=2)
    file = new.after(SETTLES).write(studio.house.root / "new.wav")
    with SipCall(studio.pbx, PLAYS["long"], "205") as call:
        assert until(lambda: call.moment > 0, 10)
        said = studio.house.routec("prompts", "add", "long", str(file), "--replace")
        studio.wait_published("long.wav")
        assert call.heard().seconds < studio.long.seconds - 0.3, "the change came too late"
        call.wait_over()
    assert likeness(call.heard(), studio.long) > 0.8, said
    with SipCall(studio.pbx, PLAYS["long"], "205") as fresh:
        fresh.wait_over()
    assert likeness(fresh.heard(), new) > 0.6


def signs_in(_: Studio, call: SipCall) -> None:
    assert call.wait_ask() == ASKS
    call.press("24")


def hears_the_current_one(studio: Studio, call: SipCall) -> None:
    studio.sign_in(call)
    call.wait_heard(OLD)


def hears_the_tone(studio: Studio, call: SipCall) -> None:
    studio.sign_in(call)
    call.wait_heard(BEEP)


def speaks(studio: Studio, call: SipCall) -> None:
    studio.sign_in(call)
    studio.wait_recording(call)
    call.play(studio.spoken)


def listens(studio: Studio, call: SipCall) -> None:
    studio.record(call)
    since = call.moment
    call.press("1")
    call.wait_heard(SPOKEN, since=since)


def speaks_again(studio: Studio, call: SipCall) -> None:
    studio.record(call)
    since = call.moment
    call.press("3")
    call.wait_heard(BEEP, since=since)


STATES: list[Callable[[Studio, SipCall], None]] = [
    signs_in, hears_the_current_one, hears_the_tone, speaks, Studio.record, listens, speaks_again,
]  # fmt: skip


def a_hangup_in_any_state_changes_nothing(studio: Studio) -> None:
    before = studio.files("calm")

    def hang_up(caller: str, comes_to: Callable[[Studio, SipCall], None]) -> SipCall:
        with SipCall(studio.pbx, RECORDS["calm"], caller, "g722" if comes_to is listens else "pcmu") as call:
            comes_to(studio, call)
            call.hang_up()
            call.wait_end()
        return call

    with ThreadPoolExecutor(len(STATES)) as threads:
        calls = list(threads.map(hang_up, PHONES[10:], STATES))
    assert [studio.wait_told(call).partition(": ")[2][:8] for call in calls[1:]] == ["hung_up:"] * len(calls[1:])
    assert studio.files("calm") == before
    assert studio.tones(PLAYS["calm"], PHONES[10]) == [OLD]


def a_hangup_right_after_the_key_that_keeps(studio: Studio) -> None:
    """It is kept or it is not: what is said of it, and what the next caller hears, are one."""
    before = studio.files("quick")
    with SipCall(studio.pbx, RECORDS["quick"], "206") as call:
        studio.record(call)
        call.press("2")
        call.hang_up()
        call.wait_end()
    is_kept = " kept:" in studio.wait_told(call)
    if not is_kept:
        assert studio.files("quick") == before
    else:
        assert before["quick.wav"] in [data for name, data in studio.files("quick").items() if name != "quick.wav"]
        studio.wait_published("quick.wav")
    assert studio.tones(PLAYS["quick"], "206") == [SPOKEN if is_kept else OLD]


def a_wrong_pin_records_nothing(studio: Studio) -> None:
    with SipCall(studio.pbx, RECORDS["calm"], "207") as call:
        studio.sign_in(call, pin="9753#")
        call.wait_over()
    heard = call.heard().tones(HEARD)
    assert not {OLD, BEEP, MENU} & set(heard), heard


def nobody_records_from_outside(studio: Studio) -> None:
    for number in RECORDS.values():
        with SipCall(studio.pbx, number, "+32475000002") as call:
            assert call.wait_over() == "404 Not Found"


STORY: list[Scene] = [spoken_in_heard_kept_and_heard_by_the_next_caller]
SCENES: list[Scene] = [
    *STORY,
    a_language_has_a_prompt_of_its_own_and_wideband_phones_hear_it_in_full,
    what_a_call_is_playing_is_replaced,
    a_hangup_in_any_state_changes_nothing,
    a_hangup_right_after_the_key_that_keeps,
    a_wrong_pin_records_nothing,
    nobody_records_from_outside,
]


@pytest.fixture(scope="module")
def outcomes(studio: Studio) -> dict[Scene, Future[None]]:
    """What each scene comes to. They are played all at once, each with a prompt of its own, and are over."""
    assert studio.serve
    with ThreadPoolExecutor(len(SCENES)) as threads:
        return {scene: threads.submit(scene, studio) for scene in (STORY if studio.asks_pin else SCENES)}


@both_versions
@pytest.mark.parametrize("scene", STORY, ids=lambda scene: scene.__name__)
def test_story(outcomes: dict[Scene, Future[None]], scene: Scene) -> None:
    outcomes[scene].result()


@newest_version
@pytest.mark.parametrize("scene", SCENES[1:], ids=lambda scene: scene.__name__)
def test_scenes(outcomes: dict[Scene, Future[None]], scene: Scene) -> None:
    outcomes[scene].result()


@newest_version
def test_no_recording_is_left_behind_even_by_a_serve_that_is_killed(
    studio: Studio, outcomes: dict[Scene, Future[None]]
) -> None:
    assert outcomes
    assert studio.takes() == []
    before = studio.files("calm")
    with SipCall(studio.pbx, RECORDS["calm"], "201") as call:
        studio.sign_in(call)
        studio.wait_recording(call)
        studio.serve.kill()
        call.press("#")
        call.wait_over()
    assert MENU not in call.heard().tones(HEARD)
    assert studio.files("calm") == before
    (left,) = studio.takes()
    os.utime(left, (1, 1))
    assert studio.serve
    assert studio.takes() == [], "the next one removes what no call can be in any more"
    assert studio.tones(PLAYS["calm"], "202") == [OLD]

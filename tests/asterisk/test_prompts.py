"""Prompts by phone: spoken in, heard, kept, and heard in the next call, on a real Asterisk and over real SIP.

All is told by ear: a prompt is known by its tone, wherever its file lies.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
    IN_ENGLISH,
    INSIDE,
    KEPT,
    LONG,
    MENU,
    OLD,
    OUTSIDE,
    PLAIN,
    RECORDS,
    RECORDS_ENGLISH,
    SETTLES,
    SPOKEN,
    Studio,
)

CALLER = "+32475000001"


@pytest.fixture(scope="module")
def one(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("studio")
    with Pbx(asterisk_root, root / "pbx", debug=0) as pbx:
        studio = Studio(root, pbx, asks_pin=(pbx.layout.modules / "chan_sip.so").exists())
        try:
            yield studio
        finally:
            studio.end()


@pytest.fixture
def studio(one: Studio) -> Studio:
    one.reset()
    return one


@both_versions
def test_spoken_in_heard_kept_and_heard_by_the_next_caller(studio: Studio) -> None:
    before = studio.files()
    assert studio.tones(OUTSIDE, CALLER) == [OLD]
    with SipCall(studio.pbx, RECORDS, "201") as call:
        studio.record(call)
        call.wait_heard(OLD, BEEP, MENU)
        since = call.moment
        call.press("1")
        call.wait_heard(SPOKEN, MENU, since=since)
        assert studio.files() == before, "nothing changes before it is kept"
        since = call.moment
        call.press("2")
        call.wait_heard(KEPT, since=since)
        call.wait_over()
    assert studio.sound("welcome.wav").tones(HEARD) == [SPOKEN]
    assert studio.sound("welcome.wav").seconds == pytest.approx(1, abs=0.25)
    files = studio.files()
    (replaced,) = (name for name in files if name.startswith(".replaced/welcome."))
    assert files[replaced] == before["welcome.wav"]
    assert files.keys() - before.keys() == {replaced, ".replaced/.gitignore"}
    studio.wait_published("welcome.wav")
    assert studio.tones(OUTSIDE, CALLER) == [SPOKEN]
    assert studio.takes() == []
    assert studio.wait_told(call).startswith(f"welcome by '{'recorder' if studio.asks_pin else 'anna'}': kept")


@newest_version
def test_a_language_has_a_prompt_of_its_own_and_wideband_phones_hear_it_in_full(studio: Studio) -> None:
    """Without a step for it callers hear the base language, which is not the one that Asterisk begins in."""
    with SipCall(studio.pbx, RECORDS_ENGLISH, "201", "g722") as call:
        studio.record(call)
        assert ENGLISH in call.heard().tones(HEARD), "the current one is that of the language"
        call.press("2")
        call.wait_over()
    assert studio.sound("en/welcome.wav").tones(HEARD) == [SPOKEN]
    studio.wait_published("en/welcome.wav")
    studio.wait_published("en/welcome.wav16")
    calls = [(IN_ENGLISH, "202", "g722"), (IN_ENGLISH, "203", "pcmu"), (INSIDE, "204", "pcmu")]
    with ThreadPoolExecutor(len(calls)) as threads:
        heard = list(threads.map(lambda one: studio.tones(*one), calls))
    assert heard == [[SPOKEN, HIGH, PLAIN], [SPOKEN, PLAIN], [OLD]]


@newest_version
def test_what_a_call_is_playing_is_replaced(studio: Studio, tmp_path: Path) -> None:
    new = rustle(1, seed=2)
    file = new.after(SETTLES).write(tmp_path / "new.wav")
    with SipCall(studio.pbx, LONG, "201") as call:
        assert until(lambda: call.moment > 0, 10)
        said = studio.house.routec("prompts", "add", "long", str(file), "--replace")
        studio.wait_published("long.wav")
        assert call.heard().seconds < studio.long.seconds - 0.3, "the change came too late"
        call.wait_over()
    assert min(likeness(call.heard(), studio.long.part(0, 3.5))) > 0.9, said
    with SipCall(studio.pbx, LONG, "202") as fresh:
        fresh.wait_over()
    assert min(likeness(fresh.heard(), new.part(0, 0.8), piece=0.4)) > 0.9


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


@newest_version
def test_a_hangup_in_any_state_changes_nothing(studio: Studio) -> None:
    before = studio.files()

    def hang_up(caller: str, comes_to: Callable[[Studio, SipCall], None]) -> SipCall:
        with SipCall(studio.pbx, RECORDS, caller, "g722" if comes_to is listens else "pcmu") as call:
            comes_to(studio, call)
            call.hang_up()
            call.wait_end()
        return call

    with ThreadPoolExecutor(len(STATES)) as threads:
        calls = list(threads.map(hang_up, PHONES, STATES))
    assert [studio.wait_told(call).partition(": ")[2][:8] for call in calls[1:]] == ["hung_up:"] * len(calls[1:])
    assert studio.takes() == []
    assert studio.files() == before
    assert studio.tones(INSIDE, "201") == [OLD]


@newest_version
def test_a_hangup_right_after_the_key_that_keeps(studio: Studio) -> None:
    """It is kept or it is not: what is said of it, and what the next caller hears, are one."""
    before = studio.files()
    with SipCall(studio.pbx, RECORDS, "201") as call:
        studio.record(call)
        call.press("2")
        call.hang_up()
        call.wait_end()
    is_kept = " kept:" in studio.wait_told(call)
    assert studio.takes() == []
    if not is_kept:
        assert studio.files() == before
        return
    assert before["welcome.wav"] in [data for name, data in studio.files().items() if name.startswith(".replaced")]
    studio.wait_published("welcome.wav")
    assert studio.tones(INSIDE, "202") == [SPOKEN]


@newest_version
def test_a_wrong_pin_records_nothing(studio: Studio) -> None:
    before = studio.files()
    with SipCall(studio.pbx, RECORDS, "201") as call:
        studio.sign_in(call, pin="9753#")
        call.wait_over()
    heard = call.heard().tones(HEARD)
    assert not {OLD, BEEP, MENU} & set(heard), heard
    assert studio.files() == before


@newest_version
def test_nobody_records_from_outside(studio: Studio) -> None:
    for number in (RECORDS, RECORDS_ENGLISH):
        with SipCall(studio.pbx, number, CALLER) as call:
            assert call.wait_over() == "404 Not Found"


@newest_version
def test_serve_is_killed_while_somebody_speaks(studio: Studio) -> None:
    before = studio.files()
    with SipCall(studio.pbx, RECORDS, "201") as call:
        studio.sign_in(call)
        studio.wait_recording(call)
        studio.serve.kill()
        call.press("#")
        call.wait_over()
    assert MENU not in call.heard().tones(HEARD)
    assert studio.files() == before
    assert studio.serve
    assert studio.takes() == [], "a new serve removes what the killed one has left"
    assert studio.tones(INSIDE, "202") == [OLD]

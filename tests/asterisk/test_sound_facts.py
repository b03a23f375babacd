"""What voice prompts stand on in Asterisk, each thing shown by ear, on the newest and the oldest version."""

import contextlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from routec.sound.wav import fault, placeholder_mark, wav_file
from tests.asterisk.agi import Conversation, checker
from tests.asterisk.config import PHONES
from tests.asterisk.conftest import both_versions
from tests.asterisk.hearing import Sound, likeness, rustle, tone
from tests.asterisk.machine import until
from tests.asterisk.pbx import Pbx
from tests.asterisk.sip import SipCall

BASE, DUTCH, BRITISH, ENGLISH = TONES = (600, 900, 1300, 1900)
HIGH = 6000
"""A tone that only a wideband call can carry."""
BEEP = 700
"""The tone of Asterisk's own `beep`."""


class Line:
    """An extension of one fact's own on a PBX that others use as well, and a phone inside that calls it."""

    def __init__(self, lines: dict[str, list[str]], turn: threading.Lock, pbx: Pbx, caller: str) -> None:
        self.pbx = pbx
        self.sounds = pbx.sounds
        self._lines = lines
        self._turn = turn
        self._caller = caller

    @contextlib.contextmanager
    def phone(self, *steps: str, codec: str = "pcmu") -> Iterator[SipCall]:
        """A call of the phone for which these steps are done as soon as it can hear and be heard."""
        # what a phone has got but not sounded when the line goes quiet is lost: so there is silence at the end
        wanted = ["Answer()", "Read(GO,,1)", *steps, "Playback(facts/silence)", "Hangup()"]
        number = f"5{self._caller}" + ("2" if codec == "g722" else "")
        with self._turn:
            self._lines[number] = [f"exten => {number},{at},{step}" for at, step in enumerate(wanted, 1)]
            self.pbx.reload("\n".join(["[routec-extensions]", *itertools.chain(*self._lines.values()), ""]))
        with SipCall(self.pbx, number, self._caller, codec) as call:
            call.wait_ask()
            call.press("1")
            yield call

    def hears(self, *steps: str, codec: str = "pcmu") -> Sound:
        """All that the phone hears of these steps."""
        with self.phone(*steps, codec=codec) as call:
            call.wait_over(20)
        return call.heard()


Fact = Callable[[Line, Path], None]


def short(hertz: int, path: Path, rate: int = 8000) -> None:
    """A short tone with silence behind it, so that each playing counts."""
    Sound.write(tone(hertz, seconds=0.1, rate=rate).then(0.06), path)


def a_phone_hears_is_heard_and_presses_keys(line: Line, tmp_path: Path) -> None:
    played, spoken = tone(500, 1300, 2100, 900, seconds=0.2), tone(600, 1700, 1100, seconds=0.2).then(0.4)
    played.write(line.sounds / "facts/played.wav")
    file = tmp_path / "spoken.wav"
    steps = ("Playback(facts/played)", f"Record({file},0,20,q)", "Read(KEYS,,6)")
    with line.phone(*steps) as call:
        assert until(file.exists, 10)
        call.play(spoken.write(tmp_path / "say.wav"))
        call.press("#")
        assert call.wait_ask() == ""
        call.press("19*55#")
        assert call.wait_variable("KEYS") == "19*55"
        call.wait_over()
    things = call.heard().things((500, 900, 1300, 2100))
    assert [thing.tone for thing in things] == [500, 1300, 2100, 900]
    assert all(abs(thing.seconds - 0.2) <= 0.06 for thing in things), things
    assert Sound.read(file).tones((600, 1100, 1700)) == [600, 1700, 1100]


def a_text_in_a_file_costs_the_end_of_the_sound_unless_it_stands_behind(line: Line, _: Path) -> None:
    """Asterisk takes the length of the samples for their end in the file, counted from where they usually begin.

    So a LIST/INFO chunk before them has the sound end too soon, by as many bytes as it has itself. A chunk behind them
    does nothing. Nothing of either is ever heard.
    """
    original, text = tone(*TONES, seconds=0.2), "x" * 4800
    original.write(line.sounds / "facts/before.wav", before=text)
    original.write(line.sounds / "facts/behind.wav", behind=text)
    heard = line.hears("Playback(facts/behind)", "Playback(facts/silence)", "Playback(facts/before)")
    things = heard.things(TONES)
    assert [thing.tone for thing in things] == [*TONES, *TONES[:3]], things
    assert things[-1].seconds == pytest.approx(0.1, abs=0.05)


def a_placeholder_is_heard_to_its_end(line: Line, _: Path) -> None:
    original, path = rustle(0.8), line.sounds / "facts/placeholder.wav"
    original.write(path)
    spoken = path.read_bytes()
    path.write_bytes(wav_file(8000, spoken[spoken.index(b"data") + 8 :], placeholder_mark("a long text " * 300)))
    assert fault(path) == ""
    (thing,) = line.hears("Playback(facts/placeholder)").things(())
    assert abs(thing.seconds - 0.8) <= 0.1


def nothing_is_heard_behind_a_chunk_of_odd_length(line: Line, _: Path) -> None:
    """Asterisk knows of no padding."""
    path = line.sounds / "facts/odd.wav"
    rustle(0.8).write(path)
    sound = path.read_bytes()
    begin = sound.index(b"data")
    path.write_bytes(sound[:begin] + b"odd \x03\0\0\0abc\0" + sound[begin:])
    assert "Asterisk would leave out all of it" in fault(path)
    assert line.hears("Playback(facts/odd)").things(()) == []


LOOKED_UP = [
    ("", "all", ENGLISH), ("", "two", BASE),
    ("nl", "all", DUTCH), ("nl_BE", "all", DUTCH), ("en_GB", "all", BRITISH), ("en_gb", "all", ENGLISH),
    ("fr", "all", BASE), ("en_GB", "two", BASE), ("fr", "english", ENGLISH),
]  # fmt: skip
"""A language (none: the call has no step for it), a file, and whose version of it is heard."""


def a_language_picks_a_file(line: Line, tmp_path: Path) -> None:
    """The language's folder, then the one of the language without its country, then none, then `en` in the end.

    The folder stands before the whole name if it is relative, before its last part if it is absolute. Upper and lower
    case count. A call's language is `en`, not nothing, as long as nobody has set it.
    """
    versions = {"": BASE, "nl": DUTCH, "en": ENGLISH, "en_GB": BRITISH}
    for file, folders in {"all": versions, "two": ("", "nl"), "english": ("en",)}.items():
        for folder in folders:
            short(versions[folder], line.sounds / folder / f"facts/{file}.wav")
            short(versions[folder], tmp_path / folder / f"{file}.wav")
    steps: list[str] = []
    for language, file, _ in LOOKED_UP:
        steps += [f"Set(CHANNEL(language)={language})"] * bool(language)
        steps += [f"Playback({where}/{file})" for where in ("facts", tmp_path)]
    things = line.hears(*steps).things(TONES)
    assert [thing.tone for thing in things] == [heard for *_, heard in LOOKED_UP for _ in range(2)]


def agi_follows_the_language(line: Line, tmp_path: Path) -> None:
    """STREAM FILE and GET DATA as well, for relative and absolute names.

    GET DATA of a file that is not there answers what it answers to a hangup; STREAM FILE's answer has an `endpos`.
    """
    for folder, hertz in (("", BASE), ("nl", DUTCH)):
        short(hertz, line.sounds / folder / "facts/spoken.wav")
        short(hertz, tmp_path / folder / "spoken.wav")
    names = ("facts/spoken", tmp_path / "spoken")

    def script(talk: Conversation) -> None:
        talk.say("GET VARIABLE CHANNEL(language)")
        for language in ("nl_BE", "fr"):
            talk.say(f"SET VARIABLE CHANNEL(language) {language}")
            for name in names:
                talk.say(f'STREAM FILE {name} "#"')
                talk.say(f"GET DATA {name} 50 1")
        talk.say('STREAM FILE facts/nothing "#"')
        talk.say("GET DATA facts/nothing 50 1")

    with checker(script) as server:
        heard = line.hears(f"AGI(agi://127.0.0.1:{server.port}/x)")
        assert server.over.acquire(timeout=5)
    assert [thing.tone for thing in heard.things(TONES)] == [DUTCH] * 4 + [BASE] * 4
    one = ["200 result=1", *["200 result=0 endpos=1280", "200 result= (timeout)"] * 2]
    assert server.talks[0].heard == ["200 result=1 (en)", *one, *one, "200 result=-1 endpos=0", "200 result=-1"]


def a_wideband_call_plays_the_wideband_file(line: Line, _: Path) -> None:
    """`.wav16` beside `.wav` is for a call that can carry it; where one is missing, the other is played.

    Language goes before that: the `.wav` in the call's language is played though there is a `.wav16` without language.
    """
    folder = line.sounds / "facts"
    short(BASE, folder / "both.wav")
    tone(HIGH, seconds=0.1, rate=16000).then(0.06).write(folder / "both.wav16", behind="a text" * 100)
    short(DUTCH, line.sounds / "nl/facts/both.wav")
    short(BRITISH, folder / "narrow.wav")
    short(ENGLISH, folder / "wide.wav16", rate=16000)
    plays = [f"Playback(facts/{name})" for name in ("both", "narrow", "wide")]

    def script(talk: Conversation) -> None:
        talk.say("GET VARIABLE CHANNEL(audionativeformat)")

    with checker(script) as server:
        steps = [*plays, "Set(CHANNEL(language)=nl)", "Playback(facts/both)", f"AGI(agi://127.0.0.1:{server.port}/x)"]
        for codec, both in (("pcmu", BASE), ("g722", HIGH)):
            heard = line.hears(*steps, codec=codec)
            assert server.over.acquire(timeout=5)
            assert [thing.tone for thing in heard.things((*TONES, HIGH))] == [both, BRITISH, ENGLISH, DUTCH]
    answers = [answer for talk in server.talks for answer in talk.heard]
    assert answers == ["200 result=1 ((ulaw))", "200 result=1 ((g722))"]


def a_file_that_is_being_played_changes(line: Line, _: Path) -> None:
    """A new file under the same name does not touch the call that plays the old one; new bytes in the old file do."""
    old, new = rustle(1.2), rustle(1.2, seed=2)
    renamed, written = (old.write(line.sounds / f"facts/{name}.wav") for name in ("renamed", "written"))
    other = new.write(line.sounds / "facts/new.wav")
    with line.phone("Playback(facts/renamed)", "Playback(facts/written)") as call:
        assert until(lambda: call.moment > 0, 5)
        data = other.read_bytes()
        other.replace(renamed)
        assert call.heard().seconds < 0.8, "the change came too late"
        call.wait_event("Newexten", AppData="facts/written")
        assert until(lambda: call.heard().seconds > 1.3, 5)
        written.write_bytes(data)
        assert call.heard().seconds < 2, "the change came too late"
        call.wait_over()
    assert likeness(call.heard().part(0, 1.3), old) > 0.8
    assert likeness(call.heard().part(1.3), new) > 0.2


def a_recording_over_agi(line: Line, tmp_path: Path) -> None:
    """RECORD FILE: the key that ends it, the time that is up, a place that cannot be written, and keys that do nothing.

    The beep is not in the file, nor is the last 0.2 s before the key (Asterisk cuts it off), nor a key that ends
    nothing. A place that cannot be written is known by its word: the number is a hangup's. The number of a time that is
    up is mostly 0, and means nothing.
    """
    said = tone(DUTCH, BRITISH, seconds=0.4).write(tmp_path / "said.wav")
    by_key, by_time = tmp_path / "by key.wav", tmp_path / "time.wav"

    def script(talk: Conversation) -> None:
        talk.say(f'RECORD FILE "{tmp_path}/by key" wav "#" 10000 BEEP')
        talk.say(f'RECORD FILE {tmp_path}/time wav "#" 300')
        talk.say(f'RECORD FILE {tmp_path}/no/folder wav "#" 300')
        talk.say(f'STREAM FILE "{tmp_path}/by key" "12"')

    with checker(script) as server, line.phone(f"AGI(agi://127.0.0.1:{server.port}/x)") as call:
        assert until(by_key.exists, 10)
        call.play(said)
        call.press("5#")
        assert until(by_time.exists, 10)
        call.wait_over()
        assert server.over.acquire(timeout=5)
    recorded = Sound.read(by_key)
    assert recorded.tones((*TONES, BEEP)) == [DUTCH, BRITISH]
    assert 0.5 < recorded.seconds < 0.9
    assert Sound.read(by_time).seconds == pytest.approx(0.3, abs=0.05)
    length = round(recorded.seconds * 8000)
    key, time, nowhere, played = server.talks[0].heard
    assert key == f"200 result=35 (dtmf) endpos={length}"
    assert re.fullmatch(rf"200 result=\d+ \(timeout\) endpos={round(Sound.read(by_time).seconds * 8000)}", time)
    assert (nowhere, played) == ("200 result=-1 (writefile)", f"200 result=0 endpos={length}")
    assert not (tmp_path / "no").exists()
    assert call.heard().tones((*TONES, BEEP)) == [BEEP, DUTCH, BRITISH]


def a_wideband_recording(line: Line, tmp_path: Path) -> None:
    said, file = tone(HIGH, seconds=0.5, rate=16000).write(tmp_path / "said.wav"), tmp_path / "x.wav16"

    def script(talk: Conversation) -> None:
        talk.say(f'RECORD FILE {tmp_path}/x wav16 "#" 10000')

    with checker(script) as server, line.phone(f"AGI(agi://127.0.0.1:{server.port}/x)", codec="g722") as call:
        assert until(file.exists, 10)
        call.play(said)
        call.press("#")
        call.wait_over()
    recorded = Sound.read(file)
    assert (recorded.rate, recorded.tones((HIGH,))) == (16000, [HIGH])


def a_hangup_in_a_recording(line: Line, tmp_path: Path) -> None:
    """The file stays, and is whole. With AGIEXITONHANGUP the conversation ends there."""
    said, file = tone(DUTCH, seconds=0.4).write(tmp_path / "said.wav"), tmp_path / "x.wav"

    def script(talk: Conversation) -> None:
        talk.say(f'RECORD FILE {tmp_path}/x wav "#" 10000')
        while talk.listen():
            pass

    with checker(script) as server:
        with line.phone("Set(AGIEXITONHANGUP=yes)", f"AGI(agi://127.0.0.1:{server.port}/x)") as call:
            assert until(file.exists, 10)
            call.play(said)
            call.hang_up()
            call.wait_end()
        assert server.over.acquire(timeout=5)
    recorded = Sound.read(file)
    assert recorded.tones((DUTCH,)) == [DUTCH]
    ended = f"200 result=-1 (hangup) endpos={round(recorded.seconds * 8000)}"
    assert server.talks[0].heard == [ended, "HANGUP", "HANGUP", ""]
    assert call.variables["AGISTATUS"] == "HANGUP"


FACTS: list[Fact] = [
    a_placeholder_is_heard_to_its_end,
    nothing_is_heard_behind_a_chunk_of_odd_length,
    a_phone_hears_is_heard_and_presses_keys,
    a_text_in_a_file_costs_the_end_of_the_sound_unless_it_stands_behind,
    a_language_picks_a_file,
    agi_follows_the_language,
    a_wideband_call_plays_the_wideband_file,
    a_file_that_is_being_played_changes,
    a_recording_over_agi,
    a_wideband_recording,
    a_hangup_in_a_recording,
]


@pytest.fixture(scope="module")
def outcomes(shared_pbx: Pbx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Fact, Future[None]]]:
    """What each fact comes to; they are looked at all at once, for each takes as long as its sounds."""
    shared_pbx.add_sound("facts/silence", 0.2)
    lines: dict[str, list[str]] = {}
    turn = threading.Lock()
    with ThreadPoolExecutor(len(FACTS)) as threads:
        yield {
            fact: threads.submit(fact, Line(lines, turn, shared_pbx, caller), tmp_path_factory.mktemp("fact"))
            for fact, caller in zip(FACTS, PHONES, strict=False)
        }


@both_versions
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_facts(outcomes: dict[Fact, Future[None]], fact: Fact) -> None:
    outcomes[fact].result()

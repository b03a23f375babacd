"""`say` and the cases of an else: as they are read, and how calls run through them."""

import re
from pathlib import Path

import pytest

from routec.apply.words.source_map import WORDS
from routec.backend.escape import spoken
from routec.frontend import syntax
from routec.frontend.expectations import STEP_WORDS
from routec.frontend.flow import ends, ways
from routec.frontend.parser import parse
from routec.model import Case, Cases, Dial, Goto, Hangup, Play, Say, SignIn, Step
from routec.model.walk import all_steps, inner_blocks
from routec.source import Source, Span

HERE = Span("a.route", 0, 1)
GOTO = Goto(span=HERE, route="a")
HANGUP = Hangup(span=HERE, cause=None)
DIAL = Dial(span=HERE, targets=("101",), seconds=None, otherwise=None)
PLAY = Play(span=HERE, words=("a",), sounds=("a",))
TEXT = Say(span=HERE, how="digits", text="1")
TIME = Say(span=HERE, how="time")
CODE = Say(span=HERE, how="digits", value="extra1", word="room")


def read(text: str) -> list[syntax.Step]:
    file, faults = parse(Source("a.route", text))
    assert faults == []
    return file.steps


def test_the_words_of_steps_are_those_of_the_grammar() -> None:
    """Whoever forgets one is not told where a step stands in the wrong block, nor where it stands at all."""
    text = (Path(__file__).parents[2] / "grammar" / "routec.lark").read_text()
    (rules,) = re.findall(r"^_step: (.+)$", text, re.MULTILINE)
    terminals = [re.findall(rf"^{rule}: (\w+)", text, re.MULTILINE)[0] for rule in rules.split(" | ")]
    assert [terminal.lower() for terminal in terminals] == list(STEP_WORDS)
    assert set(STEP_WORDS) == set(WORDS.values())


@pytest.mark.parametrize(
    ("text", "how", "value"),
    [
        ('say digits "12"', "digits", "12"),
        ("say digits 12", "digits", "12"),
        ("say number -12", "number", "-12"),
        ("say letters room", "letters", "room"),
        ("say digits digits", "digits", "digits"),
        ("say letters time", "letters", "time"),
    ],
)
def test_say(text: str, how: str, value: str) -> None:
    [step] = read(text)
    assert isinstance(step, syntax.Say)
    assert step.value is not None
    assert (step.how, step.value[0], step.start, step.end) == (how, value, 0, len(text))


def test_say_time() -> None:
    [say, after] = read("say time  # now\nhangup")
    assert isinstance(say, syntax.Say)
    assert (say.how, say.value, say.end) == ("time", None, 8)
    assert isinstance(after, syntax.Hangup)


def test_cases() -> None:
    [step] = read("auth a else { locked: goto b\n denied { dial 101 else wait 1s; hangup }; error :hangup; hangup }")
    assert isinstance(step, syntax.SignIn)
    assert step.otherwise is not None
    locked, denied, error, plain = step.otherwise
    assert [case.name.text for case in (locked, denied, error) if isinstance(case, syntax.Case)] == [
        "locked", "denied", "error",
    ]  # fmt: skip
    assert isinstance(denied, syntax.Case)
    assert [type(inner).__name__ for inner in denied.steps] == ["Dial", "Hangup"]
    assert isinstance(plain, syntax.Hangup)


@pytest.mark.parametrize("word", ["hangup", "prompt", "say", "else"])
def test_a_word_of_the_language_is_no_case(word: str) -> None:
    """A step stands there sooner, and its word has one meaning."""
    assert parse(Source("a.route", f"auth a else {{ {word}: goto b }}"))[1] != []


@pytest.mark.parametrize(
    ("steps", "paused"),
    [((TEXT,), True), ((TIME,), True), ((PLAY,), True), ((CODE,), False), ((CODE, TEXT), True), ((), False)],
)
def test_a_code_that_may_be_empty_is_no_pause(steps: tuple[Step, ...], paused: bool) -> None:
    [way] = ways([DIAL, *steps, GOTO])
    assert (way.rang, way.paused, way.asked) == (True, paused, False)


def test_a_call_runs_through_every_case() -> None:
    cases = Cases(
        cases=(Case(span=HERE, name="locked", steps=(TIME, GOTO)), Case(span=HERE, name="error", steps=(HANGUP,)))
    )
    step = SignIn(span=HERE, module="a", otherwise=cases)
    assert inner_blocks(step) == ((TIME, GOTO), (HANGUP,))
    assert list(all_steps((step, DIAL))) == [step, DIAL, HANGUP, TIME, GOTO]
    assert [way.asked for way in ways([step])] == [True]
    assert not ends([step])
    assert (cases.steps("error"), cases.steps("denied")) == ((HANGUP,), None)


@pytest.mark.parametrize("text", ["", " a", "a ", "a  b", "a,b", "${A}", "a;b", "a)b", "a\nb", "é", "a&b", '"', "a$"])
def test_what_is_spoken_is_plain(text: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a dialplan"):
        spoken(text)

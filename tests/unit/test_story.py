"""What callers meet, read back from the dialplan."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routec.apply.priority import Held, Priority, again, beside
from routec.apply.words.changes import changes
from routec.apply.words.gates import ways
from routec.apply.words.met import all_steps, tell
from routec.apply.words.story import ENTRIES, Entry, Story, Teller
from routec.apply.words.told import SOUNDS
from routec.backend.dialplan import ANY_NUMBER
from routec.model import Answer, Cases, Dial, Goto, Language, Play, RecordPrompt, Say, SignIn, Step, Wait
from routec.model.walk import Steps
from tests.unit.compile_cases import NAMES, compile_case
from tests.unit.dialplans import app, edited, held, of_dialplan

FRONT = """
route front {
  on did +3225551234
  on extension 600
  prompt "welcome"
  auth staff else hangup
  prompt "ok"
  dial 101
}
"""


def told(dialplan: Held, number: str = "600", entry: Entry = "extensions") -> Story:
    found = Teller(dialplan).story(number, entry)
    assert found is not None
    return found


def text(routes: str, number: str = "600") -> str:
    return told(held(routes), number).text


def test_a_route() -> None:
    assert text(FRONT) == "plays welcome, asks for staff (else hangs up), plays ok, rings 101"
    for form in ("+3225551234", "3225551234", "003225551234", "025551234"):
        assert told(held(FRONT), form, "dids").text == text(FRONT)
    assert Teller(held(FRONT)).story("601", "extensions") is None
    assert Teller(held(FRONT)).story("600", "dids") is None
    assert Teller({}).story("600", "dids") is None


@pytest.mark.parametrize(
    ("steps", "met"),
    [
        ("hangup busy", "hangs up (busy)"),
        ("hangup rejected", "hangs up (rejected)"),
        ("wait 2s; answer; hangup", "waits 2s, answers, hangs up"),
        ('prompt "a", "b"', "plays a, b, hangs up"),
        ('language en_gb; prompt "a"; hangup', "speaks en_gb from here on, plays a, hangs up"),
        ('say digits "12"; say time', "says the digits 12, says the time, hangs up"),
        ('say number 5; say letters "ab c"', "says the number 5, says the letters ab c, hangs up"),
        ("dial 101, 102 for 20s; wait 1s", "rings 101, 102 for 20s, waits 1s, hangs up"),
        ("dial 101 for 1s else hangup busy", "rings 101 for 1s, hangs up (busy)"),
        (
            'auth staff else { locked: hangup busy; denied { prompt "no"; hangup } }; dial 1',
            "asks for staff (locked: hangs up (busy); denied: plays no, hangs up; otherwise hangs up), rings 1",
        ),
        (
            "auth staff else { auth guests else hangup; dial 2 else hangup }; dial 1",
            "asks for staff (else asks for guests (else hangs up), rings 2), rings 1",
        ),
        (
            "auth staff else hangup; say digits login; say number login; dial 1",
            "asks for staff (else hangs up), says the digits of login, says login as a number, rings 1",
        ),
    ],
)
def test_each_step(steps: str, met: str) -> None:
    assert text(f"route r {{ on extension 600; {steps} }}") == met


def test_another_route_is_told_in_its_place() -> None:
    routes = 'route a { on extension 600; wait 1s; goto b }\nroute b { prompt "b"; hangup }'
    assert text(routes) == "waits 1s, goes to the route b: plays b, hangs up"


def test_routes_that_lead_to_each_other_have_an_end() -> None:
    routes = "route a { on extension 600; auth staff else goto b; goto b }\nroute b { auth guests else goto a; goto a }"
    assert [part.route for part in told(held(routes)).parts] == ["", "a", "b"]


def kinds(steps: Steps) -> list[str]:
    """What the model says of a route, as kinds of steps; a route of plain kinds is enough to tell a wrong reading."""
    found = []
    for step in steps:
        match step:
            case SignIn():
                found.append(f"asks for {step.module}")
                if isinstance(step.otherwise, Cases):
                    blocks = {case.name: case.steps for case in step.otherwise.cases}
                    inner = [blocks[name] for name in ("locked", "denied", "error") if name in blocks]
                else:
                    inner = [step.otherwise]
                for block in inner:
                    found += kinds(block)
            case Dial():
                found.append("rings " + ", ".join(step.targets)[:100])
                found += kinds(step.otherwise or ())
            case Goto():
                found.append(f"goes to the route {step.route}")
            case _:
                found += plain(step)
    return found


def plain(step: Step) -> list[str]:
    match step:
        case Play():
            return ["plays " + ", ".join(sound.removeprefix(SOUNDS) for sound in step.sounds)[:100]]
        case Say():
            return ["says"]
        case Language():
            return [f"speaks {step.language} from here on"]
        case RecordPrompt():
            return [f"records {step.prompt}" + (f" in {step.language}" if step.language else "")]
        case Wait():
            return [f"waits {step.seconds}s"]
        case _:
            return ["answers"] if isinstance(step, Answer) else []


@pytest.mark.parametrize("case", NAMES)
def test_all_cases_are_told_and_nothing_in_them_is_foreign(case: str) -> None:
    done = compile_case(case)
    assert done.dialplan is not None
    dialplan = of_dialplan(done.dialplan)
    for route in done.system.routes:
        for entry in route.entries:
            found = told(dialplan, entry.number, "dids" if entry.kind == "did" else "extensions")
            (part,) = [part for part in found.parts if part.route == route.name]
            steps = [step for step in all_steps(part.steps) if step.kind != "hangs"]
            assert [step.text.partition(" for ")[0] if step.kind == "rings" else step.text for step in steps] == [
                one if one != "says" else steps[number].text for number, one in enumerate(kinds(route.steps))
            ]
            assert {step.kind for step in all_steps(part.steps)} & {"runs", "passes", "lost"} == set()


class TestHandEdits:
    def test_an_application_of_somebody_elses(self) -> None:
        dialplan = edited(held(FRONT), "routec-extensions", "600", {1: app("Dial", "PJSIP/999,,g")})
        found = told(dialplan)
        assert found.text == "runs Dial(PJSIP/999,,g), ends: there is no further priority"
        assert found.parts[0].steps[0].kind == "runs"

    def test_an_extension_that_goes_before_the_pattern(self) -> None:
        """Asterisk takes an exact number before a pattern: so does who reads it."""
        dialplan = edited(held(FRONT), "routec-front", "600", {1: app("Dial", "PJSIP/101")})
        assert told(dialplan).text.startswith("rings 101, ends")
        assert told(dialplan, "025551234", "dids").text.startswith("plays welcome")

    def test_a_sign_in_is_believed_to_the_letter_only(self) -> None:
        dialplan = held(FRONT)
        broken = edited(dialplan, "routec-signin.staff", "T", {1: app("Set", "ROUTEC_VERDICT=granted")})
        steps = told(broken).parts[1].steps
        assert "asks" not in {step.kind for step in steps}
        assert ways(told(dialplan)).things["rings", "101"] == {"staff"}
        assert ways(told(broken)).things["rings", "101"] == frozenset()

    def test_an_else_that_runs_on(self) -> None:
        dialplan = edited(held(FRONT), "routec-front", ANY_NUMBER, {5: app("NoOp")})
        assert "goes on as if signed in to staff" in told(dialplan).text
        assert ways(told(dialplan)).things["rings", "101"] == frozenset()

    def test_a_jump_past_a_sign_in(self) -> None:
        dialplan = edited(held(FRONT), "routec-front", ANY_NUMBER, {1: app("GotoIf", "1?granted-staff")})
        assert ways(told(dialplan)).things["rings", "101"] == frozenset()

    def test_a_goto_to_nowhere(self) -> None:
        line = app("Goto", "routec-gone-0123456789ab,${EXTEN},1")
        dialplan = edited(held(FRONT), "routec-extensions", "600", {1: line})
        assert told(dialplan).text == "ends: there is no context routec-gone-0123456789ab"

    def test_nothing_drives_the_terminal(self) -> None:
        line = app("Verbose", "\x1b[2J\n\u202e" + "x" * 10_000)
        found = told(edited(held(FRONT), "routec-extensions", "600", {1: line}))
        assert found.text.isprintable()
        assert len(found.text) < 1_000

    def test_another_extension_for_some_callers(self) -> None:
        for context in ("routec-front", "routec-extensions"):
            exten = ANY_NUMBER if context == "routec-front" else "600"
            broken = edited(held(FRONT), context, again(exten, {}), {1: app("Dial", "PJSIP/101"), 2: app("Hangup")})
            met = " ".join(tell(part.steps) for part in told(broken).parts)
            assert "runs other steps (some callers: rings 101)" in met
            assert ways(told(broken)).things["rings", "101"] == frozenset()

    def test_a_sign_in_with_another_extension_is_not_believed(self) -> None:
        broken = edited(held(FRONT), "routec-signin.staff", again(ANY_NUMBER, {}), {1: app("Return")})
        assert "asks for staff" not in told(broken).text
        assert ways(told(broken)).things["rings", "101"] == frozenset()

    def test_what_somebody_included(self) -> None:
        name = beside("include", "phones")
        broken = edited(held(FRONT), "routec-extensions", name, {1: app("include", "phones")})
        assert tell(told(broken).parts[0].steps) == "runs include => phones, goes to the route front"
        assert Teller(broken).story("101", "extensions") is None
        beyond = Teller(broken).elsewhere("101", "extensions")
        assert beyond is not None
        assert beyond.text == "runs include => phones"
        assert Teller(held(FRONT)).elsewhere("101", "extensions") is None

    def test_a_circle_of_sign_ins(self) -> None:
        """Labels that lead back: the story has an end all the same."""
        dialplan = held(FRONT)
        lines = {
            number: app("GotoIf", '${REGEX("^locked$" ${ROUTEC_VERDICT})}?auth-staff') for number in range(5, 2_000)
        }
        assert told(edited(dialplan, "routec-front", ANY_NUMBER, dict(lines))).text


APPS = ("Goto", "GotoIf", "Gosub", "Set", "Hangup", "Dial", "Playback", "Wait", "Answer", "Return", "SayNumber", "X")
CONTEXTS = (
    "routec-dids",
    "routec-extensions",
    "routec-a-0123456789ab",
    "routec-goto.a",
    "routec-signin.m-0123456789ab",
)
DATA = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "ROUTEC_VERDICT=", '${REGEX("^granted$" ${ROUTEC_VERDICT})}?a', '${REGEX("^locked$" ${ROUTEC_VERDICT})}?b',
            "a", "b,1", "1?a:b", "PJSIP/1", "1", "a&b", *(f"{context},${{EXTEN}},1" for context in CONTEXTS),
        ]
    ),
)  # fmt: skip
LINES = st.dictionaries(
    st.integers(-1, 9),
    st.builds(Priority, st.sampled_from(["", "a", "b", "\n"]), st.sampled_from(APPS), DATA),
    max_size=9,
)
HELD = st.dictionaries(
    st.sampled_from(CONTEXTS),
    st.dictionaries(st.sampled_from(["600", ANY_NUMBER, "_X.", "_[", "T", "end", "_6![-"]), LINES, max_size=3),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(HELD, HELD)
def test_any_dialplan_is_told(one: Held, other: Held) -> None:
    for entry in ENTRIES:
        if (found := Teller(one).story("600", entry)) is not None:
            assert found.text.isprintable()
    assert all(str(change).isprintable() for change in changes(one, other))
    assert changes(one, one) == []

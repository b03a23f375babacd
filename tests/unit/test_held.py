"""What a dialplan holds: read of text and written as text, compared, and followed from context to context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.apply.held import (
    Difference,
    Held,
    HeldError,
    Priority,
    as_text,
    differences,
    of_text,
    ours,
)
from routec.apply.jumps import reach
from routec.apply.priority import again, for_some, is_marked
from routec.pipeline import render
from tests.unit.compile_cases import NAMES, compile_case
from tests.unit.dialplans import of_dialplan

APPS = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,10}", fullmatch=True)
LABELS = st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9_.-]{1,10}", fullmatch=True))
DATA = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30) | st.text(';\\-(),"$ \t', max_size=12)
CONTEXTS = st.from_regex(r"routec-[a-z0-9._-]{1,20}", fullmatch=True)
EXTENS = st.sampled_from(["_[+*0-9]!", "T", "end", "*", "600", "+3225551234"])


@st.composite
def extensions(draw: st.DrawFn) -> dict[int, Priority]:
    numbers = draw(st.lists(st.integers(1, 999_999), min_size=1, max_size=5, unique=True))
    labels = draw(st.lists(LABELS, min_size=len(numbers), max_size=len(numbers), unique=True))
    return {n: Priority(label, draw(APPS), draw(DATA)) for n, label in zip(numbers, labels, strict=True)}


HELD = st.dictionaries(CONTEXTS, st.dictionaries(EXTENS, extensions(), max_size=3), max_size=4)


@given(HELD)
def test_text_reads_back_to_the_same(held: Held) -> None:
    text = as_text(held)
    assert of_text(text) == held
    assert not differences(held, of_text(text))


@pytest.mark.parametrize("case", NAMES)
def test_a_published_file_holds_what_was_compiled(case: str) -> None:
    done = compile_case(case)
    if done.dialplan is None:
        pytest.skip("a case of a fault")
    wanted = of_dialplan(done.dialplan)
    assert of_text(render(done)["extensions.conf"].decode()) == wanted == ours(wanted)
    assert of_text(as_text(wanted)) == wanted


@pytest.mark.parametrize(
    "held",
    [
        {"routec-a": {"1": {1: Priority("", "NoOp", "a\nexten => 2,1,System(x)")}}},
        {"routec-a": {"1": {1: Priority("", "NoOp", "a\rb")}}},
        {"routec-a": {"1": {1: Priority("", "NoOp", "\0")}}},
        {"routec-a": {"1": {1: Priority("", "NoOp", "x" * 8190)}}},
        {"routec-a": {"1": {1: Priority("a", "NoOp", ""), 2: Priority("a", "NoOp", "")}}},
        {"routec-a": {"1,2": {1: Priority("", "NoOp", "")}}},
        {"routec-a": {"1": {-1: Priority("", "PJSIP/1", "")}}},
        {"routec-a": {"1": {1: Priority("", "No Op", "")}}},
        {"routec-a": {"1": {1: Priority("x)", "NoOp", "")}}},
        {"routec-a": {"": {1: Priority("", "NoOp", "")}}},
        {"routec-a": {"1": {}}},
        {"routec-a](+)": {}},
        {"routec-a\n[b": {}},
        {"a" * 80: {}},
        {"": {}},
        {"general": {}},
        {"routec-a": {"1": {1: Priority("", "NoOp", "\ud800")}}},
    ],
    ids=range(17),
)
def test_what_cannot_be_written_is_refused(held: Held) -> None:
    with pytest.raises(ValueError, match=r"cannot"):
        as_text(held)


def test_a_hand_edit_is_read_as_asterisk_reads_it() -> None:
    text = """
; a comment
[routec-a]  ; another
exten=>600,1,NoOp
exten = 600,n(two), NoOp( a;b)
  same => n , NoOp(x)
exten => 600,5,NoOp(a\\;b\\\\;c(d) ) ; ) the end
 same=n,Hangup()
#tryinclude "/srv/pbx/retired.conf"
"""
    with pytest.raises(HeldError) as caught:
        of_text(text)
    assert caught.value.line == 5
    held = of_text(text.replace("a;b)", "a)").replace("n ,", "n,"))
    assert held == {
        "routec-a": {
            "600": {
                1: Priority("", "NoOp", ""),
                2: Priority("two", "NoOp", " a"),
                3: Priority("", "NoOp", "x"),
                5: Priority("", "NoOp", "a;b\\;c(d) "),
                6: Priority("", "Hangup", ""),
            }
        }
    }


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (1, "exten => 1,1,NoOp()"),
        (2, "[a]\nsame => n,NoOp()"),
        (3, "[a]\nexten => 1,1,NoOp()\nexten => 1,1,Hangup()"),
        (3, "[a]\nexten => 1,1(x),NoOp()\n same => n(x),Hangup()"),
        (2, "[a]\ninclude => b"),
        (2, "[a]\nexten => 1,hint,PJSIP/1"),
        (2, "[a]\nexten => 1,1,NoOp(x"),
        (2, "[a]\nexten => 1,1,NoOp(x) y"),
        (2, "[a]\n;-- this begins a block"),
        (2, "[a]\nexten => 1,n,NoOp()"),
        (3, "[a]\nexten => 1,1,NoOp()\nexten => 2,n,NoOp()"),
        (1, "[a](+)"),
        (1, "[globals]"),
        (1, "#include foo.conf"),
        (2, "[a]\nexten => 1,1,NoOp(" + "x" * 9000 + ")"),
        (2, "[a]\nexten => ${X},1,NoOp()"),
        (1, "Liberty"),
    ],
)
def test_what_is_not_ours_is_told_with_its_line(line: int, text: str) -> None:
    with pytest.raises(HeldError) as caught:
        of_text(text)
    assert caught.value.line == line


def test_differences_stand_in_order() -> None:
    one, two, three = (Priority("", "NoOp", text) for text in "123")
    wanted: Held = {"b": {"1": {1: one, 2: two}, "2": {1: one}}, "a": {"1": {1: one}}}
    found: Held = {"z": {"9": {1: one}}, "a": {"1": {1: one}}, "b": {"1": {2: three, 1: one, 3: one}, "0": {1: one}}}
    assert differences(wanted, found) == [
        Difference("b", "1", 2, two, three),
        Difference("b", "1", 3, None, one),
        Difference("b", "2", 1, one, None),
        Difference("b", "0", 1, None, one),
        Difference("z", "9", 1, None, one),
    ]
    assert differences(wanted, wanted) == []
    assert len(differences(wanted, {})) == 4


@pytest.mark.parametrize(
    ("app", "data", "contexts"),
    [
        ("Goto", "x,${EXTEN},1", {"x"}),
        ("goto", " x ,1,l", {"x"}),
        ("Goto", "end,1", set()),
        ("Goto", "label", set()),
        ("Goto", "${WHERE},1,1", set()),
        ("Gosub", "x,${EXTEN},1", {"x"}),
        ("Gosub", "x,1,1(a,${B},c)", {"x"}),
        ("Gosub", "1(a,b,c)", set()),
        ("GotoIf", "$[1 > 0]?x,1,1:y,1,1", {"x", "y"}),
        ("GotoIf", "$[1 > 0]?x,1,1", {"x"}),
        ("GotoIf", "$[1 > 0]?:y,1,1", {"y"}),
        ("GotoIf", "$[1 > 0]?here:y,1,1", {"y"}),
        ("GotoIf", "$[1 > 0]?end,1:there", set()),
        ("GotoIf", '${REGEX("^granted$" ${ROUTEC_VERDICT})}?granted-x', set()),
        ("GotoIf", "$[${IF($[1 > 2]?x,1,1:y,1,1)} = 3 ? a :: b]?z,${IF(1?2:3)},1:y,1,1", {"z", "y"}),
        ("GosubIf", "1?x,1,1(a):y,1,1(b)", {"x", "y"}),
        ("GotoIf", "x,1,1", set()),
        ("Playback", "x,1,1", set()),
    ],
)
def test_where_a_jump_leads(app: str, data: str, contexts: set[str]) -> None:
    held: Held = {"here": {"_X!": {1: Priority("", "NoOp", ""), 2: Priority("", app, data)}}}
    assert reach(held, ["here"]) == {"here"} | contexts


def test_reach_goes_on_and_comes_to_an_end() -> None:
    def to(*contexts: str) -> dict[str, dict[int, Priority]]:
        return {"_X!": {n: Priority("", "Goto", f"{name},1,1") for n, name in enumerate(contexts, 1)}}

    held: Held = {"a": to("b"), "b": to("c", "a"), "c": to(), "d": to("a", "gone")}
    assert reach(held, ["a"]) == {"a", "b", "c"}
    assert reach(held, ["c", "d"]) == {"a", "b", "c", "d", "gone"}
    assert reach(held, []) == set()


MARKED: Held = {
    "routec-a": {
        "600": {1: Priority("", "NoOp", "")},
        "600/?": {1: Priority("", "NoOp", "mine")},
        "include => b": {1: Priority("", "include", "b,9:00-17:00,*,*,*")},
    }
}


def test_what_is_beside_extensions_is_a_difference_and_no_text() -> None:
    wanted: Held = {"routec-a": {"600": {1: Priority("", "NoOp", "")}}}
    assert [(one.exten, one.wanted) for one in differences(wanted, MARKED)] == [("600/?", None), ("include => b", None)]
    assert reach(MARKED, ["routec-a"]) == {"routec-a", "b"}
    assert [is_marked(exten) for exten in MARKED["routec-a"]] == [False, True, True]
    assert again("600", MARKED["routec-a"]) == "600/??"
    assert for_some("600/??") == for_some("600/?") == "600"
    assert for_some("600") is for_some("600?") is for_some("include => b") is None
    for exten in ("600/?", "include => b"):
        with pytest.raises(ValueError, match="not of routec's making"):
            as_text({"routec-a": {exten: MARKED["routec-a"][exten]}})

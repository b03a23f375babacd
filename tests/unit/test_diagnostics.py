import json
from dataclasses import replace

import pytest

from routec.diagnostics import Diagnostic, Label, codes, did_you_mean, has_errors, in_order, of_targets
from routec.diagnostics.render_json import render_json
from routec.diagnostics.render_text import render_text
from routec.source import Source, Span

KEYS = {"code", "slug", "severity", "message", "file", "line", "column", "end_line", "end_column", "note", "labels",
        "help", "docs", "targets"}  # fmt: skip
TEXT = "\n\tprompt \u4e2dé\u0301x\n" + "\n" * 8 + "goto\x1b[31m y\r\n"
SOURCES = {"a.route": Source("a.route", TEXT)}
AT = TEXT.index("x")
FAULT = Diagnostic(
    codes.UNKNOWN_PROMPT,
    "unknown prompt `x\x1b[0m`",
    Span("a.route", AT, AT + 1),
    "nothing \u202e has it",
    (Label(Span("a.route", TEXT.index("y"), len(TEXT)), "here"),),
    "did you mean `y`?",
)


def test_text() -> None:
    lines = render_text([FAULT], SOURCES).splitlines()
    assert lines[0] == "error[RT202]: unknown prompt `x\\u{1b}[0m`"
    assert lines[1].strip() == "--> a.route:2:12"
    source, carets = lines[3], lines[4]
    assert source.endswith("|     prompt \u4e2dé\u0301x")
    # a tab is four cells, the ideograph two, the combining accent none
    assert carets.index("^") - carets.index("|") == 1 + 4 + len("prompt ") + 2 + 1 + 1
    assert lines[5].strip() == "::: a.route:11:11"
    assert lines[7].startswith(" 11 | goto\\u{1b}[31m y")
    assert lines[-2].strip() == "= help: did you mean `y`?"
    assert lines[-1].strip() == "= docs: routec explain RT202"


def test_text_never_steers_a_terminal() -> None:
    file = "a\x1b]0;x\x07.route"
    faults = [
        Diagnostic(codes.UNREADABLE_FILE, "cannot \x1b[2J read", file=file, help="\x07"),
        Diagnostic(codes.UNEXPECTED, "x", Span(file, 0, 1), note="\x1b", labels=(Label(Span(file, 0, 9), "\x9b"),)),
    ]
    printed = render_text(faults, {file: Source(file, "\x1b[31m\u202eevil")})
    assert all(char.isprintable() or char == "\n" for char in printed)


def test_text_at_the_very_end() -> None:
    source = Source("a.route", "route x {")
    printed = render_text([Diagnostic(codes.UNEXPECTED, "the file ends too early", Span("a.route", 9, 10))],
                          {"a.route": source})  # fmt: skip
    assert "a.route:1:10" in printed
    assert "^" in printed


def test_json() -> None:
    without_place = Diagnostic(codes.UNUSED_ROUTE, "é", file="a.route")
    nowhere = Diagnostic(codes.NO_ROUTES, "x")
    found = json.loads(render_json([FAULT, without_place, nowhere], SOURCES))
    assert [set(one) for one in found] == [KEYS] * 3
    first = found[0]
    assert (first["code"], first["slug"], first["severity"]) == ("RT202", "unknown-prompt", "error")
    assert (first["file"], first["line"], first["column"]) == ("a.route", 2, 12)
    assert (first["end_line"], first["end_column"]) == (2, 13)
    assert first["message"] == FAULT.message
    assert [(label["message"], label["line"]) for label in first["labels"]] == [("here", 11)]
    assert (found[1]["severity"], found[1]["file"], found[1]["line"], found[1]["help"]) == (
        "warning", "a.route", None, None
    )  # fmt: skip
    assert found[2]["file"] is None
    assert render_json([], {}) == "[]\n"
    assert render_json([without_place], {}).isascii()


def test_order_and_severity() -> None:
    late = Diagnostic(codes.UNEXPECTED, "x", Span("a.route", 5, 6))
    warning = Diagnostic(codes.UNUSED_ROUTE, "x", Span("a.route", 1, 2))
    other = Diagnostic(codes.UNEXPECTED, "x", Span("b.route", 0, 1))
    assert in_order([other, late, warning, late]) == [warning, late, other]
    assert has_errors([warning, late])
    assert not has_errors([warning])


def test_faults_of_several_pbxs() -> None:
    both = Diagnostic(codes.UNEXPECTED, "x", Span("a.route", 5, 6))
    one = Diagnostic(codes.UNUSED_ROUTE, "y", Span("a.route", 1, 2))
    assert of_targets({"a": [both], "b": [one, both]}) == [replace(one, targets=("b",)), both]
    assert of_targets({"a": [both, one]}) == [one, both]
    shown = render_text(of_targets({"a": [one], "b": [one], "c": []}), SOURCES)
    assert "= target: a, b" in shown


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("hotel_staf", ["hotel_staff", "hotel_stuff"], "hotel_staff"),
        ("PROMPT", ["prompt", "dial"], "prompt"),
        ("xyz", ["prompt", "dial"], None),
        ("", ["prompt"], None),
        ("x", [], None),
        ("ab", ["abc", "abd"], "abc"),
    ],
)
def test_did_you_mean(word: str, known: list[str], meant: str | None) -> None:
    assert did_you_mean(word, known) == (f"did you mean `{meant}`?" if meant else "")
    assert did_you_mean(word, reversed(known)) == did_you_mean(word, known)


def test_every_code_has_its_page() -> None:
    for code in codes.CODES.values():
        assert code.page().startswith(f"# {code.code} {code.slug}\n")
    assert len({code.slug for code in codes.CODES.values()}) == len(codes.CODES)

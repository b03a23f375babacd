import pytest

from routec.frontend.reader import MOST_BYTES, read
from routec.source import Span


def test_text_and_mark_of_utf8() -> None:
    source, faults = read("a.route", b"\xef\xbb\xbfprompt caf\xc3\xa9\r\n\thangup\n")
    assert (source.path, source.text, faults) == ("a.route", "prompt café\r\n\thangup\n", [])


def test_what_is_not_utf8_has_its_place() -> None:
    source, faults = read("a.route", "é\nhangup \udcff".encode("utf-8", "surrogateescape") + b" dial")
    assert [(fault.code.code, fault.span) for fault in faults] == [("RT002", Span("a.route", 9, 10))]
    assert source.position(9) == (2, 8)
    for data in (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"h\x00i".decode().encode("utf-16")):
        source, faults = read("a.route", data)
        assert [fault.code.code for fault in faults] == ["RT002"]
        assert faults[0].span is not None
        assert faults[0].span.end <= len(source.text)


@pytest.mark.parametrize(
    "char",
    ["\0", "\x07", "\x1b", "\x7f", "\x85", "\xad", "\u061c", "\u200b", "\u200d", "\u200e", "\u202a", "\u202e", "\u2028",
     "\u2066", "\u2069", "\ufeff", "\r", "\x0b", "\x0c", "\uffff"],
)  # fmt: skip
def test_what_hides_is_a_fault(char: str) -> None:
    _, faults = read("a.route", f"x{char}hangup\n".encode())
    assert [(fault.code.code, fault.span) for fault in faults] == [("RT003", Span("a.route", 1, 2))]


def test_a_second_mark_hides_too() -> None:
    _, faults = read("a.route", b"\xef\xbb\xbf\xef\xbb\xbfhangup")
    assert [fault.code.code for fault in faults] == ["RT003"]


def test_too_many_hidden_characters_are_not_all_told() -> None:
    assert 0 < len(read("a.route", b"\0" * 10_000)[1]) <= 100


def test_a_file_too_large() -> None:
    source, faults = read("a.route", b"#" * (MOST_BYTES + 1))
    assert [(fault.code.code, fault.path) for fault in faults] == [("RT005", "a.route")]
    assert source.text == ""
    assert read("a.route", b"#" * MOST_BYTES)[1] == []

import pytest

from routec.source import Position, Source


@pytest.mark.parametrize(
    ("text", "offset", "position"),
    [
        ("", 0, (1, 1)),
        ("a", 0, (1, 1)),
        ("a", 1, (1, 2)),
        ("a\nb", 1, (1, 2)),
        ("a\nb", 2, (2, 1)),
        ("a\n", 2, (2, 1)),
        ("\n\n\n", 3, (4, 1)),
        ("a\r\nb", 3, (2, 1)),
        ("é\u4e2d\U0001f600x\nb", 3, (1, 4)),
        ("a\u2028b\x0bc\x85d\nb", 8, (2, 1)),
    ],
)
def test_position(text: str, offset: int, position: tuple[int, int]) -> None:
    assert Source("a.route", text).position(offset) == Position(*position)
    assert Source("a.route", text).line(offset) == position[0]


def test_line_text() -> None:
    source = Source("a.route", "one\r\ntwo\n\nfour\r")
    assert [source.line_text(line) for line in (1, 2, 3, 4)] == ["one", "two", "", "four"]
    assert Source("a.route", "").line_text(1) == ""


def test_a_source_shows_no_text() -> None:
    assert "secret" not in repr(Source("a.route", "secret"))

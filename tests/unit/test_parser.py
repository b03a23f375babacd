import pytest

from routec.frontend import syntax
from routec.frontend.parser import parse
from routec.source import Source


def parsed(text: str) -> syntax.File:
    file, faults = parse(Source("a.route", text))
    assert faults == []
    assert file.path == "a.route"
    return file


def kinds(steps: list[syntax.Step]) -> list[str]:
    return [type(step).__name__ for step in steps]


@pytest.mark.parametrize(
    "text",
    [
        "answer; hangup",
        "answer\nhangup",
        "answer\r\nhangup\r\n",
        ";;answer;;\n;hangup;",
        '# first\nanswer  # then\n# and { " \nhangup # last',
        "\tanswer\t;\thangup\t",
        "answer\n\n\n   \n  hangup",
        "#\nanswer; #\nhangup",
    ],
)
def test_separators_and_comments(text: str) -> None:
    assert kinds(parsed(text).steps) == ["Answer", "Hangup"]


@pytest.mark.parametrize("remark", ["# last", "# }", '# "', "# 1", "#x dial 101", "# ; dial 101", "# hangup {", "#"])
def test_a_remark_at_the_end_of_a_file_is_a_remark(remark: str) -> None:
    """Without an end of line behind it; nothing of it is read as a step."""
    assert parsed(f"answer\nhangup {remark}").steps == parsed("answer\nhangup").steps
    assert parsed(f"  {remark}").steps == []
    assert parsed(remark).steps == []
    text = f"route r {{ hangup }} {remark}"
    assert parsed(text).declarations == parsed("route r { hangup }").declarations
    assert parse(Source("a.route", f"route r {{ hangup {remark}"))[1] != []


@pytest.mark.parametrize("text", ["", "\n", " \t\r\n", "# only a remark", "#", ";", "# a\n\n# b\n"])
def test_nothing(text: str) -> None:
    file = parsed(text)
    assert (file.steps, file.declarations) == ([], [])


@pytest.mark.parametrize("word", ["login", "text", "route", "for", "hangup", "user", "as", "digits", "record"])
def test_the_words_of_the_language_may_be_names(word: str) -> None:
    [route] = parsed(f"route {word} {{ prompt {word}; goto {word}; auth {word} else goto {word} }}").declarations
    assert route.name.text == word
    [module] = parsed(f"auth {word} {{ login ask {word} as {word}; log {word}; user {word} login 1 }}").declarations
    assert module.name.text == word


def test_a_word_is_a_whole_word() -> None:
    for text in ("answerhangup", "dial101", "waits 2s", "hangup-busy", "goto A"):
        assert parse(Source("a.route", text))[1], text


def test_an_else_belongs_to_the_nearest_step() -> None:
    [step] = parsed("auth a else dial 101 else hangup").steps
    assert isinstance(step, syntax.SignIn)
    assert step.otherwise is not None
    [dial] = step.otherwise
    assert isinstance(dial, syntax.Dial)
    assert dial.otherwise is not None
    assert kinds(dial.otherwise) == ["Hangup"]


def test_a_mark_in_a_text_is_text() -> None:
    [route] = parsed('route r "a # b; { \\" \\\\" { hangup }').declarations
    assert isinstance(route, syntax.Route)
    assert route.title is not None
    assert route.title.raw == 'a # b; { \\" \\\\'


@pytest.mark.parametrize(
    ("written", "seconds"), [("1s", 1), ("20s", 20), ("5m", 300), ("1h", 3600), ("2d", 172_800), ("0s", 0)]
)
def test_durations(written: str, seconds: int) -> None:
    [step] = parsed(f"wait {written}").steps
    assert isinstance(step, syntax.Wait)
    assert (step.duration.seconds, step.duration.start, step.duration.end) == (seconds, 5, 5 + len(written))


def test_all_faults_of_a_file_and_what_is_sound_around_them() -> None:
    text = (
        "route a { prmpt x; answer }\nroute b {\n  dail 101\n  hangup\n}\n"
        "auth c { tires 3; tries 2 }\nroute d { hangup }\n"
    )
    file, faults = parse(Source("a.route", text))
    assert [(fault.code.code, fault.span) for fault in faults] == [
        ("RT102", ("a.route", text.index("prmpt"), text.index("prmpt") + 5)),
        ("RT102", ("a.route", text.index("dail"), text.index("dail") + 4)),
        ("RT102", ("a.route", text.index("tires"), text.index("tires") + 5)),
    ]
    assert [declaration.name.text for declaration in file.declarations] == ["a", "b", "c", "d"]

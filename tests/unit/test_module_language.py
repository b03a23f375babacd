"""What stands in an `auth` block, beyond the cases: bounds, what is judged of a webhook, and where words are names."""

import json

import pytest

from routec.diagnostics.render_json import render_json
from routec.diagnostics.render_text import render_text
from routec.frontend import syntax
from routec.frontend.parser import parse, parse_users
from routec.pipeline import Compilation, Input, compile_routes, render
from routec.signin.modules import parse_modules
from routec.source import Source

GATE = (
    'auth a {{ login ask "x" digits 4; user u login 1001; {} }}\n'
    "route r {{ on extension 600; auth a else hangup; hangup }}"
)
CLOCK = GATE.replace("{{ login", "{{ purpose timeclock; login", 1)


def compiled(text: str) -> Compilation:
    return compile_routes(Input({"routes/a.route": text.encode()}))


def codes(text: str) -> list[str]:
    return [fault.code.code for fault in compiled(text).diagnostics]


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (GATE.replace("{}", "lockout after {} for 15m"), ["1", "1000"], ["0", "1001", "1000000000000"]),
        (GATE.replace("{}", "lockout after 5 for {}"), ["1s", "24h", "1d"], ["0s", "86401s", "2d"]),
        (GATE.replace("{}", "keep {}"), ["1h", "3600s", "3650d"], ["59m", "3651d", "999999999d"]),
        (CLOCK.replace("{}", "close after {}"), ["1m", "7d"], ["59s", "169h"]),
        (GATE.replace("{}", "within {}"), ["5s", "1h"], ["4s", "1d"]),
    ],
)  # fmt: skip
def test_bounds(form: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert codes(form.format(value)) == [], value
    for value in bad:
        assert codes(form.format(value)) == ["RT306"], value


GOOD_URLS = [
    "https://a.example", "https://a.example/", "https://a.example:8443/x?y=1&z=%20\\;#f", "https://A.Example/",
    "https://a_b.internal/x", "https://xn--bcher-kva.example/", "https://192.0.43.7/", "https://[2606:4700::1111]/x",
]  # fmt: skip
BAD_URLS = [
    "", " ", "https://", "https:///x", "//a.example/x", "a.example", "/x", "https:a.example", "mailto:a@b.example",
    "HTTPS://a.example/", "file:///etc/passwd", "javascript:alert(1)", "ftp://a.example/", "https://u@a.example/", "https://u:p@a.example/",
    "https://a.example@b.example/", "https://a.example:0/", "https://a.example:65536/", "https://a.example:x/",
    "https://a b.example/", "https://a.example/\\t", "https://a.example\\\\@b.example/", "https://b\u00fccher.example/",
    "https://a..example/", "https://.example/", "https://-/", "https://[::1", "https://[::g]/", "https://a.example/<x>",
    "https://a.example/`id`", "https://a.example/" + "x" * 2000,
]  # fmt: skip
PRIVATE_URLS = [
    "http://a.example/", "https://localhost/", "https://LOCALHOST./", "https://127.0.0.1/", "https://10.1.2.3:8443/x",
    "https://[::1]/", "https://[fe80::1]/", "https://169.254.169.254/latest", "http://192.168.1.1/", "https://0.0.0.0/",
    "https://[::ffff:127.0.0.1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD_URLS)
def test_good_urls(url: str) -> None:
    done = compiled(GATE.format(f'webhook "{url}" secret env S'))
    assert done.diagnostics == []
    webhook = parse_modules(render(done)["signin.json"]).modules["a"].webhook
    assert webhook is not None
    assert webhook.url == url.replace("\\;", ";")


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_urls(url: str) -> None:
    for words in ("", " allow private", " allow private ordered"):
        found = codes(GATE.format(f'webhook "{url}" secret env S{words}'))
        assert found[:1] == ["RT506"] or found == ["RT101"], words


@pytest.mark.parametrize("url", PRIVATE_URLS)
def test_private_urls(url: str) -> None:
    assert codes(GATE.format(f'webhook "{url}" secret env S ordered')) == ["RT506"]
    assert codes(GATE.format(f'webhook "{url}" secret env S allow private')) == []


@pytest.mark.parametrize(("name", "found"), [("A", []), ("A" * 100, []), ("A" * 101, ["RT101"]), ("a", ["RT101"])])
def test_variables(name: str, found: list[str]) -> None:
    done = compiled(GATE.format(f'webhook "https://a.example/" secret env {name}'))
    assert [fault.code.code for fault in done.diagnostics] == found
    assert done.failed or parse_modules(render(done)["signin.json"])


def test_numbers_that_only_a_call_from_inside_can_have_dialled() -> None:
    text = GATE.format("") + (
        "\nroute s { on did +3225551234; on extension 025551234; on extension 3225551234; on extension *61; hangup }"
    )
    done = compiled(text)
    assert json.loads(render(done)["signin.json"])["extensions"] == ["*61", "600"]
    assert parse_modules(render(done)["signin.json"]).extensions == {"*61", "600"}


WORDS = (
    "after", "again", "allow", "any", "clock", "close", "codes", "confirm", "env", "from", "keep", "lockout", "offline",
    "ordered", "private", "secret", "tell", "users", "webhook", "in", "out", "break", "back", "deny", "grant", "wrong",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_words_may_be_names(word: str) -> None:
    text = (
        f'prompt {word} "x"\n'
        f"auth {word} {{ purpose register; login ask {word} digits 4 as {word}; extra1 ask {word}\n"
        "codes extra1 { 1 }\n"
        f"confirm ask {word}; again ask {word} from extra1; tell wrong {word}; log {word}\nuser {word} login 1001 }}\n"
        f"auth clock-{word} {{ purpose timeclock; login ask {word}; clock ask {word} {{ 1 in; 2 out }}\n"
        f"tell in {word}; tell clash {word}; user {word} login 1001 }}\n"
        f"route {word} {{ on extension 600; prompt {word}; auth {word} else goto {word}\n"
        f"auth clock-{word} else hangup }}"
    )
    assert codes(text) == []


def test_one_line_or_many() -> None:
    one = 'codes room { 101..120; 201 "a" }; clock ask x { 1 in; 2 out }'
    many = 'codes room {\n\n  101..120 # rooms\n  201 "a";\n}\nclock ask x {  # keys\n 1 in\n\n; 2 out }'
    found = []
    for text in (one, many):
        file, faults = parse(Source("a.route", f"auth a {{ {text} }}"))
        assert faults == []
        [auth] = file.declarations
        assert isinstance(auth, syntax.Auth)
        [table], [clock] = auth.codes, auth.settings
        assert isinstance(clock, syntax.Clock)
        found.append(
            (
                [(code.first.text, code.last.text, code.text and code.text.raw) for code in table.codes],
                [(key.text, action.text) for key, action in clock.keys],
            )
        )
    assert found[0] == found[1] == ([("101", "120", None), ("201", "201", "a")], [("1", "in"), ("2", "out")])


@pytest.mark.parametrize("text", ["", "# nobody\n", "\n\n", ";", 'user a login 1; user b "B"', "user a # x\n\nuser b"])
def test_files_of_users(text: str) -> None:
    file, faults = parse_users(Source("a.users", text))
    assert faults == []
    assert [user.name.text for user in file.users] == (["a", "b"] if "user" in text else [])


@pytest.mark.parametrize("text", ["route r { hangup }", "hangup", "}", "{", "user", "auth a {", "user a {\n}\n", '"'])
def test_what_is_no_file_of_users(text: str) -> None:
    file, faults = parse_users(Source("a.users", text))
    assert len(faults) == 1, faults
    assert file.broken


def test_a_secret_in_the_clear_is_in_no_message() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for line in (
        f'webhook "https://a.example/" secret "{secret}"',
        f'webhook "https://a.example/" secret env "{secret}"',
        f'webhook "https://a.example/" secret {secret}',
        f'webhook "https://a.example/" secret env {secret}',
        f'webhook "https://me:{secret}@a.example/" secret env S',
    ):
        done = compiled(GATE.format(line))
        assert done.failed
        assert secret[6:] not in render_text(done.diagnostics, done.sources), line
        assert secret[6:] not in render_json(done.diagnostics, done.sources), line

"""Whatever bytes are fed: diagnostics in range, in bounded time; equal output whatever the order and the hash seed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from routec.diagnostics.render_json import render_json
from routec.diagnostics.render_text import render_text
from routec.pipeline import Compilation, Input, compile_routes, render
from routec.settings import Settings, SettingsError
from routec.signin.modules import parse_modules
from tests.properties.reader import read
from tests.properties.systems import Project, projects
from tests.properties.texts import HASH, quoted

ROOT = Path(__file__).parents[2]
WORDS = (
    "answer", "as", "ask", "auth", "dial", "did", "digits", "else", "extension", "extra1", "for", "goto", "hangup",
    "log", "login", "on", "optional", "password", "prompt", "purpose", "record", "route", "text", "tries", "user",
    "wait", "within", "a", "b", "{", "}", ";", "\n", ",", "..", '"', "'", "#", "\\", "+3225551234", "600", "20s", "5m",
    '"x"', '"${X}"', '"a\\;b"', "*", "\t", "\r\n", "é", "\u202e", "\x00", "\u4e2d", f'"{HASH}"', '"x.wav"', "busy",
    "after", "again", "allow", "any", "clock", "close", "codes", "confirm", "env", "from", "keep", "lockout", "offline",
    "ordered", "private", "secret", "tell", "users", "webhook", "register", "timeclock", "in", "out", "wrong", "HOOK",
    "90d", '"x.users"', '"../x.users"', '"https://a.example/b"', "codes a {", "clock ask b {",
    "say", "letters", "number", "time", ":", "-5", "locked", "denied", "error", "granted", "auth b else {", "locked:",
    "prompt c", "record", "record en 7", "text", "text nl", "language", "language nl", "en", "nl_be", "nl-be",
)  # fmt: skip

many = settings(
    max_examples=120, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
some = settings(many, max_examples=25)


def judged(files: dict[str, bytes], users: dict[str, bytes] | None = None) -> Compilation:
    """Compile; every fault must have its place in its file, and both renderers must print it."""
    done = compile_routes(Input(files, users=users or {}))
    for fault in done.diagnostics:
        for span in [fault.span, *(label.span for label in fault.labels)]:
            if span is not None:
                length = len(done.sources[span.file].text)
                assert 0 <= span.start <= span.end <= length + 1, (fault, files)
        assert fault.message
        assert "\n" not in fault.message
    printed = render_text(done.diagnostics, done.sources)
    assert all(char.isprintable() or char == "\n" for char in printed)
    render_json(done.diagnostics, done.sources)
    if not done.failed:
        made = render(done)
        read(made["extensions.conf"].decode())
        parse_modules(made["signin.json"])
    return done


@given(data=st.binary(max_size=200))
@example(data=b"\xef\xbb\xbf")
@example(data=b'"')
@example(data=b"route a {\n" * 30)
@example(data=b'auth a "')
@example(data=b"prompt \\")
@many
def test_any_bytes(data: bytes) -> None:
    judged({"routes/a.route": data})
    judged({"routes/a.route": b'auth a { login ask "x"; users from "x.users" }'}, {"routes/x.users": data})


@given(words=st.lists(st.sampled_from(WORDS), max_size=40))
@settings(many, max_examples=250)
def test_any_words(words: list[str]) -> None:
    other = b'prompt a "b"\nroute b { hangup }'
    judged({"routes/a.route": " ".join(words).encode(), "routes/b.route": other}, {"routes/x.users": b"user a login 1"})


@given(words=st.lists(st.sampled_from(WORDS), max_size=30))
@settings(many, max_examples=250)
def test_any_words_in_a_module(words: list[str]) -> None:
    text = f'auth b {{ login ask "x" as a; purpose register\n{" ".join(words)}\n}}'
    judged({"routes/a.route": text.encode()}, {"routes/x.users": " ".join(words).encode()})


@given(project=projects(), data=st.data())
@some
def test_valid_files_with_a_slip(project: Project, data: st.DataObject) -> None:
    files = project.files | project.users
    path = data.draw(st.sampled_from(sorted(files)))
    text = files[path]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        word = data.draw(st.sampled_from([b"", *(word.encode() for word in WORDS)]))
        text = text[:start] + word + text[end:]
    files[path] = text
    judged({path: files[path] for path in project.files}, {path: files[path] for path in project.users})


@given(text=st.text(st.characters(codec="utf-8"), max_size=80))
@example(text="[a]\nb = 1\n\n[")
@many
def test_any_settings(text: str) -> None:
    offset: int | None = 0
    try:
        Settings.parse(text)
    except SettingsError as error:
        offset = error.offset
    assert offset is not None
    assert 0 <= offset <= len(text)
    done = compile_routes(Input({}, ("routes/routec.toml", text.encode())))
    render_text(done.diagnostics, done.sources)


@given(project=projects(), data=st.data())
@some
def test_the_order_of_files_does_not_show(project: Project, data: st.DataObject) -> None:
    mixed = {path: project.files[path] for path in data.draw(st.permutations(sorted(project.files)))}
    users = {path: project.users[path] for path in data.draw(st.permutations(sorted(project.users)))}
    whole = Input(project.files, project.settings, users=project.users)
    one, other = compile_routes(whole), compile_routes(Input(mixed, project.settings, users=users))
    assert one.diagnostics == other.diagnostics
    assert render(one) == render(other)
    assert render(one) == render(compile_routes(whole))


def test_the_hash_seed_does_not_show(tmp_path: Path) -> None:
    """Of a project with modules, shared numbers and faults of many kinds."""
    files = {
        "a": 'auth one { login ask "x" digits 4; user u login 1001; user v login 1002 }\n'
        'auth two { login ask "x"; user u login 1 }\nroute r { on did +3225551234; auth one else goto s; goto t }\n'
        "route s { on extension 1; auth two else hangup; goto r }\nroute t { dial 1; wait 1s; goto r }\n"
        "route am { on did +31201234567; hangup }\nroute es { on did +49201234567; hangup }\n",
        "b": "route u { goto nowher; prompt unkown; auth oen else hangup; dial 1 }\nauth one { tries 30; log x }\n",
        "c": 'route v { dial x }\nauth three { tires 3 }\n}\nfoo "',
    }
    found = []
    for seed in ("0", "1"):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        code = (
            "import sys\nfrom routec.pipeline import *\nfrom routec.diagnostics.render_text import render_text\n"
            f"files = {files!r}\n"
            "good = compile_routes(Input({'routes/a.route': files['a'].encode()}))\n"
            "bad = compile_routes(Input({f'routes/{n}.route': files[n].encode() for n in 'ab'}))\n"
            "worse = compile_routes(Input({f'routes/{n}.route': t.encode() for n, t in files.items()}))\n"
            "out = sys.stdout.buffer\n"
            "for name, data in sorted(render(good).items()): out.write(data)\n"
            "for each in (good, bad, worse): out.write(render_text(each.diagnostics, each.sources).encode())"
        )
        ended = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, check=True)
        found.append(ended.stdout)
    assert b"[routec-dids]" in found[0]
    assert all(code in found[0] for code in (b"RT102", b"RT105", b"RT201", b"RT203", b"RT204", b"RT403"))
    assert found[0] == found[1]


# ---- text that wants to be more than text

NASTY = st.text(st.one_of(st.sampled_from('"\\;${}[]()#,&\n\r\t|=>-'), st.characters(codec="utf-8")), max_size=60)
HOSTILE = (
    "\n[routec-extensions]\nexten => 666,1,Dial(PJSIP/+1900)", ";--", "--;", "${SHELL(id)}", "$[1]", "$\\{X}", '"',
    "\\", "\\n[x]", "]\n[x", "#include /etc/passwd", "#exec id", "x" * 9000, "é" * 5000,
    "\u2028exten => 1,1,Hangup()", "\\;--",
)  # fmt: skip


def shape(done: Compilation) -> dict[str, dict[str, int]]:
    """The contexts, without their hashes, with their extensions and the number of their priorities."""
    plan = read(render(done)["extensions.conf"].decode())
    return {
        name.rpartition("-")[0] if name not in ("routec-dids", "routec-extensions") else name: {
            exten: len(steps) for exten, steps in extensions.items()
        }
        for name, extensions in plan.items()
    }


def project_of(text: str) -> dict[str, bytes]:
    """The text, between quotes as it is, wherever a text may stand that is no sound and no hash."""
    return {
        "routes/a.route": (
            f'prompt p "beep" text "{text}"\n'
            f'auth a "{text}" {{ purpose register; login ask p digits 4; user u "{text}" login 1001; extra1 ask p\n'
            f'codes extra1 {{ 1 "{text}" }} }}\n'
            f'route r "{text}" {{ on extension 600; auth a else hangup; prompt p; dial 101 }}\n'
        ).encode("utf-8", "surrogatepass")
    }


PLAIN = shape(compile_routes(Input(project_of("plain"))))


@given(text=NASTY)
@settings(many, max_examples=200)
def test_text_is_refused_or_changes_nothing(text: str) -> None:
    done = judged(project_of(text))
    if not done.failed:
        assert shape(done) == PLAIN


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_refused_or_changes_nothing(text: str) -> None:
    for written in (text, quoted(text)[1:-1]):
        done = judged(project_of(written))
        if not done.failed:
            assert shape(done) == PLAIN
            assert "${SHELL" not in str(render(done))


@given(text=NASTY)
@settings(many, max_examples=200)
def test_names_of_sounds_are_refused_or_plain(text: str) -> None:
    done = judged({"routes/a.route": f'route r {{ on extension 600; prompt {quoted(text)}, "{text}" }}'.encode()})
    if not done.failed:
        plan = read(render(done)["extensions.conf"].decode())
        [steps] = [steps for name in plan if name.startswith("routec-r-") for steps in plan[name].values()]
        assert steps[0].data == f"{text}&{text}"
        assert text.isascii()


# ---- size

LARGE = {
    "elses": b"route r { on extension 1; " + b"auth a else { " * 500 + b"hangup" + b" }" * 500 + b" }",
    "elses in a line": b"route r { on extension 1; " + b"dial 1 else " * 2000 + b"hangup }",
    "open blocks": b"route r { auth a else { " * 2000,
    "closed blocks": b"}" * 20_000,
    "quotes": b'"' * 20_001,
    "a long name": b"route " + b"a" * 10_000 + b" { on extension 1; goto " + b"b" * 10_000 + b" }",
    "a long number": b"route r { on extension " + b"1" * 10_000 + b"; on did +" + b"1" * 10_000 + b"; hangup }",
    "a long duration": b"route r { on extension 1; wait " + b"9" * 10_000 + b"s; tries 1 }",
    "a long text": b'route r "' + b"x" * 200_000 + b'" { on extension 1; hangup }',
    "a long list": b"route r { on extension 1; dial " + b"1," * 20_000 + b"1 }",
    "many sounds": b"route r { on extension 1; prompt " + b'"x", ' * 20_000 + b'"x" }',
    "many steps": b"route r { on extension 1; " + b"wait 1s; " * 20_000 + b"hangup }",
    "many auths": b'auth a { login ask "x"; user u login 1 }\nroute r { on extension 1; '
    + b"wait 1s; auth a else hangup; " * 1_000 + b"hangup }",
    "many codes": b'auth a { purpose register; extra1 ask "x"; codes extra1 {\n'
    + b"\n".join(b"%d" % number for number in range(20_000))
    + b"\n} }",
    "the same code": b'auth a { purpose register; extra1 ask "x"; codes extra1 {' + b"1; " * 5_000 + b"} }",
    "open tables": b'auth a { purpose register; extra1 ask "x"; ' + b"codes extra1 { 1\n" * 2_000,
    "many users": b'auth a { login ask "x"; '
    + b"; ".join(b"user u%d login %d" % (number, number) for number in range(10_000))
    + b" }",
    "many faults": b"route r {\n" + b"  prmpt x\n" * 20_000 + b"}",
    "no ends": b"route r { hangup\n" * 5_000,
    "blanks": b" \t" * 100_000 + b"\n" * 100_000 + b"# x\n" * 20_000,
    "backslashes": b'prompt x "' + b"\\" * 100_001,
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_input_neither_crashes_nor_takes_long(name: str) -> None:
    began = time.process_time()
    judged({"routes/a.route": LARGE[name]})
    assert time.process_time() - began < 10


def test_many_unknown_names_do_not_take_long() -> None:
    """Names that are nearly right, among as many that are right: not one look at each for each."""
    text = "\n".join(f"route r{n} {{ on extension {n}; goto front_desk_of_house_{n} }}" for n in range(500))
    began = time.process_time()
    judged({"routes/a.route": text.encode()})
    assert time.process_time() - began < 3

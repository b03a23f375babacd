"""What the README shows is so: its routes compile, its verbs and variables are all there, its fault looks like that."""

import re
from pathlib import Path

from routec.cli.main import VERBS
from routec.diagnostics.render_text import render_text
from routec.pipeline import Input, compile_routes

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def routes() -> dict[str, bytes]:
    blocks = re.findall(r"^```route\n(# (routes/\S+)\n.*?)^```", README, re.MULTILINE | re.DOTALL)
    return {path: text.encode() for text, path in blocks}


def test_its_routes_compile_without_a_fault() -> None:
    assert len(routes()) == 2
    compilation = compile_routes(Input(routes()))
    assert render_text(compilation.diagnostics, compilation.sources) == ""


def test_its_fault_is_what_check_prints() -> None:
    files = routes()
    line = b"prompt welcome; auth hotel_staf else hangup; prompt ok; dial 101\n"
    compilation = compile_routes(Input({**files, "routes/front_desk.route": line}))
    (shown,) = re.findall(r"^```\n(error\[.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert render_text(compilation.diagnostics, compilation.sources) == shown


def test_every_verb_stands_in_it() -> None:
    assert [verb for verb in VERBS if f"`routec {verb}" not in README] == []


def test_every_variable_stands_in_it() -> None:
    used = {
        name
        for path in (ROOT / "routec").rglob("*.py")
        for name in re.findall(r'environ(?:\.get)?[\[(]"(ROUTEC_\w+)"', path.read_text())
    }
    assert used
    assert {name for name in used if f"`{name}" not in README} == set()

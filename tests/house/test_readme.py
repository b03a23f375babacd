"""What the README shows is so: its routes compile, its verbs and variables are all there, its fault looks like that."""

import re
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from routec.cli.main import VERBS, routec
from routec.diagnostics.render_text import render_text
from routec.pipeline import Input, check_targets, compile_routes
from routec.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def routes() -> dict[str, bytes]:
    blocks = re.findall(r"^```route\n(# (routes/\S+)\n.*?)^```", README, re.MULTILINE | re.DOTALL)
    return {path: text.encode() for text, path in blocks}


def test_its_routes_compile_without_a_fault() -> None:
    assert len(routes()) == 2
    compilation = compile_routes(Input(routes()))
    assert render_text(compilation.diagnostics, compilation.sources) == ""


def test_its_settings_of_several_pbxs_hold() -> None:
    (text,) = re.findall(r"^```toml\n(# routes/routec.toml\n.*?)^```", README, re.MULTILINE | re.DOTALL)
    done = check_targets(Input(routes(), ("routes/routec.toml", text.encode())))
    assert done.settings.target == "ghent"
    assert render_text(done.diagnostics, done.sources) == ""


def test_its_settings_and_declaration_of_prompts_hold() -> None:
    (text,) = re.findall(r"^```toml\n(\[prompts\]\n.*?)^```", README, re.MULTILINE | re.DOTALL)
    (declared,) = re.findall(r"^```\n(prompt enter_login .*?)^```", README, re.MULTILINE | re.DOTALL)
    keepers = "auth keepers { login ask enter_login digits 4; user anna login 1001 }\n"
    sounds = {"enter_login.wav": "", "en/enter_login.wav": ""}
    files = {
        "routes/prompts.route": (declared + keepers).encode(),
        "routes/a.route": b"route a { on extension 600; hangup }",
    }
    done = compile_routes(Input(files, ("routes/routec.toml", text.encode()), sounds))
    assert render_text(done.diagnostics, done.sources) == ""
    assert [entry.number for route in done.system.routes for entry in route.entries] == ["600", "5002"]


def test_its_settings_of_one_pbx_hold() -> None:
    (text,) = re.findall(r"^   ```toml\n(.*?)^   ```", README, re.MULTILINE | re.DOTALL)
    settings = Settings.parse(textwrap.dedent(text))
    assert settings.ami is not None, "`apply` needs it"
    assert f"[{settings.ami.username}]\n" in README, "and manager.conf has that user"
    assert f"{settings.signin.state}/ami_secret" in README
    assert f"> {settings.signin.pepper_file}" in README


def test_its_fault_is_what_check_prints() -> None:
    files = routes()
    line = b"prompt welcome; auth hotel_staf else hangup; prompt ok; dial 101\n"
    compilation = compile_routes(Input({**files, "routes/front_desk.route": line}))
    (shown,) = re.findall(r"^```\n(error\[.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert render_text(compilation.diagnostics, compilation.sources) == shown


def test_its_plan_is_what_plan_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path, text in routes().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(text)
    assert CliRunner().invoke(routec, ["build"]).exit_code == 0
    changed = routes()["routes/front_desk.route"].replace(b"auth ", b"dial 101 for 20s; auth ")
    (tmp_path / "routes/front_desk.route").write_bytes(changed)
    printed = CliRunner().invoke(routec, ["plan"]).stdout
    (shown,) = re.findall(r"^```\n(against .*?)^```", README, re.MULTILINE | re.DOTALL)
    digits = re.compile(r"-[0-9a-f]{12}\b")
    assert digits.sub("-…", printed) == digits.sub("-…", shown)


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

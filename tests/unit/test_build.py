import os
import subprocess
import sys
from pathlib import Path

import pytest

from routec import pipeline
from routec.apply.build import compile_project
from routec.kept import Memory
from routec.pipeline import Compilation
from routec.sound.wav import fault, wav_file
from tests.unit.conftest import Cli, Write, put_in_force, wav

GOOD = "route front { on extension 600; prompt hello; hangup }\n"
FILES = {"extensions.conf", "manifest.json", "recorder.json", "signin.agi", "signin.json", "sounds/hello.wav"}


@pytest.fixture
def project(write: Write, tmp_path: Path) -> Path:
    write({"routes/a.route": GOOD})
    wav(tmp_path / "routes/prompts/hello.wav")
    return tmp_path


def content(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {".routec.lock"}


def test_build_and_its_check(project: Path, cli: Cli) -> None:
    assert cli("build", "--check").exit_code == 1
    assert not (project / "generated").exists()
    result = cli("build")
    assert result.exit_code == 0
    assert "1 route" in result.output
    assert content(project / "generated") == FILES
    result = cli("build", "--check")
    assert (result.exit_code, "up to date" in result.output) == (0, True)
    (project / "generated/extensions.conf").write_text("")
    result = cli("build", "--check")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "stale: extensions.conf" in result.stderr
    assert (project / "generated/extensions.conf").read_text() == ""
    assert cli("build").exit_code == 0
    assert cli("build", "--check").exit_code == 0


def test_out(project: Path, cli: Cli) -> None:
    assert cli("build", "--out", "x/y").exit_code == 0
    assert content(project / "x/y") == FILES
    assert not (project / "generated").exists()
    assert cli("build", "--out", "x/y", "--check").exit_code == 0
    assert cli("build", "--check").exit_code == 1


def test_published_where_the_settings_say(project: Path, write: Write, cli: Cli) -> None:
    """`routec build` writes generated/ for git all the same."""
    write({"routes/routec.toml": f'[publish]\nto = "{project}/etc"\n'})
    put_in_force(project)
    assert content(project / "etc") == FILES
    assert cli("build", "--check").exit_code == 1
    assert cli("build").exit_code == 0
    assert content(project / "generated") == FILES


def test_with_an_error_nothing_is_written(project: Path, write: Write, cli: Cli) -> None:
    cli("build")
    before = (project / "generated/extensions.conf").read_bytes()
    write({"routes/a.route": GOOD.replace("600", "700"), "routes/b.route": "goto nowhere"})
    for arguments in (("build",), ("build", "--check")):
        result = cli(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "RT203" in result.stderr
    assert (project / "generated/extensions.conf").read_bytes() == before


def test_a_sound_that_no_prompt_has_goes(project: Path, cli: Cli) -> None:
    wav(project / "routes/prompts/more.wav")
    cli("build")
    assert (project / "generated/sounds/more.wav").exists()
    (project / "routes/prompts/more.wav").unlink()
    assert cli("build", "--check").exit_code == 1
    cli("build")
    assert content(project / "generated") == FILES


@pytest.mark.parametrize("now", [b"", wav_file(8000, bytes(1600))[:-800]])
def test_a_sound_that_is_just_being_written_is_not_published(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, now: bytes
) -> None:
    cli("build")

    def render(compilation: Compilation, memory: Memory | None = None) -> dict[str, bytes]:
        (project / "routes/prompts/hello.wav").write_bytes(now)
        return pipeline.render(compilation, memory)

    monkeypatch.setattr("routec.apply.build.render", render)
    result = cli("build")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "hello.wav" in result.stderr
    assert "changed while it was read" in result.stderr
    assert fault(project / "generated/sounds/hello.wav") == ""


def test_what_cannot_be_written(project: Path, cli: Cli) -> None:
    (project / "file").write_text("")
    result = cli("build", "--out", "file/x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "file/x" in result.stderr
    assert cli("build", "--out", "file").exit_code == 2


def test_no_project(write: Write, cli: Cli) -> None:
    write({})
    for verb in ("build", "check", "watch", "serve"):
        result = cli(verb)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "routes/" in result.stderr


def test_by_function(project: Path) -> None:
    built, changed = put_in_force(project)
    assert set(changed) == FILES == set(built.files)
    assert not built.failed
    assert put_in_force(project)[1] == []
    assert compile_project(project).files == built.files


def test_the_same_bytes_from_elsewhere_at_another_time(project: Path, tmp_path: Path) -> None:
    """No time, no host, no folder, no hash seed, no locale is in the files."""
    other = tmp_path / "elsewhere" / "deeper"
    (other / "routes/prompts").mkdir(parents=True)
    for name in ("routes/a.route", "routes/prompts/hello.wav"):
        (other / name).write_bytes((project / name).read_bytes())
    found = []
    root = Path(__file__).parents[2]
    for folder, seed in ((project, "1"), (other, "2")):
        env = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": seed, "TZ": f"UTC{seed}", "LC_ALL": "C"}
        subprocess.run([sys.executable, "-m", "routec", "build"], cwd=folder, env=env, check=True, capture_output=True)
        found.append({name: (folder / "generated" / name).read_bytes() for name in FILES})
    assert found[0] == found[1]

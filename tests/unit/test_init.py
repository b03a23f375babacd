"""`routec init`: the project passes its own check, and the next steps that it prints work word for word."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.conftest import Cli, Write

STEP = re.compile(r"^  (\S.*)$", re.MULTILINE)
PIN = b"2468135\n"


def shell(command: str, folder: Path, state: Path, typed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    root = Path(__file__).parents[2]
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(root),
        "HOME": str(state.parent), "ROUTEC_STATE": str(state), "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    return subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=env, input=typed, capture_output=True, check=False, timeout=60
    )


def test_a_new_project_passes_its_check(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({})
    result = cli("init")
    assert result.exit_code == 0
    made = result.stdout.partition("\n\n")[0].splitlines()
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(made)
    checked = cli("check")
    assert (checked.exit_code, checked.stdout) == (0, "3 files: no faults\n")
    assert cli("build").exit_code == 0
    assert cli("build", "--check").exit_code == 0
    assert cli("trace", "600").exit_code == 0
    assert cli("plan", "--detailed-exitcode").exit_code == 0


def test_nobody_can_sign_in_yet(write: Write, cli: Cli, tmp_path: Path) -> None:
    """No PIN is made up, that somebody would leave in place."""
    write({})
    cli("init")
    text = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "argon2" not in text
    assert cli("users", "list", "hotel_staff").stdout.count("\n") <= 1


def test_the_next_steps_work_word_for_word(tmp_path: Path) -> None:
    state = tmp_path / "my state"
    result = shell("routec init 'a project'", tmp_path, state)
    assert result.returncode == 0, result.stderr
    said = result.stdout.decode()
    steps = STEP.findall(said.partition("Next, in a shell:")[2])
    assert steps[0] == "cd 'a project'"
    assert steps[-1] == "routec serve"
    assert f'#tryinclude "{tmp_path}/a project/generated/extensions.conf"' in said
    done = shell("\n".join(steps[:-1]), tmp_path, state, PIN)
    assert done.returncode == 0, done.stderr
    assert b"no faults" in done.stdout
    assert (state / "pepper").stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    project = tmp_path / "a project"
    assert b"anna" in shell("routec users list hotel_staff", project, state).stdout
    assert shell("./check-routes", project, state).returncode == 0
    (project / "generated/extensions.conf").unlink()
    assert shell("./check-routes", project, state).returncode == 1


def test_a_pepper_is_never_written_over(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = STEP.findall(shell("routec init a", tmp_path, state).stdout.decode())
    state.mkdir()
    (state / "pepper").write_text("x" * 64)
    (state / "pepper").chmod(0o600)
    (make,) = [step for step in first if "openssl" in step]
    assert shell(make, tmp_path, state).returncode != 0
    assert (state / "pepper").read_text() == "x" * 64
    assert "openssl" not in shell("routec init b", tmp_path, state).stdout.decode()


def test_nothing_is_written_over(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/x.route": "hangup"})
    result = cli("init")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "routes" in result.stderr
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["x.route"]


@pytest.mark.parametrize("name", ["routes", "link"])
def test_a_file_or_a_link_in_the_way(write: Write, cli: Cli, tmp_path: Path, name: str) -> None:
    write({"x": ""})
    (tmp_path / "routes").symlink_to(tmp_path / "gone") if name == "link" else (tmp_path / "routes").write_text("")
    assert cli("init").exit_code == 2
    assert cli("init", "x").exit_code == 2


def test_what_is_there_already_stays(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({".gitignore": "mine\n", "check-routes": "mine\n"})
    result = cli("init")
    assert result.exit_code == 0
    assert (tmp_path / ".gitignore").read_text() == (tmp_path / "check-routes").read_text() == "mine\n"
    assert "ami_secret*" in result.stderr
    assert "routec build --check" in result.stderr


def test_where_nothing_can_be_written(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"file": ""})
    result = cli("init", "file/below")
    assert result.exit_code == 1
    assert "file/below" in result.stderr
    assert not (tmp_path / "routes").exists()


def test_a_loop_of_links(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({})
    (tmp_path / "loop").symlink_to("loop")
    result = cli("init", "loop")
    assert result.exit_code in (1, 2)
    assert "loop" in result.stderr

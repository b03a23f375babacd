"""A project in a folder of the test's own, which is the present folder; nothing of this machine's settings."""

import os
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from routec.apply.build import Built, compile_project, published_folder
from routec.apply.publish import publish
from routec.cli.main import routec

Write = Callable[[Mapping[str, str | bytes]], None]
Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ROUTEC_")]:
        if name != "ROUTEC_UPDATE_GOLDEN":
            monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Goes to an empty folder, and writes files there."""
    monkeypatch.chdir(tmp_path)

    def put(files: Mapping[str, str | bytes]) -> None:
        for name, data in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())

    return put


@pytest.fixture
def cli() -> Cli:
    """Runs a verb."""

    def run(*arguments: str, typed: bytes = b"") -> Result:
        result = CliRunner().invoke(routec, arguments, input=typed, prog_name="routec")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        return result

    return run


def put_in_force(root: Path) -> tuple[Built, list[str]]:
    """Builds a project to where Asterisk reads; gives what came of it, and the files that changed."""
    built = compile_project(root)
    return built, publish(built.files, published_folder(root, built.settings))


def wav(path: Path, frames: int = 80, rate: int = 8000) -> None:
    """Writes a sound as Asterisk plays it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(2 * frames))

"""The files below routes/prompts/: what of them is published, and under which names."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from routec.apply.build import Builder
from routec.apply.publish import stale
from routec.files import Reader
from routec.model.sound_files import joined, languages_of, published_name, split, stem
from routec.project import recordings_folder, sounds_below
from routec.settings import Settings
from tests.unit.conftest import Cli, Write, put_in_force, wav
from tests.unit.test_build import content

ROUTES = 'prompt hi "hi.wav"\nroute a { on extension 600; prompt hi, "routec/bar/shut"; hangup }\n'


@pytest.mark.parametrize(
    ("path", "language", "file"),
    [
        ("hi.wav", None, "hi.wav"),
        ("nl/hi.wav", "nl", "hi.wav"),
        ("nl_be/bar/hi.wav16", "nl_be", "bar/hi.wav16"),
        ("bar/nl/hi.wav", None, "bar/nl/hi.wav"),
        ("nl_BE/hi.wav", None, "nl_BE/hi.wav"),
        ("nld/hi.wav", None, "nld/hi.wav"),
        ("nl.wav", None, "nl.wav"),
    ],
)
def test_what_a_file_is(path: str, language: str | None, file: str) -> None:
    assert split(path) == (language, file)
    assert joined(file, language) == path


@pytest.mark.parametrize(
    ("file", "language", "folder", "name"),
    [
        ("bar/hi.wav", None, "routec", "bar/hi.wav"),
        ("bar/hi.wav", "nl", "routec", "nl/bar/hi.wav"),
        ("hi.wav16", "en_gb", "custom/routec", "en_GB/hi.wav16"),
        ("hi.wav", "en_gb", "/srv/sounds", "en_GB/hi.wav"),
        ("bar/hi.wav", "nl", "/srv/sounds", "bar/nl/hi.wav"),
        ("bar/hi.wav", None, "/srv/sounds", "bar/hi.wav"),
    ],
)
def test_where_it_is_published(file: str, language: str | None, folder: str, name: str) -> None:
    assert published_name(file, language, folder) == name


def test_languages_of_files() -> None:
    assert languages_of(["hi.wav", "nl/hi.wav", "en/hi.wav", "en/hi.wav16", "de/new.wav16"]) == {
        "hi.wav": ["en", "nl"],
        "new.wav": ["de"],
    }
    assert [stem(path) for path in ("a.wav", "a.wav16", "a/b.c.wav", "a")] == ["a", "a", "a/b.c", "a"]


def test_what_is_wrong_with_them(tmp_path: Path) -> None:
    wav(tmp_path / "hi.wav")
    wav(tmp_path / "hi.wav16", 160, 16000)
    wav(tmp_path / "nl/hi.wav", 8000)
    wav(tmp_path / "nl/hi.wav16", 17000, 16000)
    wav(tmp_path / "late.wav", 8000)
    wav(tmp_path / "late.wav16", 18000, 16000)
    wav(tmp_path / "alone.wav16", 160, 16000)
    wav(tmp_path / "slow.wav")
    wav(tmp_path / "slow.wav16", 160, 8000)
    wav(tmp_path / "bad.wav", rate=44100)
    wav(tmp_path / "bad.wav16", 1600, 16000)
    (tmp_path / "no.wav16").write_bytes(b"RIFF")
    (tmp_path / "no.wav").mkdir()
    for name in (".replaced/hi.20261127T223105Z.wav", ".replaced/nl/hi.20261127T223105Z.wav16", "nl/.hi.wav"):
        wav(tmp_path / name)
    assert sounds_below(tmp_path, Reader())[0] == {
        "alone.wav16": "`alone.wav`, the same at 8000 Hz, is not beside it",
        "bad.wav": "it has 44100 Hz, 16 bit, mono; Asterisk plays 8000 Hz, 16 bit, mono",
        "bad.wav16": "",
        "hi.wav": "",
        "hi.wav16": "",
        "late.wav": "",
        "late.wav16": "it is 1.1 s long, and `late.wav` beside it 1.0 s: one of them is old",
        "nl/hi.wav": "",
        "nl/hi.wav16": "",
        "no.wav": "it is no file",
        "no.wav16": "it is no PCM .wav: it ends too early",
        "slow.wav": "",
        "slow.wav16": "it has 8000 Hz, 16 bit, mono; Asterisk plays 16000 Hz, 16 bit, mono",
    }


@pytest.fixture
def root(write: Write, tmp_path: Path) -> Path:
    write({"routes/a.route": ROUTES, "routes/prompts/.replaced/.gitignore": "*\n"})
    for name in ("hi.wav", "nl/hi.wav", "bar/shut.wav", "en_gb/bar/shut.wav", ".replaced/hi.20261127T223105Z.wav"):
        wav(tmp_path / "routes/prompts" / name)
    wav(tmp_path / "routes/prompts/nl/hi.wav16", 160, 16000)
    return tmp_path


def sounds(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root / "generated/sounds").as_posix(): path.read_bytes()
        for path in (root / "generated/sounds").rglob("*")
        if path.is_file()
    }


def test_languages_and_companions_are_published_and_go(root: Path, cli: Cli) -> None:
    cli("build")
    assert set(sounds(root)) == {"hi.wav", "nl/hi.wav", "nl/hi.wav16", "bar/shut.wav", "en_GB/bar/shut.wav"}
    assert sounds(root)["nl/hi.wav16"] == (root / "routes/prompts/nl/hi.wav16").read_bytes()
    manifest = json.loads((root / "generated/manifest.json").read_text())
    assert manifest["sounds"] == sorted(sounds(root))
    assert "recorder.json" in manifest["digests"]
    assert cli("build", "--check").exit_code == 0
    before = content(root / "generated")
    wav(root / "routes/prompts/.replaced/hi.20261127T223106Z.wav", 90)
    assert cli("build", "--check").exit_code == 0, "what was replaced is no prompt"
    (root / "routes/prompts/nl/hi.wav16").unlink()
    (root / "routes/prompts/en_gb/bar/shut.wav").unlink()
    assert cli("build", "--check").exit_code == 1
    cli("build")
    assert before - content(root / "generated") == {"sounds/nl/hi.wav16", "sounds/en_GB/bar/shut.wav"}


def test_an_absolute_folder_has_its_languages_beside_each_sound(root: Path, write: Write) -> None:
    write({"routes/routec.toml": '[asterisk]\nsounds = "/srv/sounds"\n'})
    built, _ = put_in_force(root)
    assert built.compilation.sounds == {
        "bar/en_GB/shut.wav": "en_gb/bar/shut.wav",
        "bar/shut.wav": "bar/shut.wav",
        "hi.wav": "hi.wav",
        "nl/hi.wav": "nl/hi.wav",
        "nl/hi.wav16": "nl/hi.wav16",
    }


def test_a_file_that_is_declared_in_a_languages_folder_is_a_prompt_like_others(root: Path, write: Write) -> None:
    """So it was before there were languages."""
    write({"routes/a.route": ROUTES + 'prompt own "nl/own.wav"\nroute b { on extension 601; prompt own; hangup }\n'})
    wav(root / "routes/prompts/nl/own.wav")
    built, _ = put_in_force(root)
    assert not built.failed
    own = [prompt for prompt in built.compilation.system.prompts if "own" in prompt.name]
    assert [(prompt.name, prompt.file, prompt.sound) for prompt in own] == [("own", "nl/own.wav", "routec/nl/own")]
    assert built.compilation.sounds["nl/own.wav"] == "nl/own.wav"


def test_a_warm_build_is_a_cold_one(root: Path) -> None:
    builder = Builder(root)
    builder.build()
    prompts = root / "routes/prompts"
    for name, frames, rate in (
        ("nl/hi.wav", 90, 8000),
        ("de/hi.wav", 80, 8000),
        ("de/hi.wav16", 16000, 16000),
        ("de/hi.wav16", 0, 0),
        ("hi.wav", 0, 0),
    ):
        if frames:
            wav(prompts / name, frames, rate)
        else:
            (prompts / name).unlink()
        warm, cold = builder.build(), Builder(root).build()
        assert warm.files == cold.files
        assert warm.compilation.diagnostics == cold.compilation.diagnostics


def test_two_files_of_one_published_name(root: Path, write: Write) -> None:
    write({"routes/routec.toml": '[asterisk]\nsounds = "/srv/sounds"\n'})
    wav(root / "routes/prompts/bar/en_GB/shut.wav", 200)
    built, _ = put_in_force(root)
    assert built.compilation.sounds["bar/en_GB/shut.wav"] == "bar/en_GB/shut.wav", "a prompt's own goes first"
    assert stale(built.files, root / "generated") == []


def test_recordings_have_a_folder_where_they_are_on(tmp_path: Path) -> None:
    assert recordings_folder(tmp_path, Settings()) is None
    settings = Settings.parse('[prompts]\nmodule = "keepers"')
    assert recordings_folder(tmp_path, settings) == tmp_path / "routes/prompts"


def test_a_folder_of_what_was_replaced_may_be_closed(root: Path) -> None:
    closed = root / "routes/prompts/.replaced"
    closed.chmod(0)
    try:
        assert not Builder(root).build().failed
    finally:
        closed.chmod(0o700)


def test_what_was_replaced_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of a thousand routes has 0.3 s, and would spend all of it there."""
    for file in ("a.wav", "nl/a.wav", ".replaced/a.20261127T223105Z.wav", ".replaced/nl/a.20261127T223105Z.wav"):
        (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
        wav(tmp_path / file)
    (tmp_path / "folder.wav").mkdir()
    looked: list[str] = []
    scandir = os.scandir

    def look(path: Any) -> Any:
        looked.append(Path(path).name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", look)
    assert sounds_below(tmp_path, Reader())[0] == {"a.wav": "", "nl/a.wav": "", "folder.wav": "it is no file"}
    assert ".replaced" not in looked


def test_sounds_in_other_formats_are_said(root: Path, cli: Cli) -> None:
    for name in ("bye.mp3", "nl/good bye.ogg", "BYE.WAV", ".hidden.mp3", "notes.txt", "hi.flac"):
        (root / "routes/prompts" / name).parent.mkdir(exist_ok=True)
        (root / "routes/prompts" / name).write_bytes(b"x")
    printed = cli("check").output
    assert printed.count("RT326]: nothing can play") == 3
    assert "nothing can play `bye.mp3`: prompts are .wav files" in printed
    assert "routec prompts add bye FILE`" in printed
    assert "routec prompts add NAME FILE --language nl`" in printed

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from routec.apply.publish import PublishError, publish, stale

FILES: Mapping[str, bytes] = {
    "extensions.conf": b"; Made by routec\n[routec-dids]\n",
    "manifest.json": b"{}\n",
    "signin.agi": b"#!/bin/sh\n",
    "signin.json": b"{}\n",
    "sounds/nl/ok.wav": b"RIFF",
}


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


def test_all_is_written_the_dialplan_last(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert stale(FILES, folder) == sorted(FILES)
    changed = publish(FILES, folder)
    assert sorted(changed) == sorted(FILES)
    assert changed[-1] == "extensions.conf"
    assert content(folder) == FILES
    assert stale(FILES, folder) == []


def test_modes(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        publish(FILES, tmp_path)
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert modes.pop("signin.agi") == 0o755
    assert set(modes.values()) == {0o644}


def test_a_script_that_cannot_run_is_stale(tmp_path: Path) -> None:
    publish(FILES, tmp_path)
    (tmp_path / "signin.agi").chmod(0o644)
    assert stale(FILES, tmp_path) == ["signin.agi"]
    assert publish(FILES, tmp_path) == ["signin.agi"]
    assert os.access(tmp_path / "signin.agi", os.X_OK)


def test_what_is_the_same_is_not_touched(tmp_path: Path) -> None:
    publish(FILES, tmp_path)
    before = stamps(tmp_path)
    assert publish(FILES, tmp_path) == []
    assert stamps(tmp_path) == before
    changed = {**FILES, "manifest.json": b"[]\n"}  # as long as before
    assert stale(changed, tmp_path) == ["manifest.json"]
    assert publish(changed, tmp_path) == ["manifest.json"]
    after = stamps(tmp_path)
    assert {path for path in after if after[path] != before[path]} == {str(tmp_path / "manifest.json")}


def test_sounds_that_no_prompt_has_go_and_other_files_stay(tmp_path: Path) -> None:
    manifest = b'{"sounds": ["nl/ok.wav", "old.wav", "../other.wav"]}'
    publish({**FILES, "sounds/old.wav": b"RIFF", "manifest.json": manifest}, tmp_path)
    for name in ("mine.conf", "sounds/readme.txt", "other.wav"):
        (tmp_path / name).write_text("mine")
    assert stale(FILES, tmp_path) == ["manifest.json", "sounds/old.wav"]
    assert publish(FILES, tmp_path) == ["manifest.json", "sounds/old.wav"]
    assert set(content(tmp_path)) == {*FILES, "mine.conf", "sounds/readme.txt", "other.wav"}


def test_sounds_of_others_stay(tmp_path: Path) -> None:
    """`[publish] to` may be a folder that has sounds of its own, such as Asterisk's data folder."""
    theirs = tmp_path / "sounds" / "en" / "hello-world.wav"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    publish(FILES, tmp_path)
    assert theirs.exists()


@pytest.mark.parametrize("at", range(len(FILES)))
def test_whatever_kills_it_every_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    publish(FILES, tmp_path)
    new = {name: data + b"; new and longer\n" for name, data in FILES.items()}
    replace = Path.replace
    count = 0

    def dies(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count > at:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            publish(new, tmp_path)
    found = content(tmp_path)
    assert set(found) == set(FILES), "nothing is left over"
    assert all(found[name] in (FILES[name], new[name]) for name in FILES)
    assert sum(found[name] == new[name] for name in FILES) == at
    assert found["extensions.conf"] == FILES["extensions.conf"], "the dialplan comes last"
    assert publish(new, tmp_path)[-1] == "extensions.conf"
    assert content(tmp_path) == new


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(FILES, tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PublishError, match=r"cannot write .*manifest.json: No space left on device"):
        publish({**FILES, "manifest.json": b"longer\n"}, tmp_path)
    assert content(tmp_path) == FILES


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match=r"cannot write .*file/x"):
        publish(FILES, tmp_path / "file" / "x")
    (tmp_path / "out" / "extensions.conf").mkdir(parents=True)
    with pytest.raises(PublishError, match=r"cannot write .*extensions.conf"):
        publish(FILES, tmp_path / "out")

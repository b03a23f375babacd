import os
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from routec.apply.lock import LOCK_FILE, _is_taken, locked
from routec.apply.publish import Publication, PublishError, publish, stale
from routec.apply.retired_conf import retired_file, tail
from routec.apply.shelf import MARK, Shelf
from routec.model.sound_files import hides

FILES: Mapping[str, bytes] = {
    "extensions.conf": b"; Made by routec\n[routec-dids]\n",
    "manifest.json": b"{}\n",
    "recorder.json": b"{}\n",
    "signin.agi": b"#!/bin/sh\n",
    "signin.json": b"{}\n",
    "sounds/nl/ok.wav": b"RIFF",
}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_FILE]


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_in(folder)}


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in files_in(folder)}


def test_all_is_written_the_dialplan_last(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert stale(FILES, folder) == sorted(FILES)
    changed = publish(FILES, folder)
    assert sorted(changed) == sorted(FILES)
    assert changed[-1] == "extensions.conf"
    assert changed.index("recorder.json") < changed.index("manifest.json")
    assert content(folder) == FILES
    assert stale(FILES, folder) == []


def test_modes(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        publish(FILES, tmp_path)
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in files_in(tmp_path)}
    assert (tmp_path / LOCK_FILE).stat().st_mode & 0o777 == 0o600, "who may open it could hold it"
    assert modes.pop("signin.agi") == 0o755
    assert set(modes.values()) == {0o644}


def test_folders_are_as_open_as_what_is_in_them(tmp_path: Path) -> None:
    """Asterisk is another user: it reads what a cautious user built."""
    old = os.umask(0o077)
    try:
        publish(FILES, tmp_path / "new/generated")
    finally:
        os.umask(old)
    folders = [each for each in (tmp_path / "new").rglob("*") if each.is_dir()]
    assert len(folders) > 1
    assert {each.stat().st_mode & 0o777 for each in (tmp_path / "new", *folders)} == {0o755}


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


NEW: Mapping[str, bytes] = {name: data + b"; new and longer\n" for name, data in FILES.items()}


def dying(monkeypatch: pytest.MonkeyPatch, at: int, die: Callable[[], None]) -> None:
    """Dies at the `at`-th thing that is done to the folder."""
    count = 0

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                die()
            return real(*arguments, **named)

        return call

    for place, name in (
        (os, "link"), (Path, "replace"), (Path, "unlink"), (os, "fsync"), (tempfile, "mkstemp"), (os, "fchmod"),
    ):  # fmt: skip
        monkeypatch.setattr(place, name, wrapped(getattr(place, name)))


@pytest.mark.parametrize("at", range(1, 38))
def test_whatever_kills_it_every_file_is_whole_and_the_next_one_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    publish(FILES, tmp_path)
    child = os.fork()
    if child == 0:
        dying(monkeypatch, at, lambda: os.kill(os.getpid(), signal.SIGKILL))
        publish(NEW, tmp_path)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = content(tmp_path)
    whole = {name: data for name, data in found.items() if not Path(name).name.startswith(".routec-")}
    assert set(whole) == set(FILES)
    assert all(whole[name] in (FILES[name], NEW[name]) for name in FILES)
    if whole["extensions.conf"] == NEW["extensions.conf"]:
        assert whole == NEW, "the dialplan comes last"
    assert os.WIFSIGNALED(status) or whole == NEW
    publish(NEW, tmp_path)
    assert content(tmp_path) == NEW, "what lay about is gone"


@pytest.mark.parametrize("at", range(1, 38))
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_whatever_goes_wrong_all_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException
) -> None:
    manifest = b'{"sounds": ["nl/ok.wav", "old.wav"]}'
    before = {**FILES, "sounds/old.wav": b"RIFF", "manifest.json": manifest}
    publish(before, tmp_path)

    def fail() -> None:
        raise error

    with monkeypatch.context() as patch:
        dying(patch, at, fail)
        raised: BaseException | None = None
        try:
            publish(NEW, tmp_path)
        except (PublishError, KeyboardInterrupt) as found:
            raised = found
    whole = {name: data for name, data in content(tmp_path).items() if "/.routec-" not in f"/{name}"}
    if isinstance(raised, PublishError):
        assert content(tmp_path) == before
    else:  # it was about taking away what is left over, or nobody was asked in time
        assert whole == NEW or (raised and content(tmp_path) == before)


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(FILES, tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PublishError, match=r"cannot write .*manifest.json: No space left on device"):
        publish({**FILES, "manifest.json": b"longer\n"}, tmp_path)
    assert content(tmp_path) == FILES


def test_what_is_put_back_needs_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(FILES, tmp_path)
    shelf = Shelf(tmp_path)
    new = {name: NEW[name] for name in NEW if name != "sounds/nl/ok.wav"} | {"sounds/new.wav": b"RIFF"}
    with Publication(new, ["sounds/nl/ok.wav"], shelf) as publication:
        publication.commit()

        def full(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "mkstemp", full)
            publication.restore()
    assert content(tmp_path) == FILES
    assert stale(FILES, tmp_path) == []


def test_links_that_others_lay_are_not_followed(tmp_path: Path) -> None:
    folder, theirs = tmp_path / "out", tmp_path / "theirs"
    folder.mkdir()
    theirs.write_text("theirs")
    (folder / LOCK_FILE).symlink_to(theirs)
    with pytest.raises(PublishError, match=r"cannot write .*\.routec\.lock: Too many levels of symbolic links"):
        publish(FILES, folder)
    (folder / LOCK_FILE).unlink()
    for name in (".routec-old.extensions.conf", ".routec-new.extensions.conf.abcdefgh", "signin.json"):
        (folder / name).symlink_to(theirs)
    publish(FILES, folder)
    assert theirs.read_text() == "theirs"
    assert content(folder) == FILES


def test_one_at_a_time(tmp_path: Path) -> None:
    said = threading.Event()
    with ThreadPoolExecutor(1) as others, locked(tmp_path):
        other = others.submit(publish, FILES, tmp_path, said.set)
        assert said.wait(10), "it says that it waits"
        assert not other.done()
        assert content(tmp_path) == {}
    assert sorted(other.result()) == sorted(FILES)


def test_a_lock_that_was_taken_away_is_none(tmp_path: Path) -> None:
    """Who waits for the file that was there looks for the one that is there now."""
    said = threading.Event()

    def enter() -> bool:
        with locked(tmp_path, said.set):
            return True

    with ThreadPoolExecutor(1) as others, locked(tmp_path):
        waiting = others.submit(enter)
        assert said.wait(10)
        (tmp_path / LOCK_FILE).unlink()
        with locked(tmp_path):
            pass
        assert waiting.result(10)
    handle = os.open(tmp_path / LOCK_FILE, os.O_RDWR)
    (tmp_path / LOCK_FILE).unlink()
    (tmp_path / LOCK_FILE).touch()
    assert not _is_taken(handle, tmp_path / LOCK_FILE)
    os.close(handle)


def test_the_line_of_retired_contexts_makes_nothing_stale(tmp_path: Path) -> None:
    publish(FILES, tmp_path)
    main = tmp_path / "extensions.conf"
    main.write_bytes(FILES["extensions.conf"] + tail(tmp_path))
    (tmp_path / "retired.conf").write_bytes(retired_file({}, ["sounds/old.wav"]))
    assert stale(FILES, tmp_path) == []
    assert publish(FILES, tmp_path) == []


def test_sounds_of_retired_contexts_stay(tmp_path: Path) -> None:
    publish({**FILES, "sounds/old.wav": b"RIFF", "manifest.json": b'{"sounds": ["old.wav"]}'}, tmp_path)
    (tmp_path / "retired.conf").write_bytes(b"; Made by routec\n")
    publish(FILES, tmp_path)
    assert (tmp_path / "sounds/old.wav").exists()


def test_a_companion_of_an_old_sound_does_not_stay_beside_the_new_one(tmp_path: Path) -> None:
    names = b'{"sounds": ["hi.wav", "hi.wav16", "old.wav", "old.wav16"]}'
    sounds = {f"sounds/{name}": b"RIFF" for name in ("hi.wav", "hi.wav16", "old.wav", "old.wav16")}
    publish({**FILES, **sounds, "manifest.json": names}, tmp_path)
    (tmp_path / "retired.conf").write_bytes(b"; Made by routec\n")
    publish({**FILES, "sounds/hi.wav": b"RIFFnew"}, tmp_path)
    there = sorted(path.name for path in (tmp_path / "sounds").iterdir() if path.is_file())
    assert there == ["hi.wav", "old.wav", "old.wav16"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sounds/hi.wav16", True), ("sounds/en/hi.wav", True), ("sounds/en_GB/hi.wav16", True),
        ("sounds/en/bar/no.wav", True), ("sounds/bar/en/no.wav", True),
        ("sounds/en/ho.wav", False), ("sounds/ho.wav", False), ("sounds/ho.wav16", False), ("sounds/bar/hi.wav", False),
    ],
)  # fmt: skip
def test_what_hides_a_present_sound(name: str, expected: bool) -> None:
    """Left there for retired contexts, a version in Asterisk's own default language would be what all callers hear."""
    assert hides(name, ["sounds/hi.wav", "sounds/bar/no.wav"]) is expected


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match=r"cannot write .*file/x"):
        publish(FILES, tmp_path / "file" / "x")
    (tmp_path / "out" / "extensions.conf").mkdir(parents=True)
    with pytest.raises(PublishError, match=r"cannot write .*extensions.conf"):
        publish(FILES, tmp_path / "out")


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_root_leaves_the_folder_to_whose_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    publish({"extensions.conf": MARK, "sounds/a.wav": b"x"}, folder)
    owners = {path.name: path.stat().st_uid for path in folder.rglob("*")}
    assert owners == dict.fromkeys((".routec.lock", "extensions.conf", "sounds", "a.wav"), 65534)
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"")
    (folder / LOCK_FILE).unlink()
    os.link(theirs, folder / LOCK_FILE)
    publish({"extensions.conf": MARK}, folder)
    assert theirs.stat().st_uid == 0, "what was linked there is not given away"


def test_what_helps_where_it_may_not_be_written() -> None:
    assert "sudo chown -R" in PublishError.of("x", PermissionError(13, "Permission denied")).help
    assert PublishError.of("x", OSError(28, "No space left on device")).help == ""

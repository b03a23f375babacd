"""Sounds in their places: whole or not at all, the old one recoverable, two at once, killed anywhere."""

import contextlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from routec.rewrite import Change, RewriteError, alone, write_all
from routec.sound.keeping import IsThereError, KeepError, keep, replaced, restore
from routec.sound.wav import fault, placeholder_mark, wav_file

WHEN = datetime(2026, 11, 27, 22, 31, 5, tzinfo=UTC)


def sound(number: int, rate: int = 8000, comment: str | None = None) -> bytes:
    return wav_file(rate, bytes([number, 0]) * (rate // 10), comment)


def both(number: int) -> tuple[bytes, bytes]:
    return sound(number), sound(number, 16000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "routes" / "prompts"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_one_makes_its_folders(folder: Path) -> None:
    kept = keep(folder, "nl/desk/hello.wav", *both(1), WHEN)
    assert (kept.places, kept.replaced, kept.changed) == (
        (folder / "nl/desk/hello.wav", folder / "nl/desk/hello.wav16"),
        None,
        True,
    )
    assert files(folder) == {"nl/desk/hello.wav": sound(1), "nl/desk/hello.wav16": sound(1, 16000)}
    assert (folder / "nl/desk/hello.wav").stat().st_mode & 0o777 == 0o644
    assert fault(folder / "nl/desk/hello.wav") == fault(folder / "nl/desk/hello.wav16") == ""


def test_who_holds_the_folder_is_not_waited_for_without_an_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routec.rewrite.TURN_SECONDS", 0.05)
    keep(folder, "a.wav", sound(1), None, WHEN)
    with alone(folder), pytest.raises(KeepError, match=f"cannot write {folder}: another process has it locked"):
        keep(folder, "a.wav", sound(2), None, WHEN)
    assert files(folder) == {"a.wav": sound(1)}
    keep(folder, "a.wav", sound(2), None, WHEN)


def test_no_stamp_is_so_large_that_what_is_replaced_next_is_lost(folder: Path) -> None:
    keep(folder, "a.wav", sound(0), None, WHEN)
    (folder / ".replaced").mkdir()
    (folder / ".replaced/a.99991231T235959Z-999999999.wav").write_bytes(sound(9))
    for number in range(1, 4):
        keep(folder, "a.wav", sound(number), None, WHEN)
    assert [each.narrow.read_bytes() for each in replaced(folder, "a.wav")] == [sound(2), sound(1), sound(0), sound(9)]


def test_a_group_that_shares_the_folder_shares_those_that_are_made_in_it(folder: Path) -> None:
    folder.mkdir(parents=True)
    keep(folder, "nl/a.wav", sound(1), None, WHEN)
    assert (folder / "nl").stat().st_mode & 0o7777 == 0o755
    folder.chmod(0o2775)
    keep(folder, "en/bar/a.wav", sound(1), None, WHEN)
    keep(folder, "en/bar/a.wav", sound(2), None, WHEN)
    for made in ("en", "en/bar", ".replaced", ".replaced/en", ".replaced/en/bar"):
        assert (folder / made).stat().st_mode & 0o7777 == 0o2775, made


def test_what_was_there_is_kept(folder: Path) -> None:
    keep(folder, "nl/a.wav", *both(1), WHEN)
    kept = keep(folder, "nl/a.wav", sound(2), None, WHEN + timedelta(seconds=1))
    assert kept.replaced == folder / ".replaced/nl/a.20261127T223106Z.wav"
    assert files(folder) == {
        "nl/a.wav": sound(2),
        ".replaced/.gitignore": b"*\n",
        ".replaced/nl/a.20261127T223106Z.wav": sound(1),
        ".replaced/nl/a.20261127T223106Z.wav16": sound(1, 16000),
    }
    (found,) = replaced(folder, "nl/a.wav")
    assert (found.stamp, found.narrow, found.wide is None) == ("20261127T223106Z", kept.replaced, False)
    assert replaced(folder, "a.wav") == replaced(folder, "gone.wav") == []


def test_the_same_again_changes_nothing(folder: Path) -> None:
    keep(folder, "a.wav", *both(1), WHEN)
    before = (folder / "a.wav").stat().st_ino
    kept = keep(folder, "a.wav", *both(1), WHEN)
    assert (kept.changed, kept.replaced, (folder / "a.wav").stat().st_ino) == (False, None, before)
    assert not (folder / ".replaced").exists()


def test_ten_stay_in_the_order_of_their_coming_whatever_the_clock_says(folder: Path) -> None:
    for number in range(14):
        keep(folder, "a.wav", *both(number), WHEN - timedelta(days=number // 7))
    keep(folder, "b.wav", sound(1), None, WHEN)
    keep(folder, "b.wav", sound(2), None, WHEN)
    found = replaced(folder, "a.wav")
    assert [each.narrow.read_bytes() for each in found] == [sound(number) for number in range(12, 2, -1)]
    assert [each.wide.read_bytes() for each in found if each.wide] == [
        sound(number, 16000) for number in range(12, 2, -1)
    ]
    assert [each.stamp for each in found[:2]] == ["20261127T223105Z-13", "20261127T223105Z-12"]
    assert len(replaced(folder, "b.wav")) == 1
    assert len(list((folder / ".replaced").glob("a.*"))) == 20


def test_names_that_begin_alike_are_kept_apart(folder: Path) -> None:
    for file in ("a.wav", "a.b.wav", "a.20261127T223105Z.wav"):
        keep(folder, file, sound(1), None, WHEN)
        keep(folder, file, sound(2), None, WHEN)
        assert len(replaced(folder, file)) == 1


class TestOver:
    def test_nothing(self, folder: Path) -> None:
        keep(folder, "a.wav", sound(1), None, WHEN, over="nothing")
        with pytest.raises(IsThereError, match=r"prompts/a\.wav is there already$"):
            keep(folder, "a.wav", sound(2), None, WHEN, over="nothing")
        assert files(folder) == {"a.wav": sound(1)}

    def test_placeholders_give_way_to_placeholders_and_are_not_kept(self, folder: Path) -> None:
        for text in ("one", "two"):
            keep(folder, "a.wav", sound(1, comment=placeholder_mark(text)), None, WHEN, over="placeholder")
        assert files(folder) == {"a.wav": sound(1, comment=placeholder_mark("two"))}

    @pytest.mark.parametrize(
        "there",
        [
            {"a.wav": sound(1)},
            {"a.wav": b"no sound"},
            {"a.wav16": sound(1, 16000)},
            {"a.wav": sound(1, comment=placeholder_mark("one")), "a.wav16": sound(1, 16000)},
        ],
    )
    def test_recordings_never_do(self, folder: Path, there: dict[str, bytes]) -> None:
        folder.mkdir(parents=True)
        for name, data in there.items():
            (folder / name).write_bytes(data)
        with pytest.raises(IsThereError):
            keep(folder, "a.wav", sound(2), None, WHEN, over="placeholder")
        assert files(folder) == there

    def test_a_recording_over_a_placeholder_keeps_it(self, folder: Path) -> None:
        spoken = sound(1, comment=placeholder_mark("one"))
        keep(folder, "a.wav", spoken, None, WHEN)
        kept = keep(folder, "a.wav", *both(2), WHEN)
        assert kept.replaced
        assert kept.replaced.read_bytes() == spoken


class TestRestore:
    def test_back_and_forth(self, folder: Path) -> None:
        keep(folder, "a.wav", *both(1), WHEN)
        keep(folder, "a.wav", sound(2), None, WHEN)
        for expected in (both(1), (sound(2), None), both(1)):
            _, kept = restore(folder, "a.wav", WHEN)
            assert kept.changed
            now = files(folder)
            assert (now["a.wav"], now.get("a.wav16")) == expected
            assert len(replaced(folder, "a.wav")) == 1

    def test_one_of_several(self, folder: Path) -> None:
        for number in (1, 2, 3):
            keep(folder, "a.wav", sound(number), None, WHEN)
        oldest = replaced(folder, "a.wav")[-1]
        found, _ = restore(folder, "a.wav", WHEN, oldest.stamp)
        assert (found, (folder / "a.wav").read_bytes()) == (oldest, sound(1))
        assert sorted(each.narrow.read_bytes() for each in replaced(folder, "a.wav")) == [sound(2), sound(3)]
        with pytest.raises(KeepError, match=r"no sound of .*a\.wav was replaced at 20200101T000000Z"):
            restore(folder, "a.wav", WHEN, "20200101T000000Z")

    def test_where_the_present_one_is_gone(self, folder: Path) -> None:
        keep(folder, "a.wav", sound(1), None, WHEN)
        keep(folder, "a.wav", sound(2), None, WHEN)
        (folder / "a.wav").unlink()
        restore(folder, "a.wav", WHEN)
        assert (folder / "a.wav").read_bytes() == sound(1)

    def test_nothing_to_put_back(self, folder: Path) -> None:
        with pytest.raises(KeepError, match="nothing was replaced at"):
            restore(folder, "a.wav", WHEN)
        keep(folder, "a.wav", sound(1), None, WHEN)
        keep(folder, "a.wav", sound(2), None, WHEN)
        next((folder / ".replaced").glob("a.*")).write_bytes(b"damaged")
        with pytest.raises(KeepError, match=r"cannot be put back: it is no PCM \.wav"):
            restore(folder, "a.wav", WHEN)
        assert (folder / "a.wav").read_bytes() == sound(2)


class TestStrangePlaces:
    @pytest.mark.parametrize(
        "file", ["../a.wav", "/tmp/a.wav", "nl/../../a.wav", ".a.wav", ".replaced/a.wav", "a.wav16", "a.mp3", "", "a"]
    )
    def test_names(self, folder: Path, file: str) -> None:
        for act in (lambda: keep(folder, file, sound(1), None, WHEN), lambda: restore(folder, file, WHEN)):
            with pytest.raises(KeepError, match="is no name of a sound file"):
                act()

    def test_links_lead_nowhere(self, folder: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        folder.mkdir(parents=True)
        (outside / "a.wav").write_bytes(b"not ours")
        (folder / "nl").symlink_to(outside)
        (folder / "a.wav").symlink_to(outside / "a.wav")
        (folder / "b.wav").symlink_to(outside / "new.wav")
        (folder / "c.wav16").symlink_to(outside / "a.wav")
        for file in ("nl/a.wav", "nl/x/a.wav", "a.wav", "b.wav", "c.wav"):
            with pytest.raises(KeepError, match="is a link"):
                keep(folder, file, sound(1), None, WHEN)
        (folder / ".replaced").symlink_to(outside)
        (folder / "d.wav").write_bytes(sound(1))
        with pytest.raises(KeepError, match="is a link"):
            keep(folder, "d.wav", sound(2), None, WHEN)
        assert files(outside) == {"a.wav": b"not ours"}

    def test_nothing_is_written_or_cleared_through_links_on_the_shelf(self, folder: Path, tmp_path: Path) -> None:
        (folder / ".replaced").mkdir(parents=True)
        (folder / ".replaced/.gitignore").symlink_to(tmp_path / "outside")
        (folder / "a.wav").write_bytes(sound(1))
        keep(folder, "a.wav", sound(2), None, WHEN)
        assert not (tmp_path / "outside").exists()
        assert len(replaced(folder, "a.wav")) == 1
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        (theirs / ".notes.wav.abcd1234").write_bytes(b"not ours")
        (folder / "nl").mkdir()
        (folder / "nl/a.wav").write_bytes(sound(1, comment=placeholder_mark("hello")))
        (folder / ".replaced/nl").symlink_to(theirs)
        keep(folder, "nl/a.wav", sound(2), None, WHEN, over="placeholder")
        assert files(theirs) == {".notes.wav.abcd1234": b"not ours"}

    def test_the_folder_itself_may_be_a_link(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        folder.parent.mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
        keep(folder, "a.wav", sound(1), None, WHEN)
        keep(folder, "a.wav", sound(2), None, WHEN)
        assert (tmp_path / "elsewhere/a.wav").read_bytes() == sound(2)
        assert len(replaced(folder, "a.wav")) == 1

    def test_what_is_no_file_is_in_the_way(self, folder: Path) -> None:
        (folder / "a.wav").mkdir(parents=True)
        (folder / "file").write_bytes(b"")
        os.mkfifo(folder / "b.wav")
        for file, words in (("a.wav", "is no file"), ("b.wav", "is no file"), ("file/c.wav", "not a directory")):
            with pytest.raises(KeepError, match=words):
                keep(folder, file, sound(1), None, WHEN)

    def test_a_full_disk_changes_nothing(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        keep(folder, "a.wav", *both(1), WHEN)
        fsync, done = os.fsync, 0

        def full(handle: int) -> None:
            nonlocal done
            done += 1
            if done == failing:
                raise OSError(28, "No space left on device")
            fsync(handle)

        monkeypatch.setattr("routec.rewrite.os.fsync", full)
        for failing in range(1, 30):
            done = 0
            before = files(folder)
            with contextlib.suppress(KeepError):
                keep(folder, "a.wav", *both(failing + 1), WHEN)
                break
            assert files(folder) == before
        assert 12 < failing < 29
        assert files(folder)["a.wav"] == sound(failing + 1)


KILLED = """
import os, signal, sys
from datetime import datetime, UTC
from pathlib import Path
left = int(sys.argv[2])
def counted(act):
    def acts(*args, **named):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*args, **named)
    return acts
from routec.sound import keeping
from routec.sound.wav import wav_file
for name in ("fsync", "open", "replace", "rename", "unlink", "fchmod", "mkdir"):
    setattr(os, name, counted(getattr(os, name)))
narrow, wide = wav_file(8000, bytes([2, 0]) * 800), wav_file(16000, bytes([2, 0]) * 1600)
keeping.keep(Path(sys.argv[1]), "a.wav", narrow, wide, datetime(2026, 11, 27, 22, 31, 5, tzinfo=UTC))
"""


def test_killed_anywhere_all_is_whole(folder: Path) -> None:
    """Kills at each of its calls to the system: the old or the new one, playable, and the next one cleans up."""
    seen: set[tuple[int, bool]] = set()

    def outcome(number: int) -> bool:
        place = folder / str(number)
        keep(place, "a.wav", *both(1), WHEN)
        done = subprocess.run([sys.executable, "-c", KILLED, place, str(number)], check=False, timeout=30)
        assert done.returncode in (0, -signal.SIGKILL)
        now = files(place)
        assert fault(place / "a.wav") == ""
        new = 2 if now["a.wav"] == sound(2) else 1
        assert now["a.wav"] == sound(new)
        assert now.get("a.wav16") in (None, sound(new, 16000)), "never one that belongs to another"
        assert new == 1 or sound(1) in [each.narrow.read_bytes() for each in replaced(place, "a.wav")]
        seen.add((new, "a.wav16" in now))
        assert {name for name in now if name.endswith((".wav", ".wav16")) and name[0] != "."} <= {"a.wav", "a.wav16"}
        keep(place, "a.wav", *both(3), WHEN)
        assert [name for name in files(place) if ".wav." in name or ".wav16." in name] == []
        return done.returncode == 0

    with ThreadPoolExecutor(4) as pool:
        survived = list(pool.map(outcome, range(1, 60)))
    assert not survived[0]
    assert survived[-1]
    assert seen == {(1, True), (1, False), (2, False), (2, True)}


AT_ONCE = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from routec.sound import keeping
from routec.sound.wav import wav_file
keeping.keep(Path(sys.argv[1]), "a.wav", wav_file(8000, bytes([int(sys.argv[2]), 0]) * 800), None, datetime.now(UTC))
"""


def test_at_once_none_is_lost(folder: Path) -> None:
    keep(folder, "a.wav", sound(1), None, datetime(2020, 1, 1, tzinfo=UTC))
    processes = [subprocess.Popen([sys.executable, "-c", AT_ONCE, folder, str(number)]) for number in range(2, 8)]
    assert [process.wait(30) for process in processes] == [0] * 6
    there = [(folder / "a.wav").read_bytes(), *(each.narrow.read_bytes() for each in replaced(folder, "a.wav"))]
    assert sorted(there) == [sound(number) for number in range(1, 8)]


class TestWriteAll:
    def test_a_file_is_taken_away_and_put_back(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"1")
        (tmp_path / "b").mkdir()
        with pytest.raises(RewriteError):
            write_all([Change(tmp_path / "a", b"1", None), Change(tmp_path / "b", None, b"2")])
        assert (tmp_path / "a").read_bytes() == b"1"
        write_all([Change(tmp_path / "a", b"1", None), Change(tmp_path / "c", None, b"2")])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]

    def test_a_file_may_change_more_than_once(self, tmp_path: Path) -> None:
        a, b = tmp_path / "a", tmp_path / "b"
        a.write_bytes(b"1")
        b.mkdir()
        steps = [Change(a, b"1", None), Change(a, None, b"2")]
        with pytest.raises(RewriteError):
            write_all([*steps, Change(b, None, b"2")])
        assert a.read_bytes() == b"1"
        write_all(steps)
        assert a.read_bytes() == b"2"

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of several owners")
    def test_root_hands_new_files_over_to_who_has_the_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        os.chown(folder, 1234, 2345)
        keep(folder, "nl/a.wav", sound(1), None, WHEN)
        keep(folder, "nl/a.wav", sound(2), None, WHEN)
        for path in folder.rglob("*"):
            assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345), path

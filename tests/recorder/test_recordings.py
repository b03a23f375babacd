"""`recorder.json` is our own compiler's, and is read as if it were anybody's."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.recorder.ports import TakeError
from routec.recorder.recordings import RecordingsError, parse_recordings, place, read_recordings

from .fake import recorder_file, recording, write_recorder


def parsed(**changes: Any) -> None:
    parse_recordings(json.dumps(recorder_file(recording(), **changes)).encode())


def test_what_the_compiler_writes(tmp_path: Path) -> None:
    file = write_recorder(tmp_path, recording(), recording(language="en", is_there=False), recording("bye"))
    found = read_recordings(file)
    assert found.seconds == 300
    assert found.sounds.start == ("routec/recorder_start",)
    one = found.find("welcome", "en")
    assert one is not None
    assert (one.file, one.sound, one.is_there) == ("en/welcome.wav", "routec/welcome", False)
    assert found.find("welcome", None) != one
    assert found.find("welcome", "fr") is None
    assert found.find("nobody", None) is None


def test_no_recordings_are_no_fault(tmp_path: Path) -> None:
    assert read_recordings(write_recorder(tmp_path)).recordings == ()


@pytest.mark.parametrize(
    "file",
    [
        "", ".", "..", "../welcome.wav", "en/../../x.wav", "/etc/passwd", "/tmp/x.wav", "x", "x.wav16", "x.mp3",
        ".replaced/x.wav", ".x.wav", "en/.x.wav", "en//x.wav", "./x.wav", "x.wav/", "x.wav\n", "x\0.wav", "é.wav",
        "x y.wav", "a\\b.wav", "~/x.wav", "$HOME.wav", f"{'x' * 201}.wav", "x..wav", 7, None, ["x.wav"],
    ],
)  # fmt: skip
def test_a_file_anywhere_else_is_refused(file: object) -> None:
    with pytest.raises(RecordingsError):
        parse_recordings(json.dumps(recorder_file(recording(file=file))).encode())


@pytest.mark.parametrize("file", ["x.wav", "bar/closed.wav", "en/bar/closed.wav", "a-b_c+d.2.wav"])
def test_a_file_below_the_prompts_is_taken(file: str) -> None:
    parse_recordings(json.dumps(recorder_file(recording(file=file))).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "../x"}, {"prompt": ""}, {"prompt": "Welcome"}, {"prompt": "a b"}, {"language": "EN"},
        {"language": "en/.."}, {"language": ""}, {"sound": "a b"}, {"sound": 'a"'}, {"sound": ""}, {"sound": "a\n"},
        {"is_there": "yes"}, {"is_there": 1}, {"more": 1},
    ],
)  # fmt: skip
def test_a_recording_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RecordingsError):
        parse_recordings(json.dumps(recorder_file(recording(**changes))).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2}, {"format": "1"}, {"seconds": 0}, {"seconds": 601}, {"seconds": "300"}, {"seconds": 1.5},
        {"sounds": {}}, {"sounds": None}, {"more": 1}, {"recordings": None}, {"recordings": {}},
        {"recordings": [recording(), recording(file="other.wav")]},
        {"sounds": recorder_file()["sounds"] | {"menu": ["a b"]}},
        {"sounds": recorder_file()["sounds"] | {"menu": ["x"] * 101}},
        {"sounds": recorder_file()["sounds"] | {"menu": "vm-press"}},
        {"sounds": recorder_file()["sounds"] | {"other": []}},
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RecordingsError):
        parsed(**changes)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*recorder_file()]), inner, max_size=4),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_it_holds(content: bytes) -> None:
    with contextlib.suppress(RecordingsError):
        parse_recordings(content)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecordingsError, match=r"none\.json: No such file"):
        read_recordings(tmp_path / "none.json")
    with pytest.raises(RecordingsError):
        read_recordings(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingsError, match="it is no file"):
        read_recordings(tmp_path / "pipe")
    (tmp_path / "half.json").write_text('{"format": 1, "sec')
    with pytest.raises(RecordingsError, match="half written"):
        read_recordings(tmp_path / "half.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(RecordingsError):
        read_recordings(tmp_path / "deep.json")


class TestPlace:
    @pytest.fixture
    def prompts(self, tmp_path: Path) -> Path:
        folder = tmp_path / "routes/prompts"
        folder.mkdir(parents=True)
        return folder

    @pytest.mark.parametrize("file", ["x.wav", "en/x.wav"])
    def test_below_the_prompts(self, prompts: Path, file: str) -> None:
        assert place(prompts, file) == prompts / file

    def test_the_folder_itself_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "routes").mkdir()
        (tmp_path / "sounds").mkdir()
        (tmp_path / "routes/prompts").symlink_to(tmp_path / "sounds")
        assert place(tmp_path / "routes/prompts", "en/x.wav").parent.parent == tmp_path / "routes/prompts"

    def test_a_link_that_leads_out_is_refused(self, prompts: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (prompts / "en").symlink_to(tmp_path / "out")
        (prompts / "x.wav").symlink_to(tmp_path / "x.wav")
        for file in ("en/x.wav", "x.wav"):
            with pytest.raises(TakeError, match="leads out"):
                place(prompts, file)

    @pytest.mark.parametrize("file", ["../x.wav", "/x.wav", ".replaced/x.wav", "x"])
    def test_no_other_name(self, prompts: Path, file: str) -> None:
        with pytest.raises(TakeError):
            place(prompts, file)

    def test_routes_that_are_gone_are_not_made_anew(self, tmp_path: Path) -> None:
        with pytest.raises(TakeError, match="is gone"):
            place(tmp_path / "routes/prompts", "x.wav")

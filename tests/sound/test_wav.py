"""Headers: what is read of them, what Asterisk could not play, and that no bytes bring more than a word of it."""

import contextlib
import io
import os
import struct
import wave
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routec.sound.wav import SoundError, Wav, fault, placeholder_mark, wav_file, wide_of
from tests.sound.sounds import plain_wav


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(code: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits))


@pytest.mark.parametrize(
    ("suffix", "rate", "channels", "width", "expected"),
    [
        (".wav", 8000, 1, 2, ""),
        (".wav16", 16000, 1, 2, ""),
        (".wav", 16000, 1, 2, "it has 16000 Hz, 16 bit, mono; Asterisk plays 8000 Hz, 16 bit, mono"),
        (".wav16", 8000, 1, 2, "it has 8000 Hz, 16 bit, mono; Asterisk plays 16000 Hz, 16 bit, mono"),
        (".wav", 8000, 2, 2, "it has 8000 Hz, 16 bit, 2 channels; Asterisk plays 8000 Hz, 16 bit, mono"),
        (".wav", 8000, 1, 1, "it has 8000 Hz, 8 bit, mono; Asterisk plays 8000 Hz, 16 bit, mono"),
    ],
)
def test_faults_of_formats(tmp_path: Path, suffix: str, rate: int, channels: int, width: int, expected: str) -> None:
    path = plain_wav(tmp_path / f"a{suffix}", rate=rate, channels=channels, width=width)
    assert fault(path) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "it is no PCM .wav: it ends too early"),
        (b"welcome to the hotel", "it is no PCM .wav: file does not start with RIFF id"),
        (riff()[:9], "it is no PCM .wav: it ends too early"),
        (b"RIFF\4\0\0\0AVI ", "it is no PCM .wav: not a WAVE file"),
        (riff(form()), "it is no PCM .wav: it ends too early"),
        (riff(chunk(b"data", bytes(8))), "it is no PCM .wav: there is no sound where it should be"),
        (riff(form(7), chunk(b"data", bytes(8))), "it is no PCM .wav: unknown format: 7"),
        (riff(form(), chunk(b"data", b"")), "it is empty"),
        (riff(form(), chunk(b"data", bytes(16000)))[:-8000], "it ends too early: 0.5 s are there, of 1.0 s"),
        (riff(*[chunk(b"junk", b"")] * 2000, form()), "it is no PCM .wav: there is no sound where it should be"),
    ],
)
def test_faults_of_files(tmp_path: Path, data: bytes, expected: str) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    assert fault(tmp_path / "a.wav") == expected


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "nowhere.wav").symlink_to("gone")
    assert fault(tmp_path / "pipe.wav") == fault(tmp_path / "folder.wav") == fault(Path("/dev/zero")) == "it is no file"
    assert fault(tmp_path / "nowhere.wav") == "it cannot be read: no such file or directory"


@given(st.binary(max_size=2000), st.integers(1, 48000), st.text(max_size=300) | st.none())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_and_pythons_wave_reads_it_too(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, rate: int, comment: str | None
) -> None:
    data = data[: len(data) // 2 * 2]
    whole = wav_file(rate, data, comment)
    path = tmp_path_factory.getbasetemp() / "written.wav"
    path.write_bytes(whole)
    found = Wav.read(path)
    assert (found.form, found.rate, found.bits, found.channels) == (1, rate, 16, 1)
    assert (found.promised, found.there, found.frames) == (len(data), len(data), len(data) // 2)
    meant = None if comment is None else comment.encode("utf-8", "replace").partition(b"\0")[0].decode()
    assert found.comment == meant
    assert int.from_bytes(whole[4:8], "little") == len(whole) - 8
    assert whole.endswith(data) if comment is None else whole.index(b"data") == 36, "Asterisk would cut off the end"
    with wave.open(io.BytesIO(whole)) as sound:
        assert (sound.getframerate(), sound.readframes(sound.getnframes())) == (rate, data)


def test_a_placeholder_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_file(8000, bytes(800), placeholder_mark("Tik uw code in; daarna het hekje é")))
    (tmp_path / "b.wav").write_bytes(wav_file(8000, bytes(800), "made by hand"))
    assert Wav.read(tmp_path / "a.wav").placeholder == "Tik uw code in; daarna het hekje é"
    assert Wav.read(tmp_path / "b.wav").placeholder is None
    assert Wav.read(plain_wav(tmp_path / "c.wav")).placeholder is None
    assert fault(tmp_path / "a.wav") == ""


def test_a_comment_behind_the_sound_is_found(tmp_path: Path) -> None:
    info = b"INFO" + chunk(b"ICMT", b"routec placeholder: hi\0")
    for rest in (chunk(b"LIST", info), chunk(b"odd ", b"x") + chunk(b"LIST", info) + b"end"):
        (tmp_path / "a.wav").write_bytes(riff(form(), chunk(b"data", b"abcd")) + rest)
        assert Wav.read(tmp_path / "a.wav").placeholder == "hi"
    (tmp_path / "a.wav").write_bytes(riff(form(), chunk(b"data", b"abcd")) + b"LIST\xff\xff\xff\xff")
    assert Wav.read(tmp_path / "a.wav").comment is None


@pytest.mark.parametrize(
    ("before", "cut"),
    [
        (chunk(b"LIST", b"INFO" + bytes(8000)), "the last 0.5 s"),
        (chunk(b"LIST", b"INFO" + bytes(20_000)), "all"),
        (chunk(b"odd ", bytes(3)), "all"),
        (chunk(b"LIST", b"INFO" + bytes(26)), ""),
    ],
)
def test_what_stands_before_the_sound_costs_its_end(tmp_path: Path, before: bytes, cut: str) -> None:
    (tmp_path / "a.wav").write_bytes(riff(form(), before, chunk(b"data", bytes(16_000))))
    said = "texts or pictures stand before its sound, and Asterisk would leave out {} of it"
    assert fault(tmp_path / "a.wav") == (said.format(cut) if cut else "")


def test_a_comment_behind_others_is_found(tmp_path: Path) -> None:
    info = b"INFO" + chunk(b"ISFT", b"odd") + chunk(b"ICMT", b"routec placeholder: hi\0")
    (tmp_path / "a.wav").write_bytes(
        riff(form(), chunk(b"LIST", info), chunk(b"fact", bytes(4)), chunk(b"data", b"ab"))
    )
    assert Wav.read(tmp_path / "a.wav").placeholder == "hi"


def test_the_name_of_the_other_file() -> None:
    assert wide_of("nl/desk/welcome.wav") == "nl/desk/welcome.wav16"


NAMES = st.sampled_from([b"fmt ", b"data", b"LIST", b"fact", b"RIFF", b"\0\0\0\0"]) | st.binary(min_size=4, max_size=4)
NUMBERS = st.integers(0, 80) | st.sampled_from([0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF])
SIZES = NUMBERS.map(lambda size: struct.pack("<I", size))
CHUNKS = st.lists(st.builds(lambda *parts: b"".join(parts), NAMES, SIZES, st.binary(max_size=60))).map(b"".join)
HOSTILE = st.binary(max_size=300) | CHUNKS.map(lambda chunks: b"RIFF\xff\xff\xff\xffWAVE" + chunks)


@given(HOSTILE)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_wav_or_a_fault(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.wav"
    path.write_bytes(data)
    said = fault(path)
    assert said.isprintable()
    with contextlib.suppress(SoundError):
        found = Wav.read(path)
        assert found.there <= len(data)
        assert found.seconds >= 0

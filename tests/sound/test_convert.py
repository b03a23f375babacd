"""Conversion: pitch and length stay, nothing folds back or wraps around, and what is no sound is refused in words."""

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routec.sound.convert import LEVEL, PEAK, convert
from routec.sound.wav import SoundError, Wav, fault, placeholder_mark
from tests.sound.sounds import decibels, loudness, plain_wav, samples, save, silence, speechlike, tone

KINDS = [
    ("a.wav", 44100, 2, None),
    ("a.wav", 48000, 1, "PCM_24"),
    ("a.wav", 48000, 2, "FLOAT"),
    ("a.wav", 22050, 1, "PCM_U8"),
    ("a.wav", 22050, 1, "ULAW"),
    ("a.wav", 11025, 2, None),
    ("a.wav", 8000, 1, None),
    ("a.wav", 8000, 2, None),
    ("a.wav", 16000, 1, None),
    ("a.wav", 96000, 6, None),
    ("a.flac", 44100, 2, None),
    ("a.ogg", 48000, 2, None),
    ("a.ogg", 48000, 1, "OPUS"),
    ("a.mp3", 44100, 2, None),
    ("a.mp3", 22050, 1, None),
    ("a.aiff", 32000, 1, None),
]


@pytest.mark.parametrize(("name", "rate", "channels", "subtype"), KINDS)
def test_pitch_length_and_loudness_stay(
    tmp_path: Path, name: str, rate: int, channels: int, subtype: str | None
) -> None:
    source = save(tmp_path / name, rate, *[tone(1000, 1.7, rate)] * channels, subtype=subtype)
    done = convert(source)
    tolerance = 0.06 if name.endswith(".mp3") else 0.001
    files = {8000: done.narrow} | ({16000: done.wide} if done.wide is not None else {})
    assert (16000 in files) == (rate > 8000)
    for new, data in files.items():
        sound = samples(data)
        assert sound.size / new == pytest.approx(1.7, abs=tolerance)
        assert decibels(sound, 1000, new) == pytest.approx(20 * np.log10(0.25), abs=0.4)
        rest = sound[new // 10 : -new // 10]
        for hertz in (500, 900, 1100, 2000, 3000):
            assert decibels(rest, hertz, new) < -45
    assert done.seconds == pytest.approx(1.7, abs=tolerance)
    heard = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
    rates = "8 kHz and 16 kHz" if rate > 8000 else "8 kHz"
    assert done.did == (f"{rate} Hz {heard}, 1.7 s -> {rates} mono",)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_nothing_folds_back(tmp_path: Path, rate: int) -> None:
    """6 kHz is no tone of 2 kHz at 8 kHz, nor 10 kHz one of 6 kHz at 16 kHz."""
    high = tone(6000, 1, rate) + (tone(10000, 1, rate) if rate > 20000 else 0)
    done = convert(save(tmp_path / "a.wav", rate, high, high))
    assert done.wide is not None
    narrow, wide = samples(done.narrow), samples(done.wide)
    assert decibels(wide, 6000, 16000) == pytest.approx(-12, abs=0.3)
    assert np.abs(narrow[400:-400]).max() < 0.0002
    assert loudness(wide[800:-800] - tone(6000, 1, 16000)[800:-800]) < -60


def test_what_asterisk_plays_already_stays_to_the_sample(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", 8000, speechlike(1, 8000))
    done = convert(source)
    assert done.wide is None
    assert samples(done.narrow).tolist() == samples(source.read_bytes()).tolist()
    assert convert(save(tmp_path / "b.wav", 16000, speechlike(1, 16000))).wide == (tmp_path / "b.wav").read_bytes()


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    source = save(tmp_path / "a.ogg", 44100, speechlike(2, 44100), tone(440, 2, 44100))
    first, second = (convert(source, trim=True, level=True) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("rate", [8000, 44100])
def test_full_scale_does_not_wrap_around(tmp_path: Path, rate: int) -> None:
    """A square wave overshoots at a new rate; samples of floating point may be of any size."""
    square = np.sign(tone(300, 1, rate, level=1.0))
    for name, factor, subtype in (("a.wav", 1.0, "PCM_16"), ("b.wav", 4.0, "FLOAT"), ("c.wav", 30000.0, "FLOAT")):
        done = convert(save(tmp_path / name, rate, factor * square, subtype=subtype))
        for new, data in ((8000, done.narrow), (16000, done.wide)):
            if data is not None:
                sound = samples(data)
                assert decibels(sound, 300, new) == pytest.approx(1.2, abs=1)
                assert np.abs(np.diff(sound)).max() <= 2
                is_high = sound[new // 600 : new // 600 * 2]
                assert (is_high[2:-2] < 0.2).sum() == 0 or (is_high[2:-2] > -0.2).sum() == 0
        assert any("quieter, so that nothing clips" in word for word in done.did) == (factor > 1 or rate > 8000)


def test_both_rates_are_equally_loud_and_long(tmp_path: Path) -> None:
    sound = np.concatenate([silence(0.5, 44100), tone(700, 1.234, 44100, level=0.9), silence(0.3, 44100)])
    for trim, level in ((False, False), (True, False), (False, True), (True, True)):
        done = convert(save(tmp_path / "a.wav", 44100, sound), trim=trim, level=level)
        assert done.wide is not None
        narrow, wide = samples(done.narrow), samples(done.wide)
        assert abs(wide.size - 2 * narrow.size) <= 1
        assert decibels(narrow, 700, 8000) == pytest.approx(decibels(wide, 700, 16000), abs=0.2)


class TestTrim:
    @pytest.mark.parametrize("rate", [8000, 16000, 44100])
    def test_a_tenth_of_a_second_stays(self, tmp_path: Path, rate: int) -> None:
        sound = np.concatenate([silence(0.9, rate), tone(440, 1, rate), silence(0.4, rate)])
        done = convert(save(tmp_path / "a.wav", rate, sound), trim=True)
        assert done.seconds == pytest.approx(1.2, abs=0.025)
        assert done.did[1] == "1.1 s of silence trimmed"
        heard = samples(done.narrow)
        assert np.abs(heard[:600]).max() < 0.01 < np.abs(heard[800:1000]).max()
        assert np.abs(heard[-600:]).max() < 0.01

    def test_silence_between_words_stays(self, tmp_path: Path) -> None:
        parts = [silence(1, 8000), tone(440, 0.3, 8000), silence(2, 8000), tone(440, 0.3, 8000), silence(1, 8000)]
        done = convert(save(tmp_path / "a.wav", 8000, np.concatenate(parts)), trim=True)
        assert done.seconds == pytest.approx(2.8, abs=0.03)

    def test_noise_is_silence_where_speech_is_louder(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(1).normal(size=8000 * 4) * 0.003
        noise[12000:20000] += tone(440, 1, 8000, level=0.2)
        done = convert(save(tmp_path / "a.wav", 8000, noise), trim=True)
        assert done.seconds == pytest.approx(1.2, abs=0.05)

    def test_quiet_endings_of_words_stay(self, tmp_path: Path) -> None:
        """An `s` 30 dB below the vowel before it."""
        hiss = np.random.default_rng(2).normal(size=16000 // 2) * 0.25 / 32
        sound = np.concatenate([silence(1, 16000), tone(300, 0.5, 16000), hiss, silence(1, 16000)])
        assert convert(save(tmp_path / "a.wav", 16000, sound), trim=True).seconds == pytest.approx(1.2, abs=0.03)

    @pytest.mark.parametrize("level", [0.25, 0.003])
    def test_steady_sound_has_no_silence(self, tmp_path: Path, level: float) -> None:
        done = convert(save(tmp_path / "a.wav", 8000, tone(440, 1, 8000, level=level)), trim=True)
        assert (done.seconds, done.did[1]) == (1, "no silence to trim")

    @pytest.mark.parametrize("options", [{"trim": True}, {"level": True}])
    def test_nothing_but_silence_is_refused(self, tmp_path: Path, options: dict[str, Any]) -> None:
        source = plain_wav(tmp_path / "a.wav", 8000)
        with pytest.raises(SoundError, match=r"^there is nothing but silence in it$"):
            convert(source, **options)
        assert convert(source).seconds == 1


class TestLevel:
    @pytest.mark.parametrize("level", [0.002, 0.02, 0.1, 0.2])
    @pytest.mark.parametrize("rate", [8000, 44100])
    def test_speech_is_brought_to_it_and_its_pauses_do_not_count(self, tmp_path: Path, level: float, rate: int) -> None:
        speech = speechlike(2, rate, level)
        sound = np.concatenate([speech, silence(5, rate), speech]).clip(-1, 1)
        done = convert(save(tmp_path / "a.wav", rate, sound), level=True)
        heard = samples(done.wide or done.narrow)
        new = 16000 if done.wide else 8000
        assert 20 * np.log10(np.abs(heard).max()) <= PEAK + 0.01
        said = done.did[1]
        if "as its peaks allow" in said:
            assert 20 * np.log10(np.abs(heard).max()) == pytest.approx(PEAK, abs=0.1)
        else:
            assert loudness(heard[: 2 * new]) == pytest.approx(LEVEL, abs=1)
        assert "louder" in said or level > 0.02

    def test_peaks_keep_it_lower(self, tmp_path: Path) -> None:
        sound = tone(440, 2, 8000, level=0.01)
        sound[8000:8010] = 0.9
        done = convert(save(tmp_path / "a.wav", 8000, sound), level=True)
        assert np.abs(samples(done.narrow)).max() == pytest.approx(10 ** (PEAK / 20), abs=0.001)
        assert done.did[1] == "0.1 dB quieter, as its peaks allow"

    def test_a_click_is_not_taken_for_the_speech(self, tmp_path: Path) -> None:
        sound = np.concatenate([silence(1, 8000), tone(440, 2, 8000, level=0.002), silence(1, 8000)])
        sound[16000:16010] = 0.3
        done = convert(save(tmp_path / "a.wav", 8000, sound), trim=True, level=True)
        assert done.seconds == pytest.approx(2.2, abs=0.03)
        assert done.did[2] == "9.5 dB louder, as its peaks allow"

    def test_a_short_beep_is_a_sound(self, tmp_path: Path) -> None:
        sound = np.concatenate([silence(1, 8000), tone(440, 0.05, 8000), silence(1, 8000)])
        assert convert(save(tmp_path / "a.wav", 8000, sound), trim=True).seconds == pytest.approx(0.25, abs=0.03)

    def test_what_is_right_is_left(self, tmp_path: Path) -> None:
        sound = tone(440, 1, 8000, level=10 ** (LEVEL / 20) * np.sqrt(2))
        assert convert(save(tmp_path / "a.wav", 8000, sound), level=True).did[1] == "as loud as it should be"


def test_a_placeholder_is_marked_and_of_one_rate(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", 22050, tone(440, 1, 22050))
    done = convert(source, narrow_only=True, comment=placeholder_mark("Welkom"))
    assert done.wide is None
    (tmp_path / "b.wav").write_bytes(done.narrow)
    assert (fault(tmp_path / "b.wav"), Wav.read(tmp_path / "b.wav").placeholder) == ("", "Welkom")
    assert done.did == ("22050 Hz mono, 1.0 s -> 8 kHz mono",)
    assert decibels(samples(done.narrow), 440, 8000) == pytest.approx(-12, abs=0.3)


# ---- what is refused


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(SoundError) as caught:
        convert(path, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def lying(path: Path, size: int, there: int, rate: int = 8000, channels: int = 1) -> Path:
    """A WAV file whose header promises `size` bytes of sound."""
    block = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * block, block, 16)
    head = struct.pack("<4sI4s4sI", b"RIFF", size, b"WAVE", b"fmt ", 16)
    path.write_bytes(head + form + struct.pack("<4sI", b"data", size) + bytes(there))
    return path


def test_no_sound(tmp_path: Path) -> None:
    for data in (
        b"welcome to the hotel\n" * 50,
        b"\x7fELF" + bytes(500),
        b"PK\3\4" + bytes(99),
        b"RIFF\4\0\0\0AVI LIST",
    ):
        (tmp_path / "a.wav").write_bytes(data)
        assert refused(tmp_path / "a.wav") == "it is no sound"
    (tmp_path / "a.wav").write_bytes(b"")
    assert refused(tmp_path / "a.wav") == "it is empty"
    assert refused(plain_wav(tmp_path / "b.wav", 0)) == "it is empty: it has no sound in it"


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
@pytest.mark.parametrize("part", [0.9, 0.5])
def test_truncated(tmp_path: Path, name: str, part: float) -> None:
    source = save(tmp_path / name, 44100, speechlike(3, 44100))
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * part)])
    assert refused(source).startswith(("it ends too early", "it cannot be decoded"))


def test_too_many_bytes_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = lying(tmp_path / "a.wav", 1000, 1000)
    os.truncate(source, 65 << 20)
    monkeypatch.setattr("routec.sound.convert.soundfile.SoundFile", None)
    assert refused(source) == "it has 65 MB; the most is 64 MB"


def test_too_long_by_its_header(tmp_path: Path) -> None:
    source = tmp_path / "a.flac"
    save(source, 8000, np.zeros(8000 * 660))
    assert source.stat().st_size < 1 << 20
    assert refused(source) == "it plays for 11 minutes; the most is 10 minutes"


def test_too_long_whatever_its_header_says(tmp_path: Path) -> None:
    """An ogg whose header cannot say how long it is, and a flac that says it is not known."""
    source = save(tmp_path / "a.flac", 8000, np.zeros(8000 * 660))
    data = bytearray(source.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    source.write_bytes(data)
    assert refused(source) == "it plays for more than 10 minutes; the most is 10 minutes"


def test_memory_stays_small_whatever_a_header_says(tmp_path: Path) -> None:
    """Minutes of many samples, and headers that promise gigabytes: in 200 MB of addresses above the libraries' own."""
    many = save(tmp_path / "many.flac", 96000, *[np.zeros(96000 * 10)] * 8)
    long = save(tmp_path / "long.flac", 192000, np.zeros(192000 * 150))
    lies = [
        lying(tmp_path / "lie.wav", 0x7FFFFFF0, 100000, rate=384000, channels=16),
        lying(tmp_path / "lie2.wav", 0xFFFFFFFF, 100000),
        lying(tmp_path / "lie3.wav", 0x70000000, 100000),
    ]
    script = (
        "import resource, sys; from pathlib import Path; from routec.sound.convert import convert, SoundError\n"
        "now = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (200 << 20),) * 2)\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(convert(Path(name)).did[0])\n"
        "    except SoundError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, many, long, *lies], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "96000 Hz 8 channels, 10.0 s -> 8 kHz and 16 kHz mono",
        "192000 Hz mono, 150.0 s -> 8 kHz and 16 kHz mono",
        "384000 Hz 16 channels, 0.0 s -> 8 kHz and 16 kHz mono",
        "8000 Hz mono, 6.2 s -> 8 kHz mono",
        "it ends too early: the rest of the file is missing",
    ]


@pytest.mark.parametrize(
    ("rate", "channels", "expected"),
    [
        (100, 1, "it has 100 Hz; 4000 to 384000 Hz are read"),
        (1_000_000, 1, "it has 1000000 Hz; 4000 to 384000 Hz are read"),
        (8000, 100, "it has 100 channels; the most is 16"),
    ],
)
def test_strange_headers(tmp_path: Path, rate: int, channels: int, expected: str) -> None:
    assert refused(lying(tmp_path / "a.wav", 20000, 20000, rate, channels)) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    sound = tone(440, 1, 44100)
    sound[20000] = value
    source = save(tmp_path / "a.wav", 44100, sound, subtype="FLOAT")
    assert refused(source) == "it has samples that no sound has"


def test_channels_that_cancel_each_other_out(tmp_path: Path) -> None:
    sound = tone(440, 1, 44100)
    assert refused(save(tmp_path / "a.wav", 44100, sound, -sound)) == "its channels cancel each other out"


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "gone"):
        with pytest.raises(OSError, match=r"it is no file|No such file"):
            convert(path)


def is_a_sound_or_refused(source: Path, into: Path) -> None:
    said = ""
    try:
        into.write_bytes(convert(source, trim=True, level=True).narrow)
    except SoundError as error:
        said = str(error)
    assert said.isprintable()
    assert said or (fault(into) == "" and Wav.read(into).seconds <= 600)


HEADS = st.sampled_from(
    [
        *(b"RIFF\x24\x10\0\0WAVEfmt ", b"RF64\xff\xff\xff\xffWAVE", b"fLaC\0\0\0\x22", b"OggS\0\2", b"ID3\3\0\0"),
        *(b"\xff\xfb\x90\x64", b"FORM\0\0\1\0AIFFCOMM", b"caff\0\1\0\0desc", b".snd\0\0\0\x18"),
    ]
)


@given(head=HEADS, rest=st.binary(max_size=400))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_sound_or_refused(tmp_path: Path, head: bytes, rest: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(head + rest)
    is_a_sound_or_refused(path, tmp_path / "b.wav")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("originals")
    names = ("a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff")
    return [save(folder / name, 22050, speechlike(0.2, 22050)).read_bytes() for name in names]


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_sounds_or_refused(tmp_path: Path, originals: list[bytes], data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(originals)))
    places = st.integers(0, min(200, len(damaged) - 1)) | st.integers(0, len(damaged) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        damaged[place] = value
    path = tmp_path / "a.wav"
    path.write_bytes(damaged)
    is_a_sound_or_refused(path, tmp_path / "b.wav")


def test_it_works_where_no_memory_may_become_code(tmp_path: Path) -> None:
    """`MemoryDenyWriteExecute` of serve's unit; libraries that make callbacks at run time would fail."""
    source = save(tmp_path / "a.ogg", 44100, tone(440, 1, 44100))
    script = (
        "import ctypes, sys; from pathlib import Path\n"
        "if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)\n"
        "from routec.sound.convert import convert\n"
        "print(convert(Path(sys.argv[1]), trim=True, level=True).did[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, source], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert done.stdout == "44100 Hz mono, 1.0 s -> 8 kHz and 16 kHz mono\n", done.stderr

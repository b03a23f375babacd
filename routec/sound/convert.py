"""Any sound as Asterisk plays it best: 8 kHz, 16 bit, mono, and the same at 16 kHz where the source has more than 8.

Import it only where a sound is converted: its libraries take their time.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from routec.sound.wav import NARROW, WIDE, SoundError, Wav, open_file, wav_file

MOST_BYTES = 64 << 20
MOST_SECONDS = 600

READABLE = "wav, flac, ogg, mp3 and aiff are read"

LEVEL = -20.0
"""dBFS: the power of speech, its silences left out, that a sound is brought to."""

PEAK = -1.0
"""dBFS: what no sample of it then exceeds."""

MARGIN = 0.1
"""Seconds of silence that stay at either end."""

_SLOWEST, _FASTEST, _MOST_CHANNELS = 4_000, 384_000, 16
_BLOCK = 1 << 16
_LARGEST = 1e6
_FAINTEST = 1e-6
"""The power of a hundredth of a second that nobody would hear."""
_UNKNOWN = 0x7FFF_0000
"""Bytes of sound that a header promises where whoever wrote it could not know: a program into a pipe."""
_UNKNOWN_FRAMES = 1 << 40
_LONGEST_PAGE = 27 + 255 + 255 * 255

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Converted:
    """Whole files: of 8 kHz, and of 16 kHz where the source had more than 8; `did` says in words what was done."""

    narrow: bytes
    wide: bytes | None
    seconds: float
    did: tuple[str, ...]


def convert(
    source: Path, *, trim: bool = False, level: bool = False, narrow_only: bool = False, comment: str | None = None
) -> Converted:
    """Read a sound of any rate with any channels, and make files of it for Asterisk; the same bytes each time.

    `trim` cuts the silence at both ends, `level` brings speech to `LEVEL`. `comment` is written into the files. Raises
    `SoundError`, and OSError where the file cannot be read.
    """
    with open_file(source) as file:
        _refuse_at_sight(file)
        with _decoded(file) as sound:
            rate, channels = sound.samplerate, sound.channels
            sounds, frames = _resampled(sound, None if narrow_only or rate <= NARROW else WIDE)
    did = [f"{rate} Hz {_heard(channels)}, {frames / rate:.1f} s -> {' and '.join(_kilohertz(sounds))} mono"]
    if trim or level:
        loud = _Loudness.of(sounds)
        if trim:
            sounds, cut = _trimmed(sounds, loud)
            did.append(f"{cut:.1f} s of silence trimmed" if cut >= 0.05 else "no silence to trim")
    sounds, said = _levelled(sounds, loud) if level else _kept_from_clipping(sounds)
    did += said
    files = {each: wav_file(each, _pcm(samples), comment) for each, samples in sounds.items()}
    return Converted(files[NARROW], files.get(WIDE), sounds[NARROW].size / NARROW, tuple(did))


# ---- what is no sound, or too much of one


def _refuse_at_sight(file: BinaryIO) -> None:
    """See what can be seen without decoding. Only usual formats get to libsndfile, which guesses at many more."""
    size = os.fstat(file.fileno()).st_size
    if not size:
        raise SoundError("it is empty")
    if size > MOST_BYTES:
        raise SoundError(f"it has {size / (1 << 20):.0f} MB; the most is {MOST_BYTES >> 20} MB")
    head = file.read(12)
    is_mp3 = head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0)
    is_form = head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")
    is_riff = head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE"
    if not (is_mp3 or is_form or is_riff or head.startswith((b"fLaC", b"OggS", b".snd", b"caff"))):
        raise SoundError("it is no sound", READABLE)
    file.seek(0)
    if head.startswith(b"RIFF"):
        wav = Wav.of(file)
        is_cut = wav.there < wav.promised < _UNKNOWN
    elif head.startswith(b"OggS"):
        file.seek(max(0, size - _LONGEST_PAGE))
        last = file.read()
        is_cut = not _ends_a_stream(last[last.rfind(b"OggS") :])
    else:
        is_cut = is_form and size < int.from_bytes(head[4:8], "big")
    if is_cut:
        raise SoundError("it ends too early: the rest of the file is missing")


def _ends_a_stream(page: bytes) -> bool:
    """Whether a page of an ogg file is there to its end, and says that it is the last one."""
    segments = page[27 : 27 + page[26]] if len(page) > 27 else b""
    return len(page) >= 27 + len(segments) + sum(segments) > 27 and page[5] & 4 != 0


@contextmanager
def _decoded(file: BinaryIO) -> "Iterator[soundfile.SoundFile]":
    """The sound in a file. By the handle: a path could lead elsewhere by now, and a suffix be taken for a format."""
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    try:
        with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            _refuse_by_header(sound)
            yield sound
    except (soundfile.SoundFileError, ValueError) as error:
        words = str(error).removeprefix("Error opening ").strip(" .")
        reason = getattr(error, "error_string", "").strip(" .").lower() or words
        raise SoundError(f"it cannot be decoded: {reason or 'it is broken'}", READABLE) from None


def _refuse_by_header(sound: "soundfile.SoundFile") -> None:
    rate = sound.samplerate
    if not _SLOWEST <= rate <= _FASTEST:
        raise SoundError(f"it has {rate} Hz; {_SLOWEST} to {_FASTEST} Hz are read")
    if not 1 <= sound.channels <= _MOST_CHANNELS:
        raise SoundError(f"it has {sound.channels} channels; the most is {_MOST_CHANNELS}")
    if MOST_SECONDS * rate < sound.frames < _UNKNOWN_FRAMES:
        raise SoundError(_too_long(sound.frames / rate))


def _too_long(seconds: float | None = None) -> str:
    said = f"{seconds / 60:.0f} minutes" if seconds else f"more than {MOST_SECONDS // 60} minutes"
    return f"it plays for {said}; the most is {MOST_SECONDS // 60} minutes"


# ---- samples


def _resampled(sound: "soundfile.SoundFile", wide: int | None) -> tuple[dict[int, Samples], int]:
    """The mixed-down sound by its new rates, and how many frames it had; read in blocks, and no more than allowed."""
    rate, first = sound.samplerate, wide or NARROW
    stream = None if rate == first else soxr.ResampleStream(rate, first, 1, dtype="float32")
    parts: list[Samples] = []
    frames, loudest, mixed = 0, 0.0, 0.0
    while (block := sound.read(_BLOCK, dtype="float32", always_2d=True)).size:
        frames += len(block)
        if frames > MOST_SECONDS * rate:
            raise SoundError(_too_long())
        peak = float(np.abs(block).max())
        if not peak <= _LARGEST:  # nor is a sample that is no number
            raise SoundError("it has samples that no sound has")
        mono = np.ascontiguousarray(block.mean(axis=1, dtype=np.float32))
        loudest, mixed = max(loudest, peak), max(mixed, float(np.abs(mono).max()))
        parts.append(mono if stream is None else stream.resample_chunk(mono))
    if stream is not None:
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    base: Samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    tolerance = rate // 10 if sound.format == "MP3" else 0
    if frames + tolerance < sound.frames < _UNKNOWN_FRAMES:
        raise SoundError("it ends too early: the rest of the file is missing")
    if not frames or not base.size:
        raise SoundError("it is empty: it has no sound in it")
    if loudest > 0.001 and mixed < loudest / 1000:
        raise SoundError("its channels cancel each other out", "one of them is upside down: give a mono file")
    if wide is None:
        return {NARROW: base}, frames
    return {NARROW: soxr.resample(base, WIDE, NARROW), WIDE: base}, frames


def _pcm(samples: Samples) -> bytes:
    scaled: Any = np.rint(samples * np.float32(32768))
    return bytes(scaled.clip(-32768, 32767).astype("<i2").tobytes())


# ---- silence and loudness


@dataclass(frozen=True, slots=True)
class _Loudness:
    """Where a sound is no silence, a hundredth of a second each, and its mean power there."""

    active: npt.NDArray[np.bool_]
    power: float

    @classmethod
    def of(cls, sounds: dict[int, Samples]) -> "_Loudness":
        """Of the best there is of the sound. Raises `SoundError` where all of it is silence.

        Loud is what is reached for a fifth of a second in all, so that no click is taken for the speech. Silent is what
        lies 40 dB below that, or is no louder than the noise: that of the quietest moments, and 10 dB more, as long as
        that is 20 dB below the loud. So steady sound is no silence, however quiet.
        """
        rate = max(sounds)
        samples, step = sounds[rate], rate // 100
        padded = np.concatenate([samples, np.zeros(-samples.size % step, np.float32)])
        powers = np.square(padded.reshape(-1, step)).mean(axis=1, dtype=np.float64)
        rising = np.sort(powers)
        if rising[-1] < _FAINTEST:
            raise SoundError("there is nothing but silence in it")
        loud = float(rising[-20:][0])
        loud = loud if loud >= _FAINTEST else float(rising[-1])
        noise = float(rising[rising.size // 20]) * 10
        active = powers > max(loud / 1e4, min(noise, loud / 100))
        return cls(active, float(np.minimum(powers[active], 10 * loud).mean()))


def _trimmed(sounds: dict[int, Samples], loud: _Loudness) -> tuple[dict[int, Samples], float]:
    """Without the silence at both ends, and how many seconds that was. All rates are cut at the same moments."""
    heard = np.flatnonzero(loud.active)
    margin = round(MARGIN * 100)
    begin, end = max(0, int(heard[0]) - margin), int(heard[-1]) + 1 + margin
    cut = {rate: samples[begin * rate // 100 : end * rate // 100] for rate, samples in sounds.items()}
    return cut, (sounds[NARROW].size - cut[NARROW].size) / NARROW


def _levelled(sounds: dict[int, Samples], loud: _Loudness) -> tuple[dict[int, Samples], list[str]]:
    wanted = LEVEL - 10 * math.log10(loud.power)
    most = PEAK - 20 * math.log10(_peak(sounds))
    decibels = min(wanted, most)
    if abs(decibels) < 0.05:
        return sounds, ["as loud as it should be"]
    said = f"{abs(decibels):.1f} dB {'louder' if decibels > 0 else 'quieter'}"
    return _amplified(sounds, decibels), [said + (", as its peaks allow" if wanted - most > 0.05 else "")]


def _kept_from_clipping(sounds: dict[int, Samples]) -> tuple[dict[int, Samples], list[str]]:
    """A new rate has new peaks, and samples of floating point may have any: nothing is cut off from them."""
    peak = _peak(sounds)
    if peak <= 1:
        return sounds, []
    decibels = -20 * math.log10(peak)
    return _amplified(sounds, decibels), [f"{-decibels:.1f} dB quieter, so that nothing clips"]


def _peak(sounds: dict[int, Samples]) -> float:
    return max(float(np.abs(samples).max()) for samples in sounds.values())


def _amplified(sounds: dict[int, Samples], decibels: float) -> dict[int, Samples]:
    factor = np.float32(10 ** (decibels / 20))
    return {rate: samples * factor for rate, samples in sounds.items()}


def _heard(channels: int) -> str:
    return {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")


def _kilohertz(sounds: dict[int, Samples]) -> list[str]:
    return [f"{rate // 1000} kHz" for rate in sorted(sounds)]

"""A test's ear: which tones are in a sound, when and in which order, and how like another sound it is.

A sound is known by what is heard in it, never by the name of its file. All of it holds for what has gone through a
phone line: G.711's noise, another level, a delay.
"""

import itertools
import struct
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

FRAME = 0.04
"""Seconds that a tone is looked for in at a time; tones of whole multiples of 25 Hz cannot be taken for one another."""
STEP = 0.02
"""Seconds from one look to the next, a packet of sound: what begins and ends is known this exactly."""
SILENCE = 0.003
"""What is quieter than this share of full scale (as a root mean square) is silence; it is -50 dB."""
PURE = 0.6
"""The share of a frame's energy that a tone must have to be what is heard there."""
PIECE = 0.1
"""Seconds of a sound that are looked for in another at a time."""
ALIKE = 0.9
"""How much a piece must correlate with what was heard to be the same."""
SHORTEST = 0.06
"""A tone that is shorter, in seconds, is none."""
EDGE = 0.1
"""What is none of the tones and shorter, in seconds, is the edge of one."""


class Heard(NamedTuple):
    """One thing in a sound: a tone of so many hertz, or 0 for something that is none of the tones asked for."""

    tone: int
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.begin


@dataclass(frozen=True)
class Sound:
    """One channel of sound: samples from -1 to 1, and how many there are in a second."""

    samples: Samples
    rate: int = 8000

    @classmethod
    def read(cls, path: Path) -> "Sound":
        """The sound of a WAV file of 16 bits and one channel. Raises `wave.Error` or AssertionError for any other."""
        with wave.open(str(path), "rb") as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2), f"{path}: {file.getparams()}"
            return cls.raw(file.readframes(file.getnframes()), file.getframerate())

    @classmethod
    def raw(cls, data: bytes, rate: int = 8000) -> "Sound":
        """The sound of 16-bit samples of this machine's order; an odd byte at the end is left out."""
        return cls(np.frombuffer(data[: len(data) // 2 * 2], np.int16).astype(np.float64) / 32768, rate)

    def write(self, path: Path, *, before: str = "", behind: str = "") -> Path:
        """Writes it as a WAV file of 16 bits, with a text before or behind the samples (LIST/INFO, ICMT)."""
        data = np.round(np.clip(self.samples, -1, 32767 / 32768) * 32768).astype("<i2").tobytes()
        head = struct.pack("<HHIIHH", 1, 1, self.rate, self.rate * 2, 2, 16)
        chunks = _chunk(b"fmt ", head) + _comment(before) + _chunk(b"data", data) + _comment(behind)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_chunk(b"RIFF", b"WAVE" + chunks))
        return path

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def part(self, begin: float, end: float | None = None) -> "Sound":
        """What lies between two moments, in seconds."""
        return Sound(self.samples[int(begin * self.rate) : None if end is None else int(end * self.rate)], self.rate)

    def after(self, silence: float) -> "Sound":
        """The same with so many seconds of silence before it."""
        return Sound(np.append(np.zeros(int(silence * self.rate)), self.samples), self.rate)

    def then(self, silence: float) -> "Sound":
        """The same with so many seconds of silence behind it."""
        return Sound(np.append(self.samples, np.zeros(int(silence * self.rate))), self.rate)

    def share(self, tone: int) -> float:
        """The share of the whole sound's energy that is at so many hertz, from 0 to 1."""
        return float(_shares(self.samples[None, :], tone, self.rate)[0])

    def loudness(self) -> float:
        """The root mean square, from 0 to 1."""
        return float(np.sqrt(np.mean(self.samples**2))) if len(self.samples) else 0.0

    def things(self, tones: Iterable[int]) -> list[Heard]:
        """All that is heard, silence apart, in order: the tones asked for, and what is none of them."""
        size, step = int(FRAME * self.rate), int(STEP * self.rate)
        if len(self.samples) < size:
            return []
        frames = np.lib.stride_tricks.sliding_window_view(self.samples, size)[::step]
        names = np.zeros(len(frames), int)
        for tone in tones:
            names[_shares(frames, tone, self.rate) > PURE] = tone
        loud = np.sqrt(np.mean(frames**2, axis=1)) > SILENCE
        names[~loud] = -1
        edges = [0, *(np.flatnonzero(np.diff(names)) + 1), len(names)]
        runs = [
            # a frame that is half in a tone counts as in it: so a run of n frames is n steps long
            Heard(int(names[begin]), round((begin + 0.5) * STEP, 3), round((end + 0.5) * STEP, 3))
            for begin, end in itertools.pairwise(map(int, edges))
        ]
        return [run for run in runs if run.tone >= 0 and run.seconds > (SHORTEST if run.tone else EDGE) - 1e-6]

    def tones(self, tones: Sequence[int]) -> list[int]:
        """The order in which the tones are heard, 0 for what is none of them; the same one again counts once."""
        heard = [each.tone for each in self.things(tones)]
        return [tone for at, tone in enumerate(heard) if at == 0 or tone != heard[at - 1]]


def tone(*hertz: int, seconds: float = 0.5, rate: int = 8000, level: float = 0.3) -> Sound:
    """These tones, one after the other, each as long as is said, with edges that do not click."""
    time = np.arange(int(seconds * rate)) / rate
    edge = np.clip(np.minimum(time, seconds - time) / 0.005, 0, 1)
    return Sound(np.concatenate([level * edge * np.sin(2 * np.pi * each * time) for each in hertz]), rate)


def rustle(seconds: float, seed: int = 1, rate: int = 8000, level: float = 0.2) -> Sound:
    """Noise between 300 and 3,000 Hz, another for each seed: nothing in it is like any other piece of it."""
    count = int(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / rate)
    noise = np.fft.irfft(np.where((hertz > 300) & (hertz < 3000), spectrum, 0), count)
    return Sound(level * noise / np.max(np.abs(noise)), rate)


def likeness(heard: Sound, original: Sound) -> float:
    """The share of an original that was heard, in its order, from 0 to 1; delay and level do not count.

    It is looked for in pieces, so that a packet that a busy machine lost costs the piece that it is in and no other.
    """
    assert heard.rate == original.rate
    heard = heard.then(0.1)  # the last few milliseconds may not have been heard
    size, begin, found = int(PIECE * heard.rate), 0, []
    for at in range(0, len(original.samples) - size + 1, size):
        score, where = _best(heard.samples[begin:], original.samples[at : at + size])
        found.append(score > ALIKE)
        if score > ALIKE:
            begin += where + int(size * 0.9)
    return sum(found) / len(found)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _comment(text: str) -> bytes:
    return _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", text.encode() + b"\0")) if text else b""


def _best(heard: Samples, piece: Samples) -> tuple[float, int]:
    """The highest normalised cross-correlation of a piece with any place of what was heard, and that place."""
    if len(heard) < len(piece):
        return 0.0, 0
    length = len(heard) + len(piece)
    across = np.fft.irfft(np.fft.rfft(heard, length) * np.conj(np.fft.rfft(piece, length)), length)
    sums = np.concatenate([[0.0], np.cumsum(heard**2)])
    energy = sums[len(piece) :] - sums[: len(heard) - len(piece) + 1]
    quiet = SILENCE**2 * len(piece)
    scores = across[: len(energy)] / np.sqrt(np.maximum(energy, quiet) * np.sum(piece**2))
    where = int(np.argmax(scores))
    return float(scores[where]), where


def _shares(frames: Samples, tone: int, rate: int) -> Samples:
    """Goertzel's answer for many frames at once: the share of each one's energy that is at this tone."""
    wave = np.exp(-2j * np.pi * tone * np.arange(frames.shape[1]) / rate)
    energy = np.sum(frames**2, axis=1) * frames.shape[1]
    shares: Samples = 2 * np.abs(frames @ wave) ** 2 / np.maximum(energy, 1e-12)
    return shares

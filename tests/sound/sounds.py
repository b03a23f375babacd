"""Sounds in tests: tones in files of any kind, and how much of a frequency there is in one of ours."""

import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[Any]


def tone(hertz: float, seconds: float, rate: int, level: float = 0.25) -> Samples:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def silence(seconds: float, rate: int) -> Samples:
    return np.zeros(round(seconds * rate))


def speechlike(seconds: float, rate: int, level: float = 0.1) -> Samples:
    """Syllables: noise of a fixed seed that swells four times a second."""
    at = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(5).normal(size=at.size)
    return level * noise * np.abs(np.sin(2 * np.pi * 2 * at))


def save(path: Path, rate: int, *channels: Samples, subtype: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.stack(channels, axis=1), rate, subtype=subtype)
    return path


def samples(data: bytes) -> Samples:
    """The samples of a whole file of ours, from -1 to 1."""
    begin = data.index(b"data") + 8
    size = struct.unpack("<I", data[begin - 4 : begin])[0]
    return np.frombuffer(data[begin : begin + size], "<i2") / 32768


def decibels(sound: Samples, hertz: float, rate: int) -> float:
    """How loud a tone of one frequency is, in dBFS (Goertzel's sum, over a window without its first and last 50 ms)."""
    inner = sound[rate // 20 : -rate // 20] if sound.size > rate // 5 else sound
    window = np.hanning(inner.size)
    part = np.dot(inner * window, np.exp(-2j * np.pi * hertz * np.arange(inner.size) / rate))
    return float(20 * np.log10(2 * abs(part) / window.sum() + 1e-12))


def loudness(sound: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(sound)) + 1e-12))


def plain_wav(path: Path, frames: int = 80, rate: int = 8000, channels: int = 1, width: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(bytes(channels * width * frames))
    return path

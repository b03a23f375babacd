"""WAV files by their headers: what is in them, what Asterisk can play, and files as it plays them best."""

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from routec.disk import why_refused

SUFFIX = ".wav"
WIDE_SUFFIX = ".wav16"
"""Asterisk's own suffix for 16 kHz, beside the file of 8 kHz; phones of more than telephone quality are played it."""

NARROW = 8000
WIDE = 16000

NO_FILE = "it is no file"

_MARK = "routec placeholder: "
_PCM = 1
_MOST_CHUNKS = 1000
_MOST_COMMENT = 1 << 16

_HEADER = 44
"""Bytes before the sound, where nothing but its form stands there."""

_MOST_LOST = 0.05
"""Seconds that may be missing at the end of a sound: nobody hears that."""


class SoundError(Exception):
    """A sound cannot be used. The message says why, without the file's name; `help` what mends it, where known."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


@dataclass(frozen=True, slots=True)
class Wav:
    """What the header of a WAV file says. `form` is 1 for PCM.

    `promised` counts the bytes of sound that the header speaks of, `there` those that are in the file. `lost` are those
    at its end that Asterisk does not play, for what stands before the sound; None where it finds no sound at all.
    """

    form: int
    rate: int
    bits: int
    channels: int
    promised: int
    there: int
    comment: str | None = None
    lost: int | None = 0

    @classmethod
    def read(cls, path: Path) -> Self:
        """Those of a file. Raises `SoundError` where it is no WAV file or cannot be read."""
        try:
            with open_file(path) as file:
                return cls.of(file)
        except OSError as error:
            reason = f"it cannot be read: {why_refused(error)}"
            raise SoundError(reason if error.errno else NO_FILE) from None

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """Those of an open file, from where it stands. Raises `SoundError`, OSError."""
        begin = file.tell()
        if _taken(file, 4) != b"RIFF":
            raise SoundError("it is no PCM .wav: file does not start with RIFF id")
        _taken(file, 4)
        if _taken(file, 4) != b"WAVE":
            raise SoundError("it is no PCM .wav: not a WAVE file")
        form: tuple[int, int, int, int] | None = None
        comment: str | None = None
        is_padded = False
        for _ in range(_MOST_CHUNKS):
            name, size = _taken(file, 4), int.from_bytes(_taken(file, 4), "little")
            behind = file.tell() + size + size % 2
            if name == b"data":
                if form is None:
                    break
                sound = file.tell()
                there = max(0, min(size, file.seek(0, os.SEEK_END) - sound))
                lost = None if is_padded else max(0, sound - begin - _HEADER)
                code, channels, rate, bits = form
                file.seek(behind)
                comment = _comment_behind(file) if comment is None else comment
                return cls(code, rate, bits, channels, size, there, comment, lost)
            if name == b"fmt " and form is None:
                code, channels, rate, bits = struct.unpack("<HHI6xH", _taken(file, 16) if size >= 16 else bytes(16))
                form = code, channels, rate, bits
            elif name == b"LIST" and 4 < size <= _MOST_COMMENT:
                comment = comment or _comment(_taken(file, size))
            is_padded = is_padded or size % 2 == 1
            file.seek(behind)
        raise SoundError("it is no PCM .wav: there is no sound where it should be")

    @property
    def frames(self) -> int:
        """How many samples of each channel there are."""
        size = self.channels * ((self.bits + 7) // 8)
        return self.there // size if size else 0

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.frames / self.rate if self.rate else 0.0

    @property
    def placeholder(self) -> str | None:
        """The text that a machine spoke here, in the place of a recording; None in a recording."""
        return self.comment.removeprefix(_MARK) if self.comment and self.comment.startswith(_MARK) else None


def fault(path: Path) -> str:
    """Why Asterisk cannot play a .wav or .wav16 file, or an empty string.

    It reads 16 bit, mono PCM, of 8 kHz in the one and of 16 kHz in the other.
    """
    try:
        wav = Wav.read(path)
    except SoundError as error:
        return str(error)
    return wav_fault(wav, rate_of(path))


def rate_of(path: Path) -> int:
    """The rate that Asterisk expects in a .wav or .wav16 file."""
    return WIDE if path.name.endswith(WIDE_SUFFIX) else NARROW


def wav_fault(wav: Wav, rate: int) -> str:
    """Why Asterisk cannot play a sound where it expects one of this rate, or an empty string."""
    if wav.form != _PCM:
        return f"it is no PCM .wav: unknown format: {wav.form}"
    if (wav.rate, wav.bits, wav.channels) != (rate, 16, 1):
        heard = "mono" if wav.channels == 1 else f"{wav.channels} channels"
        return f"it has {wav.rate} Hz, {wav.bits} bit, {heard}; Asterisk plays {rate} Hz, 16 bit, mono"
    if not wav.frames:
        return "it is empty"
    if wav.there < wav.promised:
        return f"it ends too early: {wav.seconds:.1f} s are there, of {wav.promised / (2 * rate):.1f} s"
    # format_wav.c takes the length of the sound for its end in the file, and knows of no padding of odd chunks.
    # (Measured on 16.28 and 22.10.)
    if wav.lost is None or wav.lost > min(_MOST_LOST * 2 * rate, wav.there):
        cut = "all" if wav.lost is None or wav.lost >= wav.there else f"the last {wav.lost / (2 * rate):.1f} s"
        return f"texts or pictures stand before its sound, and Asterisk would leave out {cut} of it"
    return ""


def placeholder_mark(text: str) -> str:
    """The comment that says of a file that a machine spoke this text."""
    return _MARK + text


def wav_file(rate: int, samples: bytes, comment: str | None = None) -> bytes:
    """A whole WAV file of 16 bit, mono samples, with a comment that players pass over.

    The comment stands behind the sound: Asterisk would leave out the end of a sound that has anything before it.
    """
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, _PCM, 1, rate, 2 * rate, 2, 16)
    chunks += b"data" + struct.pack("<I", len(samples)) + samples
    if comment is not None:
        text = comment.encode("utf-8", "replace")[: _MOST_COMMENT // 2]
        text += bytes(2 - len(text) % 2)
        chunks += struct.pack("<4sI4s4sI", b"LIST", 12 + len(text), b"INFO", b"ICMT", len(text)) + text
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def open_file(path: Path) -> BinaryIO:
    """Open a file to read; a folder, a pipe or a device is none, and is not waited for. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    file = os.fdopen(handle, "rb") if stat.S_ISREG(os.fstat(handle).st_mode) else None
    if file is None:
        os.close(handle)
        raise OSError(0, NO_FILE)
    return file


def wide_of(file: str) -> str:
    """The name of the 16 kHz file that belongs beside one of 8 kHz."""
    return file.removesuffix(SUFFIX) + WIDE_SUFFIX


def _taken(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise SoundError("it is no PCM .wav: it ends too early")
    return data


def _comment_behind(file: BinaryIO) -> str | None:
    """The comment in what stands behind the sound; whatever else is there is no fault."""
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        size = int.from_bytes(head[4:], "little")
        if len(head) < 8 or (head[:4] == b"LIST" and size > _MOST_COMMENT):
            return None
        content = file.read(size) if head[:4] == b"LIST" else b""
        if (comment := _comment(content)) is not None:
            return comment
        file.seek(size + size % 2 - len(content), os.SEEK_CUR)
    return None


def _comment(chunk: bytes) -> str | None:
    """The comment in the content of a LIST chunk."""
    at = 4
    while chunk.startswith(b"INFO") and at + 8 <= len(chunk):
        name, size = chunk[at : at + 4], int.from_bytes(chunk[at + 4 : at + 8], "little")
        if name == b"ICMT":
            return chunk[at + 8 : at + 8 + size].partition(b"\0")[0].decode("utf-8", "replace")
        at += 8 + size + size % 2
    return None

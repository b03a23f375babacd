"""Small things that the harness needs of the machine: a port, a wait, a sound."""

import socket
import time
import wave
from collections.abc import Callable
from pathlib import Path


def free_port(kind: socket.SocketKind) -> int:
    """A port on loopback that nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], bool], timeout: float, pause: float = 0.01) -> bool:
    """Whether `condition` became true within `timeout` seconds; it is for what sends no event."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def write_silence(path: Path, seconds: float) -> None:
    """Writes a WAV file of silence as Asterisk plays it: 8,000 samples a second, 16 bits, one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(2 * int(8000 * seconds)))

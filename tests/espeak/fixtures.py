"""What a test that has texts spoken asks for: `espeak`, the real program, or `fake_espeak`, one of the test's own."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.espeak.bring import CannotBringError, bring

REQUIRED = "ROUTEC_REQUIRE_ASTERISK"
# Read at once: some tests take all settings of this machine away.
_IS_REQUIRED = os.environ.get(REQUIRED) == "1"

FAKE = """#!{python}
import os, sys, wave
from pathlib import Path
text = sys.stdin.buffer.read()
Path({log!r}).open("ab").write(repr((sys.argv[1:-1], text.decode())).encode() + b"\\n")
voice = sys.argv[sys.argv.index("-v") + 1]
if voice not in {voices!r}:
    sys.exit(print("Error: The specified espeak-ng voice does not exist.", file=sys.stderr) or 1)
{body}
with wave.open(sys.argv[-1], "wb") as sound:
    sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(22050)
    wave = (5000).to_bytes(2, "little") * 25 + (-5000).to_bytes(2, "little", signed=True) * 25
    sound.writeframes(wave * int(len(text) / 20 * 22050 / 50))
"""

Fake = Callable[..., Path]


@pytest.fixture(scope="session")
def espeak() -> Path:
    """The real program. The test is skipped without it, or fails if what CI has is required."""
    try:
        return bring()
    except CannotBringError as error:
        if _IS_REQUIRED:
            pytest.fail(f"{REQUIRED}=1, and there is no espeak-ng: {error}", pytrace=False)
        pytest.skip(f"no espeak-ng: {error}")


@pytest.fixture
def fake_espeak(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a program in its place that speaks a twentieth of a second a letter, or does what `body` says.

    Gives the file in which each of its calls is a line: its arguments without the last one, and what it read.
    """

    def make(body: str = "", voices: tuple[str, ...] = ("en", "nl", "en-gb")) -> Path:
        folder = tmp_path_factory.mktemp("espeak")
        program, log = folder / "espeak-ng", folder / "log"
        program.write_text(FAKE.format(python=sys.executable, log=str(log), voices=voices, body=body))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return log

    return make

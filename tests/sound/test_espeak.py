"""Text as speech: by a program that may be missing, know no voice, fail or hang."""

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

from routec.sound.espeak import LONGEST_TEXT, find_program, placeholder
from routec.sound.wav import SoundError, Wav, fault
from tests.espeak.fixtures import Fake
from tests.sound.sounds import loudness, samples


def calls(log: Path) -> list[tuple[list[str], str]]:
    return [ast.literal_eval(line) for line in log.read_text().splitlines()]


def refused(text: str = "Welkom", language: str = "nl") -> tuple[str, str]:
    with pytest.raises(SoundError) as caught:
        placeholder(text, language)
    return str(caught.value), caught.value.help


def test_it_is_marked_and_of_one_rate(fake_espeak: Fake, tmp_path: Path) -> None:
    log = fake_espeak()
    done = placeholder("Welkom bij het hotel", "nl")
    assert calls(log) == [(["-v", "nl", "-b", "1", "--stdin", "-w"], "Welkom bij het hotel")]
    assert done.wide is None
    assert done.seconds == pytest.approx(1, abs=0.02)
    (tmp_path / "a.wav").write_bytes(done.narrow)
    assert fault(tmp_path / "a.wav") == ""
    assert Wav.read(tmp_path / "a.wav").placeholder == "Welkom bij het hotel"


@pytest.mark.parametrize(
    ("language", "voices"),
    [("nl", ["nl"]), ("en_gb", ["en-gb"]), ("nl_be", ["nl-be", "nl"]), ("xx", ["xx"]), ("xx_yy", ["xx-yy", "xx"])],
)
def test_voices(fake_espeak: Fake, language: str, voices: list[str]) -> None:
    log = fake_espeak()
    if language.startswith("xx"):
        assert refused(language=language) == (
            f"espeak-ng has no voice for `{language}`",
            "espeak-ng --voices lists them",
        )
    else:
        placeholder("Welkom", language)
    assert [arguments[1] for arguments, _ in calls(log)] == voices


@pytest.mark.parametrize("text", ["--help", "-w /tmp/x", "@/etc/passwd", "$(id) `id` ; é \u0627", "a\nb"])
def test_a_text_is_only_read(fake_espeak: Fake, text: str) -> None:
    log = fake_espeak()
    placeholder(text, "nl")
    assert calls(log) == [(["-v", "nl", "-b", "1", "--stdin", "-w"], text)]


def test_names_of_phonemes_are_words(fake_espeak: Fake) -> None:
    log = fake_espeak()
    placeholder("[[h@l'oU]]", "nl")
    assert calls(log)[0][1] == "[ [h@l'oU]]"


def test_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    expected = ("espeak-ng is not installed, which speaks the texts", "apt-get install espeak-ng")
    assert refused() == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("sys.exit(print('no data', file=sys.stderr) or 3)", "espeak-ng failed: no data"),
        ("sys.exit(3)", "espeak-ng failed: its exit code was 3"),
        ("sys.exit(0)", "espeak-ng spoke nothing: Welkom"),
        ("os.kill(os.getpid(), 9)", "espeak-ng failed: its exit code was -9"),
        ("sys.stderr.write('x' * 10**6); sys.exit(1)", "espeak-ng failed: " + "x" * 200),
        ("Path(sys.argv[-1]).write_bytes(b'no sound'); sys.exit(0)", "it is no sound"),
        ("text = b''", "it is empty: it has no sound in it"),
    ],
)
def test_failures(fake_espeak: Fake, body: str, expected: str) -> None:
    fake_espeak(body)
    assert refused()[0] == expected


def test_one_that_hangs(fake_espeak: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routec.sound.espeak.SECONDS", 1)
    fake_espeak("import signal; signal.pause()")
    assert refused()[0] == "espeak-ng had not spoken it after 1 s"


def test_one_that_cannot_be_run(fake_espeak: Fake) -> None:
    program = fake_espeak().with_name("espeak-ng")
    program.write_bytes(b"\x7fELF no program")
    assert refused()[0] == "espeak-ng cannot be run: exec format error"


def test_texts_that_are_none(fake_espeak: Fake) -> None:
    log = fake_espeak()
    assert refused(" ")[0] == "its text is empty"
    assert refused("a" * (LONGEST_TEXT + 1))[0] == "its text has 4001 characters; the most is 4000"
    assert refused(language="../nl")[0] == "`../nl` is no language"
    assert not log.exists()


class TestReal:
    @pytest.fixture(autouse=True)
    def _real(self, espeak: Path) -> None:
        assert shutil.which("espeak-ng") == find_program() == str(espeak)

    @pytest.mark.parametrize(
        ("language", "text"),
        [("nl", "Tik uw klantennummer in, gevolgd door het hekje"), ("en_gb", "Welcome"), ("nl_be", "Dag")],
    )
    def test_it_speaks(self, language: str, text: str, tmp_path: Path) -> None:
        done = placeholder(text, language)
        assert done == placeholder(text, language)
        assert 0.3 < done.seconds < 6
        heard = samples(done.narrow)
        assert loudness(heard) > -30
        assert 0.1 < np.abs(heard).max() < 0.9
        (tmp_path / "a.wav").write_bytes(done.narrow)
        assert (fault(tmp_path / "a.wav"), Wav.read(tmp_path / "a.wav").placeholder) == ("", text)

    def test_languages_sound_different(self) -> None:
        assert placeholder("Welkom in ons hotel", "nl") != placeholder("Welkom in ons hotel", "en")

    def test_no_voice(self) -> None:
        assert refused(language="zz") == ("espeak-ng has no voice for `zz`", "espeak-ng --voices lists them")

    def test_what_is_not_said_aloud(self) -> None:
        with pytest.raises(SoundError, match=r"spoke nothing|nothing but silence|is empty"):
            placeholder("\u200b", "nl")

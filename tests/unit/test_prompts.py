"""`routec prompts add` and `restore`: what gets into a project, what does not, and the way back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from routec.sound.wav import fault
from tests.sound.sounds import decibels, plain_wav, samples, save, silence, tone
from tests.unit.conftest import Cli, Write

ROUTES = {
    "routes/front.route": "route front { on extension 600; prompt welcome, hello, bye; hangup }\n",
    "routes/prompts.route": 'prompt welcome "welcome.wav"\nprompt hello "desk/hello.wav"\nprompt bye "vm-goodbye"\n',
}
WHEN = "in force at the next build; `routec serve` and `routec watch` build by themselves\n"
PROMPTS = Path("routes/prompts")


@pytest.fixture(autouse=True)
def _project(write: Write) -> None:
    write(ROUTES)
    sound = np.concatenate([silence(0.7, 44100), tone(440, 1, 44100, level=0.01), silence(0.3, 44100)])
    save(Path("speech.wav"), 44100, sound, sound)
    save(Path("other.flac"), 8000, tone(600, 1, 8000))


def there() -> list[str]:
    return sorted(path.relative_to(PROMPTS).as_posix() for path in PROMPTS.rglob("*") if path.is_file())


def faults(cli: Cli) -> str:
    """What `check` says is wrong with sounds that are there."""
    return "\n".join(line for line in cli("check").stdout.splitlines() if "RT313" in line)


class TestAdd:
    def test_a_new_one(self, cli: Cli) -> None:
        result = cli("prompts", "add", "welcome", "speech.wav")
        assert (result.exit_code, result.stderr) == (0, WHEN)
        assert result.stdout == (
            "welcome: 44100 Hz stereo, 2.0 s -> 8 kHz and 16 kHz mono\n"
            "routes/prompts/welcome.wav and routes/prompts/welcome.wav16: written\n"
        )
        assert there() == ["welcome.wav", "welcome.wav16"]
        assert fault(PROMPTS / "welcome.wav") == fault(PROMPTS / "welcome.wav16") == faults(cli) == ""

    def test_trimmed_and_levelled(self, cli: Cli) -> None:
        result = cli("prompts", "add", "welcome", "speech.wav", "--trim", "--level")
        assert result.stdout.splitlines()[0] == (
            "welcome: 44100 Hz stereo, 2.0 s -> 8 kHz and 16 kHz mono; 0.8 s of silence trimmed; 23.0 dB louder"
        )
        assert decibels(samples((PROMPTS / "welcome.wav").read_bytes())[1600:8000], 440, 8000) == pytest.approx(
            -17, abs=0.3
        )

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["welcome", "--language", "nl"], "nl/welcome.wav"),
            (["welcome", "--language", "en"], "welcome.wav"),
            (["hello"], "desk/hello.wav"),
            (["hello", "--language", "en_gb"], "en_gb/desk/hello.wav"),
            (["undeclared"], "undeclared.wav"),
        ],
    )
    def test_where_it_is_put(self, cli: Cli, arguments: list[str], expected: str) -> None:
        result = cli("prompts", "add", *arguments, "other.flac")
        assert (result.exit_code, there()) == (0, [expected])
        title = f"{arguments[0]} ({arguments[2]})" if expected.startswith(("nl/", "en_gb/")) else arguments[0]
        assert result.stdout.startswith(f"{title}: 8000 Hz mono, 1.0 s -> 8 kHz mono\n")

    def test_the_base_language_is_that_of_the_settings(self, cli: Cli, write: Write) -> None:
        write({"routes/routec.toml": '[prompts]\nlanguage = "nl"\n'})
        assert cli("prompts", "add", "welcome", "other.flac", "--language", "nl").exit_code == 0
        assert cli("prompts", "add", "welcome", "other.flac", "--language", "en").exit_code == 0
        assert there() == ["en/welcome.wav", "welcome.wav"]

    def test_what_is_there_stays_without_replace(self, cli: Cli) -> None:
        cli("prompts", "add", "welcome", "speech.wav")
        before = (PROMPTS / "welcome.wav").read_bytes()
        result = cli("prompts", "add", "welcome", "other.flac")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            "Error: routes/prompts/welcome.wav is there already\n"
            "   = help: --replace replaces it, and keeps the old one\n"
        )
        assert (PROMPTS / "welcome.wav").read_bytes() == before
        result = cli("prompts", "add", "welcome", "other.flac", "--replace")
        assert result.exit_code == 0
        assert "; what was there is routes/prompts/.replaced/welcome.2" in result.stdout
        assert not (PROMPTS / "welcome.wav16").exists()
        (kept,) = (PROMPTS / ".replaced").glob("welcome.*.wav")
        assert kept.read_bytes() == before
        assert faults(cli) == ""

    def test_the_same_again(self, cli: Cli) -> None:
        cli("prompts", "add", "welcome", "other.flac")
        result = cli("prompts", "add", "welcome", "other.flac", "--replace")
        assert result.stdout.endswith("routes/prompts/welcome.wav: the same was there before\n")
        assert (result.exit_code, result.stderr, there()) == (0, "", ["welcome.wav"])

    def test_a_file_of_the_project_itself_is_converted_in_its_place(self, cli: Cli) -> None:
        save(PROMPTS / "welcome.wav", 44100, tone(440, 1, 44100))
        assert "Asterisk cannot play `welcome.wav`" in faults(cli)
        assert cli("prompts", "add", "welcome", "routes/prompts/welcome.wav", "--replace").exit_code == 0
        assert (faults(cli), fault(PROMPTS / "welcome.wav")) == ("", "")

    @pytest.mark.parametrize(
        ("arguments", "code", "expected"),
        [
            (["Welcome", "other.flac"], 2, "`Welcome` is no name of a prompt: small letters, digits, `_` and `-`"),
            (["../x", "other.flac"], 2, "`../x` is no name of a prompt"),
            (["a\x1b[31mb", "other.flac"], 2, "is no name of a prompt"),
            (["nl/x", "other.flac"], 2, "`nl/x` is no name of a prompt"),
            (["a" * 201, "other.flac"], 2, "this name has more than 200 characters"),
            (["bye", "other.flac"], 2, "prompt `bye` is a sound of Asterisk's, `vm-goodbye`"),
            (["welcome", "other.flac", "--language", "NL"], 2, "`NL` is no language: two letters"),
            (["welcome", "other.flac", "--language", "dutch"], 2, "`dutch` is no language"),
            (["welcome", "other.flac", "--language", "../x"], 2, "`../x` is no language"),
            (["Hello.wav", "other.flac"], 2, "a letter first\n   = help: did you mean `hello`?"),
            (["welcome", "gone.wav"], 2, "gone.wav: No such file or directory"),
            (["welcome", "."], 2, ".: it is a folder"),
            (["welcome", "pipe"], 2, "pipe: it is no file"),
            (["welcome", "/dev/zero"], 2, "/dev/zero: it is no file"),
            (["welcome", "text.wav"], 1, "text.wav: it is no sound"),
            (["welcome", "empty.wav"], 1, "empty.wav: it is empty"),
            (["welcome", "nothing.wav"], 1, "nothing.wav: it is empty: it has no sound in it"),
            (["welcome", "cut.flac"], 1, "cut.flac: it cannot be decoded"),
            (["welcome", "large.wav"], 1, "large.wav: it has 70 MB; the most is 64 MB"),
            (["welcome", "quiet.wav", "--trim"], 1, "quiet.wav: there is nothing but silence in it"),
            (["welcome"], 2, "Missing argument 'FILE'"),
        ],
    )
    def test_what_is_refused(self, cli: Cli, arguments: list[str], code: int, expected: str) -> None:
        os.mkfifo("pipe")
        Path("text.wav").write_bytes(b"Welcome to the hotel.\n")
        Path("empty.wav").write_bytes(b"")
        plain_wav(Path("nothing.wav"), 0)
        plain_wav(Path("quiet.wav"), 800)
        Path("cut.flac").write_bytes(Path("other.flac").read_bytes()[:200])
        plain_wav(Path("large.wav"))
        os.truncate("large.wav", 70 << 20)
        result = cli("prompts", "add", *arguments)
        assert (result.exit_code, result.stdout) == (code, "")
        assert expected in result.stderr
        assert "\x1b" not in result.stderr
        assert not PROMPTS.exists()

    def test_links(self, cli: Cli, tmp_path: Path) -> None:
        outside = tmp_path.parent / f"{tmp_path.name}-outside"
        outside.mkdir()
        PROMPTS.mkdir()
        (PROMPTS / "nl").symlink_to(outside)
        (PROMPTS / "welcome.wav").symlink_to(outside / "welcome.wav")
        for language in ("en", "nl"):
            for more in ([], ["--replace"]):
                result = cli("prompts", "add", "welcome", "other.flac", "--language", language, *more)
                assert (result.exit_code, result.stdout) == (1, "")
                assert "is a link" in result.stderr
        assert list(outside.iterdir()) == []

    def test_names_of_files_that_are_none_in_this_project(self, cli: Cli, write: Write) -> None:
        write({"routes/prompts.route": 'prompt up "../up.wav"\nprompt song "song.mp3"\nprompt hid ".replaced/x.wav"\n'})
        assert "../up.wav is no name of a sound file" in cli("prompts", "add", "up", "other.flac").stderr
        assert ".replaced/x.wav is no name of a sound file" in cli("prompts", "add", "hid", "other.flac").stderr
        result = cli("prompts", "add", "song", "other.flac")
        assert "prompt `song` names `song.mp3`, which is no .wav file" in result.stderr
        assert not Path("routes/up.wav").exists()

    def test_a_declaration_that_cannot_be_read_may_say_otherwise(self, cli: Cli, write: Write) -> None:
        write({"routes/broken.route": 'prompt other "desk/other.wav" recrod 5001\n'})
        result = cli("prompts", "add", "other", "other.flac")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "error[RT1" in result.stderr
        assert result.stderr.endswith("1 error; nothing was written\n")
        assert cli("prompts", "add", "hello", "other.flac").exit_code == 0, "what could be read counts"

    def test_settings_with_a_fault(self, cli: Cli, write: Write) -> None:
        write({"routes/routec.toml": '[prompts]\nlanguage = "Dutch"\n'})
        result = cli("prompts", "add", "welcome", "other.flac")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("Error: routes/routec.toml: ")

    def test_outside_a_project(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path / "routes")
        for verb in (["add", "a", "b"], ["list"], ["speak"], ["number"], ["restore", "a"]):
            result = cli("prompts", *verb)
            assert (result.exit_code, result.stdout) == (2, "")
            assert result.stderr == (
                "Error: there is no routes/ here\n   = help: run routec in the folder that holds routes/\n"
            )

    def test_two_at_once_lose_none(self) -> None:
        for number in range(3):
            save(Path(f"{number}.wav"), 8000, tone(400 + 100 * number, 0.5, 8000))
        command = [sys.executable, "-m", "routec", "prompts", "add", "welcome"]
        subprocess.run([*command, "0.wav"], capture_output=True, check=True)
        rest = [subprocess.Popen([*command, f"{number}.wav", "--replace"], stdout=-3, stderr=-3) for number in (1, 2)]
        assert [process.wait(60) for process in rest] == [0, 0]
        kept = [PROMPTS / "welcome.wav", *(PROMPTS / ".replaced").glob("welcome.*.wav")]
        assert sorted(path.read_bytes() for path in kept) == sorted(Path(f"{n}.wav").read_bytes() for n in range(3))

    def test_two_at_once_without_replace_write_one(self) -> None:
        command = [sys.executable, "-m", "routec", "prompts", "add", "welcome"]
        both = [subprocess.Popen([*command, name], stdout=-3, stderr=-3) for name in ("speech.wav", "other.flac")]
        assert sorted(process.wait(60) for process in both) == [0, 1]

    def test_a_folder_that_may_not_be_written(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(_: int) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr("routec.rewrite.os.fsync", denied)
        result = cli("prompts", "add", "welcome", "other.flac")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: cannot write routes/prompts/welcome.wav: read-only file system\n"
        assert there() == []


class TestRestore:
    @pytest.fixture(autouse=True)
    def _two(self, _project: None, cli: Cli) -> None:
        cli("prompts", "add", "welcome", "speech.wav")
        self.old = (PROMPTS / "welcome.wav").read_bytes()
        cli("prompts", "add", "welcome", "other.flac", "--replace")
        self.new = (PROMPTS / "welcome.wav").read_bytes()

    def test_back_and_forth(self, cli: Cli) -> None:
        for expected, wide in ((self.old, True), (self.new, False), (self.old, True)):
            result = cli("prompts", "restore", "welcome")
            assert (result.exit_code, result.stderr) == (0, WHEN)
            assert result.stdout.startswith("welcome: that of 2")
            assert (PROMPTS / "welcome.wav").read_bytes() == expected
            assert (PROMPTS / "welcome.wav16").exists() == wide
            assert faults(cli) == ""

    def test_list_and_stamp(self, cli: Cli) -> None:
        listed = cli("prompts", "restore", "welcome", "--list").stdout.splitlines()
        assert listed[0].split() == ["STAMP", "LENGTH", "FILE"]
        stamp, *length, file = listed[1].split()
        assert (length, Path(file).read_bytes()) == (["2.0", "s"], self.old)
        assert cli("prompts", "restore", "welcome", stamp).exit_code == 0
        assert (PROMPTS / "welcome.wav").read_bytes() == self.old
        result = cli("prompts", "restore", "welcome", stamp)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"no sound of routes/prompts/welcome.wav was replaced at `{stamp}`" in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "code", "expected"),
        [
            (["hello"], 1, "nothing was replaced at routes/prompts/desk/hello.wav"),
            (["welcome", "--language", "nl"], 1, "nothing was replaced at routes/prompts/nl/welcome.wav"),
            (["welcom"], 1, "nothing was replaced at routes/prompts/welcom.wav\n   = help: did you mean `welcome`?"),
            (["bye"], 2, "prompt `bye` is a sound of Asterisk's"),
            (["no name"], 2, "`no name` is no name of a prompt"),
            (["welcome", "x", "--list"], 2, "--list goes without STAMP"),
        ],
    )
    def test_what_is_refused(self, cli: Cli, arguments: list[str], code: int, expected: str) -> None:
        result = cli("prompts", "restore", *arguments)
        assert (result.exit_code, result.stdout) == (code, "")
        assert expected in result.stderr
        assert (PROMPTS / "welcome.wav").read_bytes() == self.new

    def test_an_empty_list(self, cli: Cli) -> None:
        result = cli("prompts", "restore", "hello", "--list")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "nothing was replaced at routes/prompts/desk/hello.wav\n"

"""`routec prompts list`, `speak` and `number`: what is known of prompts, placeholders, and numbers to record on."""

import json
from pathlib import Path
from typing import Any

import pytest

from routec.pipeline import compile_routes
from routec.project import load
from routec.sound.wav import Wav, placeholder_mark, wav_file
from tests.espeak.fixtures import Fake
from tests.sound.sounds import plain_wav
from tests.unit.conftest import Cli, Write

PROMPTS = Path("routes/prompts")
WHEN = "in force at the next build; `routec serve` and `routec watch` build by themselves\n"
DECLARED = """\
# what callers hear
prompt welcome "welcome.wav" text "Welkom" text en "Welcome"  # the first thing
prompt hello "desk/hello.wav" record 5001 record en 5101
prompt bye "vm-goodbye"
prompt enter_login text "Tik uw code in"
"""
FRONT = """\
route front {
  on extension 600
  language en
  prompt welcome, hello
  auth staff else hangup
  dial 5002
}
auth staff { login ask enter_login digits 4; user anna login 1001 }
"""


@pytest.fixture(autouse=True)
def _project(write: Write) -> None:
    write({"routes/prompts.route": DECLARED, "routes/front.route": FRONT})
    write({"routes/routec.toml": '[prompts]\nlanguage = "nl"\n'})


def listed(cli: Cli) -> dict[str, dict[str, Any]]:
    result = cli("prompts", "list", "--format", "json")
    assert result.exit_code == 0
    return {each["name"]: each for each in json.loads(result.stdout)}


def states(cli: Cli) -> dict[str, dict[str, str]]:
    return {
        name: {language: version["state"] for language, version in each["languages"].items()}
        for name, each in listed(cli).items()
    }


class TestList:
    def test_as_a_table(self, cli: Cli) -> None:
        plain_wav(PROMPTS / "welcome.wav", 12000)
        plain_wav(PROMPTS / "welcome.wav16", 24000, rate=16000)
        plain_wav(PROMPTS / "en/welcome.wav", 8000, rate=44100)
        plain_wav(PROMPTS / "left_over.wav", 8000)
        plain_wav(PROMPTS / "fr/left_over.wav", 8000)
        (PROMPTS / "enter_login.wav").write_bytes(wav_file(8000, bytes(8000), placeholder_mark("Tik")))
        result = cli("prompts", "list")
        assert result.exit_code == 0
        rows = [[cell.strip() for cell in line.split("  ") if cell] for line in result.stdout.splitlines()]
        assert rows == [
            ["NAME", "LENGTH", "FORMAT", "FROM", "RECORD", "USED BY", "NL", "EN", "FR"],
            ["bye", "-", "Asterisk's own", "routes/prompts.route:4", "-", "unused", "-", "-", "-"],
            ["enter_login", "0.5 s", "8 kHz", "routes/prompts.route:5", "-", "staff (module)", "placeholder", "missing",
             "missing"],
            ["hello", "-", "-", "routes/prompts.route:3", "5001, en 5101", "front", "missing", "missing", "missing"],
            ["left_over", "1.0 s", "8 kHz", "routes/prompts/left_over.wav", "-", "unused", "there", "missing", "there"],
            ["welcome", "1.5 s", "8 and 16 kHz", "routes/prompts.route:2", "-", "front", "there", "unusable",
             "missing"],
        ]  # fmt: skip

    def test_as_json(self, cli: Cli) -> None:
        plain_wav(PROMPTS / "welcome.wav", 12000)
        plain_wav(PROMPTS / "en/welcome.wav", 8000, rate=44100)
        found = listed(cli)
        assert list(found) == ["bye", "enter_login", "hello", "welcome"]
        assert found["welcome"] == {
            "name": "welcome", "sound": "routec/welcome", "file": "welcome.wav", "declared": True,
            "from": {"file": "routes/prompts.route", "line": 2},
            "records": [], "texts": [{"language": None, "text": "Welkom"}, {"language": "en", "text": "Welcome"}],
            "used_by": [{"kind": "route", "name": "front"}], "unused": False,
            "languages": {
                "nl": {"state": "there", "file": "welcome.wav", "seconds": 1.5, "rate": 8000, "bits": 16, "channels": 1,
                       "wide": False, "placeholder": None, "fault": None},
                "en": {"state": "unusable", "file": "en/welcome.wav", "seconds": 0.181, "rate": 44100, "bits": 16,
                       "channels": 1, "wide": False, "placeholder": None,
                       "fault": "it has 44100 Hz, 16 bit, mono; Asterisk plays 8000 Hz, 16 bit, mono"},
            },
        }  # fmt: skip
        assert found["hello"]["records"] == [{"language": None, "number": "5001"}, {"language": "en", "number": "5101"}]
        assert (found["bye"]["file"], found["bye"]["unused"], found["bye"]["languages"]) == (None, True, {})
        assert found["enter_login"]["used_by"] == [{"kind": "module", "name": "staff"}]

    def test_a_companion_that_is_unusable(self, cli: Cli) -> None:
        plain_wav(PROMPTS / "welcome.wav", 12000)
        plain_wav(PROMPTS / "welcome.wav16", 80000, rate=16000)
        version = listed(cli)["welcome"]["languages"]["nl"]
        assert (version["state"], version["wide"]) == ("unusable", True)
        assert version["fault"].startswith("welcome.wav16: it is 5.0 s long")

    def test_what_is_no_sound(self, cli: Cli, write: Write) -> None:
        write({"routes/prompts/welcome.wav": b"no sound", "routes/prompts/desk/hello.wav": b""})
        assert states(cli)["welcome"]["nl"] == states(cli)["hello"]["nl"] == "unusable"

    def test_names_of_the_recorder_are_not_unused(self, cli: Cli) -> None:
        plain_wav(PROMPTS / "recorder_menu.wav", 8000)
        assert listed(cli)["recorder_menu"]["used_by"] == [{"kind": "recorder", "name": "recorder"}]

    def test_with_faults_in_the_routes(self, cli: Cli, write: Write) -> None:
        write({"routes/broken.route": 'prompt other "other.wav" recrod 5\n'})
        result = cli("prompts", "list")
        assert result.exit_code == 0
        assert result.stderr == "1 error in the routes, so some may be missing here: routec check\n"

    def test_none(self, cli: Cli, write: Write) -> None:
        write({"routes/prompts.route": "# none\n", "routes/front.route": "route front { on extension 600; hangup }\n"})
        result = cli("prompts", "list")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no prompts\n")
        assert cli("prompts", "list", "--format", "json").stdout == "[]\n"


class TestSpeak:
    def test_what_is_missing(self, cli: Cli, fake_espeak: Fake) -> None:
        log = fake_espeak()
        result = cli("prompts", "speak")
        assert (result.exit_code, result.stderr) == (0, WHEN)
        assert result.stdout == (
            "enter_login: spoken, 0.7 s: routes/prompts/enter_login.wav\n"
            "welcome: spoken, 0.3 s: routes/prompts/welcome.wav\n"
            "welcome (en): spoken, 0.3 s: routes/prompts/en/welcome.wav\n"
        )
        assert Wav.read(PROMPTS / "en/welcome.wav").placeholder == "Welcome"
        assert states(cli)["welcome"] == {"nl": "placeholder", "en": "placeholder"}
        assert not list(PROMPTS.rglob("*.wav16"))
        assert [line.split(",")[1] for line in log.read_text().splitlines()] == [" 'nl'", " 'nl'", " 'en'"]
        result = cli("prompts", "speak")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "nothing to speak: all that have a `text` are there\n"
        assert "RT313" not in cli("check").stdout

    def test_what_changed_and_no_recording(self, cli: Cli, fake_espeak: Fake, write: Write) -> None:
        fake_espeak()
        cli("prompts", "speak")
        recording = plain_wav(PROMPTS / "en/welcome.wav", 8000).read_bytes()
        write({"routes/prompts.route": DECLARED.replace("Welkom", "Goedendag").replace('"Welcome"', '"Good morning"')})
        result = cli("prompts", "speak")
        assert result.stdout == "welcome: spoken, 0.4 s: routes/prompts/welcome.wav\n"
        assert Wav.read(PROMPTS / "welcome.wav").placeholder == "Goedendag"
        assert (PROMPTS / "en/welcome.wav").read_bytes() == recording
        assert not (PROMPTS / ".replaced").exists()
        result = cli("prompts", "speak", "welcome")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "welcome: routes/prompts/welcome.wav is this placeholder already\n" in result.stderr
        assert "welcome (en): routes/prompts/en/welcome.wav is a recording, which stays\n" in result.stderr

    def test_some_of_them(self, cli: Cli, fake_espeak: Fake) -> None:
        fake_espeak()
        assert cli("prompts", "speak", "welcome", "--language", "en").stdout.startswith("welcome (en): spoken")
        assert states(cli)["welcome"] == {"nl": "missing", "en": "placeholder"}
        assert cli("prompts", "speak", "--language", "nl").stdout.count("spoken") == 2
        assert cli("prompts", "speak", "--language", "de").stderr == "no prompt has a `text de`\n"
        assert cli("prompts", "speak", "--language", "nl").stderr.startswith("nothing to speak: all that have a `text`")

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["welcom"], "there is no prompt `welcom`\n   = help: did you mean `welcome`?"),
            (["bye"], "prompt `bye` is a sound of Asterisk's, `vm-goodbye`"),
            (["hello"], 'prompt `hello` has no `text`\n   = help: prompt hello "desk/hello.wav" text "…"'),
            (["enter_login", "--language", "en"], "prompt `enter_login` has no `text en`"),
            (["--language", "english"], "`english` is no language"),
        ],
    )
    def test_what_is_refused(self, cli: Cli, fake_espeak: Fake, arguments: list[str], expected: str) -> None:
        log = fake_espeak()
        result = cli("prompts", "speak", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert expected in result.stderr
        assert not log.exists()

    def test_not_installed(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        result = cli("prompts", "speak")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            "Error: espeak-ng is not installed, which speaks the texts\n   = help: apt-get install espeak-ng\n"
        )

    def test_one_that_fails_stops_no_other(self, cli: Cli, fake_espeak: Fake) -> None:
        fake_espeak(voices=("nl",))
        result = cli("prompts", "speak")
        assert (result.exit_code, result.stdout.count("spoken")) == (1, 2)
        assert "welcome (en): espeak-ng has no voice for `en` (espeak-ng --voices lists them)\n" in result.stderr
        assert not (PROMPTS / "en").exists()

    def test_an_empty_text(self, cli: Cli, fake_espeak: Fake, write: Write) -> None:
        fake_espeak()
        write({"routes/prompts.route": 'prompt welcome text " "\n'})
        assert cli("prompts", "speak", "welcome").stderr == "welcome: its text is empty\n"

    def test_what_is_no_sound_stays(self, cli: Cli, fake_espeak: Fake, write: Write) -> None:
        fake_espeak()
        write({"routes/prompts/welcome.wav": b"no sound"})
        result = cli("prompts", "speak")
        assert "welcome: routes/prompts/welcome.wav stays as it is: it is no PCM .wav" in result.stderr
        assert (PROMPTS / "welcome.wav").read_bytes() == b"no sound"

    def test_for_real(self, cli: Cli, espeak: Path) -> None:
        del espeak
        assert cli("prompts", "speak").exit_code == 0
        assert states(cli)["welcome"] == {"nl": "placeholder", "en": "placeholder"}
        assert "RT313" not in cli("check").stdout


class TestNumber:
    def test_all_that_have_none(self, cli: Cli) -> None:
        result = cli("prompts", "number")
        assert result.exit_code == 0
        assert result.stdout == (
            "routes/prompts.route: prompt welcome record 5003\nroutes/prompts.route: prompt enter_login record 5004\n"
        )
        assert result.stderr.startswith("nobody may record yet: routes/routec.toml needs [prompts]")
        assert Path("routes/prompts.route").read_text() == (
            DECLARED.replace('"welcome.wav"', '"welcome.wav" record 5003').replace(
                "enter_login", "enter_login record 5004"
            )
        )
        result = cli("prompts", "number")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no prompt needs a number\n")

    def test_numbers_of_others_are_not_given(self, cli: Cli, write: Write) -> None:
        """Not those of routes, of prompts, of phones that are dialled, nor of another PBX."""
        targets = '[targets.ghent.on]\nfront = ["extension 5004"]\n[targets.b]\n'
        more = "route more { on extension 5000; dial 101, 5003 for 9s else { dial 5005 }; hangup }\n"
        write({"routes/routec.toml": f"[prompts]\nseries = 5000\n{targets}", "routes/more.route": more})
        result = cli("prompts", "number", "enter_login", "welcome")
        assert [line.split()[-1] for line in result.stdout.splitlines()] == ["5006", "5007"]

    def test_some_of_them(self, cli: Cli) -> None:
        result = cli("prompts", "number", "enter_login", "hello")
        assert result.stdout == "routes/prompts.route: prompt enter_login record 5003\n"
        assert "hello: is recorded on 5001 already\n" in result.stderr

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("nobody", "there is no prompt `nobody`"),
            ("bye", "prompt `bye` is a sound of Asterisk's"),
            ("loose", 'prompt `loose` is not declared\n   = help: write it in a route file: prompt loose "loose.wav"'),
        ],
    )
    def test_what_is_refused(self, cli: Cli, name: str, expected: str) -> None:
        plain_wav(PROMPTS / "loose.wav", 8000)
        result = cli("prompts", "number", name)
        assert (result.exit_code, result.stdout) == (2, "")
        assert expected in result.stderr
        assert Path("routes/prompts.route").read_text() == DECLARED

    def test_past_faults_nothing_is_written(self, cli: Cli, write: Write) -> None:
        write({"routes/broken.route": "route other { on extenson 5003 }\n"})
        result = cli("prompts", "number")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.endswith("1 error; nothing was written\n")

    def test_what_is_in_the_text_beside_it_stays(self, cli: Cli, write: Write) -> None:
        text = '\ufeffprompt a "a.wav";prompt b  "b.wav"   text "prompt c \\"x\\"" # b\r\nprompt c text nl "c"\r\n'
        write(
            {
                "routes/prompts.route": text.encode(),
                "routes/front.route": "route f { on extension 1; prompt a, b, c }\n",
            }
        )
        assert cli("prompts", "number").exit_code == 0
        done = Path("routes/prompts.route").read_bytes().decode()
        assert done == (
            text.replace('"a.wav"', '"a.wav" record 5001').replace('"b.wav"', '"b.wav" record 5002')
            .replace("prompt c text", "prompt c record 5003 text")
        )  # fmt: skip
        prompts = compile_routes(load(Path()), dialplan=False).system.prompts
        assert [prompt.records[0].number for prompt in prompts] == ["5001", "5002", "5003"]

    def test_what_was_changed_meanwhile_is_left(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        from routec.rewrite import rewrite

        def changed(folder: Path, changes: Any) -> None:
            Path("routes/prompts.route").write_text("# mine\n" + DECLARED)
            rewrite(folder, changes)

        monkeypatch.setattr("routec.cli.written.rewrite", changed)
        result = cli("prompts", "number")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "routes/prompts.route was changed in the meantime; nothing was written" in result.stderr
        assert Path("routes/prompts.route").read_text() == "# mine\n" + DECLARED

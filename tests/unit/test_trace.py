"""`routec trace` through published files. Through what a PBX runs: tests/asterisk."""

import json
from pathlib import Path

import pytest

from routec.apply.ami import link
from routec.apply.words.trace import digits
from tests.unit.conftest import Cli, Write
from tests.unit.fake_pbx import FakePbx

ROUTES = """\
prompt enter "agent-user"
auth staff { login ask enter digits 4; user anna login 1001 }
route desk "Desk" {
  on did +3225551234
  on extension 600
  prompt "welcome"
  auth staff else { locked: goto closed; denied: hangup busy }
  dial 101 for 20s
}
route closed { on extension 025551234; prompt "closed" }
"""


@pytest.fixture
def project(write: Write, tmp_path: Path, cli: Cli) -> Path:
    write({"routes/a.route": ROUTES})
    assert cli("build").exit_code == 0
    return tmp_path


def test_back_to_the_lines(project: Path, cli: Cli) -> None:
    assert project
    result = cli("trace", "600")
    assert result.exit_code == 0
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "in the published files in generated:",
        "",
        "600, an extension",
        "goes to the route desk routes/a.route:5:16 on extension 600",
        "route desk",
        "plays welcome routes/a.route:6:3 prompt \"welcome\"",
        "asks for staff routes/a.route:7:3 auth staff else { locked: goto closed; denied: hangup busy }",
        "locked",
        "goes to the route closed routes/a.route:7:29 goto closed",
        "denied",
        "hangs up (busy) routes/a.route:7:50 hangup busy",
        "otherwise",
        "hangs up routes/a.route:7:3",
        "rings 101 for 20s routes/a.route:8:3 dial 101 for 20s",
        "hangs up routes/a.route:3:7",
        "route closed",
        "plays closed routes/a.route:10:40 prompt \"closed\"",
        "hangs up routes/a.route:10:7",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "form", ["+3225551234", "3225551234", "003225551234", "+32 2 555 12 34", "0032 2 555.12.34", "+32 (0)2 555 12 34"]
)
def test_any_form_of_a_did(project: Path, cli: Cli, form: str) -> None:
    assert project
    result = cli("trace", form)
    assert result.exit_code == 0
    assert "+3225551234, a DID\n" in result.stdout


def test_both_a_did_and_an_extension(project: Path, cli: Cli) -> None:
    assert project
    found = cli("trace", "025551234").stdout
    assert "+3225551234, a DID\n" in found
    assert "025551234, an extension\n" in found
    found = cli("trace", "025551234", "--from", "outside").stdout
    assert "a DID" in found
    assert "an extension" not in found
    found = cli("trace", "025551234", "--from", "inside").stdout
    assert "a DID" not in found
    assert "an extension" in found


def test_a_number_that_nothing_answers(project: Path, cli: Cli) -> None:
    assert project
    for arguments, help in ((("601",), "did you mean `600`?"), (("+3225551235",), "did you mean `+3225551234`?"),
                            (("600", "--from", "outside"), "")):  # fmt: skip
        result = cli("trace", *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "nothing answers" in result.stderr
        assert help in result.stderr
    assert cli("trace", "\x1b[2J").exit_code == 1
    assert "\x1b" not in cli("trace", "\x1b[2J").stderr


def test_lines_that_moved(project: Path, write: Write, cli: Cli) -> None:
    """The context is the one that the routes make now: its lines are where they are now."""
    assert project
    write({"routes/a.route": "# a line more\n\n" + ROUTES})
    assert "routes/a.route:10:3  dial 101 for 20s" in cli("trace", "600").stdout


def test_a_long_step_is_cut_and_says_so(project: Path, write: Write, cli: Cli) -> None:
    assert project
    write({"routes/a.route": ROUTES.replace('prompt "welcome"', 'prompt "welcome"' + ', "vm-goodbye"' * 9)})
    assert cli("build").exit_code == 0
    line = next(line for line in cli("trace", "600").stdout.splitlines() if 'prompt "welcome"' in line)
    assert line.endswith('"vm-goodbye…')


def test_the_routes_say_otherwise_now(project: Path, write: Write, cli: Cli) -> None:
    assert project
    write(
        {
            "routes/a.route": ROUTES.replace("dial 101 for 20s", "dial 102 for 20s").replace(
                'prompt "welcome"', "wait 1s"
            )
        }
    )
    result = cli("trace", "600")
    assert result.exit_code == 0
    assert "    it now rings 102 for 20s instead of 101 for 20s\n" in result.stdout
    assert "`routec plan`" in result.stdout
    assert "routes/a.route:6:3\n" in result.stdout, "the file has another line there by now"
    write({"routes/a.route": ROUTES.replace("on extension 600", "")})
    assert "it is no longer answered" in cli("trace", "600").stdout
    write({"routes/a.route": ROUTES.replace("on extension 600", "on extension 700")})
    result = cli("trace", "700")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the routes answer it now: `routec plan`" in result.stderr


def test_routes_with_faults(project: Path, write: Write, cli: Cli) -> None:
    assert project
    write({"routes/b.route": "goto nowhere"})
    result = cli("trace", "600")
    assert result.exit_code == 0
    assert "routes/a.route:8:3  dial 101 for 20s" in result.stdout
    assert "`routec check`" in result.stderr


def test_for_programs(project: Path, cli: Cli) -> None:
    assert project
    table = json.loads(cli("trace", "600", "--format", "json").stdout)
    assert {key: table[key] for key in ("number", "target", "against")} == {
        "number": "600", "target": None, "against": "files",
    }  # fmt: skip
    (found,) = table["found"]
    assert (found["kind"], found["now"]) == ("extension", [])
    assert [route["route"] for route in found["routes"]] == [None, "desk", "closed"]
    step = found["routes"][1]["steps"][1]
    assert (step["text"], step["file"], step["line"], step["column"]) == ("asks for staff", "routes/a.route", 7, 3)
    assert [branch["when"] for branch in step["branches"]] == ["locked", "denied", "otherwise"]
    result = cli("trace", "601", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["found"] == []


def test_hand_edits_are_told_as_such(project: Path, cli: Cli) -> None:
    path = project / "generated/extensions.conf"
    path.write_text(path.read_text().replace("Dial(PJSIP/101,20)", "System(rm -rf /)"))
    found = cli("trace", "600").stdout
    assert "runs System(rm -rf /) (not routec's)" in found


@pytest.mark.parametrize(
    "junk", [b"\xff", b"[]", b'{"contexts": {"routec-extensions": {"extensions": {"600": [[1]]}}}}']
)
def test_a_manifest_that_is_junk(project: Path, write: Write, cli: Cli, junk: bytes) -> None:
    (project / "generated/manifest.json").write_bytes(junk)
    write({"routes/a.route": ROUTES.replace("dial 101", "dial 102")})
    assert cli("trace", "600").exit_code == 0


def test_a_manifest_shows_nothing_of_other_files(project: Path, write: Write, cli: Cli) -> None:
    write({"secret.txt": "prompt hidden\n"})
    path = project / "generated/manifest.json"
    path.write_text(path.read_text().replace("routes/a.route", "secret.txt"))
    write({"routes/a.route": ROUTES.replace("dial 101", "dial 102")})
    assert "hidden" not in cli("trace", "600").stdout


def test_nothing_published(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES})
    result = cli("trace", "600")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "`routec build`" in result.stderr
    (Path("generated")).mkdir()
    (Path("generated/extensions.conf")).write_text("[x]\nnonsense\n")
    result = cli("trace", "600")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "generated/extensions.conf:2:" in result.stderr


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [("+32 2 555 12 34", "+3225551234"), ("(02) 555-12.34", "025551234"), ("600", "600"), ("*1", "*1"), ("", "")],
)
def test_how_numbers_are_written(typed: str, dialled: str) -> None:
    assert digits(typed) == dialled


def test_a_number_that_no_call_gets_to(project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    pbx = FakePbx(project / "generated" / "extensions.conf")
    pbx.reload()
    (project / "routes" / "routec.toml").write_text('[ami]\nusername = "routec"\n')
    monkeypatch.setattr(link, "Ami", lambda *_args, **_more: pbx.connect())
    monkeypatch.setenv("ROUTEC_AMI_SECRET", "s3cr3t")
    assert "note:" not in cli("trace", "600").stdout
    del pbx.entries["from-any"]["include => routec-extensions"]
    assert "\nnote: no context of Asterisk's includes routec-extensions, " in cli("trace", "600").stdout
    assert len(json.loads(cli("trace", "600", "--format", "json").stdout)["notes"]) == 1
    assert "note:" not in cli("trace", "+3225551234").stdout
    assert "\nnote: no context of Asterisk's includes routec-extensions, " in cli("plan").stdout

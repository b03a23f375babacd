import json
from pathlib import Path

import pytest

from tests.unit.conftest import Cli, Write, wav

GOOD = "route front { on extension 600; hangup }\n"
BAD = "route bad { on extension 601; goto frunt; hangup }\n"
LONELY = "route lonely { hangup }\n"
KEYS = {"code", "slug", "severity", "message", "file", "line", "column", "end_line", "end_column", "note", "labels",
        "help", "docs", "targets"}  # fmt: skip


def codes(output: str) -> list[str]:
    return [fault["code"] for fault in json.loads(output)]


def test_no_faults(write: Write, cli: Cli) -> None:
    write({"routes/a.route": GOOD})
    assert (cli("check").exit_code, cli("check").output) == (0, "1 file: no faults\n")
    assert cli("check", "--format", "json").output == "[]\n"


def test_warnings_are_no_failure(write: Write, cli: Cli) -> None:
    write({"routes/a.route": GOOD + LONELY})
    assert cli("check").exit_code == 0
    assert cli("check").output.startswith("warning[RT303]: nothing leads to route `lonely`\n  --> routes/a.route:2:7\n")
    assert codes(cli("check", "--format", "json").output) == ["RT303"]


def test_a_warning_can_be_silenced_with_a_reason_and_an_error_cannot(write: Write, cli: Cli) -> None:
    write({"routes/a.route": GOOD + "route lonely {  # routec: ignore RT303 for later\n hangup }\n"})
    assert cli("check", "--format", "json").output == "[]\n"
    write({"routes/a.route": GOOD + "route lonely {  # routec: ignore RT303\n hangup }\n"})
    assert codes(cli("check", "--format", "json").output) == ["RT303"]
    write({"routes/a.route": GOOD + "route x { on extension 1\n goto y  # routec: ignore RT203 please\n }\n"})
    assert codes(cli("check", "--format", "json").output) == ["RT203"]


def test_all_faults_of_all_files(write: Write, cli: Cli) -> None:
    write({"routes/a.route": GOOD, "routes/b.route": BAD, "routes/c/d.route": "route x {\n", "routes/e.route": b"\xff"})
    result = cli("check")
    assert result.exit_code == 1
    for file in ("routes/b.route", "routes/c/d.route", "routes/e.route"):
        assert file in result.output
    found = json.loads(cli("check", "--format", "json").output)
    assert all(set(fault) == KEYS for fault in found)
    assert {fault["file"] for fault in found} == {"routes/b.route", "routes/c/d.route", "routes/e.route"}
    assert all(fault["severity"] in ("error", "warning") for fault in found)


def test_a_typo_gives_one_error_with_its_place_and_help(write: Write, cli: Cli) -> None:
    write({"routes/a.route": GOOD, "routes/b.route": BAD.replace("; hangup", "")})
    [fault] = json.loads(cli("check", "--format", "json").output)
    assert (fault["code"], fault["file"], fault["line"], fault["column"]) == ("RT203", "routes/b.route", 1, 36)
    assert fault["end_column"] == 41
    assert "`front`" in fault["help"]
    assert cli("check").output.startswith(
        "error[RT203]: unknown route `frunt`\n"
        "  --> routes/b.route:1:36\n"
        "   |\n"
        " 1 | route bad { on extension 601; goto frunt }\n"
        "   |                                    ^^^^^ "
    )


@pytest.mark.parametrize(
    "arguments",
    [(), ("nowhere.route",), ("routes",), ("-", "a.route"), ("a.route", "-"), ("--format", "xml"), ("--nope",),
     ("--stdin-path", "a.route", "b.route")],
)  # fmt: skip
def test_wrong_usage(write: Write, cli: Cli, arguments: tuple[str, ...]) -> None:
    write({"a.route": GOOD, "b.route": GOOD})  # no routes/
    result = cli("check", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "rror: " in result.stderr


def test_stdin_path_without_stdin_is_wrong_usage(write: Write, cli: Cli) -> None:
    write({"routes/a.route": GOOD})
    assert cli("check", "--stdin-path", "routes/a.route").exit_code == 2


def test_an_empty_project_is_a_fault(write: Write, cli: Cli) -> None:
    write({"routes/readme.txt": ""})
    result = cli("check")
    assert result.exit_code == 1
    assert "RT006" in result.output
    assert codes(cli("check", "--format", "json").output) == ["RT006"]


class TestStdin:
    @pytest.mark.parametrize(
        ("typed", "exit_code"),
        [(b"", 0), (GOOD.encode(), 0), (b"hangup", 0), (b"hangup\xff", 1), (b"\0", 1), (b"goto x", 1), (b"}", 1)],
    )
    def test_for_itself(self, write: Write, cli: Cli, typed: bytes, exit_code: int) -> None:
        write({})
        assert cli("check", "-", typed=typed).exit_code == exit_code
        assert {fault["file"] for fault in json.loads(cli("check", "-", "--format", "json", typed=typed).output)} <= {
            "<stdin>"
        }

    def test_in_the_place_of_a_file(self, write: Write, cli: Cli) -> None:
        write({"routes/a.route": GOOD, "routes/b.route": BAD})
        arguments = ("check", "-", "--stdin-path", "routes/b.route", "--format", "json")
        assert cli(*arguments, typed=b"route b { on extension 601; goto front }").output == "[]\n"
        [fault] = json.loads(cli(*arguments, typed=b"route z { on extension 600; hangup }").output)
        assert (fault["code"], fault["file"]) == ("RT401", "routes/b.route")
        new = ("check", "-", "--stdin-path", "routes/new.route", "--format", "json")
        assert codes(cli(*new, typed=b'prompt x "gone.wav"').output) == ["RT305"]
        assert cli(*new, typed=b"goto nowhere").exit_code == 1

    def test_a_fault_that_it_shares_with_another_file_is_shown(self, write: Write, cli: Cli) -> None:
        """The number is taken twice: the remark points here, the fault itself happens to lie in the other file."""
        write({"routes/a.route": GOOD, "routes/b.route": BAD})
        arguments = ("check", "-", "--stdin-path", "routes/b.route", "--format", "json")
        result = cli(*arguments, typed=b"route b { on extension 600; hangup }")
        assert (result.exit_code, codes(result.output)) == (1, ["RT401"])


class TestPaths:
    def test_inside_routes_a_file_is_a_part_of_the_project(self, write: Write, cli: Cli, tmp_path: Path) -> None:
        write({"routes/a.route": GOOD, "routes/b.route": BAD, "routes/c.route": 'prompt x "gone.wav"'})
        for path in ("routes/c.route", "./routes/../routes/c.route", str(tmp_path / "routes/c.route")):
            result = cli("check", path, "--format", "json")
            assert (result.exit_code, codes(result.output)) == (0, ["RT305"]), path
        assert cli("check", "routes/b.route").exit_code == 1
        assert cli("check", "routes/a.route", "routes/b.route").exit_code == 1
        assert cli("check", "routes").exit_code == 1

    def test_outside_of_routes_a_file_stands_for_itself(self, write: Write, cli: Cli) -> None:
        write(
            {"routes/a.route": GOOD, "other/a.route": GOOD, "other/b.route": "route b { on extension 1; goto front }"}
        )
        assert cli("check", "other/a.route").exit_code == 0
        assert cli("check", "other/b.route").exit_code == 1
        assert cli("check", "other").exit_code == 0
        assert cli("check", "other/a.route", "other/b.route").exit_code == 0

    def test_what_was_not_looked_at_is_not_called_sound(self, write: Write, cli: Cli) -> None:
        write({"routes/a.route": GOOD, "routes/notes.txt": "goto nowhere"})
        result = cli("check", "routes/notes.txt")
        assert result.exit_code != 0 or "no faults" not in result.output

    @pytest.mark.parametrize("arguments", [(), ("routes",)])
    def test_settings_count_for_the_whole_project(self, write: Write, cli: Cli, arguments: tuple[str, ...]) -> None:
        write({"routes/a.route": GOOD, "routes/routec.toml": "[asterisk]\ntrget = 22\n"})
        result = cli("check", *arguments, "--format", "json")
        [fault] = json.loads(result.output)
        assert (fault["code"], fault["file"], fault["line"], fault["column"]) == ("RT004", "routes/routec.toml", 2, 1)
        assert result.exit_code == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[", "RT004"),
        (b"x = 1", "RT004"),
        (b"\xff\xfe", "RT002"),
        (b"\0", "RT003"),
        (b"[agi]\nlisten = 'a b'", "RT004"),
    ],
)
def test_broken_settings(write: Write, cli: Cli, text: bytes, code: str) -> None:
    write({"routes/a.route": GOOD, "routes/routec.toml": text})
    assert codes(cli("check", "--format", "json").output) == [code]
    assert cli("check").exit_code == 1
    assert cli("build").exit_code == 1


def test_files_that_cannot_be_read(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/a.route": GOOD})
    (tmp_path / "routes/gone.route").symlink_to("nowhere")
    (tmp_path / "routes/round.route").symlink_to("round.route")
    (tmp_path / "routes/folder.route").mkdir()
    found = json.loads(cli("check", "--format", "json").output)
    assert [(fault["code"], fault["file"], fault["line"]) for fault in found] == [
        ("RT001", "routes/gone.route", None),
        ("RT001", "routes/round.route", None),
    ]
    assert cli("check").exit_code == 1
    assert cli("build").exit_code == 1
    assert not (tmp_path / "generated").exists()


def test_settings_that_cannot_be_read_are_a_fault_of_every_file(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/a.route": GOOD})
    (tmp_path / "routes" / "routec.toml").mkdir()
    assert codes(cli("check", "routes/a.route", "--format", "json").output) == ["RT001"]


def test_settings_that_are_a_folder(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/a.route": GOOD})
    (tmp_path / "routes/routec.toml").mkdir()
    assert cli("check").exit_code == 1
    assert cli("build").exit_code == 1


def test_a_name_that_is_no_text(write: Write, cli: Cli) -> None:
    write({"routes/a\udcff\n\x1b.route": GOOD.encode()})
    assert cli("check").exit_code == 0
    assert cli("build").exit_code == 0
    write({"routes/a\udcff\n\x1b.route": b"hangup"})
    assert "\x1b" not in cli("check").output
    assert codes(cli("check", "--format", "json").output) == ["RT208"]


def test_sounds(write: Write, cli: Cli, tmp_path: Path) -> None:
    write(
        {
            "routes/a.route": 'prompt gone "gone.wav"\nprompt fast "fast.wav"\nprompt bad "bad.wav"\n'
            "route r { on extension 1; prompt gone, fast, bad, fine; hangup }\n",
            "routes/prompts/bad.wav": b"RIFF",
        }
    )
    wav(tmp_path / "routes/prompts/fine.wav")
    wav(tmp_path / "routes/prompts/fast.wav", rate=16000)
    found = json.loads(cli("check", "--format", "json").output)
    assert [(fault["code"], fault["line"]) for fault in found] == [("RT305", 1), ("RT313", 2), ("RT313", 3)]

import sys
from pathlib import Path

import pytest

from routec import __version__
from routec.cli import check as check_module
from routec.cli.main import VERBS, main
from routec.diagnostics.codes import CODES
from tests.unit.conftest import Cli, Write


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(cli: Cli, verb: str) -> None:
    for option in ("-h", "--help"):
        result = cli(verb, option)
        assert result.exit_code == 0
        assert result.output.startswith(f"Usage: routec {verb} ")


def test_help_lists_the_verbs(cli: Cli) -> None:
    result = cli("--help")
    assert result.exit_code == 0
    for verb, (_, line) in VERBS.items():
        assert f"  {verb}" in result.output
        assert line in result.output


def test_version(cli: Cli) -> None:
    assert cli("--version").output.strip().endswith(__version__)


@pytest.mark.parametrize(("typed", "meant"), [("biuld", "build"), ("chek", "check"), ("explian", "explain")])
def test_a_mistyped_verb(cli: Cli, typed: str, meant: str) -> None:
    result = cli(typed)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"did you mean `{meant}`?" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("qqqq",), ("--qqqq",), ("build", "--qqqq"), ("build", "x"), ("explain", "a", "b")]
)
def test_wrong_usage(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")


class TestExplain:
    @pytest.mark.parametrize("code", sorted(CODES))
    def test_every_code(self, cli: Cli, code: str) -> None:
        result = cli("explain", code)
        assert result.exit_code == 0
        assert result.output.startswith(f"# {code} ")
        assert cli("explain", code.lower()).output == result.output
        assert cli("explain", CODES[code].slug).output == result.output

    def test_the_list(self, cli: Cli) -> None:
        lines = cli("explain").output.splitlines()
        assert [line.split()[0] for line in lines] == list(CODES)

    @pytest.mark.parametrize("code", ["RT999", "", "unknown", "../RT101", "RT101\n"])
    def test_an_unknown_code(self, cli: Cli, code: str) -> None:
        assert cli("explain", code).exit_code == 2


def test_our_own_bug_shows_no_traceback(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write({"routes/a.route": "hangup"})

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("some secret")

    monkeypatch.setattr(check_module, "check_targets", breaks)
    monkeypatch.setattr(sys, "argv", ["routec", "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 1
    assert printed.out == ""
    assert "RT901" in printed.err
    assert "bug" in printed.err
    assert "Traceback" not in printed.err
    assert "some secret" not in printed.err
    monkeypatch.setenv("ROUTEC_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main()


def test_a_reader_that_goes_away_is_no_bug(write: Write, tmp_path: Path) -> None:
    """`routec explain | head -1`: a closed pipe is no fault of anybody's."""
    import os
    import subprocess

    write({})
    reading, writing = os.pipe()
    os.close(reading)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with os.fdopen(writing, "wb") as gone:
        ended = subprocess.run(
            [sys.executable, "-m", "routec", "explain"], cwd=tmp_path, env=env, stdout=gone, stderr=subprocess.PIPE,
            check=False,
        )  # fmt: skip
    assert b"Traceback" not in ended.stderr
    assert b"RT901" not in ended.stderr


def test_what_the_system_refuses_is_named(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write({"routes/a.route": "hangup"})

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "routes/prompts")

    monkeypatch.setattr(check_module, "check_targets", refused)
    monkeypatch.setattr(sys, "argv", ["routec", "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Error: routes/prompts: Permission denied\n"

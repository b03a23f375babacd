import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from routec.cli.layout import csv_line
from routec.cli.log_output import FORMATS, in_batches
from routec.cli.main import routec
from routec.contract import Module, Webhook
from routec.settings import Runtime
from routec.signin.record import KEYS
from routec.signin.store import Entry, Filters, Log

from .command_line import ROOT, entry, objects, run, started, write, write_many
from .fake import module


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("TZ", "Europe/Brussels")
    time.tzset()
    return {"ROUTEC_STATE": str(tmp_path / "state")}


@pytest.fixture(autouse=True)
def _zone_afterwards() -> Iterator[None]:
    """Set up before `monkeypatch`, so torn down after it, when TZ is again what it was."""
    yield
    time.tzset()


class TestLog:
    @pytest.fixture
    def written(self, environ: dict[str, str]) -> dict[str, str]:
        changes: list[dict[str, Any]] = [
            {"password": "4321"},
            {
                "module": "clock",
                "purpose": "timeclock",
                "verdict": "denied",
                "user": None,
                "login": "1002",
                "called": "610",
                "call_id": "2",
            },
            {"caller": "900", "extra1": None},
        ]
        write(environ, [entry(at, **change) for at, change in zip((0, 60, 24 * 60), changes, strict=True)])
        return environ

    def test_json(self, written: dict[str, str]) -> None:
        found = objects(written, "log")
        assert [tuple(each) for each in found] == [KEYS] * 3
        assert [each["time"] for each in found] == [
            "2026-11-24T09:00:00.000+00:00",
            "2026-11-23T10:00:00.000+00:00",
            "2026-11-23T09:00:00.000+00:00",
        ]
        assert found[2] == {
            "time": "2026-11-23T09:00:00.000+00:00",
            "module": "hotel_staff",
            "purpose": "register",
            "caller": "+32475000001",
            "called": "3225551234",
            "login": "1001",
            "user": "floor1",
            "password": "4321",
            "extra1": "204",
            "extra2": None,
            "verdict": "granted",
            "call_id": "1790000000.7",
        }

    @pytest.mark.parametrize(
        ("args", "expected"),
        [
            (["--module", "clock"], [1]),
            (["--login", "1001"], [2, 0]),
            (["--caller", "900"], [2]),
            (["--called", "610"], [1]),
            (["--user", "floor1"], [2, 0]),
            (["--purpose", "timeclock"], [1]),
            (["--call-id", "2"], [1]),
            (["--verdict", "denied"], [1]),
            (["--limit", "2"], [2, 1]),
            (["--since", "2026-11-24"], [2]),
            (["--until", "2026-11-23"], [1, 0]),
            (["--until", "2026-11-23T11:00"], [0]),
            (["--since", "2026-11-23 11:00"], [2, 1]),
            (["--since", "2026-11-23T10:00:00Z"], [2, 1]),
            (["--since", "2026-11-23T11:00+01:00", "--until", "2026-11-24T10:00+01:00"], [1]),
            (["--since", "9w", "--module", "no-such"], []),
        ],
        ids=str,
    )
    def test_filters(self, written: dict[str, str], args: list[str], expected: list[int]) -> None:
        times = ["2026-11-23T09:00", "2026-11-23T10:00", "2026-11-24T09:00"]
        assert [each["time"][:16] for each in objects(written, "log", *args)] == [times[n] for n in expected]

    def test_since_so_long_ago(self, environ: dict[str, str]) -> None:
        now = datetime.now(UTC)
        write(environ, [entry(time=now - timedelta(hours=hours), login=str(hours)) for hours in (1, 5, 50)])
        for since, logins in (("90m", ["1"]), ("2h", ["1"]), ("2d", ["1", "5"]), ("1w", ["1", "5", "50"])):
            assert [each["login"] for each in objects(environ, "log", "--since", since)] == logins

    @pytest.mark.parametrize(
        "args",
        [
            ["--since", "yesterday"],
            ["--since", "2026-13-01"],
            ["--since", ""],
            ["--until", "99999999w"],
            ["--until", "9999-12-31"],
            ["--since", "0001-01-01T00:00"],
            ["--limit", "0"],
            ["--limit", "x"],
            ["--limit", "9223372036854775808"],
            ["--follow", "--limit", "9223372036854775808"],
            ["--follow", "--until", "1h"],
            ["--until", "2h", "--since", "1h"],
            ["--verdict", "maybe"],
            ["--format", "xml"],
            ["--purpose", "other"],
            ["--module", "x", "purge", "--older-than", "1d"],
            ["--format", "csv", "timesheet"],
            ["surplus"],
        ],
        ids=str,
    )
    def test_wrong_use(self, environ: dict[str, str], args: list[str]) -> None:
        result = run(environ, "log", *args)
        if (
            result.exit_code == 0 and len(args) == 2
        ):  # a moment at the edge of the calendar that this machine can still tell
            assert args[0] in ("--since", "--until")
            return
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Error: " in result.stderr
        assert not isinstance(result.exception, (ValueError, OverflowError))

    def test_table(self, written: dict[str, str]) -> None:
        result = run(written, "log")
        head = "TIME                 VERDICT  MODULE       CALLER        CALLED      LOGIN  USER"
        assert result.stdout.splitlines() == [
            f"{head}    EXTRA1  EXTRA2  REASON",
            "2026-11-24 10:00:00  granted  hotel_staff  900           3225551234  1001   floor1  -       -       ok",
            "2026-11-23 11:00:00  denied   clock        +32475000001  610         1002   -       204     -       ok",
            "2026-11-23 10:00:00  granted  hotel_staff  +32475000001  3225551234  1001   floor1  204     -       ok",
        ]

    def test_what_was_clocked_stands_in_all_formats(self, environ: dict[str, str]) -> None:
        write(environ, [entry(action="in"), entry(1)])
        first, second = objects(environ, "log")
        assert "action" not in first
        assert (list(second)[-1], second["action"]) == ("action", "in")
        lines = run(environ, "log").stdout.splitlines()
        assert [line.rsplit("  ", 1)[1] for line in lines] == ["REASON", "ok", "ok (in)"]
        assert [row[-1] for row in self.rows(environ)] == ["action", "", "in"]

    def rows(self, environ: dict[str, str]) -> list[list[str]]:
        result = run(environ, "log", "--format", "csv")
        assert (result.exit_code, result.stderr) == (0, "")
        return list(csv.reader(io.StringIO(result.stdout, newline=""), strict=True))

    def test_csv(self, written: dict[str, str]) -> None:
        head, *lines = self.rows(written)
        assert head == [*KEYS, "action"]
        found = objects(written, "log")
        assert [[cell or None for cell in line] for line in lines] == [[*each.values(), None] for each in found]
        stdout = CliRunner(env=written).invoke(routec, ["log", "--format", "csv"]).stdout_bytes
        assert stdout.count(b"\r\n") == stdout.count(b"\n") == 4

    def test_no_cell_of_csv_is_a_formula_and_all_come_back(self, environ: dict[str, str]) -> None:
        hostile = [
            "=1+1",
            "+1+1",
            "-1+1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            '=cmd|"/c calc"!A1',
            'a,"b"',
            "+32475000001",
            "-5",
            "x;=cmd|'/c calc'!A0;",
            "x; @SUM(A1)",
            "x,\t+1",
            "x\t-1",
            'x;"=1+1"',
            " =1+1",
            ";\uff1d1",
            "x;y",
        ]
        write(environ, [entry(n, caller=caller) for n, caller in enumerate(hostile)])
        assert [row[3] for row in self.rows(environ)[:0:-1]] == [
            "'=1+1", "'+1+1",
            "'-1+1", "'@SUM(A1)", "'?=1", "'?=1", "'=cmd|\"/c calc\"!A1", 'a,"b"', "+32475000001", "-5",
            "x;'=cmd|'/c calc'!A0;", "x; '@SUM(A1)", "x,?'+1", "x?'-1", "x;\"'=1+1\"", "' =1+1", ";'\uff1d1", "x;y",
        ]  # fmt: skip

    def test_what_a_spreadsheet_would_cut_is_quoted(self) -> None:
        assert csv_line(["a;b", "c,d", 'e"f', "g", None, ""]) == '"a;b","c,d","e""f",g,,\r\n'

    def test_control_characters_do_not_reach_the_terminal(self, environ: dict[str, str]) -> None:
        write(environ, [entry(caller="\x1b[2J\x9b1m\u202e\n")])
        for form in ("table", "json", "csv"):
            out = run(environ, "log", "--format", form).stdout
            assert out.isascii()
            assert all(c.isprintable() for line in out.splitlines() for c in line)
        assert "?[2J?1m??" in run(environ, "log").stdout

    def test_an_empty_log_says_so_and_makes_nothing(self, environ: dict[str, str], tmp_path: Path) -> None:
        result = run(environ, "log")
        nowhere = f"there is no sign-in log yet at sqlite:{tmp_path}/state/signin.db"
        aside = "(there is no routes/ here, so routes/routec.toml was not read)"
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{nowhere} {aside}\n")
        Path("routes").mkdir()
        result = run(environ, "log", "--format", "json")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{nowhere}\n")
        assert run(environ, "log", "--format", "csv").stdout.count("\n") == 1
        assert not (tmp_path / "state").exists()

    def test_a_log_that_cannot_be_read(self, environ: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "signin.db").write_bytes(b"no database" * 100)
        result = run(environ, "log")
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: the sign-in log")
        environ["ROUTEC_DATABASE"] = "nosuch://me:hush@there/db"
        result = run(environ, "log")
        assert (result.exit_code, "hush" in result.output) == (1, False)

    def test_a_broken_pipe_is_silent(self, environ: dict[str, str]) -> None:
        write_many(environ, map(entry, range(1000)))
        for form in FORMATS:
            code = f"{sys.executable} -m routec log --format {form} | head -n 1"
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", code],
                capture_output=True,
                text=True,
                env=environ | {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
                check=False,
            )
            assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)

    @pytest.mark.parametrize("form", sorted(FORMATS))
    def test_rows_are_printed_as_they_are_read(self, form: str) -> None:
        read = 0

        def entries() -> Iterator[Entry]:
            nonlocal read
            for n in range(100_000):
                read = n
                yield entry(n)

        lines = FORMATS[form](in_batches(entries()))
        assert "\n" in next(lines)
        assert len(next(lines)) > 100
        assert read < 2000

    def test_help_is_light(self) -> None:
        code = "import sys, routec.cli.log, routec.cli.users; print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        assert not {"sqlalchemy", "pydantic", "argon2"} & set(loaded.stdout.split())


class TestFollow:
    def lines(self, process: "subprocess.Popen[str]", number: int) -> list[str]:
        assert process.stdout
        return [process.stdout.readline() for _ in range(number)]

    def logins(self, lines: list[str]) -> list[str]:
        return [json.loads(line)["login"] for line in lines]

    def test_the_last_rows_and_then_each_as_it_comes(self, environ: dict[str, str]) -> None:
        write(environ, [entry(n, login=str(n)) for n in range(12)])
        with started(environ, "log", "--follow", "--format", "json") as process:
            assert self.logins(self.lines(process, 10)) == [str(n) for n in range(2, 12)]
            write(environ, [entry(-5, login="late"), entry(13, login="other", module="b")])
            assert self.logins(self.lines(process, 2)) == ["late", "other"]
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=20) == ("", "")
            assert process.returncode == 0

    def test_filters_limit_and_table(self, environ: dict[str, str]) -> None:
        write(environ, [entry(n, login=str(n), module="ab"[n % 2]) for n in range(6)])
        with started(environ, "log", "-f", "--limit", "2", "--module", "b") as process:
            assert [line.split()[-5] for line in self.lines(process, 3)] == ["LOGIN", "3", "5"]
            write(environ, [entry(7, login="7", module="a"), entry(8, login="8", module="b")])
            assert self.lines(process, 1)[0].split()[-5] == "8"
            process.send_signal(signal.SIGINT)
            assert (process.wait(20), process.communicate()) == (0, ("", ""))

    def test_csv_of_a_log_that_is_not_there_yet(self, environ: dict[str, str]) -> None:
        with started(environ, "log", "-f", "--format", "csv") as process:
            assert self.lines(process, 1) == [csv_line([*KEYS, "action"]).replace("\r", "")]
            write(environ, [entry(login="first")])
            assert "first" in self.lines(process, 1)[0]
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            process.communicate()

    def test_it_ends_when_its_reader_does_though_nothing_comes(self, environ: dict[str, str]) -> None:
        write(environ, [entry()])
        with started(environ, "log", "-f", "--format", "json") as process:
            self.lines(process, 1)
            assert process.stdout
            process.stdout.close()
            assert process.wait(20) == 0
            assert process.stderr
            assert process.stderr.read() == ""

    def test_what_comes_between_reading_and_following_is_neither_missed_nor_shown_twice(
        self, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(environ, [entry(login="before")])
        read = Log.read

        def late(self: Log, filters: Filters | None = None) -> Iterator[Entry]:
            write(environ, [entry(1, login="between")])
            yield from read(self, filters)
            write(environ, [entry(2, login="after")])

        monkeypatch.setattr(Log, "read", late)
        gone: list[bool] = []

        def leaves() -> bool:
            gone.append(True)
            return len(gone) > 4

        monkeypatch.setattr("routec.cli.log._has_no_reader", leaves)
        found = objects(environ, "log", "--follow")
        assert [each["login"] for each in found] == ["before", "between", "after"]


class TestPurge:
    @pytest.fixture
    def written(self, environ: dict[str, str]) -> dict[str, str]:
        now = datetime.now(UTC)
        days = [("a", 1), ("a", 100), ("b", 100), ("b", 200)]
        write(environ, [entry(time=now - timedelta(days=ago), module=name) for name, ago in days])
        return environ

    def left(self, environ: dict[str, str]) -> int:
        return len(objects(environ, "log"))

    def test_without_a_terminal_it_needs_yes(self, written: dict[str, str]) -> None:
        result = run(written, "log", "purge", "--older-than", "90d", stdin=b"y\n")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--yes" in result.stderr
        assert self.left(written) == 4

    @pytest.mark.parametrize(
        ("args", "gone"),
        [
            (["90d"], 3), (["150d"], 1), (["26w", "--module", "a"], 0), (["12w", "--module", "b"], 2), (["1s"], 4),
            (["36h", "--module", "no-such"], 0),
        ],
        ids=str,
    )  # fmt: skip
    def test_purge(self, written: dict[str, str], args: list[str], gone: int) -> None:
        result = run(written, "log", "purge", "--yes", "--older-than", *args)
        of = f" of {args[2]}" if len(args) > 1 else ""
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"deleted {gone} sign-in{'' if gone == 1 else 's'}{of}\n"
        assert self.left(written) == 4 - gone

    @pytest.mark.parametrize("length", ["", "90", "999999999w", "199999w", "2026-11-01", "-1d", "0s", "0d"])
    def test_wrong_use(self, written: dict[str, str], length: str) -> None:
        result = run(written, "log", "purge", "--yes", *(["--older-than", length] if length else []))
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Error: " in result.stderr
        assert self.left(written) == 4

    @pytest.mark.parametrize(("answer", "left"), [("y", 1), ("", 4)])
    def test_on_a_terminal_it_asks(self, written: dict[str, str], answer: str, left: int) -> None:
        terminal, theirs = pty.openpty()
        with started(written, "log", "purge", "--older-than", "90d", stdin=theirs, start_new_session=True) as process:
            os.write(terminal, answer.encode() + b"\n")
            out, errors = process.communicate(timeout=20)
            os.close(terminal)
            os.close(theirs)
            assert "3 sign-ins from before " in errors
            assert "Delete them for good?" in errors
            assert (out, process.returncode) == (("deleted 3 sign-ins\n", 0) if left == 1 else ("", 1))
            assert self.left(written) == left

    def test_nothing_to_delete_asks_nothing(self, environ: dict[str, str], tmp_path: Path) -> None:
        terminal, theirs = pty.openpty()
        with started(environ, "log", "purge", "--older-than", "90d", stdin=theirs, start_new_session=True) as process:
            assert process.communicate(timeout=20) == ("deleted 0 sign-ins\n", "")
            os.close(terminal)
            os.close(theirs)
            assert not (tmp_path / "state").exists()

    def test_rows_whose_webhook_is_pending_stay(self, environ: dict[str, str]) -> None:
        sending: Module = module(webhook=Webhook("https://example.org", "SECRET"))
        store = Log(Runtime.of(environ).database)
        store.write(entry(time=datetime.now(UTC) - timedelta(days=2)), sending)
        store.write(entry(time=datetime.now(UTC) - timedelta(days=2)))
        store.close()
        result = run(environ, "log", "purge", "--older-than", "1d", "--yes")
        assert result.stdout == "deleted 1 sign-in\n"
        assert result.stderr == "1 sign-in stayed: the webhook is still to be delivered\n"

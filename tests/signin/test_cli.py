import json
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from routec.cli.log import KEYS
from routec.cli.main import routec
from routec.contract import User
from routec.settings import Runtime
from routec.signin.conversation import Secret
from routec.signin.credentials import Verifier
from routec.signin.store import Log

from .fake import PEPPER, PIN, module
from .test_store import entry

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("TZ", "Europe/Brussels")
    time.tzset()
    return {"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER}


@pytest.fixture(autouse=True)
def _zone_afterwards() -> Iterator[None]:
    """Set up before `monkeypatch`, so torn down after it, when TZ is again what it was."""
    yield
    time.tzset()


def run(environ: dict[str, str], *args: str, stdin: bytes | None = None) -> Result:
    return CliRunner(env=environ).invoke(routec, args, input=stdin)


class TestUsersHash:
    def test_from_standard_input(self, environ: dict[str, str]) -> None:
        for line in (f"{PIN}\n", PIN, f"{PIN}\r\n", f"{PIN}\nmore\n"):
            result = run(environ, "users", "hash", stdin=line.encode())
            assert (result.exit_code, result.stderr) == (0, "")
            verifier = Verifier(module(users=[User("a", None, "1", result.stdout.strip())]), Secret(PEPPER))
            assert verifier.verify("1", Secret(PIN)) == "a"

    @pytest.mark.parametrize("line", [b"", b"\n", b"12a4", b" 1234", b"1234 ", "١٢٣٤".encode(), b"\xff", b"9" * 33])
    def test_no_pin(self, environ: dict[str, str], line: bytes) -> None:
        result = run(environ, "users", "hash", stdin=line)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "Error: a PIN is 1 to 32 digits\n"

    def test_without_pepper(self, environ: dict[str, str], tmp_path: Path) -> None:
        del environ["ROUTEC_PEPPER"]
        result = run(environ, "users", "hash", stdin=b"1234\n")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "there is no pepper" in result.stderr
        assert f"openssl rand -hex 32 > {tmp_path / 'state' / 'pepper'}" in result.stderr

    def test_settings_name_the_pepper_file(self, environ: dict[str, str], tmp_path: Path) -> None:
        del environ["ROUTEC_PEPPER"]
        Path("routes").mkdir()
        Path("routes/routec.toml").write_text(f'[signin]\npepper_file = "{tmp_path}/p"\n')
        (tmp_path / "p").write_text(PEPPER)
        (tmp_path / "p").chmod(0o600)
        assert run(environ, "users", "hash", stdin=b"1234\n").exit_code == 0
        (tmp_path / "p").chmod(0o644)
        result = run(environ, "users", "hash", stdin=b"1234\n")
        assert result.exit_code == 2
        assert f"chmod 600 {tmp_path}/p" in result.stderr
        assert PEPPER not in result.stderr

    @pytest.mark.parametrize("content", [b"[signin\n", b"[sign_in]\n", b"\xff"])
    def test_settings_with_a_fault(self, environ: dict[str, str], content: bytes) -> None:
        Path("routes").mkdir()
        Path("routes/routec.toml").write_bytes(content)
        for command in (["users", "hash"], ["log"]):
            result = run(environ, *command)
            assert result.exit_code == 2
            assert result.stderr.startswith("Error: routes/routec.toml")

    @pytest.mark.parametrize("again", [PIN, "1234"])
    def test_on_a_terminal_it_is_asked_twice_and_not_shown(self, environ: dict[str, str], again: str) -> None:
        code = "from routec.cli.users import users; users()"
        terminal, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", code, "hash"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ | {"PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        for keys in (PIN, again):
            until = time.monotonic() + 20
            while termios.tcgetattr(theirs)[3] & termios.ECHO and time.monotonic() < until:
                pass
            os.write(terminal, keys.encode() + b"\n")
            # Echo comes back when the line has been taken.
            while not termios.tcgetattr(theirs)[3] & termios.ECHO and time.monotonic() < until:
                pass
        os.write(terminal, b"\x04")
        os.close(theirs)
        if again != PIN:
            process.terminate()
        out, errors = process.communicate(timeout=20)
        os.close(terminal)
        assert out.startswith("$argon2id$") == (again == PIN)
        assert "PIN again" in errors
        assert PIN not in out + errors


class TestLog:
    @pytest.fixture
    def written(self, environ: dict[str, str]) -> dict[str, str]:
        store = Log(Runtime.of(environ).database)
        store.write(entry(0, password="4321"))
        store.write(entry(60, module="clock", purpose="timeclock", verdict="denied", user=None, login="1002"))
        store.write(entry(24 * 60, caller="900", extra1=None))
        store.close()
        return environ

    def objects(self, environ: dict[str, str], *args: str) -> list[dict[str, Any]]:
        result = run(environ, "log", "--format", "json", *args)
        assert (result.exit_code, result.stderr) == (0, "")
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_json(self, written: dict[str, str]) -> None:
        objects = self.objects(written)
        assert [tuple(each) for each in objects] == [KEYS] * 3
        assert [each["time"] for each in objects] == [
            "2026-11-24T09:00:00.000+00:00",
            "2026-11-23T10:00:00.000+00:00",
            "2026-11-23T09:00:00.000+00:00",
        ]
        assert objects[2] == {
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
        assert [each["time"][:16] for each in self.objects(written, *args)] == [times[n] for n in expected]

    def test_since_so_long_ago(self, environ: dict[str, str]) -> None:
        store = Log(Runtime.of(environ).database)
        now = datetime.now(UTC)
        for hours in (1, 5, 50):
            store.write(entry(time=now - timedelta(hours=hours), login=str(hours)))
        store.close()
        for since, logins in (("90m", ["1"]), ("2h", ["1"]), ("2d", ["1", "5"]), ("1w", ["1", "5", "50"])):
            assert [each["login"] for each in self.objects(environ, "--since", since)] == logins

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
            ["--verdict", "maybe"],
            ["--format", "xml"],
            ["surplus"],
        ],
        ids=str,
    )
    def test_wrong_use(self, environ: dict[str, str], args: list[str]) -> None:
        result = run(environ, "log", *args)
        if result.exit_code == 0:  # a moment at the edge of the calendar that this machine can still tell
            assert args[0] != "--limit"
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
            "2026-11-23 11:00:00  denied   clock        +32475000001  3225551234  1002   -       204     -       ok",
            "2026-11-23 10:00:00  granted  hotel_staff  +32475000001  3225551234  1001   floor1  204     -       ok",
        ]

    def test_control_characters_do_not_reach_the_terminal(self, environ: dict[str, str]) -> None:
        store = Log(Runtime.of(environ).database)
        store.write(entry(caller="\x1b[2J\x9b1m\u202e\n"))
        store.close()
        for form in ("table", "json"):
            out = run(environ, "log", "--format", form).stdout
            assert out.isascii()
            assert all(c.isprintable() for line in out.splitlines() for c in line)
        assert "?[2J?1m??" in run(environ, "log").stdout

    def test_an_empty_log_says_so_and_makes_nothing(self, environ: dict[str, str], tmp_path: Path) -> None:
        result = run(environ, "log")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no sign-ins\n")
        assert run(environ, "log", "--format", "json").output == ""
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

    @pytest.mark.parametrize("form", ["table", "json"])
    def test_a_broken_pipe_is_silent(self, environ: dict[str, str], form: str) -> None:
        store = Log(Runtime.of(environ).database)
        for n in range(600):
            store.write(entry(n))
        store.close()
        code = f"{sys.executable} -c 'from routec.cli.log import log; log()' --format {form} | head -n 1"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", code],
            capture_output=True,
            text=True,
            env=environ | {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            check=False,
        )
        assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)

    def test_help_is_light(self) -> None:
        code = "import sys, routec.cli.log, routec.cli.users; print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        assert not {"sqlalchemy", "pydantic", "argon2"} & set(loaded.stdout.split())

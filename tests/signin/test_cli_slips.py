"""Slips: the wrong folder, the wrong state, a name that nobody has, an input that is not there."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from routec.contract import Clock, Lockout
from routec.rewrite import RewriteError, rewrite
from routec.settings import Runtime
from routec.signin.store import Attempt, Log

from . import fake, stores
from .command_line import ROOT, entry, run, started, write
from .fake import PEPPER, PIN
from .staff_project import BLOCK, HASH, project

AS_SERVE = "run as the user that `routec serve` runs as"


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "project" / "routes").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    return {"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER}


class TestModules:
    SLIPS = (
        ["users", "unlock", "staf", "--all"],
        ["users", "locks", "staf"],
        ["log", "purge", "--module", "staf", "--older-than", "1d", "--yes"],
        ["webhooks", "retry", "--module", "staf"],
        ["webhooks", "bury", "--module", "staf"],
    )
    NOTED = (
        ["log", "--module", "staf"],
        ["log", "--module", "staf", "--format", "json"],
        ["log", "timesheet", "--module", "staf"],
        ["webhooks", "--module", "staf"],
    )

    @pytest.mark.parametrize("args", SLIPS, ids=str)
    def test_refused(self, environ: dict[str, str], args: list[str]) -> None:
        project()
        result = run(environ, *args)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "Error: there is no module `staf`\n   = help: did you mean `staff`? the modules are `staff`\n"
        )

    @pytest.mark.parametrize("args", NOTED, ids=str)
    def test_noted(self, environ: dict[str, str], args: list[str]) -> None:
        project()
        result = run(environ, *args)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.endswith(
            "\nNote: there is no module `staf`\n   = help: did you mean `staff`? the modules are `staff`\n"
        )

    @pytest.mark.parametrize("args", [*SLIPS, *NOTED], ids=str)
    def test_what_was_built_or_logged_or_counted_is_known(self, environ: dict[str, str], args: list[str]) -> None:
        def is_known() -> bool:
            result = run(environ, *args)
            return result.exit_code == 0 and "there is no module" not in result.stderr

        project()
        Path("generated").mkdir()
        fake.write_modules(Path("generated/signin.json"), stores.module(name="staf", fields=(fake.field("login"),)))
        assert is_known()
        Path("generated/signin.json").unlink()
        assert not is_known()
        store = Log(Runtime.of(environ).database)
        store.charge(Attempt("staf", "1", "2", inside=False), Lockout(1, 900))
        store.close()
        assert is_known()
        write(environ, [entry(module="staf")])
        assert run(environ, "users", "unlock", "staf", "--all").exit_code == 0
        assert is_known()

    @pytest.mark.parametrize("args", [*SLIPS, *NOTED], ids=str)
    def test_nobody_can_say(self, environ: dict[str, str], args: list[str]) -> None:
        """In a route file with a fault there may be such a module; without a project there is nothing to look at."""
        project(BLOCK + "auth staf {")
        assert run(environ, *args).exit_code == 0
        Path("routes/staff.route").unlink()
        Path("routes").rmdir()
        result = run(environ, *args)
        assert (result.exit_code, "there is no module" in result.stderr) == (0, False)

    def test_no_time_clock(self, environ: dict[str, str]) -> None:
        project()
        result = run(environ, "log", "timesheet", "--module", "staff", "--format", "csv")
        assert "Note: module `staff` is no time clock\n   = help: no module is one\n" in result.stderr
        Path("generated").mkdir()
        clock = stores.module(name="gong", purpose="timeclock", fields=(fake.field("login"),), clock=Clock())
        fake.write_modules(Path("generated/signin.json"), clock)
        result = run(environ, "log", "timesheet", "--module", "staff")
        assert (result.exit_code, "   = help: time clocks are `gong`\n" in result.stderr) == (0, True)
        assert "Note" not in run(environ, "log", "timesheet", "--module", "gong").stderr

    def test_follow_says_so_at_once(self, environ: dict[str, str]) -> None:
        project()
        with started(environ, "log", "-f", "--module", "staf") as process:
            assert process.stderr
            assert "there is no sign-in log yet at " in process.stderr.readline()
            assert process.stderr.readline() == "Note: there is no module `staf`\n"

    @pytest.mark.parametrize("login", ["abc", "", "1" * 21, "\u0661"])
    def test_a_login_is_digits(self, environ: dict[str, str], login: str) -> None:
        project()
        result = run(environ, "users", "unlock", "staff", "--login", login)
        assert (result.exit_code, result.stderr[:25]) == (2, "Error: --login is digits,")

    def test_unlock_says_what_was_shut(self, environ: dict[str, str]) -> None:
        project()
        store = Log(Runtime.of(environ).database)
        for login in ("1001", "1001", "1002"):
            store.charge(Attempt("staff", login, login, inside=False), Lockout(2, 900))
        store.close()
        assert run(environ, "users", "unlock", "staff", "--all").stdout == (
            "staff: 5 counters forgotten, 2 of them shut\n"
        )


class TestState:
    VERBS = (["log"], ["log", "timesheet"], ["users", "locks"], ["webhooks"], ["webhooks", "retry"])

    @pytest.mark.parametrize("args", VERBS, ids=str)
    def test_a_file_in_the_place_of_the_folder(self, environ: dict[str, str], args: list[str], tmp_path: Path) -> None:
        (tmp_path / "state").write_text("")
        result = run(environ, *args)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{tmp_path}/state is no folder\n   = help: ROUTEC_STATE" in result.stderr

    @pytest.fixture
    def _nobody(self, environ: dict[str, str], tmp_path: Path) -> Iterator[None]:
        """Another user than the one whose the state is."""
        run(environ, "log")  # what is imported on the way is closed to others
        (tmp_path / "state").mkdir(mode=0o700)
        if os.geteuid() != 0:
            (tmp_path / "state").chmod(0)
            yield
            (tmp_path / "state").chmod(0o700)
            return
        for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            folder.chmod(0o755)
        os.seteuid(65534)
        yield
        os.seteuid(0)

    @pytest.mark.usefixtures("_nobody")
    @pytest.mark.parametrize("args", VERBS, ids=str)
    def test_a_closed_folder(self, environ: dict[str, str], args: list[str], tmp_path: Path) -> None:
        result = run(environ, *args)
        closed = (
            f"Error: the database's file {tmp_path}/state/database cannot be looked for: the folder {tmp_path}/state"
        )
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"{closed} is closed to this user\n   = help: {AS_SERVE}\n"
        result = run(environ | {"ROUTEC_DATABASE": f"sqlite:///{tmp_path}/state/signin.db"}, *args)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "its folder is closed to this user\n   = help: run as the user" in result.stderr

    @pytest.mark.usefixtures("_nobody")
    def test_a_pepper_out_of_reach_is_no_reason_to_make_another(self, environ: dict[str, str]) -> None:
        del environ["ROUTEC_PEPPER"]
        environ["ROUTEC_DATABASE"] = "sqlite:////nowhere/signin.db"
        result = run(environ, "users", "hash", stdin=PIN.encode())
        assert (result.exit_code, AS_SERVE in result.stderr, "openssl" in result.stderr) == (2, True, False)

    def test_a_database_file_open_to_others(self, environ: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "state").mkdir()
        file = tmp_path / "state" / "database"
        file.write_text("sqlite:////tmp/x.db")
        file.chmod(0o644)
        assert f"   = help: close it: chmod 600 {file}\n" in run(environ, "log").stderr


class TestInput:
    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["users", "hash"], "Error: there is no standard input to read the PIN from\n"),
            (["users", "add", "staff", "zoe", "--login", "1002"], "Error: there is no standard input to read the PIN"),
            (["log", "purge", "--older-than", "1d"], "Error: there is no terminal to ask on\n"),
            (["users", "import", "staff", "-"], "<stdin>:1: the first line names the columns"),
        ],
        ids=str,
    )
    def test_none_at_all(self, environ: dict[str, str], args: list[str], message: str) -> None:
        project()
        done = subprocess.run(
            ["bash", "-c", '"$@" <&-', "-", sys.executable, "-m", "routec", *args],
            capture_output=True, text=True, check=False, env=environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert (done.returncode in (1, 2), done.stdout) == (True, "")
        assert done.stderr.startswith(message)

    def test_ctrl_c_at_a_prompt(self, environ: dict[str, str]) -> None:
        # The terminal is the process's own, so that the key is a signal.
        own = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
        code = f"{own}; import routec.cli.main; routec.cli.main.main()"
        terminal, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-c", code, "users", "hash"], stdin=theirs, stderr=subprocess.PIPE, text=True,
            env=environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
        ) as process:  # fmt: skip
            assert process.stderr
            shown = b""
            while not shown.endswith(b"PIN: "):
                shown += os.read(terminal, 1)
            # A key that comes between the prompt and the reading is seen by Python at the next one only.
            for _ in range(20):
                os.write(terminal, b"\x03")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                    break
            process.kill()
            assert process.returncode == 130
            assert process.stderr.read().endswith("\nAborted!\n")
        os.close(terminal)
        os.close(theirs)


class TestUsersList:
    def test_a_file_that_cannot_be_read_whole(self, environ: dict[str, str]) -> None:
        block = BLOCK.replace("    # the last one", '    users from "a.users"\n    users from "b.users"')
        for broken in ("user bram lgin 1002\n", b"\xff".decode("latin1") + "{", None):
            project(block, a="")
            Path("routes/b.users").unlink(missing_ok=True)
            if broken is not None:
                Path("routes/b.users").write_text(broken)
            result = run(environ, "users", "list", "staff")
            assert (result.exit_code, result.stdout) == (1, "")
            assert "error[RT" in result.stderr
            assert result.stderr.endswith("; there may be more users, so none is listed\n")
        project(block, a="", b=f'user bram login 1002 password "{HASH}"\n')
        Path("routes/other.route").write_text("goto nowhere")
        assert run(environ, "users", "list", "staff").exit_code == 0


BEFORE = {"a.users": b"a", "c.users": b"c", "d.users": b"d"}


class TestRewriteSeveral:
    @pytest.fixture
    def changes(self, environ: dict[str, str]) -> dict[Path, tuple[bytes | None, bytes]]:  # noqa: ARG002 (the folder)
        files: dict[Path, tuple[bytes | None, bytes]] = {
            Path("routes/a.users"): (b"a", b"A"), Path("routes/b.users"): (None, b"B"),
            Path("routes/c.users"): (b"c", b"C"), Path("routes/d.users"): (b"d", b"D"),
        }  # fmt: skip
        for path, (before, _) in files.items():
            if before is not None:
                path.write_bytes(before)
                path.chmod(0o640)
        return files

    def now(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in Path("routes").iterdir()}

    def test_all(self, changes: dict[Path, tuple[bytes | None, bytes]]) -> None:
        rewrite(Path("routes"), changes)
        assert self.now() == {path.name: after for path, (_, after) in changes.items()}

    @pytest.mark.parametrize("failing", range(1, 20))
    def test_or_none(
        self, changes: dict[Path, tuple[bytes | None, bytes]], monkeypatch: pytest.MonkeyPatch, failing: int
    ) -> None:
        """Each of the steps to the disk fails in turn: 7 texts, 4 names."""
        done = 0
        fsync = os.fsync

        def fails(handle: int) -> None:
            nonlocal done
            done += 1
            if done == failing:
                raise OSError(28, "No space left on device")
            fsync(handle)

        monkeypatch.setattr("routec.rewrite.os.fsync", fails)
        if failing > 11:
            rewrite(Path("routes"), changes)
            return
        with pytest.raises(RewriteError, match=r"^cannot write routes/.\.users: no space left on device$"):
            rewrite(Path("routes"), changes)
        assert self.now() == BEFORE
        assert Path("routes/a.users").stat().st_mode & 0o777 == 0o640

    @pytest.mark.parametrize("failing", [1, 2, 3, 4])
    @pytest.mark.parametrize("error", [OSError(13, "Permission denied"), KeyboardInterrupt()], ids=repr)
    def test_a_name_that_cannot_be_given(
        self, changes: dict[Path, tuple[bytes | None, bytes]], monkeypatch: pytest.MonkeyPatch, failing: int, error: Any
    ) -> None:
        done = 0
        replace = Path.replace

        def fails(self: Path, target: Path) -> Path:
            nonlocal done
            done += 1
            if done == failing:
                raise error
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", fails)
        with pytest.raises((RewriteError, KeyboardInterrupt)):
            rewrite(Path("routes"), changes)
        assert self.now() == BEFORE

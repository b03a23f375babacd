import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from routec.contract import Clock
from routec.settings import Runtime
from routec.signin.store import Entry, Log

from .fake import PEPPER, PIN, Cut, FakeAsterisk, HangUp, Keys, field, headers, module, write_modules

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from routec.signin.process import main
sys.exit(main(sys.argv[1:], {folder!r}))
"""
GOOD: list[Keys] = ["1001", PIN, "204"]


class Process:
    """A plain AGI process as Asterisk starts one, with a fake Asterisk on its standard input and output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"PYTHONPATH": str(ROOT), "ROUTEC_STATE": str(folder / "state"), "ROUTEC_PEPPER": PEPPER}
        self.errors = ""

    def command(self, name: str | None, code: str = SCRIPT) -> list[str]:
        return [sys.executable, "-c", code.format(folder=str(self.folder)), *([name] if name is not None else [])]

    def start(self, theirs: int, name: str | None, code: str = SCRIPT) -> subprocess.Popen[str]:
        environ: Mapping[str, str] = self.environ
        return subprocess.Popen(
            self.command(name, code), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environ, text=True
        )

    def run(self, asterisk: FakeAsterisk, name: str | None = "hotel_staff", code: str = SCRIPT) -> int:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = self.start(theirs.fileno(), name, code)
            asterisk.talk(ours)
        _, self.errors = process.communicate(timeout=20)
        return process.returncode

    def rows(self) -> list[Entry]:
        log = Log(Runtime.of(self.environ).database)
        found = list(log.read())
        log.close()
        return found


@pytest.fixture
def process(tmp_path: Path) -> Process:
    write_modules(tmp_path / "signin.json", module())
    return Process(tmp_path)


def test_granted(process: Process) -> None:
    call = FakeAsterisk(*GOOD, head=headers("signin.agi"))
    assert process.run(call) == 0
    assert (call.verdict, call.variables["ROUTEC_USER"]) == ("granted", "floor1")
    (row,) = process.rows()
    assert (row.verdict, row.login, row.caller) == ("granted", "1001", "+32475000001")
    assert process.errors == ""


def test_over_pipes_and_nothing_but_agi_on_standard_output(process: Process) -> None:
    answers = f"200 result=1001\n200 result={PIN}\n200 result=204\n".encode() + b"200 result=1\n" * 5
    done = subprocess.run(
        process.command("hotel_staff"), input=headers() + answers, capture_output=True, env=process.environ, check=True
    )
    lines = done.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["GET"] * 3 + ["SET"] * 5
    assert lines[-1] == 'SET VARIABLE ROUTEC_VERDICT "granted"'
    assert done.stderr == b""


def test_denied(process: Process) -> None:
    call = FakeAsterisk(*["1001", "0000"] * 3)
    assert process.run(call) == 0
    assert call.verdict == "denied"


@pytest.mark.parametrize("end", [HangUp, Cut])
def test_hangup_is_a_row(process: Process, end: Keys) -> None:
    call = FakeAsterisk("1001", end)
    assert process.run(call) == 0
    assert call.variables == {}
    assert [(row.verdict, row.reason, row.login) for row in process.rows()] == [("denied", "hangup", "1001")]


def test_sighup_which_asterisk_sends_at_a_hangup_does_not_lose_the_row(process: Process) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            running = process.start(theirs.fileno(), "hotel_staff")
        ours.sendall(headers())
        assert ours.recv(100).startswith(b"GET DATA")
        running.send_signal(signal.SIGHUP)
        ours.sendall(b"200 result=-1\n")
    _, errors = running.communicate(timeout=20)
    assert (running.returncode, errors) == (0, "")
    assert process.rows()[0].reason == "hangup"


@pytest.mark.parametrize("name", ["no_such", None, "a\nb"])
def test_a_module_that_is_not_there(process: Process, name: str | None) -> None:
    call = FakeAsterisk()
    assert process.run(call, name) == 0
    assert (call.verdict, call.asked) == ("error", [])
    assert process.rows()[0].reason == "unknown-module"
    assert "Traceback" not in process.errors


@pytest.mark.parametrize("content", [None, "{"])
def test_modules_that_cannot_be_used(process: Process, content: str | None) -> None:
    if content is None:
        (process.folder / "signin.json").unlink()
    else:
        (process.folder / "signin.json").write_text(content)
    call = FakeAsterisk()
    assert process.run(call) == 0
    assert call.verdict == "error"
    assert "signin.json" in process.errors
    assert "Traceback" not in process.errors


def test_a_log_that_cannot_be_written(process: Process) -> None:
    state = process.folder / "state"
    state.write_text("")
    call = FakeAsterisk(*GOOD)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            running = process.start(theirs.fileno(), "hotel_staff")
        call.talk(ours)
    assert call.verdict == "error"
    assert running.poll() is None, "the caller has gone on, and the process still has a row to write"
    state.unlink()
    _, errors = running.communicate(timeout=20)
    assert "Traceback" not in errors
    assert [row.verdict for row in process.rows()] == ["error"]


@pytest.mark.parametrize("head", [b"agi_network: yes\n", b"\xff\x00" * 50_000])
def test_no_asterisk(process: Process, head: bytes) -> None:
    done = subprocess.run(
        process.command("hotel_staff"), input=head, capture_output=True, env=process.environ, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Traceback" not in done.stderr
    assert process.rows() == []


def test_without_standard_error(process: Process) -> None:
    (process.folder / "signin.json").unlink()
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            running = subprocess.Popen(
                ["sh", "-c", 'exec "$@" 2>&-', "sh", *process.command("x")],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                env=process.environ,
            )
        call = FakeAsterisk().talk(ours)
    assert running.wait(20) == 0
    assert call.verdict == "error"


def test_an_address_that_is_wrong_is_no_matter_of_the_processs(process: Process) -> None:
    process.environ["ROUTEC_AGI_LISTEN"] = "nowhere at all"
    call = FakeAsterisk(*GOOD)
    assert process.run(call) == 0
    assert (call.verdict, process.errors) == ("granted", "")
    del process.environ["ROUTEC_AGI_LISTEN"]
    assert [row.verdict for row in process.rows()] == ["granted"]


def test_settings_come_from_the_compiled_file(process: Process) -> None:
    folder = process.folder
    (folder / "my-pepper").write_text(PEPPER)
    (folder / "my-pepper").chmod(0o600)
    write_modules(folder / "signin.json", module(), state=str(folder / "there"), pepper_file=str(folder / "my-pepper"))
    process.environ = {"PYTHONPATH": str(ROOT)}
    call = FakeAsterisk(*GOOD)
    process.run(call)
    assert call.verdict == "granted"
    assert (folder / "there" / "signin.db").exists()


def test_the_database_is_the_one_that_its_file_names(process: Process) -> None:
    """Asterisk starts the process without routec's environment; serve and it must write one log."""
    elsewhere = f"sqlite:///{process.folder / 'elsewhere.db'}"
    (process.folder / "state").mkdir()
    file = process.folder / "state" / "database"
    file.write_text(elsewhere + "\n")
    file.chmod(0o600)
    assert process.run(FakeAsterisk(*GOOD)) == 0
    assert [row.verdict for row in process.rows()] == ["granted"]
    assert (process.folder / "elsewhere.db").exists()
    assert not (process.folder / "state" / "signin.db").exists()


def test_a_database_file_that_is_open_to_others_lets_nobody_pass(process: Process) -> None:
    (process.folder / "state").mkdir()
    file = process.folder / "state" / "database"
    file.write_text("postgresql://u:hush@127.0.0.1:1/d")
    file.chmod(0o644)
    call = FakeAsterisk(*GOOD)
    assert process.run(call) == 1
    assert (call.asked, call.verdict) == ([], None)
    assert "open to others" in process.errors
    assert "hush" not in process.errors
    assert "Traceback" not in process.errors
    assert not (process.folder / "state" / "signin.db").exists()


def test_clocked_by_the_server_and_asked_again_by_the_process(process: Process) -> None:
    """The server died after the row and before the verdict; the process asks anew, and clocks nothing more."""
    clock = module(purpose="timeclock", fields=(field("login", 4, 4), field("password")), clock=Clock())
    write_modules(process.folder / "signin.json", clock)
    keys = GOOD[:2]
    first, again = FakeAsterisk(*keys, sounds={"time": Cut}), FakeAsterisk(*keys)
    assert process.run(first) == 0
    assert process.run(again) == 0
    assert (first.verdict, again.verdict) == (None, "granted")
    assert again.heard == first.heard
    assert [(row.action, row.reason) for row in process.rows()] == [(None, "repeated"), ("in", "ok")]


def test_a_row_is_spooled_where_the_admin_says_so(process: Process) -> None:
    open_gate = module(purpose="gate", fields=[field("login", 4, 4)], offline="grant", log=("login",))
    write_modules(process.folder / "signin.json", open_gate)
    process.environ["ROUTEC_DATABASE"] = "postgresql://nobody@127.0.0.1:1/none"
    call = FakeAsterisk("1001")
    process.run(call)
    assert call.verdict == "granted"
    del process.environ["ROUTEC_DATABASE"]
    log = Log(Runtime.of(process.environ).database, spool=process.folder / "state" / "spool.db")
    assert log.drain() == 1
    assert [(row.verdict, row.login) for row in log.read()] == [("granted", "1001")]
    log.close()


def test_what_a_library_prints_does_not_reach_asterisk(process: Process) -> None:
    code = (
        "import os\nfrom routec.signin import session\nread = session.read_pepper\n"
        "def printing(runtime):\n    print('HANGUP')\n    os.write(1, b'HANGUP\\n')\n    return read(runtime)\n"
        "session.read_pepper = printing\n" + SCRIPT
    )
    call = FakeAsterisk(*GOOD)
    process.run(call, code=code)
    assert call.verdict == "granted"
    assert not any("HANGUP" in command for command in call.commands)


def test_a_bug_is_no_traceback(process: Process) -> None:
    code = "from routec.signin import process\nprocess.Log = None\n" + SCRIPT
    assert process.run(FakeAsterisk(*GOOD), code=code) == 1
    assert "Traceback" not in process.errors
    assert "TypeError at process.py" in process.errors


def test_what_is_imported_before_the_first_prompt(process: Process) -> None:
    """Nothing that takes long and that the prompt does not need; `tests/bench` measures the time itself."""
    code = (
        "import os, sys\nfrom routec.signin import agi\n"
        "def first(self, command, *args):\n"
        "    os.write(2, ' '.join(sys.modules).encode())\n    os._exit(0)\n"
        "agi.Agi.send_command = first\n" + SCRIPT
    )
    process.run(FakeAsterisk(), code=code)
    loaded = set(process.errors.split())
    assert "routec.signin.store" in loaded
    slow = {"sqlalchemy", "requests", "alembic", "lark", "jinja2", "click", "watchfiles", "phonenumbers", "asyncio"}
    assert not loaded & (slow | {"routec.signin.database", "routec.signin.server", "asterisk.manager"})
    allowed = {"routec", "routec.contract", "routec.settings", "routec.signin", "routec.suggest"}
    ours = {".".join(name.split(".")[:2]) for name in loaded if name.partition(".")[0] == "routec"}
    assert ours <= allowed

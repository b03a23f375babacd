"""`serve` and `watch` where what is around them fails: readers that stall or go, folders that close or vanish."""

import fcntl
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from routec.apply.watching.live import Live
from routec.serve import lines, running
from routec.serve.lines import Lines
from routec.serve.starting import ServeError
from routec.serve.vitals import Vitals
from routec.signin import sqlite
from routec.signin.store import Log, UnreachableError
from tests.asterisk.machine import until
from tests.signin.stores import entry
from tests.unit.test_serve import GATE, ROOT, free_port, sign_in
from tests.unit.test_serve_service import LIMIT, Serving

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes/front.route").write_text(GATE.format(login="1001"))
    environ = {"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_AGI_LISTEN": f"127.0.0.1:{free_port()}"}
    return Serving(tmp_path, environ)


@pytest.fixture
def start(serving: Serving) -> Iterator[Start]:
    """Starts a verb in a process of its own, in the project of `serving`."""
    started = []

    def begin(*arguments: str, shell: str = "", **options: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "routec", *arguments]
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(serving.root)} | serving.environ
        if shell:
            command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
        started.append(subprocess.Popen(command, cwd=serving.root, env=environ, **options))  # type: ignore[call-overload]
        process: subprocess.Popen[bytes] = started[-1]
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait(LIMIT)


def listen(serving: Serving) -> tuple[str, int]:
    return "127.0.0.1", int(serving.environ["ROUTEC_AGI_LISTEN"].rpartition(":")[2])


def signs_in(serving: Serving, keys: str = "1001") -> bool:
    try:
        return sign_in(listen(serving), keys) == "granted"
    except OSError:
        return False


# ---- who reads what it prints


def test_lines_that_nobody_takes_are_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lines, "MOST_LINES", 3)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as stream:
        put = Lines()
        for number in range(20):
            put.put(stream, f"{number} {'x' * 8000}\n")
        assert not put.flush(0.05)
        assert reader.readline().startswith(b"0 ")
        assert until(lambda: reader.readline().startswith(b"2 "), LIMIT)
        rest = threading.Thread(target=reader.read)
        rest.start()
        assert put.flush(LIMIT)
        assert until(lambda: "lines were lost here" in caplog.text, LIMIT)
        put.put(None, "nowhere\n")
        assert put.flush(LIMIT)
        stream.close()
        rest.join(LIMIT)


@pytest.mark.parametrize("format", ["text", "json"])
def test_nobody_reads_what_serve_prints(serving: Serving, start: Start, format: str) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    process = start("serve", "--log-format", format, stdout=writing, stderr=writing)
    os.close(writing)
    assert until(lambda: signs_in(serving), LIMIT)
    for _ in range(60):  # each is a line of its own
        assert signs_in(serving)
    process.terminate()
    assert process.wait(LIMIT) == 0
    os.close(reading)


def test_the_reader_of_what_serve_prints_goes_away(serving: Serving, start: Start) -> None:
    """Files that were written are no failed apply."""
    reading, writing = os.pipe()
    process = start("serve", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    os.close(reading)
    assert until(lambda: signs_in(serving), LIMIT)
    (serving.root / "routes/front.route").write_text(GATE.format(login="2002"))
    assert until(lambda: b"2002" in (serving.root / "generated/signin.json").read_bytes(), LIMIT)
    assert signs_in(serving, "2002")
    process.terminate()
    said = process.communicate(timeout=LIMIT)[1]
    assert process.returncode == 0
    assert b"tried again" not in said
    assert b"Broken pipe" not in said


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("verb", ["serve", "watch"])
def test_closed_streams(serving: Serving, start: Start, verb: str, shell: str) -> None:
    process = start(verb, shell=shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert until((serving.root / "generated/extensions.conf").exists, LIMIT)
    (serving.root / "routes/front.route").write_text(GATE.format(login="2002"))
    assert until(lambda: b"2002" in (serving.root / "generated/signin.json").read_bytes(), LIMIT)
    assert verb == "watch" or until(lambda: signs_in(serving, "2002"), LIMIT)
    process.terminate()
    said = b"".join(process.communicate(timeout=LIMIT))
    assert process.returncode == 0, said
    assert b"RT901" not in said


@pytest.mark.parametrize("verb", ["serve", "watch", "plan", "doctor"])
def test_a_pipe_in_place_of_the_settings(serving: Serving, start: Start, verb: str) -> None:
    os.mkfifo(serving.root / "routes/routec.toml")
    process = start(verb, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = process.communicate(timeout=LIMIT)[1]
    assert process.returncode == 2
    assert b"routes/routec.toml: cannot be read: it is no file" in said


# ---- settings and folders


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`closed` is a folder that nobody may look into, as some are for those who are not root."""
    exists = Path.exists

    def look(path: Path) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", look)


@pytest.mark.usefixtures("closed")
def test_a_published_folder_that_cannot_be_looked_into(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    def story() -> None:
        serving.settings('[publish]\nto = "closed"\n')
        os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: "the settings before stay in force" in caplog.text, LIMIT)
        assert serving.service._front.folder == serving.root / "generated"
        assert sign_in(serving.at, "1001") == "granted"

    serving.run(story)
    assert f"cannot look into {serving.root}/closed: Permission denied; the settings before" in caplog.text


@pytest.mark.usefixtures("closed")
def test_nor_at_the_start(serving: Serving) -> None:
    serving.settings('[publish]\nto = "closed"\n')
    with pytest.raises(ServeError, match=f"cannot look into {serving.root}/closed: Permission denied") as raised:
        Serving(serving.root, serving.environ).run(lambda: None)
    assert "[publish] to" in raised.value.help


def test_the_project_goes_and_comes_back(
    serving: Serving, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that the process stands in is gone for good; one of its name is the project again."""
    caplog.set_level("INFO")
    monkeypatch.setattr(serving, "root", serving.root / "project")
    (serving.root / "routes").mkdir(parents=True)
    (serving.root / "routes/front.route").write_text(GATE.format(login="1001"))
    monkeypatch.chdir(serving.root)
    told = Serving(Path(), serving.environ)
    monkeypatch.setattr(told, "root", serving.root)
    monkeypatch.setattr(told.service, "_load", Serving(serving.root, serving.environ).service._load)

    def story() -> None:
        serving.root.rename(serving.root.with_name("moved"))
        subprocess.run(["rm", "-r", str(serving.root.with_name("moved"))], check=True)
        assert until(lambda: "routes/ is gone" in told.service._parts.states()["routes"].text, LIMIT)
        os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: "everything was read anew" in caplog.text, LIMIT)
        assert sign_in(told.at, "1001") == "granted"
        (serving.root / "routes").mkdir(parents=True)
        (serving.root / "routes/front.route").write_text(GATE.format(login="2002"))
        published = serving.root / "generated/signin.json"
        assert until(lambda: published.exists() and b"2002" in published.read_bytes(), LIMIT)
        assert sign_in(told.at, "2002") == "granted"
        assert told.service._parts.all["routes"].restarts == 0

    told.run(story)
    assert f"{serving.root}/routes is gone; the settings before stay in force" in caplog.text
    assert "has changed" not in caplog.text


def test_a_listener_that_changes_back_is_none_that_changed(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    own = serving.environ["ROUTEC_AGI_LISTEN"]

    def read_anew() -> None:
        caplog.clear()
        (serving.root / "routes/front.route").touch()
        os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: "everything was read anew" in caplog.text, LIMIT)
        serving.service._is_stale.set()  # as after a save
        assert until(lambda: not serving.service._is_stale.is_set(), LIMIT)

    def story() -> None:
        serving.environ["ROUTEC_AGI_LISTEN"] = "127.0.0.1:1"
        read_anew()
        assert caplog.text.count("[agi] listen has changed") == 1
        serving.environ["ROUTEC_AGI_LISTEN"] = own
        serving.service._is_stale.set()
        assert until(lambda: serving.service._runtime.listen == serving.at, LIMIT)
        read_anew()
        assert "has changed" not in caplog.text

    serving.run(story)


def test_the_end_says_that_an_apply_is_cut(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    held = threading.Event()
    monkeypatch.setattr(running, "APPLY_SECONDS", 0.05)

    def run(live: Live, ready: Callable[[], None]) -> None:
        first(live, ready)
        held.wait(LIMIT)

    first = Live.run
    monkeypatch.setattr(Live, "run", run)
    serving.run(lambda: None)
    held.set()
    assert "an apply may be left half done" in caplog.text


@pytest.mark.parametrize("taken", ["ROUTEC_METRICS_LISTEN", "ROUTEC_AGI_LISTEN"])
def test_a_port_that_is_taken_is_a_fault_of_its_own(serving: Serving, start: Start, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        serving.environ[taken] = f"127.0.0.1:{other.getsockname()[1]}"
        process = start("serve", stderr=subprocess.PIPE)
        said = process.communicate(timeout=LIMIT)[1].decode()
    assert process.returncode == 1
    assert said.count(serving.environ[taken]) == 1


# ---- the log's disk


def test_a_log_that_can_be_read_and_not_written_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serving: Serving
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MILLISECONDS", 50)
    log = Log(f"sqlite:///{tmp_path}/log.db")
    log.write(entry(login="first"))
    vitals = Vitals(log, serving.service._metrics)
    with sqlite3.connect(tmp_path / "log.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        vitals._look()
        assert vitals.state.is_ready  # nobody has found out yet
        with pytest.raises(UnreachableError):
            log.write(entry(login="second"))
        vitals._look()
        assert not vitals.state.is_ready
        assert "another process keeps it locked" in vitals.state.text
        other.execute("ROLLBACK")
    other.close()
    vitals._look()
    assert vitals.state.is_ready
    assert [row.login for row in log.read()] == ["first"]
    log.close()

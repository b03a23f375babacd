"""`routec serve` as a process: what it starts with, what it refuses, and that it goes on through faults."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEPPER = "pepper of serve's tests"
GATE = """
auth gate {{
  login ask "vm-login" digits 4
  tries 1
  user anna login {login}
}}
route front {{ on extension 600; auth gate else hangup; dial 101 }}
"""


class Serve:
    """A running serve, its standard output as it comes."""

    def __init__(self, project: Path, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "routec", "serve"],
            cwd=project, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.errors: list[str] = []
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._heard:
                self.errors.append(line)
                self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()

    def line(self) -> str:
        """The next line of standard output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def wait_error(self, text: str) -> None:
        """Waits until standard error holds a text."""
        with self._heard:
            assert self._heard.wait_for(lambda: text in "".join(self.errors), 20), self.errors

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


Start = Callable[..., Serve]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "front.route").write_text(GATE.format(login="1001"))
    return tmp_path


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    running: list[Serve] = []

    def begin(**environ: str) -> Serve:
        base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(project)}
        base |= {"ROUTEC_STATE": str(project / "state"), "ROUTEC_AGI_LISTEN": f"127.0.0.1:{free_port()}"}
        running.append(Serve(project, base | environ))
        return running[-1]

    yield begin
    for each in running:
        each.end()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def address(line: str) -> tuple[str, int]:
    """The address in the line that says where the checker listens."""
    host, _, port = line.partition("agi://")[2].partition("/")[0].rpartition(":")
    return host, int(port)


def sign_in(at: tuple[str, int], keys: str) -> str:
    """The verdict of a call that keys a code each time that it is asked."""
    with socket.create_connection(at, 10) as link, link.makefile("rwb") as stream:
        stream.write(b"agi_network_script: signin/gate\nagi_uniqueid: 1.1\nagi_callerid: 101\nagi_extension: 600\n\n")
        stream.flush()
        for line in stream:
            if line.startswith(b"SET VARIABLE ROUTEC_VERDICT"):
                return line.decode().split(chr(34))[1]
            stream.write(f"200 result={keys}\n".encode() if line.startswith(b"GET DATA") else b"200 result=1\n")
            stream.flush()
    return "none"


def test_builds_answers_and_ends(project: Path, start: Start) -> None:
    serve = start()
    assert serve.line().startswith("built: ")
    at = address(serve.line())
    assert sign_in(at, "1001") == "granted"
    assert sign_in(at, "1002") == "denied"
    assert (project / "generated" / "extensions.conf").exists()
    assert serve.end() == 0
    assert "reloading Asterisk is off" in "".join(serve.errors)


def test_who_may_sign_in_changes_with_the_file(project: Path, start: Start) -> None:
    serve = start()
    serve.line()
    at = address(serve.line())
    (project / "routes" / "front.route").write_text(GATE.format(login="2002"))
    assert serve.line().startswith("built: ")
    assert (sign_in(at, "1001"), sign_in(at, "2002")) == ("denied", "granted")


def test_a_fault_leaves_the_last_good_files_in_force(project: Path, start: Start) -> None:
    serve = start()
    serve.line()
    at = address(serve.line())
    (project / "routes" / "front.route").write_text(GATE.format(login="2002") + "route {")
    serve.wait_error("the last good files stay")
    assert (sign_in(at, "1001"), sign_in(at, "2002")) == ("granted", "denied")
    (project / "routes" / "front.route").write_text(GATE.format(login="2002"))
    assert serve.line().startswith("built: ")
    assert sign_in(at, "2002") == "granted"


def test_starts_on_what_was_built_when_the_routes_are_at_fault(project: Path, start: Start) -> None:
    first = start()
    first.line()
    first.end()
    (project / "routes" / "front.route").write_text("route {")
    serve = start()
    assert sign_in(address(serve.line()), "1001") == "granted"


def test_nothing_was_ever_built(project: Path, start: Start) -> None:
    (project / "routes" / "front.route").write_text("route {")
    serve = start()
    assert serve.process.wait(20) == 2
    serve.wait_error("nothing has ever been built here")


def test_no_pepper_for_a_module_that_asks_for_a_password(project: Path, start: Start) -> None:
    text = GATE.format(login="1001").replace("tries 1", 'tries 1\npassword ask "vm-password" digits 4')
    hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"
    (project / "routes" / "front.route").write_text(text.replace("login 1001", f'login 1001 password "{hash}"'))
    serve = start()
    assert serve.process.wait(20) == 2
    serve.wait_error("there is no pepper")


def test_the_port_is_taken(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        serve = start(ROUTEC_AGI_LISTEN=f"127.0.0.1:{other.getsockname()[1]}")
        assert serve.process.wait(20) == 1
        serve.wait_error("cannot listen on 127.0.0.1:")


def test_a_conversation_may_end_before_serve_does(project: Path, start: Start) -> None:
    serve = start()
    serve.line()
    with socket.create_connection(address(serve.line()), 10) as link, link.makefile("rwb") as stream:
        stream.write(b"agi_network_script: signin/gate\nagi_uniqueid: 7.7\n\n")
        stream.flush()
        assert stream.readline().startswith(b"GET DATA")
        serve.process.send_signal(signal.SIGTERM)
        stream.write(b"200 result=1001\n")
        stream.flush()
        said = []
        for line in stream:
            said.append(line)
            stream.write(b"200 result=1\n")
            stream.flush()
    assert b'SET VARIABLE ROUTEC_VERDICT "granted"\n' in said
    assert serve.end() == 0
    environ = {"PYTHONPATH": str(ROOT), "ROUTEC_STATE": str(project / "state"), "HOME": str(project)}
    row = subprocess.run(
        [sys.executable, "-m", "routec", "log", "--format", "json"],
        cwd=project, env=environ, text=True, stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    assert json.loads(row)["call_id"] == "7.7"


def test_a_listener_that_the_dialplan_does_not_call(start: Start) -> None:
    serve = start()
    serve.wait_error("Asterisk does not reach this checker: the dialplan calls 127.0.0.1:4573")
    serve.wait_error("[agi] listen")


@pytest.mark.parametrize("url", ["foo", "sqlite:///{}/file"])
def test_a_log_that_can_never_be_used(project: Path, start: Start, url: str) -> None:
    (project / "file").write_text("this is no database, and long enough to be looked at as if it were one" * 20)
    serve = start(ROUTEC_DATABASE=url.format(project))
    assert serve.process.wait(20) == 2
    serve.wait_error("Error: ")


def test_a_log_that_may_come_back(start: Start) -> None:
    serve = start(ROUTEC_DATABASE="postgresql://nobody@127.0.0.1:1/none")
    serve.line()
    assert "listening" in serve.line()
    serve.wait_error("nobody is signed in for now")


def test_a_missing_secret_of_a_webhook_is_said_once(project: Path, start: Start) -> None:
    text = GATE.format(login="1001").replace("tries 1", 'tries 1\nwebhook "https://pms.example.org/" secret env NONE')
    (project / "routes" / "front.route").write_text(text)
    serve = start()
    serve.line()
    assert "listening" in serve.line()
    serve.wait_error("the webhook of gate waits: ")
    serve.end()
    assert "".join(serve.errors).count("the webhook of gate waits: ") == 1


def test_in_json_every_line_is_an_object(project: Path, start: Start) -> None:
    (project / "routes" / "front.route").write_text(GATE.format(login="1001") + "route unused { hangup }")
    serve = start(ROUTEC_LOG_FORMAT="json")
    serve.wait_error("ready; the checker listens")
    objects = [json.loads(line) for line in serve.errors]
    at = address(next(one["message"] for one in objects if "listens" in one["message"]))
    assert sign_in(at, "1001") == "granted"
    serve.wait_error("granted (")
    (project / "routes" / "front.route").write_text("route {")
    serve.wait_error("the last good files stay")
    assert serve.end() == 0
    objects = [json.loads(line) for line in serve.errors]
    (warned, failed) = [one for one in objects if "diagnostics" in one]
    assert (warned["level"], failed["level"]) == ("warning", "error")
    assert failed["diagnostics"][0]["file"] == "routes/front.route"
    assert [one["call_id"] for one in objects if "granted (" in one["message"]] == ["1.1"]
    assert all(one["time"][:4].isdigit() and one["logger"].startswith("routec.") for one in objects)


def test_in_json_a_start_that_fails_is_an_object_too(project: Path, start: Start) -> None:
    (project / "routes" / "front.route").write_text("route {")
    serve = start(ROUTEC_LOG_FORMAT="json")
    assert serve.process.wait(20) == 2
    serve.wait_error("nothing has ever been built here")
    serve.end()
    assert all(json.loads(line)["level"] for line in serve.errors)

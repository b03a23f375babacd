"""The whole of `serve` in this process, with parts that die, settings that change, and signals."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routec.apply.watching.events import Event
from routec.serve import parts
from routec.serve.notify import Notifier
from routec.serve.parts import DyingError
from routec.serve.service import Service, Told
from routec.serve.starting import ServeError, read_settings
from routec.signin.housekeeping import Housekeeping
from tests.asterisk.machine import until
from tests.unit.test_serve import GATE, free_port, sign_in

LIMIT = 30

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
"""Parts die here on purpose."""


class Serving:
    """A service in the main thread, where signals come, and what a test does meanwhile in another."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self.root = root
        self.environ = environ
        self.events: list[Event] = []
        self.offs: list[str] = []
        self.faults: list[BaseException] = []
        self.at = ("", 0)
        self.ended = threading.Event()
        self._is_ready = threading.Event()
        told = Told(self.events.append, self.offs.append, self._ready)
        self.service = Service(root, lambda: read_settings(root, None, self.environ), told, Notifier({}))

    def _ready(self, address: tuple[str, int]) -> None:
        self.at = address
        self._is_ready.set()

    def run(self, story: Callable[[], None]) -> None:
        """Serves while the story goes on, and until SIGTERM. Raises what went wrong in it."""

        def tell() -> None:
            try:
                assert self._is_ready.wait(LIMIT)
                story()
            except BaseException as error:  # noqa: BLE001 (raised again in the test's thread)
                self.faults.append(error)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=tell)
        thread.start()
        try:
            self.service.run()
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the story's own may come late
            self._is_ready.set()
            self.ended.set()
            thread.join(LIMIT)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self.faults:
            raise self.faults[0]

    def settings(self, text: str) -> None:
        (self.root / "routes/routec.toml").write_text(text)


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes/front.route").write_text(GATE.format(login="1001"))
    environ = {"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_AGI_LISTEN": f"127.0.0.1:{free_port()}"}
    return Serving(tmp_path, environ)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(parts, "LONGEST_PAUSE_SECONDS", 0.02)


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Housekeeping ends without a word, as often as the number in the list says."""
    left = [0]
    once = Housekeeping._once

    def die(self: Housekeeping, **options: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise SystemExit
        once(self, **options)

    monkeypatch.setattr(Housekeeping, "_once", die)
    return left


def test_a_part_that_dies_is_begun_anew_and_the_checker_goes_on(serving: Serving, dying: list[int]) -> None:
    dying[0] = 3

    def story() -> None:
        looked_after = serving.service._parts.all["housekeeping"]
        assert sign_in(serving.at, "1001") == "granted"
        assert until(lambda: looked_after.restarts == 3, LIMIT)
        assert sign_in(serving.at, "1002") == "denied"
        assert until(lambda: looked_after.state.is_ready, LIMIT)

    serving.run(story)


def assert_(what: bool) -> None:
    assert what


def test_a_part_that_dies_for_good_ends_the_process_loudly(serving: Serving, dying: list[int]) -> None:
    dying[0] = 1_000_000
    with pytest.raises(DyingError, match="housekeeping died"):
        serving.run(lambda: assert_(serving.ended.wait(LIMIT)))


def test_the_watching_dies_and_is_begun_anew(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    def story() -> None:
        part = serving.service._parts.all["routes"]
        with monkeypatch.context() as broken:
            broken.setattr("routec.apply.watching.watch.Watcher.wait", lambda *_: int("no number"))
            assert until(lambda: part.restarts >= 1, LIMIT)
        assert sign_in(serving.at, "1001") == "granted"
        assert until(lambda: part.state.is_ready, LIMIT)
        (serving.root / "routes/front.route").write_text(GATE.format(login="2002"))
        assert until(lambda: sign_in(serving.at, "2002") == "granted", LIMIT)

    serving.run(story)


def test_the_port_of_the_checker_dies_and_conversations_go_on(serving: Serving) -> None:
    def story() -> None:
        checking = serving.service._checking
        assert checking is not None
        tcp = checking.server._tcp
        assert tcp is not None
        with socket.create_connection(serving.at, 10) as link, link.makefile("rwb") as stream:
            stream.write(b"agi_network_script: signin/gate\nagi_uniqueid: 7.7\n\n")
            stream.flush()
            assert stream.readline().startswith(b"GET DATA")
            tcp.shutdown()  # its thread ends, as it would by a bug
            assert until(lambda: serving.service._parts.all["checker"].restarts == 1, LIMIT)
            assert sign_in(serving.at, "1001") == "granted"
            stream.write(b"200 result=1001\n")
            stream.flush()
            assert any(b'"granted"' in line for line in iter(stream.readline, b"") if answer(stream))

    serving.run(story)


def answer(stream: Any) -> bool:
    stream.write(b"200 result=1\n")
    stream.flush()
    return True


def test_settings_that_change(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """Where Asterisk includes from, and the database: taken over. Where it listens: said."""
    caplog.set_level("INFO")

    def story() -> None:
        serving.settings('[publish]\nto = "elsewhere"\n')
        assert until(lambda: serving.service._front.folder.name == "elsewhere", LIMIT)
        assert sign_in(serving.at, "1001") == "granted"
        before = serving.service._front
        (serving.root / "state").mkdir(exist_ok=True)
        other = serving.root / "state/database"
        other.write_text(f"sqlite:///{serving.root}/other.db")
        other.chmod(0o600)
        serving.environ["ROUTEC_AGI_LISTEN"] = "127.0.0.1:1"
        os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: serving.service._front is not before, LIMIT)
        assert sign_in(serving.at, "1001") == "granted"
        assert (serving.root / "other.db").exists()
        assert until(lambda: "everything was read anew" in caplog.text, LIMIT)

    serving.run(story)
    assert "[agi] listen has changed: that takes a restart" in caplog.text


def test_another_published_folder_counts_when_something_is_in_it(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    """Asterisk is away, so nothing is published there: calls are answered with what was published before."""
    caplog.set_level("INFO")

    def story() -> None:
        serving.settings(f'[publish]\nto = "elsewhere"\n[ami]\nusername = "routec"\nport = {free_port()}\n')
        serving.environ["ROUTEC_AMI_SECRET"] = "never sent"
        os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: "everything was read anew: " in caplog.text, LIMIT)
        assert serving.service._front.folder.name == "generated"
        assert sign_in(serving.at, "1001") == "granted"

    serving.run(story)


def test_settings_with_a_fault_leave_the_ones_before(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def story() -> None:
        serving.settings("[agi\n")
        os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: "the settings before stay in force" in caplog.text, LIMIT)
        assert until(lambda: "everything was read anew: the routes have faults" in caplog.text, LIMIT)
        assert sign_in(serving.at, "1001") == "granted"

    serving.run(story)


def test_health_and_metrics(serving: Serving) -> None:
    port = free_port()
    serving.environ["ROUTEC_METRICS_LISTEN"] = f"127.0.0.1:{port}"
    serving = Serving(serving.root, serving.environ)

    def shown() -> str:
        with socket.create_connection(("127.0.0.1", port), 10) as link:
            link.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            return link.makefile("rb").read().decode()

    def story() -> None:
        sign_in(serving.at, "1001")
        # it is counted when the caller has heard of it
        assert until(lambda: 'routec_signins_total{module="gate",verdict="granted"} 1.0' in shown(), LIMIT)
        text = shown()
        assert 'routec_builds_total{result="good"} 1.0' in text
        assert until(lambda: "routec_database_up 1.0" in serving.service._metrics.text().decode(), LIMIT)
        text = serving.service._metrics.text().decode()
        assert 'routec_webhooks{state="pending"} 0.0' in text
        assert "routec_lockouts 0.0" in text

    serving.run(story)
    assert not any("metrics" in off for off in serving.offs)


def test_calls_for_modules_that_are_not_there_make_no_series(serving: Serving) -> None:
    def story() -> None:
        for number in range(3):
            with socket.create_connection(serving.at, 10) as link, link.makefile("rwb") as stream:
                stream.write(f"agi_network_script: signin/none{number}\nagi_uniqueid: 7.{number}\n\n".encode())
                stream.flush()
                for _ in stream:
                    answer(stream)
        text = serving.service._metrics.text().decode()
        assert 'routec_signins_total{module="unknown",verdict="error"} 3.0' in text
        assert "none1" not in text

    serving.run(story)


def test_the_port_of_the_metrics_is_taken(serving: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        serving.environ["ROUTEC_METRICS_LISTEN"] = f"127.0.0.1:{other.getsockname()[1]}"
        serving = Serving(serving.root, serving.environ)
        with pytest.raises(ServeError, match="cannot listen"):
            serving.run(lambda: None)

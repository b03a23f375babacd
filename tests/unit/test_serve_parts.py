"""The parts of `serve`, each alone: looked after, told to systemd, shown to machines, logged."""

import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from routec.serve import http, parts
from routec.serve.http import HttpServer, Page
from routec.serve.logs import CALL, JsonFormatter, TextFormatter, mark_call
from routec.serve.metrics import Metrics
from routec.serve.notify import Notifier
from routec.serve.pages import pages
from routec.serve.parts import DyingError, Part, Parts, State

# ---- parts that die


class Mortal:
    """A part that runs until it is killed."""

    def __init__(self) -> None:
        self.is_alive = True
        self.stopped = 0

    def stop(self) -> None:
        self.stopped += 1
        self.is_alive = False


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("routec.serve.parts.time.monotonic", made)
    return made


def test_a_part_that_dies_is_begun_anew_after_a_pause_that_grows(clock: Clock) -> None:
    begun: list[Mortal] = []
    looked_after = Parts()
    part = looked_after.add(Part("mortal", lambda: begun.append(Mortal()) or begun[-1]))  # type: ignore[func-returns-value]
    pauses = []
    for _ in range(3):
        begun[-1].is_alive = False
        began, number = clock.now, len(begun)
        looked_after.look_after()
        assert part.state == State(is_ready=False, text="is being restarted")
        while len(begun) == number:
            clock.now += 0.25
            looked_after.look_after()
        pauses.append(clock.now - began)
        assert part.state.is_ready
    assert pauses == [0.5, 1.0, 2.0]
    assert part.restarts == 3
    looked_after.stop(["mortal", "another"])
    assert begun[-1].stopped == 1


def test_a_part_that_dies_again_and_again_ends_the_whole(clock: Clock) -> None:
    looked_after = Parts()
    begun: list[Mortal] = []
    looked_after.add(Part("mortal", lambda: begun.append(Mortal()) or begun[-1]))  # type: ignore[func-returns-value]

    def die() -> None:
        while True:
            begun[-1].is_alive = False
            looked_after.look_after()
            clock.now += 1

    with pytest.raises(DyingError, match="mortal died 6 times within 120 s"):
        die()


def test_a_part_that_dies_now_and_then_lives_on(clock: Clock) -> None:
    looked_after = Parts()
    begun: list[Mortal] = []
    looked_after.add(Part("mortal", lambda: begun.append(Mortal()) or begun[-1]))  # type: ignore[func-returns-value]
    for _ in range(20):
        begun[-1].is_alive = False
        looked_after.look_after()
        clock.now += 60
        looked_after.look_after()
    assert len(begun) == 21


def test_a_part_that_cannot_be_begun_anew_counts_as_dying(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    first = Mortal()
    made = iter([first])
    looked_after = Parts()
    looked_after.add(Part("mortal", lambda: next(made)))
    first.is_alive = False

    def go_on() -> None:
        while True:
            looked_after.look_after()
            clock.now += 1

    with pytest.raises(DyingError):
        go_on()
    assert "mortal cannot be started: StopIteration" in caplog.text


def test_one_part_that_does_not_end_well_leaves_the_others_their_end(caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(Mortal):
        def stop(self) -> None:
            raise ZeroDivisionError("a secret")

    looked_after, last = Parts(), Mortal()
    looked_after.add(Part("stubborn", Stubborn))
    looked_after.add(Part("last", lambda: last))
    looked_after.stop(["stubborn", "last"])
    assert last.stopped == 1
    assert "stubborn did not end well: ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


def test_what_is_off_is_nobodys_trouble() -> None:
    looked_after = Parts()
    looked_after.off["metrics"] = "not set"
    assert looked_after.states() == {"metrics": State(is_ready=True, text="off: not set")}


# ---- pages for machines


@pytest.fixture
def server() -> Iterator[HttpServer]:
    def fail() -> Page:
        raise ZeroDivisionError("a secret")

    def fine() -> Page:
        return Page(HTTPStatus.OK, "text/plain", b"fine\n")

    running = HttpServer(("127.0.0.1", 0), {"/fine": fine, "/fails": fail})
    running.start()
    yield running
    running.stop()
    assert not running.is_alive


def ask(server: HttpServer, request: bytes, *, half_close: bool = False) -> bytes:
    with socket.create_connection(server.address, 10) as link:
        link.sendall(request)
        if half_close:
            link.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := link.recv(4096):
                answer += piece
        except ConnectionResetError:
            pass  # what it did not read is thrown away, which resets
        return answer


def get(server: HttpServer, path: str) -> bytes:
    return ask(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /fine HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /fine?x=1 HTTP/1.0\r\n\r\n", b"200"),
        (b"HEAD /fine HTTP/1.1\r\n\r\n", b"200"),
        (b"POST /fine HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", b"405"),
        (b"GET /none HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /fails HTTP/1.1\r\n\r\n", b"500"),
        (b"GET /fine\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"\x00\xff\xfe garbage\r\n\r\n", b"400"),
        (b"GET /fine HTTP/9.9\r\n\r\n", b"400"),
        (b"GET /" + b"\xff" * 100 + b" HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /fine HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
        (b"x" * 100_000, b"431"),
    ],
)
def test_whatever_is_asked_is_answered(server: HttpServer, request_: bytes, status: bytes) -> None:
    answer = ask(server, request_)
    assert answer.startswith(b"HTTP/1.1 " + status) or (status == b"431" and not answer)
    assert b"secret" not in answer
    assert answer.endswith(b"fine\n") == (status == b"200" and not request_.startswith(b"HEAD"))
    assert get(server, "/fine").endswith(b"fine\n")


def test_slow_ones_lose_their_own_connection(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.3)
    slow = [socket.create_connection(server.address, 10) for _ in range(http.MOST_AT_ONCE)]
    for link in slow:
        link.sendall(b"GET /fi")
    for link in slow:
        link.settimeout(10)
        assert link.recv(1) == b""
        link.close()
    assert get(server, "/fine").endswith(b"fine\n")


def test_one_that_drips_has_no_more_time(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.3)
    began = time.monotonic()
    with socket.create_connection(server.address, 10) as link:
        try:
            while time.monotonic() - began < 10:
                link.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            pass
    assert time.monotonic() - began < 9


def test_too_many_at_once_are_turned_away(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 1.0)
    held = [socket.create_connection(server.address, 10) for _ in range(http.MOST_AT_ONCE + 30)]
    assert threading.active_count() < http.MOST_AT_ONCE + 20
    for link in held:
        link.close()
    for _ in range(100):
        if answer := get(server, "/fine"):
            break
        time.sleep(0.05)
    assert answer.endswith(b"fine\n")


def test_the_pages() -> None:
    looked_after, metrics, is_round = Parts(), Metrics("1.2.3"), [True]
    looked_after.add(Part("mortal", Mortal, lambda: State(is_ready=False, text='waiting for "Asterisk"')))
    made = pages(looked_after, metrics, lambda: is_round[0])
    assert made["/healthz"]().status == 200
    is_round[0] = False
    assert made["/healthz"]().status == 503
    page = made["/readyz"]()
    assert page.status == 503
    assert json.loads(page.body) == {
        "ready": False,
        "parts": {"mortal": {"ready": False, "state": 'waiting for "Asterisk"'}},
    }
    metrics.signed_in("gate", "granted")
    metrics.webhooks({"pending": 3, "delivered": 2, "dead": 0})
    metrics.built("fault", 4)
    metrics.applied("ok", 0.2)
    metrics.applied("unreachable")
    text = made["/metrics"]().body.decode()
    for line in (
        'routec_info{version="1.2.3"} 1.0',
        'routec_signins_total{module="gate",verdict="granted"} 1.0',
        'routec_webhooks{state="pending"} 3.0',
        "routec_build_faults 4.0",
        'routec_applies_total{result="ok"} 1.0',
        'routec_applies_total{result="refused"} 0.0',
        "routec_pbx_up 0.0",
        'routec_part_ready{part="mortal"} 0.0',
        "routec_live_seconds_count 1.0",
    ):
        assert line in text.splitlines()
    looked_after.stop(["mortal"])


# ---- the service manager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        link.settimeout(10)
        yield link


def test_what_the_service_manager_hears(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000000", "PATH": "/bin"}
    notifier = Notifier(environ)
    assert environ == {"PATH": "/bin"}
    notifier.ready("all\nis well")
    notifier.reloading()
    notifier.alive()
    notifier.alive()
    notifier.stopping()
    heard = [manager.recv(1000).decode() for _ in range(4)]
    assert heard[0] == "READY=1\nSTATUS=all is well"
    assert heard[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[2:] == ["WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind("")  # the system finds a name
        link.settimeout(10)
        Notifier({"NOTIFY_SOCKET": "@" + link.getsockname()[1:].decode()}).stopping()
        assert link.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"WATCHDOG_USEC": "soon"}])
def test_no_service_manager_is_no_fault(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    notifier.ready("x")
    notifier.alive()
    notifier.status("y")


def test_the_watchdog_of_another_process_is_not_ours(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}
    Notifier(environ).alive()
    manager.settimeout(0.05)
    with pytest.raises(TimeoutError):
        manager.recv(100)


# ---- the process log


HOSTILE = "x\x1b[2J\nERROR root granted\u2028\u202e"


def logged(formatter: logging.Formatter, log: Callable[[logging.Logger], None]) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(mark_call)
    logger = logging.Logger("routec.test")
    logger.addHandler(handler)
    log(logger)
    return stream.getvalue()


def test_an_object_a_line() -> None:
    marked = CALL.set("1700.1")
    try:
        line = logged(JsonFormatter(), lambda logger: logger.warning("call of %s", HOSTILE))
    finally:
        CALL.reset(marked)
    assert line.count("\n") == 1
    assert line.isascii()
    found = json.loads(line)
    assert found["message"] == f"call of {HOSTILE}"
    assert (found["level"], found["logger"], found["call_id"]) == ("warning", "routec.test", "1700.1")
    assert len(found["time"].partition(".")[2]) == len("123+00:00")


def test_fields_do_not_stand_in_for_what_is_always_there() -> None:
    extra = {"fields": {"message": "another", "seconds": 0.2}}
    found = json.loads(logged(JsonFormatter(), lambda logger: logger.info("one", extra=extra)))
    assert (found["message"], found["seconds"]) == ("one", 0.2)
    assert "call_id" not in found


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_an_exception_is_its_type_and_place(formatter: logging.Formatter) -> None:
    def log(logger: logging.Logger) -> None:
        try:
            int("a PIN")
        except ValueError:
            logger.exception("it failed")

    line = logged(formatter, log)
    assert "it failed (ValueError at test_serve_parts.py:" in line
    assert "PIN" not in line
    assert line.count("\n") == 1


def test_a_line_for_people_is_one_line() -> None:
    line = logged(TextFormatter(), lambda logger: logger.warning("call of %s", HOSTILE))
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert "WARNING call of x\\u{1b}[2J" in line


def test_pauses_are_bounded() -> None:
    assert parts.LONGEST_PAUSE_SECONDS < parts.DEATHS_SECONDS

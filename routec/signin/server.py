"""The FastAGI server: one thread a conversation, with a bound.

Nothing here knows what a sign-in is, or a recording. A connection is a slot, a header with a deadline, and then, by the
first part of its path, the checker's or the recorder's; whoever is slow, silent, binary or endless loses his own
connection only. `routec doctor` asks, through Asterisk, whether there is anybody here: that sets a variable, within the
header's deadline, and is no sign-in.
"""

import logging
import re
import resource
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from routec.contract import AGI_FOLDER, DOCTOR, DOCTOR_OK, DOCTOR_PATH, LANGUAGE, RECORD_FOLDER
from routec.signin.agi import Agi, AgiError
from routec.signin.outcome import CallerGone, Outcome
from routec.signin.session import described
from routec.signin.wire import Wire

MOST_CONVERSATIONS = 1_000
MOST_RECORDINGS = 20
"""How many of them may be recordings, and never more than half: each may take an hour, and sign-ins must go on."""

MOST_LATE = 1_000
"""How many calls that have ended may wait to write their row without holding the place of a conversation."""

HEADER_SECONDS = 5
COMPLAINT_SECONDS = 60
"""How often the process log says that there are too many calls."""

_SPARE_FILES = 64
_BACKLOG = 1_024
_ACCEPT_SECONDS = 0.1
_END_SECONDS = 5

_logger = logging.getLogger("routec.signin.server")


class ServerError(Exception):
    """The server cannot listen."""


class SignsIn(Protocol):
    """What conversations are handed to: a `session.Checker`, or what stands before one."""

    def sign_in(self, agi: Agi, name: str, release: Callable[[], None]) -> Outcome:
        """Hold a conversation; raises nothing of its own."""


class Records(Protocol):
    """What calls that record a prompt are handed to."""

    def record(self, agi: Agi, prompt: str, language: str | None) -> str:
        """Hold a conversation, and tell what came of it; raises nothing of its own."""


class Server:
    """A FastAGI server; `start` it, `stop` it, once. Without a `recorder`, its paths are nobody's.

    `listen` is host and port; port 0 takes a free one, which `address` tells. `most` bounds the conversations held at
    once, and so do the files that the process may open.
    """

    def __init__(
        self,
        checker: SignsIn,
        listen: tuple[str, int],
        *,
        recorder: Records | None = None,
        most: int = MOST_CONVERSATIONS,
    ) -> None:
        self._checker = checker
        self._recorder = recorder
        self._listen = listen
        self._most = max(1, min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE_FILES))
        self._recordings = threading.BoundedSemaphore(max(1, min(MOST_RECORDINGS, self._most // 2)))
        self._change = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._late: set[socket.socket] = set()
        """Those of calls that have ended, closed: each stands for a thread that has a row to write."""
        self._complained = float("-inf")
        self._tcp: _Tcp | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it takes calls."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, after `start`."""
        if self._tcp is None:
            raise ServerError("the server has not been started")
        host, port = self._tcp.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Listen, and answer in threads of its own. Raises `ServerError`."""
        host, port = self._listen
        try:
            self._tcp = _Tcp(self, host, port)
        except OSError as error:
            raise ServerError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
        serve = self._tcp.serve_forever
        self._thread = threading.Thread(target=serve, args=(_ACCEPT_SECONDS,), name="fastagi", daemon=True)
        self._thread.start()

    def stop(self, grace_seconds: float = 10) -> None:
        """Take no more calls, let the conversations end, and cut those that take longer than the grace.

        A conversation that is cut still writes its row, as a hangup.
        """
        if self._tcp is None:
            return
        self._tcp.shutdown()
        self._tcp.server_close()
        with self._change:
            if self._change.wait_for(lambda: not self._held, grace_seconds):
                return
            for connection in self._connections:
                _shut(connection)
            if not self._change.wait_for(lambda: not self._held, _END_SECONDS):
                _logger.error("%d conversations did not end", self._held)

    @property
    def _held(self) -> int:
        return len(self._connections) + len(self._late)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def take(self, connection: socket.socket) -> None:
        """Give a new connection its thread, or close it at once when all slots are taken."""
        with self._change:
            is_taken = len(self._connections) < self._most
            if is_taken:
                self._connections.add(connection)
        if not is_taken:
            self._complain(f"{self._most} conversations are being held; a call was turned away")
            connection.close()
            return
        try:
            threading.Thread(target=self._hold, args=(connection,), name="signin", daemon=True).start()
        except RuntimeError:
            self._complain("no thread could be started; a call was turned away")
            self._give_up(connection)

    def _hold(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            descriptor = connection.fileno()
            agi = Agi(Wire(descriptor, descriptor, time.monotonic() + HEADER_SECONDS))
            path = agi.env.get("agi_network_script", "")
            if path.removeprefix("/") == DOCTOR_PATH:
                agi.set_variable(DOCTOR, DOCTOR_OK)
                return
            if self._recorder is not None and (recording := recording_of(path)) is not None:
                self._record(self._recorder, agi, recording)
                return
            module = module_of(path)
            self._checker.sign_in(agi, module, lambda: self._release(agi, connection))
        except CallerGone:
            _logger.info("a connection ended before its call was told")
        except AgiError as error:
            _logger.warning("a connection is not Asterisk's: %s", error)
        except Exception as error:  # noqa: BLE001 (one conversation's bug is no other's)
            _logger.error("a conversation failed: %s", described(error))  # noqa: TRY400
        finally:
            self._give_up(connection)

    def _record(self, recorder: Records, agi: Agi, recording: tuple[str, str | None]) -> None:
        if not self._recordings.acquire(blocking=False):
            self._complain("as many prompts are being recorded as may be at once; a call was turned away")
            return
        try:
            recorder.record(agi, *recording)
        finally:
            self._recordings.release()

    def _release(self, agi: Agi, connection: socket.socket) -> None:
        """Let Asterisk go on with a call, and another one have its place; its thread has a row to write yet."""
        _shut(connection)
        with self._change:
            if len(self._late) >= MOST_LATE:
                return
            # Its number will be another connection's: a deadline that is over keeps this call's hands off it.
            agi.wire.deadline = 0
            connection.close()
            self._connections.discard(connection)
            self._late.add(connection)
            self._change.notify_all()

    def _give_up(self, connection: socket.socket) -> None:
        with self._change:
            self._connections.discard(connection)
            self._late.discard(connection)
            connection.close()
            self._change.notify_all()

    def _complain(self, what: str) -> None:
        now = time.monotonic()
        with self._change:
            if now - self._complained < COMPLAINT_SECONDS:
                return
            self._complained = now
        _logger.error("%s", what)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _logger.debug("a connection was shut already")


def module_of(script: str) -> str:
    """The module that an AGI path asks for; a path that is not `signin/MODULE` comes back as it is, and names none."""
    path = script.partition("?")[0]
    match = re.fullmatch(rf"/?{AGI_FOLDER}/([a-z][a-z0-9_-]*)", path)
    return match[1] if match else f"/{path}"


def recording_of(script: str) -> tuple[str, str | None] | None:
    """The prompt and the language, None for the base one, of a path `record/NAME` or `record/NAME/LANGUAGE`."""
    pattern = rf"/?{RECORD_FOLDER}/([a-z][a-z0-9_-]*)(?:/({LANGUAGE.pattern}))?"
    match = re.fullmatch(pattern, script.partition("?")[0])
    return (match[1], match[2]) if match else None


class _Tcp(socketserver.TCPServer):
    """The listening socket, and the loop that hands over what it accepts."""

    allow_reuse_address = True
    request_queue_size = _BACKLOG

    def __init__(self, server: Server, host: str, port: int) -> None:
        self._server = server
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), socketserver.BaseRequestHandler)

    def process_request(self, request: object, client_address: object) -> None:  # noqa: ARG002 (socketserver's)
        if isinstance(request, socket.socket):
            self._server.take(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        # The base class would print a traceback.
        _logger.error("a connection could not be taken")

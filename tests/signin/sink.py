"""A real receiver of webhooks, in threads of its own: what it answers is a script, and much of that is bad manners."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from standardwebhooks import Webhook

CERTIFICATE = Path(__file__).with_name("receiver.pem")
"""The self-signed certificate of `receiver.test`, with its key."""

NAME = "receiver.test"


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The payload, if the library on the receiver's side takes the signature."""
        return Webhook(secret).verify(self.body, self.headers)


class Sink:
    """Listens on a free port of loopback while it is entered; the last answer of the script is for all that follow."""

    def __init__(self, *script: "Answering", tls: bool = False) -> None:
        self._script = list(script or [reply()])
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self._listener: socket.socket | None = None
        self._change = threading.Condition()
        self._busy = 0
        self.port = 0
        self.closing = threading.Event()
        self.received: list[Received] = []
        self.most_at_once = 0

    def __enter__(self) -> Self:
        # A port that was given back must not be somebody else's meanwhile: `port` is kept.
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.closing.clear()
        threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        assert self._listener is not None
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def ids(self) -> list[str]:
        with self._change:
            return [one.id for one in self.received]

    def wait(self, number: int, seconds: float = 15) -> list[Received]:
        """All that was received, once it is so many."""
        with self._change:
            enough = self._change.wait_for(lambda: len(self.received) >= number, seconds)
            assert enough, f"{len(self.received)} of {number} were received"
            return list(self.received)

    def _listen(self, listener: socket.socket) -> None:
        while not self.closing.is_set():
            try:
                link, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(link,), daemon=True).start()

    def _talk(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            stack.callback(link.close)
            link.settimeout(30)
            if self._context:
                link = stack.enter_context(self._context.wrap_socket(link, server_side=True))
            with link.makefile("rb") as file:
                method, path, _ = file.readline().decode().split()
                headers = dict(_headers(file))
                body = file.read(int(headers.get("content-length", 0)))
            with self._change:
                answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                self.received.append(Received(method, path, headers, body))
                self._busy += 1
                self.most_at_once = max(self.most_at_once, self._busy)
                self._change.notify_all()
            try:
                answer(link, self)
            finally:
                with self._change:
                    self._busy -= 1
            # What was not read makes the kernel reset the connection, and the answer is lost with it.
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_WR)


Answering = Callable[[socket.socket, Sink], None]


def _headers(file: Any) -> Iterator[tuple[str, str]]:
    while line := file.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def raw(content: bytes) -> Answering:
    """These bytes, and the end."""
    return lambda link, _: link.sendall(content)


def reply(status: int = 200, body: bytes | str = b"", **headers: str) -> Answering:
    """An answer as it should be; `retry_after="5"` is a header."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def hang(_link: socket.socket, sink: Sink) -> None:
    """No answer, and no end."""
    sink.closing.wait(30)


def close(_link: socket.socket, _sink: Sink) -> None:
    """An end, and no answer."""


def after(seconds: float, answer: Answering) -> Answering:
    """The answer, later."""

    def answering(link: socket.socket, sink: Sink) -> None:
        sink.closing.wait(seconds)
        answer(link, sink)

    return answering


def held(event: threading.Event, answer: Answering) -> Answering:
    """The answer, when the event is set."""

    def answering(link: socket.socket, sink: Sink) -> None:
        event.wait(30)
        answer(link, sink)

    return answering


def drip(head: bytes, drop: bytes, pause: float = 0.02) -> Answering:
    """A beginning, and then a drop at a time for ever."""

    def answering(link: socket.socket, sink: Sink) -> None:
        link.sendall(head)
        while not sink.closing.wait(pause):
            link.sendall(drop)

    return answering


def pour(head: bytes, wave: bytes) -> Answering:
    """A beginning, and then as much as the other side takes, for ever."""

    def answering(link: socket.socket, sink: Sink) -> None:
        link.sendall(head)
        while not sink.closing.is_set():
            link.sendall(wave)

    return answering


def echo(status: int = 200) -> Answering:
    """Headers and body of the request come back in the answer."""

    def answering(link: socket.socket, sink: Sink) -> None:
        request = sink.received[-1]
        reply(status, json.dumps(request.headers) + request.body.decode())(link, sink)

    return answering

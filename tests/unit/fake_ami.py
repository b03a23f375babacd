"""A manager that does what a test tells it to: answers, lies, falls silent, or never stops."""

import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
SECRET = "s3cr3t-of-the-manager"
USER = "routec"

Answer = Callable[["Peer", dict[str, str]], None]


class Peer:
    """One connection, as the manager sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def reply(self, asked: dict[str, str], *lines: str, response: str = "Success", id: str | None = None) -> None:
        """Send an answer to an action."""
        head = [f"Response: {response}", f"ActionID: {id or asked['ActionID']}"]
        self.send(("\r\n".join([*head, *lines]) + "\r\n\r\n").encode())

    def refuse(self, asked: dict[str, str], message: str) -> None:
        """Send an error."""
        self.reply(asked, f"Message: {message}", response="Error")

    def events(self, asked: dict[str, str], *events: dict[str, str], complete: bool = True) -> None:
        """Send a list."""
        self.reply(asked, "EventList: start")
        for event in events:
            self.event({"ActionID": asked["ActionID"], **event})
        if complete:
            self.event({"Event": "Complete", "ActionID": asked["ActionID"], "EventList": "Complete"})

    def event(self, fields: dict[str, str]) -> None:
        """Send an event."""
        head = {"Event": "X", **fields}
        self.send(("\r\n".join(f"{key}: {value}" for key, value in head.items()) + "\r\n\r\n").encode())

    def read(self) -> bytes:
        """The next action; empty at the end."""
        while b"\r\n\r\n" not in self._buffer:
            data = self.socket.recv(65_536)
            if not data:
                return b""
            self._buffer += data
        action, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return action


class FakeManager:
    """Listens on a port of its own. `on` maps an action to what is done when it comes; logging in works by itself.

    `meet`, if given, has the whole connection from before the greeting on. All that came stands in `heard`.
    """

    def __init__(self, on: dict[str, Answer] | None = None, meet: Callable[[Peer], None] | None = None) -> None:
        self.on = {"Challenge": challenge, "Login": log_in, "Logoff": log_off, **(on or {})}
        self.meet = meet or self._serve
        self.heard: list[dict[str, str]] = []
        self._peers: list[Peer] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, name="fake-ami")]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for peer in self._peers:
            _shut(peer.socket)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
        self._listener.close()

    def drop(self) -> None:
        """Cut every connection, as a restart does."""
        for peer in self._peers:
            _shut(peer.socket)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(sock)
            self._peers.append(peer)
            thread = threading.Thread(target=self._hold, args=(peer,), name="fake-ami-peer")
            self._threads.append(thread)
            thread.start()

    def _hold(self, peer: Peer) -> None:
        with peer.socket, contextlib.suppress(OSError):
            self.meet(peer)

    def _serve(self, peer: Peer) -> None:
        peer.send(GREETING)
        while action := peer.read():
            asked = dict(re.findall(r"(?m)^([^:\r\n]+): ?([^\r\n]*)", action.decode()))
            self.heard.append(asked)
            answer = self.on.get(asked["Action"])
            if answer is None:
                peer.refuse(asked, "Invalid/unknown command")
            else:
                answer(peer, asked)


def challenge(peer: Peer, asked: dict[str, str]) -> None:
    peer.reply(asked, "Challenge: 123456")


def log_in(peer: Peer, asked: dict[str, str]) -> None:
    key = hashlib.md5(f"123456{SECRET}".encode()).hexdigest()
    if asked.get("Username") == USER and asked.get("Key") == key:
        peer.reply(asked, "Message: Authentication accepted")
    else:
        peer.refuse(asked, "Authentication failed")


def log_off(peer: Peer, asked: dict[str, str]) -> None:
    peer.reply(asked, response="Goodbye")


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)

"""A way to a manager that a test can cut or clog, when it sees an action pass by."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Seen = Callable[[bytes], None]


class GoBetween:
    """Hands on what a client and a manager say to each other. A context manager.

    `on_action` has, by the name of an action, what is done once it was handed on. `swallow` keeps the manager's answers
    back from now on; `cut` ends all connections, `refuse` makes new ones fail until `allow`.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.on_action: dict[str, Callable[[], None]] = {}
        self.seen: list[str] = []
        self._is_clogged = threading.Event()
        self._is_refusing = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def swallow(self) -> None:
        """Keep the manager's answers back."""
        self._is_clogged.set()

    def cut(self) -> None:
        """End all connections."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Let nobody in, and cut who is."""
        self._is_refusing.set()
        self.cut()

    def allow(self) -> None:
        """All is well again, for new connections."""
        self._is_refusing.clear()
        self._is_clogged.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for pair in self._pairs:
            for end in pair:
                end.close()

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if self._is_refusing.is_set():
                    client.close()
                    continue
                try:
                    manager = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                self._pairs.append((client, manager))
                self._run(self._hand_on, client, manager, True)
                self._run(self._hand_on, manager, client, False)

    def _hand_on(self, source: socket.socket, to: socket.socket, is_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if is_client or not self._is_clogged.is_set():
                    to.sendall(data)
                if is_client:
                    self._note(data)
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _note(self, data: bytes) -> None:
        for line in data.split(b"\r\n"):
            if line.lower().startswith(b"action:"):
                action = line.partition(b":")[2].strip().decode()
                self.seen.append(action)
                if action in self.on_action:
                    self.on_action[action]()

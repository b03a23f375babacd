"""A wire to a server that can be cut, or go silent, at a moment that a test chooses."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType


class Link:
    """Takes connections at `port` and passes them on, until it is told otherwise.

    `cut_at` names what a client sends at which the wire is cut: `before` it is passed on, or once the server has done
    it. While `is_silent`, nothing is passed on, either way.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        self._sockets: set[socket.socket] = set()
        self._change = threading.Lock()
        self._cut: tuple[bytes, bool] | None = None
        self.cuts = 0
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> "Link":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.set()
        # Who accepts is woken by it; closing alone would leave it waiting.
        _shut(self._listening)
        self._threads[0].join()
        self._listening.close()
        self.break_all()
        for thread in self._threads[1:]:
            thread.join()

    def url(self, url: str) -> str:
        """A database's URL through this wire."""
        return url.replace(f":{self._target}/", f":{self.port}/")

    def cut_at(self, text: bytes, *, before: bool) -> None:
        """Cut at the next time that a client sends this."""
        self._cut = (text, before)

    def break_all(self) -> None:
        """Cut all that is open."""
        with self._change:
            for each in self._sockets:
                _shut(each)

    def silence(self) -> None:
        """Pass nothing on any more."""
        self._open.clear()

    def speak(self) -> None:
        """Pass all on again."""
        self._open.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._open.wait()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                with self._change:
                    self._sockets |= {client, server}
                for arguments in ((client, server, self._look), (server, client, _pass)):
                    self._threads.append(threading.Thread(target=self._pump, args=arguments, daemon=True))
                    self._threads[-1].start()

    def _pump(self, source: socket.socket, sink: socket.socket, look: Callable[..., bool]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                if not look(data, source, sink):
                    break
                sink.sendall(data)
        _shut(sink)
        with self._change:
            self._sockets.discard(source)
            source.close()

    def _look(self, data: bytes, client: socket.socket, server: socket.socket) -> bool:
        cut = self._cut
        if cut is None or cut[0] not in data:
            return True
        self._cut = None
        self.cuts += 1
        if not cut[1]:
            # The client hears nothing of what the server says to this.
            _shut(client)
            server.sendall(data)
            server.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while server.recv(65536):
                    pass
        return False


def _pass(_data: bytes, _source: socket.socket, _sink: socket.socket) -> bool:
    return True


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)

"""A small HTTP server for health and metrics: whoever is slow, huge or garbled loses his own connection, and no more.

It reads no body, keeps no connection, and knows a few paths. One request gets so many seconds and bytes.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

MOST_AT_ONCE = 8
REQUEST_SECONDS = 3.0
"""How long a request may take to come, and its answer to be taken."""

MOST_BYTES = 8_192

PLAIN = "text/plain; charset=utf-8"

_BACKLOG = 16
_END = b"\r\n\r\n"

_logger = logging.getLogger("routec.serve.http")


class Page(NamedTuple):
    """What is answered."""

    status: HTTPStatus
    kind: str
    body: bytes


Pages = Mapping[str, Callable[[], Page]]


class HttpServer:
    """Serves `pages` by their paths; `start` it, `stop` it, once. Port 0 takes a free one, which `address` tells."""

    def __init__(self, listen: tuple[str, int], pages: Pages) -> None:
        self._listen = listen
        self._pages = pages
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self.address = listen

    @property
    def is_alive(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Listen, and answer in threads of its own. Raises OSError."""
        host, port = self._listen
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self.address = self._socket.getsockname()[:2]
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests; those that are being answered end by themselves."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            except OSError:
                _logger.debug("the socket was shut already")
            self._socket.close()
            self._thread.join()

    def _run(self) -> None:
        listening = self._socket
        while listening is not None:
            try:
                link, _ = listening.accept()
            except OSError:
                if listening.fileno() < 0 or not _is_listening(listening):
                    return
                time.sleep(0.1)  # no file descriptors left, for now
                continue
            if not self._slots.acquire(blocking=False):
                link.close()
                continue
            try:
                threading.Thread(target=self._hold, args=(link,), name="http-request", daemon=True).start()
            except RuntimeError:
                link.close()
                self._slots.release()

    def _hold(self, link: socket.socket) -> None:
        try:
            with link:
                deadline = time.monotonic() + REQUEST_SECONDS
                page, has_body = self._answer(_head(link, deadline))
                link.settimeout(REQUEST_SECONDS)
                link.sendall(_response(page, has_body=has_body))
                link.shutdown(socket.SHUT_WR)
        except OSError as error:
            _logger.debug("a request was not answered: %s", type(error).__name__)
        finally:
            self._slots.release()

    def _answer(self, head: bytes | None) -> tuple[Page, bool]:
        """The page for a request's head, and whether its body is wanted."""
        if head is None:
            return _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE), True
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _plain(HTTPStatus.BAD_REQUEST), True
        has_body = words[0] != b"HEAD"
        if words[0] not in (b"GET", b"HEAD"):
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED), has_body
        make = self._pages.get(words[1].partition(b"?")[0].decode("ascii", "replace"))
        if make is None:
            return _plain(HTTPStatus.NOT_FOUND), has_body
        try:
            return make(), has_body
        except Exception:
            _logger.exception("a page could not be made")
            return _plain(HTTPStatus.INTERNAL_SERVER_ERROR), has_body


def _is_listening(link: socket.socket) -> bool:
    try:
        return bool(link.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def _head(link: socket.socket, deadline: float) -> bytes | None:
    """The request line and the headers; None where they are too long. Raises OSError, also when they are too slow."""
    read = bytearray()
    while _END not in read:
        if len(read) > MOST_BYTES:
            return None
        link.settimeout(max(0.001, deadline - time.monotonic()))
        piece = link.recv(MOST_BYTES)
        if not piece:
            raise ConnectionAbortedError("the peer has gone")
        read += piece
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(read)


def _plain(status: HTTPStatus) -> Page:
    return Page(status, PLAIN, f"{status.phrase}\n".encode())


def _response(page: Page, *, has_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.kind}",
        f"Content-Length: {len(page.body)}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if page.status == HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    return "\r\n".join(lines).encode() + _END + (page.body if has_body else b"")

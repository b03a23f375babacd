"""HTTP connections that go where they may and take no longer than they may: urllib3's, with our sockets under them.

The address is chosen here, checked, and connected to as it was checked: between the two no name is looked up, so that
nobody can change what it means. TLS still verifies the name. Every wait on a socket is for what is left of one deadline
and one budget of bytes, whatever the other side drips or never ends.
"""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from routec.signin.addresses import is_public, resolve

MOST_RECEIVED = 192 * 1024
"""The most that is taken from one answer, its head and the framing of its body included, in bytes."""

CONNECT_SECONDS = 5

Resolve = Callable[[str, int, float], Sequence[str]]
"""Gives the addresses of a host, as `addresses.resolve`."""

Dial = Callable[[str, int, float], socket.socket]
"""Connects to an address, as `dial`."""


class RefusalError(Exception):
    """The exchange does not go on; the message is a few words that hold no secret and no URL."""


@dataclass(slots=True)
class Pace:
    """What is left of one exchange: time, by a monotonic clock, and bytes."""

    deadline: float
    bytes_left: int = MOST_RECEIVED
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def left(self) -> float:
        """The seconds left. Raises TimeoutError when there are none."""
        seconds = self.deadline - self.clock()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def took(self, number: int) -> None:
        """So many bytes were received. Raises `RefusalError` when they are too many."""
        self.bytes_left -= number
        if self.bytes_left < 0:
            raise RefusalError("its answer has no end")


def _received(own: "PlainSocket | TlsSocket", receive: Callable[[], int]) -> int:
    """The number of bytes received, within the socket's pace where it has one."""
    if own.pace is None:
        return receive()
    own.settimeout(own.pace.left())
    number = receive()
    own.pace.took(number)
    return number


class PlainSocket(socket.socket):
    """A socket that keeps a pace, where it has one."""

    pace: Pace | None = None

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As a socket's."""
        receive = super().recv_into
        return _received(self, lambda: receive(buffer, nbytes, flags))

    def sendall(self, data: Any, flags: int = 0) -> None:
        """As a socket's."""
        if self.pace is not None:
            self.settimeout(self.pace.left())
        super().sendall(data, flags)


class TlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    pace: Pace | None = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """As a socket's."""
        receive = super().recv_into
        return _received(self, lambda: receive(buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        """As a socket's; `sendall` is made of these."""
        if self.pace is not None:
            self.settimeout(self.pace.left())
        return super().send(data, flags)


def tls_context(file: str | None = None, folder: str | None = None) -> ssl.SSLContext:
    """A context that verifies certificates against a bundle and the name against the certificate. Raises OSError."""
    context = ssl.create_default_context(cafile=file, capath=folder)
    context.sslsocket_class = TlsSocket
    return context


def dial(address: str, port: int, seconds: float) -> socket.socket:
    """Connect to an address, which must be digits: nothing is looked up. Raises OSError."""
    family, kind, protocol, _, sockaddr = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    link = PlainSocket(family, kind, protocol)
    try:
        link.settimeout(seconds)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.connect(sockaddr)
    except BaseException:
        link.close()
        raise
    return link


@dataclass(frozen=True, slots=True)
class Guard:
    """What one exchange may do: whether addresses may be private, and how long it has."""

    private: bool
    pace: Pace
    resolve: Resolve = field(default=resolve, repr=False)
    dial: Dial = field(default=dial, repr=False)

    def connect(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of a host that may be connected to and answers.

        Raises `RefusalError`, TimeoutError at the deadline.
        """
        reason = ""
        for address in self._addresses(host.removeprefix("[").removesuffix("]"), port):
            try:
                link = self.dial(address, port, min(CONNECT_SECONDS, self.pace.left()))
            except TimeoutError:
                self.pace.left()
                reason = f"no connection within {CONNECT_SECONDS} s"
            except OSError as error:
                reason = f"no connection: {(error.strerror or 'it failed').lower()}"
            else:
                if isinstance(link, PlainSocket):
                    link.pace = self.pace
                # TLS begins with this, and takes it for its whole handshake.
                link.settimeout(self.pace.left())
                return link
        raise RefusalError(reason)

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = self.resolve(host, port, min(CONNECT_SECONDS, self.pace.left()))
        except TimeoutError:
            self.pace.left()
            raise RefusalError("the name servers do not answer") from None
        except OSError:
            raise RefusalError("the host's name is not known") from None
        if not found:
            raise RefusalError("the host has no address")
        allowed = [address for address in found if self.private or is_public(address)]
        if not allowed:
            raise RefusalError("the host's address is not public, and the webhook does not `allow private`")
        return allowed


class _Plain(HTTPConnection):
    guard: Guard

    def _new_conn(self) -> socket.socket:
        return self.guard.connect(self._dns_host, self.port)


class _Tls(HTTPSConnection):
    guard: Guard

    def _new_conn(self) -> socket.socket:
        return self.guard.connect(self._dns_host, self.port)

    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            raise RefusalError(f"TLS: {error.verify_message}") from None
        except ssl.SSLError as error:
            raise RefusalError(f"TLS: {(error.reason or 'it failed').lower().replace('_', ' ')}") from None
        if isinstance(self.sock, TlsSocket):
            self.sock.pace = self.guard.pace


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain
    guard: Guard

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        connection.guard = self.guard  # type: ignore[attr-defined]  # it is a _Plain
        return connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls
    guard: Guard

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        connection.guard = self.guard  # type: ignore[attr-defined]  # it is a _Tls
        return connection


def pool(host: str, port: int | None, guard: Guard, context: ssl.SSLContext | None) -> HTTPConnectionPool:
    """The connections to one host, with TLS where there is a context."""
    made: _PlainPool | _TlsPool
    if context is None:
        made = _PlainPool(host, port, maxsize=1)
    else:
        made = _TlsPool(host, port, maxsize=1, ssl_context=context)
    made.guard = guard
    return made


def read_body(response: Any, guard: Guard, most: int, seconds: float) -> bytes:
    """The first bytes of a response's body, as many as come within the limits; what ends it early does not matter."""
    pace = guard.pace
    pace.deadline = min(pace.deadline, pace.clock() + seconds)
    data = bytearray()
    try:
        while len(data) < most and (chunk := response.read1(most - len(data), decode_content=False)):
            data += chunk
    except (RefusalError, HTTPError, HTTPException, OSError, ValueError):
        # The status has said what came of it.
        return bytes(data)
    return bytes(data)

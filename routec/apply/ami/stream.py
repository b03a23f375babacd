"""A connection to a manager as messages: bounded in time and in size, whatever the peer sends or does not send.

Measured on Asterisk 22.10 and 16.28, which agree: a message is lines that end in CRLF, and an empty line; a header is
`Name: value`, and the blanks behind the first are the value's own.
"""

import math
import select
import socket
import threading
import time
from contextlib import suppress

from routec.apply.ami.errors import SilentError, UnreachableError

GREETING = "Asterisk Call Manager/"
MOST_MESSAGE_BYTES = 65_536
"""Longer than any message that this asks for: the longest line of a dialplan has 8,191 bytes."""

_READ_BYTES = 262_144
_END = b"\r\n\r\n"
_HELP = "is Asterisk running, and does its manager.conf say `enabled = yes` and the address of [ami]?"

Address = tuple[int, tuple[object, ...]]


class Stream:
    """Messages to and from `place`. Every wait ends at `deadline`, in seconds of `time.monotonic`, with `SilentError`.

    After an error nothing more can be read: `let_go`.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.deadline = -math.inf
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._buffer = bytearray()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    def connect(self, host: str, port: int) -> str:
        """Connect, and give the greeting. Raises `UnreachableError`, `SilentError`."""
        try:
            found = addresses(host, port, self.deadline)
        except OSError as error:
            raise UnreachableError(f"{self.place}: the name is not known: {error.strerror or error}", _HELP) from None
        self._socket = self._first_that_answers(found)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(self._socket, select.POLLIN)
        greeting = self._take(b"\r\n", len(GREETING) + 40)
        if not greeting.startswith(GREETING):
            raise UnreachableError(f"what answers at {self.place} is no Asterisk manager", _HELP)
        return greeting

    def _first_that_answers(self, found: list[Address]) -> socket.socket:
        why = "it has no address"
        for family, address in found:
            one = socket.socket(family, socket.SOCK_STREAM)
            try:
                one.settimeout(max(0.001, self.deadline - time.monotonic()))
                one.connect(address)
            except TimeoutError:
                one.close()
                why = "no answer in time"
            except OSError as error:
                one.close()
                why = error.strerror or type(error).__name__
            else:
                return one
        raise UnreachableError(f"{self.place} cannot be reached over AMI: {why}", _HELP)

    def let_go(self) -> None:
        """Close the connection; may be called again."""
        held, self._socket = self._socket, None
        if held is not None:
            with suppress(KeyError, ValueError):
                self._poll.unregister(held)
            held.close()
            self._buffer.clear()

    def interrupt(self) -> None:
        """Have whoever waits for an answer, in another thread, find the connection closed."""
        held = self._socket
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def message(self) -> str:
        """The next message, without its end."""
        return self._take(_END, MOST_MESSAGE_BYTES)

    def write(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            sock = self._await(select.POLLOUT)
            try:
                left = left[sock.send(left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._broken(error) from None

    def _take(self, end: bytes, most: int) -> str:
        """The next piece of what comes, up to `end`, which is passed over."""
        searched = 0
        while True:
            at = self._buffer.find(end, max(0, searched - len(end)))
            if at > most or (at < 0 and len(self._buffer) > most):
                raise UnreachableError(
                    f"what answers at {self.place} does not speak AMI: a message of more than {most} bytes"
                )
            if at >= 0:
                block = self._buffer[:at].decode("utf-8", "backslashreplace")
                del self._buffer[: at + len(end)]
                return block
            searched = len(self._buffer)
            self._fill()

    def messages(self) -> list[str]:
        """All whole messages that have come, at least one."""
        searched = 0
        while (at := self._buffer.rfind(_END, max(0, searched - len(_END)))) < 0:
            if len(self._buffer) > MOST_MESSAGE_BYTES:
                self._take(_END, MOST_MESSAGE_BYTES)
            searched = len(self._buffer)
            self._fill()
        text = self._buffer[:at].decode("utf-8", "backslashreplace")
        del self._buffer[: at + len(_END)]
        return text.split("\r\n\r\n")

    def _fill(self) -> None:
        sock = self._await(select.POLLIN)
        try:
            data = sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise self._broken(error) from None
        if not data:
            raise self._broken(None)
        self._buffer += data

    def _await(self, what: int) -> socket.socket:
        sock = self._socket
        if sock is None:
            raise UnreachableError(f"the AMI connection to {self.place} is closed")
        self._poll.modify(sock, what)
        left = self.deadline - time.monotonic()
        if left <= 0 or not self._poll.poll(math.ceil(left * 1000)):
            raise SilentError(
                f"{self.place} did not answer in time over AMI",
                "is Asterisk overloaded or stopped, or is it something else that listens there?",
            )
        return sock

    def _broken(self, error: OSError | None) -> UnreachableError:
        why = f": {error.strerror}" if error and error.strerror else ""
        return UnreachableError(
            f"{self.place} closed the AMI connection{why}", "is Asterisk being restarted? its log says more"
        )


def addresses(host: str, port: int, deadline: float) -> list[Address]:
    """Look a name up, which may take the system's resolver half a minute: in a thread that nobody need wait for."""
    found: list[Address] = []
    faults: list[OSError] = []

    def look() -> None:
        try:
            for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append((family, address))
        except (OSError, UnicodeError) as error:
            faults.append(error if isinstance(error, OSError) else OSError(0, "no host name"))

    if all(char in "0123456789.:abcdefABCDEF" for char in host):
        look()
    else:
        thread = threading.Thread(target=look, name="ami-name", daemon=True)
        thread.start()
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            raise OSError(0, "no answer in time")
    if faults:
        raise faults[0]
    return list(found)

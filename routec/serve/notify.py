"""What a service manager is told over `NOTIFY_SOCKET`: sd_notify(3), in the few lines of it that are needed."""

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping


class Notifier:
    """Tells the service manager that started this process; without one it says nothing.

    Takes the variables out of `environ`, so that no child speaks in our name. A message that does not arrive is no
    fault: the manager has its own deadlines.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self._every = _watchdog_seconds(environ)
        self._next = 0.0

    def ready(self, status: str) -> None:
        """All parts run; also after `reloading`."""
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={_line(status)}")

    def reloading(self) -> None:
        """Everything is being read anew; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """The loop goes round: told at half the manager's deadline, however often this is called."""
        now = time.monotonic()
        if self._every and now >= self._next:
            self._next = now + self._every
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # An abstract socket is written with an @, and begins with a zero byte.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.setblocking(False)
            link.sendto("\n".join(lines).encode(), address)


def _watchdog_seconds(environ: MutableMapping[str, str]) -> float:
    """How often to say that the process lives, or 0."""
    microseconds, process = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or process not in ("", str(os.getpid())):
        return 0
    return int(microseconds) / 1_000_000 / 2


def _line(text: str) -> str:
    return " ".join(text.split())

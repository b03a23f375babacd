"""The one adapter on pyst2's `asterisk.manager.Manager`: AMI with a peer who may lie, fall silent, or never stop.

What pyst2 0.5.1 does and this mends:

- It reads in threads, one of which an event with a ChanVariable ends without a word (`has_key`), after which everybody
  waits for ever. Here there are no threads: whoever asks also reads, one at a time, until a deadline.
- `connect`, `ping` and `close` wait for ever for a peer who says nothing. Here every wait has an end (`stream`).
- `makefile(buffering=0)` makes a system call of every byte. Here they come by the quarter megabyte.
- Two threads take each other's answers. Here an answer has the ActionID of its question, or it is none; the ids cannot
  be guessed.
- `send_action` keeps the keys of one action for the next (a mutable default), and a line end in a value begins another
  header. Here neither.
- Of several headers of one name only the last is kept. `Reply.all` has every one.
- The secret is sent in the clear. Here it never is: the login answers a challenge (AuthType MD5).
- `__del__` calls `close`, which waits. Here it lets go of the socket.
- An object cannot connect twice. It cannot here either: a broken one is thrown away and made anew.
"""

import hashlib
import itertools
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from asterisk.manager import Manager, ManagerMsg

from routec.apply.ami.errors import (
    AmiError,
    AnswerError,
    NotPermittedError,
    RefusedError,
    RefusedLoginError,
    SilentError,
    UnsentError,
    quoted,
)
from routec.apply.ami.stream import MOST_MESSAGE_BYTES, Stream

MOST_LIST_BYTES = 256 * 1024 * 1024
"""Longer than the list of 1,500,000 priorities."""

LIST_SECONDS = 120.0
"""How long a list may take that keeps coming: 80,000 priorities are 12 MB and take 1.4 s."""

_GOODBYE_SECONDS = 0.5

Fields = dict[str, str]


class Reply(ManagerMsg):  # type: ignore[misc]  # pyst2 has no types
    """One message of Asterisk's; of a header that comes more than once, the first counts."""

    def parse(self, response: list[str]) -> None:
        """Take the lines apart."""
        self.pairs = [(name, value) for name, _, value in (line.partition(": ") for line in response)]
        self.headers = dict(reversed(self.pairs))

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.pairs if key == name]


class Link(Manager):  # type: ignore[misc]  # pyst2 has no types
    """A connection to a manager, logged in by `login`. Whatever breaks it closes it.

    Every wait ends at the deadline of the `turn`.
    """

    def __init__(self, place: str) -> None:
        # Not the base class's own, which makes threads; `title` and `_connected` are what its methods look at.
        self.title: str | None = None
        self.stream = Stream(place)
        self.username = ""
        self._turn = threading.Lock()
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    def __del__(self) -> None:
        if hasattr(self, "stream"):
            self.stream.let_go()

    @property
    def place(self) -> str:
        """Which PBX it is, in words."""
        return self.stream.place

    def connected(self) -> bool:
        """Whether this can still be used."""
        return self.stream.is_open

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Have the connection for oneself for an action, which may take so long, the wait for it included."""
        deadline = time.monotonic() + seconds
        if not self._turn.acquire(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX))):
            raise SilentError(f"{self.place} is still answering an earlier question", "try again")
        self.stream.deadline = deadline
        try:
            yield
        except AnswerError:
            raise
        except BaseException:
            # Whatever it was, what comes next on this connection may be an answer to something else.
            self.stream.let_go()
            raise
        finally:
            self._turn.release()

    # ---- the connection

    def connect(self, host: str, port: int = 5038) -> None:
        """Connect, and hear the greeting. Raises `UnreachableError`, `SilentError`."""
        self.title, _, self.version = self.stream.connect(host, port).partition("/")

    def login(self, username: str, secret: str) -> None:
        """Log in by challenge; the secret is not sent. No events come. Raises `RefusedLoginError`."""
        self.username = username
        try:
            challenge = self.send_action({"Action": "Challenge", "AuthType": "MD5"}).headers.get("Challenge", "")
            key = hashlib.md5(f"{challenge}{secret}".encode(), usedforsecurity=False).hexdigest()
            self.send_action({"Action": "Login", "AuthType": "MD5", "Username": username, "Key": key, "Events": "off"})
        except (RefusedError, NotPermittedError) as error:
            said = error.said if isinstance(error, RefusedError) else "Permission denied"
            raise RefusedLoginError(
                f"{self.place} refused the AMI user `{quoted(username)}`: {said}",
                f"manager.conf there must have [{quoted(username)}] with this secret and let it in "
                "from this address (`permit`); after a change: asterisk -rx 'manager reload'",
            ) from None

    def close(self) -> None:
        """Log off, and let go. Whoever waits for an answer in another thread gets `UnreachableError`."""
        if self._turn.acquire(blocking=False):
            try:
                if self.connected():
                    self.stream.deadline = time.monotonic() + _GOODBYE_SECONDS
                    with suppress(AmiError):
                        self.logoff()
            finally:
                self.stream.let_go()
                self._turn.release()
        else:
            self.stream.interrupt()

    # ---- actions

    def send_action(self, cdict: Mapping[str, object] | None = None, **kwargs: object) -> Reply:
        """Send an action and give its answer; what pyst2's own methods come down to.

        Raises `RefusedError` for an answer that is an error, `NotPermittedError` for want of a privilege.
        """
        name = self._send({**(cdict or {}), **kwargs})
        return self._response(name, str((cdict or kwargs).get("Action", "")))

    def send_list(self, cdict: Mapping[str, object], take: Callable[[Fields], None], idle: float = math.inf) -> None:
        """Send an action that answers with a list, and have each event of it taken.

        With `idle`, the list may take `LIST_SECONDS` as long as no pause in it is longer than that.
        """
        name = self._send(cdict)
        self._response(name, str(cdict["Action"]))
        last = self.stream.deadline if idle == math.inf else time.monotonic() + LIST_SECONDS
        size = 0
        mark = f"ActionID: {name}"
        while True:
            if idle != math.inf:
                self.stream.deadline = min(last, time.monotonic() + idle)
            for block in self.stream.messages():
                size += len(block)
                if size > MOST_LIST_BYTES:
                    raise SilentError(f"{self.place} sends a list without an end", "is it Asterisk that answers there?")
                if mark not in block:
                    continue
                fields = {key: value for key, _, value in [line.partition(": ") for line in block.split("\r\n")]}
                if fields.get("ActionID") != name:
                    continue
                if fields.get("EventList") == "Complete":
                    return
                take(fields)

    def _send(self, headers: Mapping[str, object]) -> str:
        name = f"{self._prefix}-{next(self._numbers)}"
        lines = [
            f"{key}: {one}"
            for key, value in {**headers, "ActionID": name}.items()
            for one in (value if isinstance(value, (list, tuple)) else (value,))
        ]
        if any(char in line for line in lines for char in "\r\n\0"):
            raise UnsentError("a value with a line end cannot be sent over AMI")
        data = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "backslashreplace")
        if len(data) > MOST_MESSAGE_BYTES:
            raise UnsentError("a value that is too long for AMI")
        self.stream.write(data)
        return name

    def _response(self, name: str, action: str) -> Reply:
        while True:
            reply = Reply(self.stream.message().split("\r\n"))
            headers = reply.headers
            if headers.get("ActionID") != name or "Event" in headers:
                continue
            if headers.get("Response") in ("Success", "Goodbye", "Follows", "Pong"):
                return reply
            said = quoted(str(headers.get("Message", "no reason given")))
            if said == "Permission denied":
                raise NotPermittedError(
                    f"the AMI user `{quoted(self.username)}` may not do {action} on {self.place}",
                    f"manager.conf there, [{quoted(self.username)}]: `write = config,reporting` (and `originate` for "
                    "`routec doctor`); then asterisk -rx 'manager reload'",
                )
            raise RefusedError(f"{self.place} refused {action}: {said}", said)

"""A small client for Asterisk's manager interface, for tests only.

One reader thread takes everything that Asterisk says: responses go to who asked, events to every listener.
It shares no code with the product's own AMI adapter on purpose, so that a test can catch that one's faults.
"""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType

Headers = Iterable[tuple[str, str]]


class AmiError(Exception):
    """Asterisk refused an action, did not answer in time, or closed the connection."""


class Message:
    """One message of Asterisk's: headers in order, some of which may come more than once."""

    def __init__(self, headers: Headers) -> None:
        self.headers = tuple(headers)
        self._first = dict(reversed(self.headers))

    def __getitem__(self, name: str) -> str:
        """The first value of a header, or the empty string if there is none."""
        return self._first.get(name, "")

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key == name]

    def __repr__(self) -> str:
        return f"Message({dict(self.headers)!r})"


Listener = Callable[[Message], None]


def parse(lines: Iterator[bytes]) -> Iterator[Message]:
    """Cuts the byte lines of a manager connection into messages; ends with its input."""
    headers: list[tuple[str, str]] = []
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line:
            key, _, value = line.partition(":")
            headers.append((key, value.removeprefix(" ")))
        elif headers:
            yield Message(headers)
            headers = []


class Ami:
    """A logged-in manager connection. It is a context manager; `close` may be called more than once.

    Raises OSError if nobody listens on the port, `AmiError` if the login is refused.
    """

    def __init__(self, port: int, username: str, secret: str, timeout: float = 5.0) -> None:
        self._ids = itertools.count(1)
        self._listeners: tuple[Listener, ...] = ()
        self._waiting: dict[str, SimpleQueue[Message | None]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        try:
            self._lines = self._socket.makefile("rb")
            greeting = self._lines.readline()
            self._socket.settimeout(None)
        except BaseException:
            self._socket.close()
            raise
        if not greeting.startswith(b"Asterisk Call Manager"):
            self._lines.close()
            self._socket.close()
            raise AmiError(f"what listens on port {port} is no Asterisk manager")
        self._reader = threading.Thread(target=self._read, name=f"ami-{port}", daemon=True)
        self._reader.start()
        try:
            self.act("Login", [("Username", username), ("Secret", secret)], timeout=timeout)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Ami":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; whoever still waits for a response gets `AmiError`."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._lines.close()
        self._socket.close()

    def listen(self, listener: Listener) -> None:
        """Has `listener` called with every event from now on, in the reader's thread: it must be quick."""
        with self._lock:
            self._listeners += (listener,)

    def forget(self, listener: Listener) -> None:
        """Ends what `listen` began."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each != listener)

    def act(self, action: str, headers: Headers = (), timeout: float = 10.0) -> Message:
        """Sends an action and gives its response. Raises `AmiError` unless that is a success within `timeout` s."""
        with self._asking(action, headers) as answers:
            return self._response(action, answers, time.monotonic() + timeout)

    def ask(self, action: str, headers: Headers = (), timeout: float = 10.0) -> list[Message]:
        """Sends an action that answers with a list, and gives its events, the closing one not among them."""
        deadline = time.monotonic() + timeout
        events: list[Message] = []
        with self._asking(action, headers) as answers:
            self._response(action, answers, deadline)
            while True:
                event = self._next(action, answers, deadline)
                if event["EventList"] == "Complete":
                    return events
                events.append(event)

    @contextlib.contextmanager
    def _asking(self, action: str, headers: Headers) -> Iterator[SimpleQueue[Message | None]]:
        name = f"t{next(self._ids)}"
        lines = [("Action", action), ("ActionID", name), *headers]
        if any("\r" in text or "\n" in text for pair in lines for text in pair):
            raise ValueError(f"a line break in action {action}")
        answers: SimpleQueue[Message | None] = SimpleQueue()
        with self._lock:
            if self._closed.is_set():
                raise AmiError(f"{action}: the connection is closed")
            self._waiting[name] = answers
        try:
            text = "".join(f"{key}: {value}\r\n" for key, value in lines) + "\r\n"
            try:
                self._socket.sendall(text.encode())
            except OSError as error:
                raise AmiError(f"{action}: {error}") from error
            yield answers
        finally:
            with self._lock:
                del self._waiting[name]

    def _response(self, action: str, answers: "SimpleQueue[Message | None]", deadline: float) -> Message:
        response = self._next(action, answers, deadline)
        if response["Response"] != "Success":
            details = [response["Response"], response["Message"], *response.all("Output")]
            raise AmiError(f"{action}: {': '.join(filter(None, details)) or response!r}")
        return response

    @staticmethod
    def _next(action: str, answers: "SimpleQueue[Message | None]", deadline: float) -> Message:
        try:
            answer = answers.get(timeout=max(0.001, deadline - time.monotonic()))
        except Empty:
            raise AmiError(f"{action}: no answer in time") from None
        if answer is None:
            raise AmiError(f"{action}: Asterisk closed the connection")
        return answer

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for message in parse(iter(self._lines)):
                self._take(message)
        with self._lock:
            self._closed.set()
            for answers in self._waiting.values():
                answers.put(None)

    def _take(self, message: Message) -> None:
        with self._lock:
            answers = self._waiting.get(message["ActionID"]) if message["ActionID"] else None
            listeners = self._listeners
        if answers is not None:
            answers.put(message)
        if message["Event"]:
            for listener in listeners:
                listener(message)

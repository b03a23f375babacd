"""A FastAGI server by hand: a test says itself what is asked of Asterisk, and sees each answer as it came."""

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator

Script = Callable[["Conversation"], None]

SECONDS = 30
"""The longest that a line of Asterisk's may take; a test that waits for one then fails, and does not hang."""


class Conversation:
    """One FastAGI connection: `say` sends a command and gives Asterisk's reply; `heard` holds all replies."""

    def __init__(self, handler: socketserver.StreamRequestHandler) -> None:
        self._handler = handler
        self.environment: dict[str, str] = {}
        self.heard: list[str] = []
        while line := handler.rfile.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            self.environment[name] = value

    def say(self, command: str) -> str:
        self._handler.wfile.write(command.encode() + b"\n")
        return self.listen()

    def listen(self) -> str:
        line = self._handler.rfile.readline().decode().rstrip("\n")
        self.heard.append(line)
        return line


class Checker:
    """A FastAGI server that holds `script` with every caller; `talks` are the conversations, `over` counts them."""

    def __init__(self, script: Script) -> None:
        self.talks: list[Conversation] = []
        self.over = threading.Semaphore(0)
        checker = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = SECONDS

            def handle(self) -> None:
                talk = Conversation(self)
                checker.talks.append(talk)
                with contextlib.suppress(ConnectionError, TimeoutError):
                    script(talk)
                checker.over.release()

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]


@contextlib.contextmanager
def checker(script: Script) -> Iterator[Checker]:
    held = Checker(script)
    thread = threading.Thread(target=held.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield held
    finally:
        held.server.shutdown()
        thread.join()
        held.server.server_close()

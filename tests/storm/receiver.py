"""A real HTTP receiver of webhooks that can be down, failing, slow, or well; it checks each signature."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_c3Rvcm0tc2VjcmV0LW9mLXRoZS10ZXN0cw=="
SLOW_SECONDS = 1.5


class Receiver:
    """Listens on a free port of loopback from `up` on; `received` has what it took, by webhook-id."""

    def __init__(self) -> None:
        self.mode = "well"
        self.received: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.posts = 0
        self.forged = 0
        self._change = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._idle = threading.Event()
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def up(self, mode: str = "well") -> None:
        """Listen (again), and answer as `mode` says: well, failing, or slow."""
        self.mode = mode
        if self._server is None:
            receiver = self

            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers["content-length"]))
                    status = receiver.take({key.lower(): value for key, value in self.headers.items()}, body)
                    try:
                        self.send_response(status)
                        self.send_header("content-length", "0")
                        self.end_headers()
                    except OSError:
                        pass  # whoever sent it was killed

                def log_message(self, *_: object) -> None:
                    pass

            class Server(ThreadingHTTPServer):
                daemon_threads = True
                request_queue_size = 128

                def handle_error(self, *_: object) -> None:
                    pass  # as above

            self._server = Server(("127.0.0.1", self.port), Handler)
            self.port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Answer a POST with a status."""
        if self.mode == "slow":
            self._idle.wait(SLOW_SECONDS)
        with self._change:
            self.posts += 1
            if self.mode == "failing":
                return 503
            try:
                Webhook(SECRET).verify(body, headers)
            except Exception:  # noqa: BLE001 (whatever it raises, the signature is not one)
                self.forged += 1
                return 400
            name = headers["webhook-id"]
            if name not in self.received:
                self.order.append(name)
            self.received[name] = json.loads(body)
            self._change.notify_all()
            return 200

    def wait_for_count(self, count: int, seconds: float) -> int:
        """How many different webhooks have come, as soon as it is so many, or after so many seconds."""
        with self._change:
            self._change.wait_for(lambda: len(self.received) >= count, seconds)
            return len(self.received)

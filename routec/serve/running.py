"""The parts that are not made to be looked after, as ones that are: what starts, says whether it lives, and stops."""

import threading
from collections.abc import Callable

from routec.apply.watching.live import Live
from routec.serve.parts import APPLY_SECONDS, CONVERSATION_SECONDS, DELIVERY_SECONDS, ROUND_SECONDS
from routec.signin.delivery import Deliverer
from routec.signin.housekeeping import Housekeeping
from routec.signin.server import Server

_ABANDONED_SECONDS = 600.0


class Routes:
    """The loop of `live` in a thread of its own."""

    def __init__(self, make: Callable[[threading.Event], Live]) -> None:
        self._stop = threading.Event()
        self._first = threading.Event()
        self.live = make(self._stop)
        self._thread = threading.Thread(target=self._run, name="routes", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it goes on watching."""
        return self._thread.is_alive()

    @property
    def not_live(self) -> str:
        """What keeps a change from going live; empty where nothing does."""
        standing = self.live.standing
        return "" if standing.is_live else standing.text

    def wait_first(self, seconds: float) -> bool:
        """Whether the first round is over, after so long at most."""
        return self._first.wait(seconds)

    def stop(self) -> None:
        """Watch no more; an apply that has begun is done first."""
        self._stop.set()
        self._thread.join(APPLY_SECONDS)

    def _run(self) -> None:
        try:
            self.live.run(self._first.set)
        finally:
            self._first.set()


class Checking:
    """The FastAGI server."""

    def __init__(self, server: Server) -> None:
        server.start()
        self.server = server

    @property
    def is_alive(self) -> bool:
        """Whether it takes calls."""
        return self.server.is_alive

    def stop(self) -> None:
        """Take no more calls, and let the conversations end. One that died alone leaves its conversations alone."""
        if self.is_alive:
            self.server.stop(CONVERSATION_SECONDS)
        else:
            threading.Thread(target=self.server.stop, args=(_ABANDONED_SECONDS,), daemon=True).start()

    def cut(self) -> None:
        """End the conversations at once; each writes its row, as a hangup."""
        self.server.stop(0)


class Delivering:
    """The delivery of webhooks."""

    def __init__(self, deliverer: Deliverer) -> None:
        deliverer.start()
        self.deliverer = deliverer

    @property
    def is_alive(self) -> bool:
        """Whether it goes on delivering."""
        return self.deliverer.is_alive

    def stop(self) -> None:
        """Begin no delivery any more, and let those that run end."""
        self.deliverer.stop(DELIVERY_SECONDS)


class Keeping:
    """Housekeeping."""

    def __init__(self, housekeeping: Housekeeping) -> None:
        housekeeping.start()
        self._housekeeping = housekeeping

    @property
    def is_alive(self) -> bool:
        """Whether it goes on."""
        return self._housekeeping.is_alive

    def stop(self) -> None:
        """End; a round that has begun is done first, within reason."""
        ending = threading.Thread(target=self._housekeeping.stop, daemon=True)
        ending.start()
        ending.join(ROUND_SECONDS)

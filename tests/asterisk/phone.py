"""A caller without any SIP: a Local channel whose `;2` half runs the route and whose `;1` half is the caller's.

The caller's half answers and sends silence; without any sound from it Asterisk would never see the end of a key.
"""

import time
import uuid
from types import TracebackType

from tests.asterisk.ami import Ami, AmiError
from tests.asterisk.meeting import TIMEOUT, CallEndedError, CallTimeoutError, Meeting

KEY_MS = 100
"""How long a key is held, in milliseconds; Asterisk takes nothing shorter than 80 for a key."""


class Call(Meeting):
    """A call to `number` in `context`, placed at once; a context manager that hangs up at its end.

    `caller` is the number that it shows and `name` the caller's name; `ring` is how long it waits for an answer, in
    seconds. Raises `AmiError` if Asterisk refuses to place it.
    """

    def __init__(
        self,
        ami: Ami,
        number: str,
        context: str = "from-phones",
        *,
        caller: str = "",
        name: str = "",
        ring: float = 60.0,
    ) -> None:
        self.phone_id = f"call-{uuid.uuid4().hex[:12]}"
        super().__init__(ami, f"{self.phone_id}-route")
        ami.act(
            "Originate",
            [
                ("Channel", f"Local/{number}@{context}/n"),
                ("Context", "harness-caller"), ("Exten", "s"), ("Priority", "1"),
                ("ChannelId", self.phone_id), ("OtherChannelId", self.channel_id),
                ("CallerID", f'"{name}" <{caller}>' if name else caller),
                ("Timeout", str(int(ring * 1000))), ("Async", "true"),
            ],
        )  # fmt: skip

    def __enter__(self) -> "Call":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if not self.ended:
                self.hang_up()
                self._wait_gone()
        except (AmiError, AssertionError):
            if error is None:
                raise
        finally:
            self.close()

    def _wait_gone(self) -> None:
        try:
            self.wait_end()
        except CallTimeoutError:
            # Local halves that are just being joined to others may lose a hangup (seen once, on 16.28)
            self.ami.act("Hangup", [("Channel", self.channel), ("Cause", "16")])
            self.wait_end()

    @property
    def phone(self) -> str:
        """The name of the caller's half."""
        return f"{self.channel[:-2]};1"

    def press(self, keys: str, timeout: float = TIMEOUT) -> None:
        """Presses keys one after the other; each is taken by the route's half before the next is pressed.

        The key is laid before the route's half itself (`Receive`): pressed on the caller's half it arrives as well, but
        holds up the whole manager connection for as long as it lasts.
        """
        deadline = time.monotonic() + timeout
        for key in keys:
            seen = len(self.events)
            headers = [("Channel", self.channel), ("Digit", key), ("Duration", str(KEY_MS)), ("Receive", "true")]
            try:
                self.ami.act("PlayDTMF", headers)
            except AmiError as error:
                raise CallEndedError(f"nobody to press {key} for: {error}; the call met {self.transcript}") from error
            self.wait_event("DTMFEnd", seen, max(0.01, deadline - time.monotonic()), Direction="Received", Digit=key)

    def hang_up(self) -> None:
        """Lays the caller's receiver down. Nothing happens if the call is over."""
        try:
            self.ami.act("Hangup", [("Channel", self.phone), ("Cause", "16")])
        except AmiError as error:
            if "No such channel" not in str(error):
                raise

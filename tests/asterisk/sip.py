"""A caller over real SIP: INVITE from 127.0.0.1, sound by RTP, keys by RFC 4733."""

import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from tests.asterisk.meeting import TIMEOUT, CallEndedError, CallTimeoutError, Meeting
from tests.asterisk.pbx import Pbx

PHONE = Path(__file__).with_name("sip_phone.py")
KEY_SECONDS = 0.25
"""How long the phone takes for one key and the pause after it, in seconds, generously."""


class SipCall(Meeting):
    """A call to `number` that reaches the PBX as a trunk's call does; a context manager that hangs up at its end.

    `caller` must be of this call alone, for by it its channel is known. Whether the number exists shows in what the
    call meets: without a route there is no channel, and `wait_over` tells the SIP reason.
    """

    def __init__(self, pbx: Pbx, number: str, caller: str) -> None:
        super().__init__(
            pbx.ami,
            picks=lambda event: (
                event["Event"] == "Newchannel"
                and event["Channel"].startswith("PJSIP/trunk-")
                and (event["CallerIDNum"], event["Exten"]) == (caller, number)
            ),
        )
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, str(PHONE), str(pbx.sip_port), number, caller],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.reason = ""
        said = self._said.get(timeout=TIMEOUT)
        if said != "calling":
            self.__exit__(None, None, None)
            rest = [self._said.get_nowait() for _ in range(self._said.qsize())]
            raise RuntimeError("\n".join(["the SIP phone does not work:", said, *rest]))

    def __enter__(self) -> "SipCall":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.hang_up()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        self._process.stdout.close()
        self.close()

    def press(self, keys: str, timeout: float = TIMEOUT) -> None:
        """Presses keys, and returns when Asterisk has heard the last of them."""
        seen = len(self.met("press"))
        self._tell(f"press {keys}")
        self._wait(
            lambda: sum(each.kind == "press" for each in self.transcript) >= seen + len(keys),
            f"hear {keys}",
            timeout + KEY_SECONDS * len(keys),
        )

    def hang_up(self) -> None:
        """Lays the receiver down. Nothing happens if the call is over."""
        with contextlib.suppress(CallEndedError):
            self._tell("hangup")

    def wait_over(self, timeout: float = TIMEOUT) -> str:
        """Waits until the phone says that its call is over, and gives the SIP reason (`404 Not Found`)."""
        deadline = time.monotonic() + timeout
        while not self.reason:
            try:
                said = self._said.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise CallTimeoutError(f"the SIP phone's call is not over; it met {self.transcript}") from None
            kind, _, rest = said.partition(" ")
            if kind == "closed":
                self.reason = rest or "closed"
        return self.reason

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise CallEndedError(f"the SIP phone is gone; its call met {self.transcript}") from error

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line.strip())
        self._said.put("closed the phone ended")


def sip_call(pbx: Pbx, number: str, caller: str, plan: Iterable[tuple[str, str]]) -> SipCall:
    """Calls `number` by SIP and follows `plan`: asked with that sound, press those keys. The call is given as it is.

    Raises `AssertionError` if the route asks for something else.
    """
    call = SipCall(pbx, number, caller)
    try:
        call.follow(plan)
    except BaseException:
        call.__exit__(None, None, None)
        raise
    return call

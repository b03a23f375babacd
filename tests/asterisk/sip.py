"""A caller over real SIP: INVITE from 127.0.0.1, sound by RTP both ways, keys by RFC 4733."""

import contextlib
import itertools
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from tests.asterisk.config import PHONES
from tests.asterisk.hearing import Sound
from tests.asterisk.machine import until
from tests.asterisk.meeting import TIMEOUT, CallEndedError, CallTimeoutError, Meeting
from tests.asterisk.pbx import Pbx

PHONE = Path(__file__).with_name("sip_phone.py")
KEY_SECONDS = 0.25
"""How long the phone takes for one key and the pause after it, in seconds, generously."""
CODECS = {"pcmu": ("pcmu", 8000), "g722": ("g722/16000/1", 16000)}
"""The codecs that a phone speaks: its own name for each, and the samples that it hears and sends in a second."""

_serial = itertools.count(1)


class SipCall(Meeting):
    """A call to `number` from a trunk, or from a phone inside if `caller` is one of `config.PHONES`.

    A context manager that hangs up at its end. `caller` must be of this call alone, for by it its channel is known.
    Whether the number exists shows in what the call meets: without a route there is no channel, and `wait_over` tells
    the SIP reason.
    """

    def __init__(self, pbx: Pbx, number: str, caller: str, codec: str = "pcmu") -> None:
        endpoint = caller if caller in PHONES else "trunk"
        super().__init__(
            pbx.ami,
            picks=lambda event: (
                event["Event"] == "Newchannel"
                and event["Channel"].startswith(f"PJSIP/{endpoint}-")
                and (event["CallerIDNum"], event["Exten"]) == (caller, number)
            ),
        )
        self._heard = pbx.layout.folder / f"heard-{next(_serial)}.raw"
        self._codec, self.rate = CODECS[codec]
        self.said: list[str] = []
        """All that the phone's process has said."""
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, str(PHONE), str(pbx.sip_port), number, caller, str(self._heard), self._codec],
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
        self._wait_said("closed", timeout)
        return self.reason

    # -- sound --------------------------------------------------------------------------------------------------

    def play(self, path: Path) -> None:
        """Speaks a WAV file into the phone, and returns when the last of it is on its way.

        Raises `CallEndedError` if the call is over before that.
        """
        self._tell(f"play {path}")
        self._wait_said("played", TIMEOUT + Sound.read(path).seconds)
        if self.reason:
            raise CallEndedError(f"the call was over before {path} was played; it met {self.transcript}")

    @property
    def moment(self) -> int:
        """How much has been heard up to now; `heard` gives what came after it."""
        return self._heard.stat().st_size // 2 if self._heard.exists() else 0

    def heard(self, since: int = 0) -> Sound:
        """All that was heard since a moment, or since the call's beginning. It stays when the call is over."""
        return Sound.raw(self._heard.read_bytes()[2 * since :] if self._heard.exists() else b"", self.rate)

    def wait_heard(self, *tones: int, since: int = 0, timeout: float = TIMEOUT) -> None:
        """Waits until these tones have been heard in this order since a moment, whatever else there was."""

        def found() -> bool:
            rest = iter(self.heard(since).tones(tones))
            return all(tone in rest for tone in tones)

        if not until(lambda: found() or self.ended, timeout, pause=0.05) or not found():
            raise CallTimeoutError(
                f"{tones} were not heard, but {self.heard(since).things(tones)}; it met {self.met()}"
            )

    # -- the phone's process --------------------------------------------------------------------------------------

    def _wait_said(self, kind: str, timeout: float) -> None:
        """Waits until the phone says so, or that its call is over."""
        deadline = time.monotonic() + timeout
        while not self.reason:
            try:
                said = self._said.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise CallTimeoutError(f"the SIP phone has not {kind}; its call met {self.transcript}") from None
            word, _, rest = said.partition(" ")
            if word == "closed":
                self.reason = rest or "closed"
            if word == kind:
                return

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
            self.said.append(line.rstrip())
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

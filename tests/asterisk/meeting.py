"""A call as its caller meets it: what was played, asked and dialled, with keys pressed when the route waits for them.

`Meeting` follows the channel that runs a route, whoever brought it about: `phone.Call` without SIP, `sip.SipCall` with.
"""

import itertools
import shlex
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple

from tests.asterisk.ami import Ami, Message

TIMEOUT = 10.0
"""How long a test waits for what should come at once, in seconds."""


class Met(NamedTuple):
    """One thing that the caller met.

    `kind` is `answer`, `play`, `ask`, `say`, `dial`, `dialled`, `press` or `hangup`; `what` is the sound, the text, the
    dial string, the dial's outcome (`ANSWER`, `BUSY`, …), the key, or the number of the hangup's cause (16 is normal
    clearing).
    """

    kind: str
    what: str


class Set(NamedTuple):
    """A channel variable that was set, in the order in which it happened."""

    name: str
    value: str


class CallEndedError(AssertionError):
    """The call was over, and what the test waited for can no longer come. The message holds the transcript."""


class CallTimeoutError(AssertionError):
    """What the test waited for did not come in time. The message holds the transcript."""


def _sounds(text: str) -> list[str]:
    """The sounds of `Playback(a&b,options)`, in order."""
    return [name for name in text.split(",", 1)[0].split("&") if name]


def _of_application(app: str, data: str) -> list[Met]:
    """What the caller meets of a dialplan application, in the words of a transcript."""
    arguments = data.split(",")
    match app.lower():
        case "playback" | "background" | "controlplayback":
            return [Met("play", name) for name in _sounds(data)]
        case "read":
            return [Met("ask", arguments[1] if len(arguments) > 1 else "")]
        case "waitexten":
            return [Met("ask", "")]
        case "saydigits" | "saynumber" | "sayalpha" | "sayphonetic" | "sayunixtime":
            return [Met("say", arguments[0])]
        case _:
            return []


def _of_agi(command: str) -> list[Met]:
    """What the caller meets of an AGI command."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    match [word.upper() for word in words[:2]]:
        case ["GET", "DATA"]:
            return [Met("ask", words[2])]
        case ["STREAM", "FILE"] | ["CONTROL", "STREAM"] | ["GET", "OPTION"]:
            return [Met("play", words[2])]
        case ["SAY", _]:
            return [Met("say", words[2])]
        case ["EXEC", _]:
            return _of_application(words[1], " ".join(words[2:]))
        case _:
            return []


class Meeting:
    """Follows the channel whose unique ID is `channel_id` from now on, or the first that `picks` picks.

    A context manager; leaving it stops the following. All waits raise `CallTimeoutError` after `timeout` seconds and
    `CallEndedError` as soon as the channel is gone.
    """

    def __init__(self, ami: Ami, channel_id: str = "", picks: Callable[[Message], bool] | None = None) -> None:
        self.ami = ami
        self.channel_id = channel_id
        self.channel = ""
        self.transcript: list[Met] = []
        self.sets: list[Set] = []
        self.events: list[Message] = []
        self._picks = picks
        self._asked = 0
        self._changed = threading.Condition()
        ami.listen(self._take)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the following. What was met can still be read."""
        self.ami.forget(self._take)

    # -- what has happened --------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the channel is gone."""
        return bool(self.transcript) and self.transcript[-1].kind == "hangup"

    @property
    def cause(self) -> int | None:
        """The hangup's cause, as ISDN counts them (16 normal, 17 busy), or None before it."""
        return int(self.transcript[-1].what) if self.ended else None

    @property
    def variables(self) -> dict[str, str]:
        """The last value of each variable that was set on the channel."""
        with self._changed:
            return {each.name: each.value for each in self.sets}

    def variable(self, name: str) -> list[str]:
        """Every value that a variable was set to, in order."""
        with self._changed:
            return [each.value for each in self.sets if each.name == name]

    @property
    def answered_by(self) -> str | None:
        """The channel that answered the last dial which was answered, without its serial (`Local/101@phones`)."""
        with self._changed:
            answers = [each for each in self.events if each["Event"] == "DialEnd" and each["DialStatus"] == "ANSWER"]
        return answers[-1]["DestChannel"].rpartition("-")[0] if answers else None

    def met(self, *kinds: str) -> list[Met]:
        """The transcript up to now, or only the lines of those kinds."""
        with self._changed:
            return [each for each in self.transcript if not kinds or each.kind in kinds]

    # -- waiting ------------------------------------------------------------------------------------------------

    def wait_ask(self, timeout: float = TIMEOUT) -> str:
        """Waits until the route waits for keys, once more than at the last call, and gives the sound it asked with."""

        def asked() -> bool:
            return sum(each.kind == "ask" for each in self.transcript) > self._asked

        self._wait(asked, "be asked", timeout)
        asks = self.met("ask")
        self._asked += 1
        return asks[self._asked - 1].what

    def wait_met(self, kind: str, what: str | None = None, timeout: float = TIMEOUT) -> Met:
        """Waits until the caller has met a thing of that kind (and name), and gives the first such; also a past one."""

        def found() -> list[Met]:
            return [each for each in self.transcript if each.kind == kind and what in (None, each.what)]

        self._wait(lambda: bool(found()), f"meet {kind} {what or ''}", timeout)
        return found()[0]

    def wait_event(self, name: str, since: int = 0, timeout: float = TIMEOUT, **headers: str) -> Message:
        """Waits for an event of the channel, from the `since`-th in `events` on; `headers` must be in it so."""

        def found() -> Message | None:
            for event in itertools.islice(self.events, since, None):
                if event["Event"] == name and all(event[key] == value for key, value in headers.items()):
                    return event
            return None

        self._wait(lambda: found() is not None, f"see {name} {headers}", timeout)
        event = found()
        assert event is not None
        return event

    def wait_variable(self, name: str, timeout: float = TIMEOUT) -> str:
        """Waits until a variable was set to something not empty, and gives its last value."""
        self._wait(lambda: any(each.name == name and each.value for each in self.sets), f"set {name}", timeout)
        return self.variables[name]

    def wait_end(self, timeout: float = TIMEOUT) -> list[Met]:
        """Waits until the channel is gone, and gives the whole transcript."""
        self._wait(lambda: self.ended, "end", timeout)
        return self.met()

    def follow(self, plan: Iterable[tuple[str, str]]) -> None:
        """For each pair of a sound and keys: waits until the route asks with that sound, and presses the keys."""
        for sound, keys in plan:
            asked = self.wait_ask()
            assert asked == sound, f"asked with {asked}, not {sound}; the call met {self.met()}"
            self.press(keys)

    def press(self, keys: str, timeout: float = TIMEOUT) -> None:
        """Presses keys. Each kind of phone knows how."""
        raise NotImplementedError

    def _wait(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: condition() or self.ended, timeout)
            if condition():
                return
            error = CallEndedError if self.ended else CallTimeoutError
            raise error(f"the call did not {what}; it met {[tuple(each) for each in self.transcript]}")

    # -- taking events ------------------------------------------------------------------------------------------

    def _take(self, event: Message) -> None:
        if not self.channel_id and self._picks and self._picks(event):
            self.channel_id = event["Uniqueid"]
        if not self.channel_id or self.channel_id not in (event["Uniqueid"], event["DestUniqueid"]):
            return
        own = event["Uniqueid"] == self.channel_id
        with self._changed:
            if self.ended:
                return
            self.events.append(event)
            if own and event["Channel"]:
                self.channel = event["Channel"]
            if own:
                self._note(event)
            self._changed.notify_all()

    def _note(self, event: Message) -> None:
        match event["Event"]:
            case "VarSet":
                self.sets.append(Set(event["Variable"], event["Value"]))
            case "Newexten":
                self.transcript += _of_application(event["Application"], event["AppData"])
            case "AGIExecStart":
                self.transcript += _of_agi(event["Command"])
            case "Newstate" if event["ChannelStateDesc"] == "Up":
                self.transcript.append(Met("answer", ""))
            case "DialBegin":
                technology = event["DestChannel"].partition("/")[0]
                self.transcript.append(Met("dial", f"{technology}/{event['DialString']}"))
            case "DialEnd":
                self.transcript.append(Met("dialled", event["DialStatus"]))
            case "DTMFEnd" if event["Direction"] == "Received":
                self.transcript.append(Met("press", event["Digit"]))
            case "Hangup":
                self.transcript.append(Met("hangup", event["Cause"]))

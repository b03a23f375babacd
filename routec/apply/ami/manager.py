"""The PBX over its manager interface: reload it, read back what it holds, see who is in a call.

The AMI user needs `write = config,reporting` in manager.conf, and `originate` too where `routec doctor` is to see
whether Asterisk reaches the checker; no `read`, no `command`, no `system`. Measured on Asterisk 22.10 and 16.28, which
answer alike.
"""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from sys import intern
from types import TracebackType
from typing import NamedTuple, Self

from routec.apply.ami.errors import (
    AmiError,
    AnswerError,
    NotPermittedError,
    RefusedError,
    RefusedLoginError,
    ReloadRefusedError,
    SilentError,
    UnreachableError,
)
from routec.apply.ami.wire import Fields, Link
from routec.apply.priority import HINT, Held, Priority, again, beside

__all__ = [
    "Ami",
    "AmiError",
    "AnswerError",
    "Channel",
    "NotPermittedError",
    "RefusedLoginError",
    "ReloadRefusedError",
    "SilentError",
    "UnreachableError",
]

MODULE = "pbx_config.so"
"""What reads extensions.conf. `Reload` of it needs `config`, and no `command`."""

ANSWER_SECONDS = 10.0
"""How long an answer may take, where nobody says otherwise."""

_BESIDE = {"IncludeContext": "include", "Switch": "switch", "IgnorePattern": "ignorepat"}
"""What ShowDialPlan lists of a context beside its extensions, by the header that has it."""

_NOT_YET = ("A reload is in progress", "Module not initialized")
_AGAIN_SECONDS = 0.02
_START_SECONDS = 0.1
_MOST_FRAMES = 40


class Channel(NamedTuple):
    """A call's channel, and the application that it is in, or was in last: where in the dialplan that stands.

    A Goto shows only with the next application: in between, a channel is told where it came from.
    """

    name: str
    uniqueid: str
    context: str
    exten: str
    priority: int
    app: str


class Ami:
    """A logged-in manager connection; a context manager. Threads take turns.

    Making one raises `UnreachableError`, `SilentError` or `RefusedLoginError`. After `UnreachableError` or
    `SilentError`, from whatever method, it is closed, and a new one must be made. No method takes longer than `timeout`
    seconds, unless it says so.
    """

    def __init__(self, host: str, port: int, username: str, secret: str, *, timeout: float = ANSWER_SECONDS) -> None:
        self._timeout = timeout
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._link = Link(f"the PBX at {place}")
        with self._link.turn(timeout):
            self._link.connect(host, port)
            self._link.login(username, secret)

    def reload(self, deadline: float) -> None:
        """Have Asterisk read its dialplan anew. `deadline` is in seconds of `time.monotonic`, and may be far away.

        Where another reload is in progress, it waits for its turn. Raises `ReloadRefusedError` where Asterisk refuses,
        which it does only for a fault in its top file: it says Success of an included file of which it took the half.

        While Asterisk starts, it says Success and only makes a note of it. So it is asked when it reloaded last, and
        asked again to reload where that was when it started.
        """
        while True:
            try:
                with self._link.turn(deadline - time.monotonic()):
                    self._link.reload(MODULE)
                if not self._is_starting() or time.monotonic() + _START_SECONDS >= deadline:
                    return
                time.sleep(_START_SECONDS)
                continue
            except RefusedError as error:
                if error.said not in _NOT_YET:
                    raise ReloadRefusedError(
                        f"{self._link.place} would not reload its dialplan: {error.said}",
                        "Asterisk's log says what it did not like in its own extensions.conf",
                    ) from None
                if time.monotonic() + _AGAIN_SECONDS >= deadline:
                    raise ReloadRefusedError(f"{self._link.place}: {error.said}", "try again when it is done") from None
            time.sleep(_AGAIN_SECONDS)

    def _is_starting(self) -> bool:
        """Whether no reload was done in a second after the one in which it started."""
        try:
            with self._link.turn(self._timeout):
                said = self._link.send_action({"Action": "CoreStatus"}).headers
        except (RefusedError, NotPermittedError):
            return False
        started, reloaded = (
            (said.get(f"Core{what}Date"), said.get(f"Core{what}Time")) for what in ("Startup", "Reload")
        )
        return started == reloaded != (None, None)

    def holds(self, context: str | None = None, exten: str | None = None) -> Held:
        """What Asterisk holds: of all contexts, of one, or of one extension in it; {} where there is none such.

        All of it is the admin's too, and may take `wire.LIST_SECONDS`. It is one moment's: Asterisk holds a lock
        meanwhile. An empty context is in the answer only if it was asked for by name. By `exten`, Asterisk also answers
        with patterns that match, and with what included contexts have: those are left out, as are includes.
        """
        held: dict[str, dict[str, dict[int, Priority]]] = {}
        last: tuple[str, str] | None = None
        latest = HINT
        priorities: dict[int, Priority] = {}

        def take(fields: Fields) -> None:
            nonlocal last, latest, priorities
            number = fields.get("Priority")
            if number is None:
                for header, kind in _BESIDE.items():
                    if header in fields and exten is None:
                        extensions = held.setdefault(fields.get("Context", ""), {})
                        extensions[beside(kind, fields[header])] = {1: Priority("", kind, fields[header])}
                return
            place = fields.get("Context", ""), fields.get("Extension", "")
            if place != last:
                if exten is not None and place != (context, exten):
                    return
                last = place
                priorities = held.setdefault(place[0], {}).setdefault(place[1], {})
                latest = max(priorities, default=HINT)
            at = _number(number)
            if at <= latest and priorities:  # it begins anew: up to here it was for some callers only
                extensions = held[place[0]]
                extensions[again(place[1], extensions)] = priorities
                priorities = extensions[place[1]] = {}
            latest = at
            priorities[at] = Priority(
                intern(fields.get("ExtensionLabel", "")),
                intern(fields.get("Application", "")),
                fields.get("AppData", ""),
            )

        try:
            self._show(take, context, exten)
        except RefusedError as error:
            if error.said.startswith("Did not find "):
                return {}
            raise
        if context is not None and exten is None:
            held.setdefault(context, {})
        return held

    def _show(self, take: Callable[[Fields], None], context: str | None, exten: str | None) -> None:
        asked = {"Action": "ShowDialPlan", "Context": context, "Extension": exten}
        idle = math.inf if context else self._timeout
        with self._link.turn(self._timeout):
            self._link.send_list({key: value for key, value in asked.items() if value is not None}, take, idle)

    def channels(self) -> list[Channel]:
        """All channels that are up. Needs `reporting`."""
        found: list[Channel] = []

        def take(fields: Fields) -> None:
            names = ("Channel", "Uniqueid", "Context", "Exten", "Priority", "Application")
            name, uniqueid, context, exten, priority, app = (fields.get(key, "") for key in names)
            found.append(Channel(name, uniqueid, context, exten, _number(priority), app))

        with self._link.turn(self._timeout):
            self._link.send_list({"Action": "CoreShowChannels"}, take)
        return found

    def returns_to(self, channel: str) -> str | None:
        """The context that a channel inside a Gosub will return to; None where it is in none, or gone.

        `GetVar` of `STACK_PEEK(1,c,1)` on the channel: level 1 is the innermost Gosub, `c` its context, and the last 1
        keeps Asterisk's log quiet where there is no such level, of which the value is empty. Needs `reporting`.
        """
        return self._frame(channel, 1)

    def frames(self, channel: str) -> tuple[str, ...]:
        """The contexts that a channel will return to, from the innermost Gosub outwards."""
        found: list[str] = []
        while len(found) < _MOST_FRAMES and (context := self._frame(channel, len(found) + 1)):
            found.append(context)
        return tuple(found)

    def _frame(self, channel: str, level: int) -> str | None:
        try:
            with self._link.turn(self._timeout):
                reply = self._link.send_action(
                    {"Action": "GetVar", "Channel": channel, "Variable": f"STACK_PEEK({level},c,1)"}
                )
        except RefusedError:
            return None
        return reply.headers.get("Value") or None

    def version(self) -> str:
        """Asterisk's version, such as `22.10.0`, or with what a distribution adds to it. Needs `reporting`."""
        with self._link.turn(self._timeout):
            reply = self._link.send_action({"Action": "CoreSettings"})
        return str(reply.headers.get("AsteriskVersion", ""))

    def settings(self) -> Mapping[str, str]:
        """The headers of CoreSettings and CoreStatus. Needs `reporting`."""
        found: Fields = {}
        for action in ("CoreSettings", "CoreStatus"):
            with self._link.turn(self._timeout):
                found |= self._link.send_action({"Action": action}).headers
        for name in ("Response", "ActionID"):
            found.pop(name, None)
        return found

    def clock(self) -> float:
        """The time on the PBX's machine, in seconds since 1970, as `Ping` tells it; NaN where it does not."""
        with self._link.turn(self._timeout):
            reply = self._link.ping()
        try:
            return float(reply.headers.get("Timestamp", "nan"))
        except ValueError:
            return float("nan")

    def originate_check(self, context: str, exten: str, timeout: float) -> bool:
        """Whether a call of Asterisk's own to an extension is answered within `timeout` seconds. Needs `originate`."""
        try:
            with self._link.turn(timeout + self._timeout):
                self._link.originate(
                    f"Local/{exten}@{context}/n", "", timeout=str(int(timeout * 1000)), application="Hangup"
                )
        except RefusedError:
            return False
        return True

    def may_reload(self) -> None:
        """Raise `NotPermittedError` where `reload` would; reloads nothing, since nobody has the module."""
        self._try({"Action": "Reload", "Module": "routec_none.so"})

    def may_command(self) -> None:
        """Raise `NotPermittedError` where the user may not run commands, as routec's should not; runs none."""
        self._try({"Action": "Command"})

    def _try(self, action: Mapping[str, object]) -> None:
        with suppress(RefusedError), self._link.turn(self._timeout):
            self._link.send_action(action)

    def close(self) -> None:
        """End the connection; may be called again, and while another thread waits for an answer."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _number(text: str) -> int:
    """A priority; a hint has none, and stands as `HINT`."""
    return int(text) if text.isdecimal() and len(text) < 10 else HINT

"""Asterisk as an apply sees it, in memory: what it includes, what it holds, which calls are up, and what goes wrong."""

from collections.abc import Callable, Mapping
from pathlib import Path

from routec.apply.ami.manager import Ami, Channel, UnreachableError
from routec.apply.entered import KINDS
from routec.apply.held import Extensions, Held, Priority, of_text
from routec.apply.priority import beside
from routec.apply.retired_conf import without_tail
from routec.settings import Settings

Trouble = Exception | Callable[[], None]


class FakePbx:
    """Reads `main`, and what that includes, at each reload, as Asterisk does: what is there already stays.

    `admins` is what the admin's own files say before; `by_hand` what no reload takes away. `trouble` has, by the name
    of a method (or `connect`), what happens at its next calls, one after the other: an exception, or a function.
    """

    def __init__(self, main: Path) -> None:
        self.main = main
        self.admins: Held = {}
        self.by_hand: Held = {}
        self.memory: Held = {}
        self.calls: list[Channel] = []
        self.frames: dict[str, tuple[str, ...]] = {}
        self.trouble: dict[str, list[Trouble | None]] = {}
        self.log: list[str] = []
        self.connections = 0
        self.is_included = True
        self.entries: dict[str, dict[str, Mapping[int, Priority]]] = {
            "from-any": {beside("include", name): {1: Priority("", "include", name)} for name in KINDS}
        }
        """The admin's contexts by which calls come in."""

    def connect(self, _settings: Settings | None = None) -> "FakeAmi":
        """A new connection."""
        self.happens("connect")
        self.connections += 1
        return FakeAmi(self)

    def happens(self, name: str) -> None:
        """Let go wrong what is to go wrong."""
        self.log.append(name)
        waiting = self.trouble.get(name)
        trouble = waiting.pop(0) if waiting else None
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            trouble()

    def reload(self) -> None:
        """Read the files."""
        texts = [self.main, self.main.with_name("retired.conf")] if self.is_included and self.main.exists() else []
        if texts and without_tail(self.main.read_bytes()) == self.main.read_bytes():
            texts.pop()
        read = [of_text(text.read_text()) for text in texts]
        self.memory = joined(self.admins, *read, self.by_hand)

    def call(self, context: str, *frames: str, exten: str = "600", priority: int = 2, app: str = "Wait") -> Channel:
        """A call that stands in a context, and will return to others."""
        name = f"Fake/{len(self.calls)}"
        channel = Channel(name, name, context, exten, priority, app)
        self.calls.append(channel)
        self.frames[name] = frames
        return channel

    @property
    def reloads(self) -> int:
        """How often it was reloaded."""
        return self.log.count("reload")


def joined(*helds: Held) -> Held:
    """Dialplans one over the other: the first that has a priority keeps it."""
    found: dict[str, dict[str, dict[int, Priority]]] = {}
    for held in helds:
        for name, extensions in held.items():
            for exten, priorities in extensions.items():
                place = found.setdefault(name, {}).setdefault(exten, {})
                for number, priority in priorities.items():
                    place.setdefault(number, priority)
    return found


class FakeAmi(Ami):
    """A connection to it."""

    def __init__(self, pbx: FakePbx) -> None:
        self._pbx = pbx
        self._is_open = True

    def _do(self, name: str) -> None:
        if not self._is_open:
            raise UnreachableError("the connection is closed")
        self._pbx.happens(name)

    def reload(self, deadline: float) -> None:  # noqa: ARG002
        self._do("reload")
        self._pbx.reload()

    def holds(self, context: str | None = None, exten: str | None = None) -> Held:
        self._do("holds all" if context is None else "holds")
        memory = self._pbx.memory
        if context is None:
            return {**self._pbx.entries, **memory}
        extensions: Extensions = memory.get(context, {})
        if exten is not None:
            extensions = {exten: extensions[exten]} if exten in extensions else {}
        return {context: extensions} if extensions else {}

    def channels(self) -> list[Channel]:
        self._do("channels")
        return list(self._pbx.calls)

    def frames(self, channel: str) -> tuple[str, ...]:
        self._do("frames")
        return self._pbx.frames.get(channel, ())

    def settings(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None:
        self._is_open = False

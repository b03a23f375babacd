"""The lines of one route while they are being made, and the labels in it."""

from routec.backend.dialplan import Line
from routec.backend.escape import plain
from routec.settings import Settings
from routec.source import Span


class Block:
    """Appends priorities; a label that is taken already gets a number."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lines: list[Line] = []
        self.gotos: list[int] = []
        """Which of the lines are jumps to routes."""
        self.asks: list[int] = []
        """Which of them enter a sign-in module."""
        self._labels: dict[str, int] = {}
        self._mark = ""

    def label(self, name: str) -> str:
        """A label that this route does not have yet."""
        count = self._labels[name] = self._labels.get(name, 0) + 1
        return plain(name if count == 1 else f"{name}.{count}")

    def mark(self, label: str) -> None:
        """Give the next line a label that something jumps to. Raises ValueError if it has one: a line has one label."""
        if self._mark:
            raise ValueError(f"the label {self._mark} would be lost")
        self._mark = label

    def add(self, app: str, data: str, span: Span, label: str = "") -> None:
        """Append a line; `label` is for the reader, and gives way to one that is jumped to."""
        self.lines.append(Line(app, data, self._mark or label, span))
        self._mark = ""

    def goto(self, route: str, span: Span) -> None:
        """Append a jump to a route; its name stands there until its context has one (`naming`)."""
        self.add("Goto", plain(route), span)
        self.gotos.append(len(self.lines) - 1)

    def ask(self, module: str, span: Span) -> None:
        """Append the entering of a module, by its name in the same way."""
        self.add("Gosub", plain(module), span)
        self.asks.append(len(self.lines) - 1)

    def end(self, span: Span) -> None:
        """Append a Hangup, unless no call comes by here any more."""
        if self._mark or not self.lines or self.lines[-1].app != "Hangup":
            self.add("Hangup", "", span)

"""The lines of one route while they are being made, and the labels in it."""

from routec.backend.dialplan import Line
from routec.backend.escape import plain
from routec.settings import Settings
from routec.source import Span


class Block:
    """Appends priorities; a label that is taken already gets a number."""

    def __init__(self, settings: Settings, signin: dict[str, str]) -> None:
        self.settings = settings
        self.signin = signin
        """The context of each sign-in module, by its name."""
        self.lines: list[Line] = []
        self._labels: dict[str, int] = {}
        self._mark = ""

    def label(self, name: str) -> str:
        """A label that this route does not have yet."""
        count = self._labels[name] = self._labels.get(name, 0) + 1
        return plain(name if count == 1 else f"{name}.{count}")

    def mark(self, label: str) -> None:
        """Give the next line a label."""
        self._mark = label

    def add(self, app: str, data: str, span: Span, label: str = "") -> None:
        """Append a line."""
        self.lines.append(Line(app, data, label or self._mark, span))
        self._mark = ""

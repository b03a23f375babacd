"""One sign-in module while it is read: its settings, and what has been understood of it so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from routec.diagnostics import codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.scope import Scope, span_of
from routec.frontend.syntax import Duration, Text, Word
from routec.source import Span

Part = Word | Text | Duration | syntax.Node


@dataclass
class ModuleScope:
    """What the readers of a module's parts know of each other.

    `purpose` is None where it cannot be told, for it was mistyped or may be in a line that could not be read: then
    nothing is judged by it, so that one slip is one fault.
    """

    scope: Scope
    path: str
    auth: syntax.Auth
    settings: dict[str, syntax.Setting] = field(default_factory=dict)
    purpose: str | None = None
    fields: list[dict[str, Any]] = field(default_factory=list)
    verify: bool = True
    files: list[syntax.UsersFrom] = field(default_factory=list)
    """The files of users, with those that were meant for some."""

    def __post_init__(self) -> None:
        self.files = list(self.auth.files)

    @property
    def name_span(self) -> Span:
        """The place of the module's name."""
        return span_of(self.path, self.auth.name)

    @property
    def credentials(self) -> list[str]:
        """The kinds of the fields that are verified."""
        return [kind for kind in ("login", "password") if self.verify and self.field(kind)]

    @property
    def data_fields(self) -> list[str]:
        """The kinds of the fields that are only kept."""
        return [field["kind"] for field in self.fields if field["kind"] not in self.credentials]

    def field(self, kind: str) -> dict[str, Any] | None:
        """The field of a kind."""
        return next((field for field in self.fields if field["kind"] == kind), None)

    def span(self, part: Part) -> Span:
        """The place of a part of the module."""
        return span_of(self.path, part)

    def fault(self, code: codes.Code, message: str, part: Part, note: str = "", help: str = "") -> None:
        """Keep a fault that has one place."""
        self.scope.fault(code, message, self.span(part), note, help)

    def repeated(self, message: str, part: Part, first: Part, code: codes.Code = codes.DUPLICATE_SETTING) -> None:
        """Report something that is there twice."""
        self.scope.repeated(message, self.span(part), self.span(first), code)

    # ---- values

    def named_field(self, word: Word) -> str | None:
        """The kind of the field that a word stands for; it is a fault where there is none."""
        kinds = {field["alias"]: field["kind"] for field in self.fields if field["alias"]}
        kinds |= {field["kind"]: field["kind"] for field in self.fields}
        if word.text not in kinds and not self.auth.broken:
            note = "this module asks for no such field"
            help = did_you_mean(word.text, kinds)
            self.fault(codes.UNKNOWN_FIELD, f"unknown field `{word.text}`", word, note, help)
        return kinds.get(word.text)

    def data_field(self, word: Word, why: str) -> str | None:
        """The same, but for a field that is verified, which is a fault, too."""
        kind = self.named_field(word)
        if kind is None or kind not in self.credentials:
            return kind
        help = "in a register that verifies nobody (`users any`) the login is a field like others"
        message = f"`{word.text}` is verified"
        self.fault(codes.NOT_A_DATA_FIELD, message, word, why, help if kind == "login" else "")
        return None

    def choice(self, word: Word, known: Sequence[str], what: str) -> str | None:
        """One of some words; any other is a fault."""
        if word.text in known:
            return word.text
        note = f"{', '.join(known[:-1])} or {known[-1]}"
        help = did_you_mean(word.text, known)
        self.fault(codes.UNKNOWN_VALUE, f"unknown {what} `{word.text}`", word, note, help)
        return None

    def number(self, word: Word, least: int, most: int, note: str) -> int | None:
        """A number within its bounds; any other is a fault."""
        value = whole(word)
        if value is not None and least <= value <= most:
            return value
        self.fault(codes.BAD_RANGE, "this number is out of range", word, note)
        return None

    def duration(self, duration: Duration, least: int, most: int, note: str) -> int | None:
        """The seconds of a duration within its bounds; any other is a fault."""
        if least <= duration.seconds <= most:
            return duration.seconds
        self.fault(codes.BAD_RANGE, "this duration is out of range", duration, note)
        return None

    def fits(self, purpose: str, part: Part, what: str) -> bool:
        """Whether a setting that only one purpose has is in its place; it is a fault where it is not."""
        if self.purpose in (None, purpose):
            return True
        note = f"this module is a {self.purpose}"
        help = f"only a {purpose} has it: `purpose {purpose}`"
        self.fault(codes.SETTING_OUT_OF_PLACE, f"`{what}` is nothing for a {self.purpose}", part, note, help)
        return False


def digits_of(field: dict[str, Any]) -> str:
    """How many digits a field has, in words."""
    least, most = field["least"], field["most"]
    if least == most:
        return "1 digit" if least == 1 else f"{least} digits"
    return f"{least} to {most} digits"


def whole(word: Word) -> int | None:
    """The number that a word of digits is."""
    return int(word.text) if word.text.isdecimal() and len(word.text) < 10 else None

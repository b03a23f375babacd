"""A sign-in module: who may pass, what callers key in, and what is kept of it."""

from typing import Literal

from routec.model.base import Node

FieldKind = Literal["login", "password", "extra1", "extra2"]
Purpose = Literal["gate", "timeclock", "register"]
Action = Literal["in", "out", "break", "back"]
Event = Literal["wrong", "unknown", "clash", "in", "out", "break", "back", "error"]


class Code(Node):
    """An entry of a code table: one code, or all of one length from `first` to `last`; `text` is what it means."""

    first: str
    last: str
    text: str | None = None


class Field(Node):
    """One code that the caller keys in: `least` to `most` digits after the prompt `sound`."""

    kind: FieldKind
    sound: str
    """The sound as Asterisk finds it."""
    word: str
    """The prompt as the admin wrote it."""
    least: int
    most: int
    alias: str | None = None
    optional: bool = False
    codes: tuple[Code, ...] = ()
    """Where there are any, no other is taken."""


class User(Node):
    """One who may sign in; `password` is an argon2id hash."""

    name: str
    title: str | None = None
    login: str | None = None
    password: str | None = None


class Lockout(Node):
    """`lockout after 5 for 15m`."""

    after: int
    seconds: int


class Asked(Node):
    """`confirm ask PROMPT`: a question that one key answers."""

    sound: str
    word: str


class Again(Asked):
    """`again ask PROMPT from FIELD`; `kind` is the field's."""

    kind: FieldKind


class Clock(Node):
    """What a time clock does: with `keys` the caller is asked, without each sign-in toggles."""

    sound: str | None = None
    word: str | None = None
    keys: tuple[tuple[str, Action], ...] = ()
    close: int | None = None
    """After so many seconds a shift is taken for forgotten."""


class Tell(Asked):
    """`tell EVENT PROMPT`."""

    event: Event


class Webhook(Node):
    """`webhook "URL" secret env NAME`; the secret itself is in the environment alone."""

    url: str
    secret_env: str
    private: bool
    ordered: bool


class Module(Node):
    """`auth NAME { … }`. `seconds` bounds a whole conversation; `log` holds the kinds of the fields that are kept.

    Where it does not `verify`, whoever calls passes and the login is a code like others.
    """

    name: str
    title: str | None
    purpose: Purpose
    verify: bool
    fields: tuple[Field, ...]
    tries: int
    seconds: int
    lockout: Lockout
    clock: Clock | None
    confirm: Asked | None
    again: Again | None
    tells: tuple[Tell, ...]
    log: tuple[FieldKind, ...]
    keep: int | None
    """Rows are kept for so many seconds, or for good."""
    offline: Literal["deny", "grant"]
    webhook: Webhook | None
    users: tuple[User, ...]

    def field(self, kind: str) -> Field | None:
        """The field of a kind, or None where the module does not ask for it."""
        return next((field for field in self.fields if field.kind == kind), None)

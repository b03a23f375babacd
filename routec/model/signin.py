"""A sign-in module: who may pass, what callers key in, and what is kept of it."""

from typing import Literal

from routec.model.base import Node

FieldKind = Literal["login", "password", "extra1", "extra2"]
Purpose = Literal["gate", "timeclock", "register"]


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


class User(Node):
    """One who may sign in; `password` is an argon2id hash."""

    name: str
    title: str | None = None
    login: str | None = None
    password: str | None = None


class Module(Node):
    """`auth NAME { … }`. `seconds` bounds a whole conversation; `log` holds the kinds of the fields that are kept."""

    name: str
    title: str | None
    purpose: Purpose
    fields: tuple[Field, ...]
    tries: int
    seconds: int
    log: tuple[FieldKind, ...]
    users: tuple[User, ...]

    def field(self, kind: str) -> Field | None:
        """The field of a kind, or None where the module does not ask for it."""
        return next((field for field in self.fields if field.kind == kind), None)

"""The syntax tree: a route file as it is written, names unresolved, nothing judged.

Places are offsets into the file (`start`, and `end` exclusive); `File.path` says which file. Words that the admin chose
are `Word`s, quoted text is a `Text` with its escapes still in it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Word(NamedTuple):
    """A name, a number, or one of the language's own words where a choice of them is allowed."""

    text: str
    start: int
    end: int


class Text(NamedTuple):
    """Quoted text: what stands between the quotes, as written."""

    raw: str
    start: int
    end: int


class Duration(NamedTuple):
    """`20s`, `5m`, `1h`, in seconds."""

    seconds: int
    start: int
    end: int


@dataclass(slots=True)
class Node:
    """Whatever has a place: from its first word to its last."""

    start: int
    end: int


# ---- steps


@dataclass(slots=True)
class Step(Node):
    """One line of a route."""


@dataclass(slots=True)
class Play(Step):
    """`prompt NAME, "sound", …`."""

    sounds: list[Word | Text]


@dataclass(slots=True)
class SignIn(Step):
    """`auth MODULE else …`; `otherwise` is None where the else is missing."""

    module: Word
    otherwise: list[Step] | None


@dataclass(slots=True)
class Dial(Step):
    """`dial TARGET, … [for 20s] [else …]`."""

    targets: list[Word]
    patience: Duration | None
    otherwise: list[Step] | None


@dataclass(slots=True)
class Goto(Step):
    """`goto ROUTE`."""

    route: Word


@dataclass(slots=True)
class Wait(Step):
    """`wait 2s`."""

    duration: Duration


@dataclass(slots=True)
class Answer(Step):
    """`answer`."""


@dataclass(slots=True)
class Hangup(Step):
    """`hangup [busy|congestion|rejected]`."""

    cause: Word | None


@dataclass(slots=True)
class Broken(Step):
    """What could not be read; its fault is reported already. It stands for an entry of any kind."""


# ---- declarations


@dataclass(slots=True)
class On(Node):
    """`on did NUMBER`, `on extension NUMBER`: `kind` is `did` or `extension`."""

    kind: str
    number: Word


@dataclass(slots=True)
class Route(Node):
    """`route NAME "Title" { … }`, or a whole file of bare steps (`bare`, named after the file)."""

    name: Word
    title: Text | None
    entries: list[On]
    steps: list[Step]
    bare: bool = False


@dataclass(slots=True)
class Prompt(Node):
    """`prompt NAME "file.wav" record 5001 text "…"`."""

    name: Word
    file: Text | None
    record: Word | None
    text: Text | None


@dataclass(slots=True)
class Digits(Node):
    """`digits 4` or `digits 4..8`."""

    least: Word
    most: Word


@dataclass(slots=True)
class Field(Node):
    """`login ask PROMPT digits 4..8 as NAME optional`."""

    kind: str
    sound: Word | Text
    digits: Digits | None
    alias: Word | None
    optional: bool


@dataclass(slots=True)
class Setting(Node):
    """`purpose NAME`, `tries 3`, `within 3m`, `log a, b`: one word and its values."""

    kind: str
    values: list[Word | Duration]


@dataclass(slots=True)
class User(Node):
    """`user NAME "Title" login 1001 password "$argon2id$…"`; a bare number as password is a PIN in the clear."""

    name: Word
    title: Text | None
    login: Word | None
    password: Text | Word | None


@dataclass(slots=True)
class Auth(Node):
    """`auth NAME "Title" { … }`."""

    name: Word
    title: Text | None
    fields: list[Field]
    settings: list[Setting]
    users: list[User]
    broken: bool
    """Some entry could not be read."""


Declaration = Route | Prompt | Auth


@dataclass(slots=True)
class File:
    """One route file. A file has declarations or bare steps, not both."""

    path: str = ""
    declarations: list[Declaration] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    """Steps outside of any route."""

    lost_declarations: bool = False
    """A declaration may be missing here, since it could not be read."""

"""The syntax tree: a route file as it is written, names unresolved, nothing judged.

Places are offsets into the file (`start`, and `end` exclusive); `File.path` says which file. Words that the admin chose
are `Word`s, quoted text is a `Text` with its escapes still in it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

USERS_SUFFIX = ".users"
"""How the name of a file of users ends."""


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
    """`20s`, `5m`, `1h`, `90d`, in seconds."""

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
class Say(Step):
    """`say digits|number|letters|time [VALUE]`: a bare word as value is one of a sign-in."""

    how: str
    value: Text | Word | None


@dataclass(slots=True)
class Language(Step):
    """`language nl`."""

    language: Word


@dataclass(slots=True)
class Case(Step):
    """`NAME: STEP` or `NAME { STEPS }`, an entry of a block; its place is its name's."""

    name: Word
    steps: list[Step]


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


class Recorded(NamedTuple):
    """`record 5001` or `record en 5101`, a part of a prompt."""

    language: Word | None
    number: Word


class Spoken(NamedTuple):
    """`text "…"` or `text en "…"`, a part of a prompt."""

    language: Word | None
    text: Text


@dataclass(slots=True)
class Prompt(Node):
    """`prompt NAME "file.wav" record 5001 record en 5101 text "…" text en "…"`."""

    name: Word
    file: Text | None
    records: list[Recorded]
    texts: list[Spoken]


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
    """`purpose NAME`, `tries 3`, `within 3m`, `log a, b`: what a module says once, one word and its values."""

    kind: str
    values: list[Word | Text | Duration]


@dataclass(slots=True)
class Clock(Setting):
    """`clock ask PROMPT { 1 in; 2 out }`: `values` is the prompt, `keys` are pairs; `broken` where one is not read."""

    keys: list[tuple[Word, Word]]
    broken: bool


@dataclass(slots=True)
class Webhook(Setting):
    """`webhook "URL" secret env NAME allow private ordered`: `values` are URL and name."""

    private: bool
    ordered: bool


@dataclass(slots=True)
class Code(Node):
    """`31 "water"` or `101..120`, in a table of codes."""

    first: Word
    last: Word
    text: Text | None


@dataclass(slots=True)
class Codes(Node):
    """`codes FIELD { … }`; `broken` where some code could not be read."""

    field: Word
    codes: list[Code]
    broken: bool


@dataclass(slots=True)
class Tell(Node):
    """`tell EVENT PROMPT`."""

    event: Word
    sound: Word | Text


@dataclass(slots=True)
class UsersFrom(Node):
    """`users from "FILE.users"`."""

    file: Text


@dataclass(slots=True)
class User(Node):
    """`user NAME "Title" login 1001 password "$argon2id$…"`; a bare number as password is a PIN in the clear."""

    name: Word
    title: Text | None
    login: Word | None
    password: Text | Word | None


@dataclass(slots=True)
class Auth(Node):
    """`auth NAME "Title" { … }`; `broken` where some entry could not be read."""

    name: Word
    title: Text | None
    fields: list[Field]
    settings: list[Setting]
    codes: list[Codes]
    tells: list[Tell]
    users: list[User]
    files: list[UsersFrom]
    broken: bool


Declaration = Route | Prompt | Auth


@dataclass(slots=True)
class File:
    """One route file. A file has declarations or bare steps, which are those outside of any route, not both."""

    path: str = ""
    declarations: list[Declaration] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    lost_declarations: bool = False
    """A declaration may be missing here, since it could not be read."""


@dataclass(slots=True)
class UsersFile:
    """One file of users; `broken` where some user could not be read."""

    path: str = ""
    users: list[User] = field(default_factory=list)
    broken: bool = False

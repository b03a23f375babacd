"""Routes and their steps, prompts, and the system that they make up."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from routec.model.base import Node
from routec.model.signin import Module

RECORDING = "record."
"""How the names of routes begin that record a prompt; no name of an admin's has a dot."""


class Recorded(Node):
    """`record 5001`, `record en 5101`: the extension by which a prompt is spoken in. `span` is the number's place.

    `language` is None for the base one, `[prompts] language`, however it was written.
    """

    language: str | None
    number: str


class Spoken(Node):
    """`text "…"`, `text en "…"`: what is to be said, in the same way. `span` is the text's place."""

    language: str | None
    text: str


class Prompt(Node):
    """A prompt: `sound` as Asterisk finds it; `file`, where it is one of ours, below routes/prompts/.

    One that is not declared is a file that lies there, and its `span` is an empty one in that file.
    """

    name: str
    sound: str
    file: str | None = None
    records: tuple[Recorded, ...] = ()
    texts: tuple[Spoken, ...] = ()

    @property
    def is_declared(self) -> bool:
        """Whether a route file has it, and so has a line for it."""
        return self.span.end > 0


class Play(Node):
    """Play sounds, in order: `words` as the admin wrote them, `sounds` as Asterisk finds them."""

    kind: Literal["play"] = "play"
    words: tuple[str, ...]
    sounds: tuple[str, ...]


class Say(Node):
    """Read aloud: the `text`, or the code `value` of the latest sign-in, or with neither the time.

    `word` is the admin's word for a value. A code that was left empty is silence.
    """

    kind: Literal["say"] = "say"
    how: Literal["digits", "number", "letters", "time"]
    text: str | None = None
    value: Literal["login", "extra1", "extra2"] | None = None
    word: str | None = None


class Language(Node):
    """From here on sounds are played in a language, where they are there in it."""

    kind: Literal["language"] = "language"
    language: str


class RecordPrompt(Node):
    """Speak a prompt in; a language of None is the base one. No step of an admin's: `recordings` makes them."""

    kind: Literal["record_prompt"] = "record_prompt"
    prompt: str
    language: str | None


class Case(Node):
    """What a caller meets with one outcome of a step. `span` is its name's place."""

    name: str
    steps: tuple["Step", ...]


class Cases(BaseModel):
    """The else of a sign-in by its outcomes, `locked`, `denied` and `error`: the last is whatever is no verdict, too.

    With an outcome that is not listed, the call is hung up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    cases: tuple[Case, ...]

    def steps(self, name: str) -> tuple["Step", ...] | None:
        """The steps of a case, or None where it is not listed."""
        return next((case.steps for case in self.cases if case.name == name), None)


class SignIn(Node):
    """Hold the sign-in conversation of a module; the steps behind it are for those who passed."""

    kind: Literal["sign_in"] = "sign_in"
    module: str
    otherwise: Annotated[tuple["Step", ...] | Cases, Field(union_mode="left_to_right")]


class Dial(Node):
    """Ring extensions all at once, for so many seconds or without end; answered, the call ends with the talk."""

    kind: Literal["dial"] = "dial"
    targets: tuple[str, ...]
    seconds: int | None
    otherwise: tuple["Step", ...] | None


class Goto(Node):
    """Go on in another route."""

    kind: Literal["goto"] = "goto"
    route: str


class Wait(Node):
    """Wait for so many seconds."""

    kind: Literal["wait"] = "wait"
    seconds: int


class Answer(Node):
    """Answer the call."""

    kind: Literal["answer"] = "answer"


class Hangup(Node):
    """End the call, with a cause for the caller's side where one is given."""

    kind: Literal["hangup"] = "hangup"
    cause: Literal["busy", "congestion", "rejected"] | None


Step = Annotated[
    Play | Say | Language | RecordPrompt | SignIn | Dial | Goto | Wait | Answer | Hangup, Field(discriminator="kind")
]


class Entry(Node):
    """A number that leads to a route: a DID as `+` and digits, an extension as it is dialled."""

    kind: Literal["did", "extension"]
    number: str


class Route(Node):
    """A call route. `span` is its name's place."""

    name: str
    title: str | None
    entries: tuple[Entry, ...]
    steps: tuple[Step, ...]

    @property
    def is_recording(self) -> bool:
        """Whether it is none of an admin's, but records a prompt."""
        return self.name.startswith(RECORDING)


class System(BaseModel):
    """All that the route files say, sorted by name, so that no order of files shows in what is made of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    routes: tuple[Route, ...]
    modules: tuple[Module, ...]
    prompts: tuple[Prompt, ...]

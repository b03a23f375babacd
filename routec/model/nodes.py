"""Routes and their steps, prompts, and the system that they make up."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from routec.model.base import Node
from routec.model.signin import Module


class Prompt(Node):
    """A declared prompt: `sound` as Asterisk finds it; `file`, where it is one of ours, below routes/prompts/."""

    name: str
    sound: str
    file: str | None = None
    record: str | None = None
    text: str | None = None


class Play(Node):
    """Play sounds, in order: `words` as the admin wrote them, `sounds` as Asterisk finds them."""

    kind: Literal["play"] = "play"
    words: tuple[str, ...]
    sounds: tuple[str, ...]


class SignIn(Node):
    """Hold the sign-in conversation of a module; the steps behind it are for those who passed."""

    kind: Literal["sign_in"] = "sign_in"
    module: str
    otherwise: tuple["Step", ...]


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


Step = Annotated[Play | SignIn | Dial | Goto | Wait | Answer | Hangup, Field(discriminator="kind")]


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


class System(BaseModel):
    """All that the route files say, sorted by name, so that no order of files shows in what is made of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    routes: tuple[Route, ...]
    modules: tuple[Module, ...]
    prompts: tuple[Prompt, ...]

"""What a telephone system means by a route: frozen, resolved, and the same for dialplan, simulator and plan."""

from routec.model.base import Node
from routec.model.nodes import (
    Answer,
    Dial,
    Entry,
    Goto,
    Hangup,
    Play,
    Prompt,
    Route,
    SignIn,
    Step,
    System,
    Wait,
)
from routec.model.signin import Field, Module, User

__all__ = [
    "Answer",
    "Dial",
    "Entry",
    "Field",
    "Goto",
    "Hangup",
    "Module",
    "Node",
    "Play",
    "Prompt",
    "Route",
    "SignIn",
    "Step",
    "System",
    "User",
    "Wait",
]

"""A dialplan as data: contexts of extensions of lines, each line with the place in a route that it comes from."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from routec.contract import asterisk_language
from routec.model.limits import HASH_DIGITS
from routec.source import Span

CONTEXT_PREFIX = "routec-"
SIGNIN_PREFIX = f"{CONTEXT_PREFIX}signin."
"""How the names of the modules' conversations begin."""

DIDS = "routec-dids"
EXTENSIONS = "routec-extensions"
DOCTOR = "routec-doctor"
SEAL = "routec-seal"
FIXED = (DIDS, EXTENSIONS, DOCTOR, SEAL)
"""The contexts whose names stay; the name of every other one says what is in it."""

NOWHERE = Span("", 0, 0)
"""The place of a line that comes from no route."""

ANY_NUMBER = "_[+*0-9]!"
"""The extension of a route's steps: whatever number led here. It stays in EXTEN, and so in the CDR; `h`, `i`, `t` and
`T`, which `_.` would swallow, are not among them."""


class Line(NamedTuple):
    """One priority: an application with its arguments, where the label marks it for a jump."""

    app: str
    data: str
    label: str
    span: Span


class Extension(NamedTuple):
    """An extension and its priorities, counted from 1."""

    pattern: str
    lines: tuple[Line, ...]


class Context(NamedTuple):
    """A context with the comment above it; `route` is empty for what is no route's."""

    name: str
    comment: tuple[str, ...]
    extensions: tuple[Extension, ...]
    route: str = ""


@dataclass(frozen=True, slots=True)
class Dialplan:
    """All contexts, in the order in which they are written."""

    contexts: tuple[Context, ...]


def speaks(language: str, span: Span) -> Line:
    """What sets a call to a language: of prompts, and of what Asterisk says itself."""
    return Line("Set", f"CHANNEL(language)={asterisk_language(language)}", "", span)


def content(extension: Extension) -> str:
    """What an extension does, without where that is written."""
    return "\n".join(f"{extension.pattern}\t{line.label}\t{line.app}\t{line.data}" for line in extension.lines)


def content_hash(extensions: Iterable[Extension]) -> str:
    """What a context does, without where that is written: the same steps keep their context."""
    text = "\n".join(content(extension) for extension in extensions)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]

"""The shape of what a dialplan holds."""

from collections.abc import Mapping
from typing import NamedTuple


class Priority(NamedTuple):
    """What stands at one priority of an extension; `label` is empty where there is none."""

    label: str
    app: str
    data: str


HINT = -1
"""The priority that a hint has; it stands only in contexts of the admin's."""

BESIDE = ("include", "switch", "ignorepat")
"""What a context may have beside extensions. None of routec's has any: who is included answers in its place."""

_AGAIN = "/?"

Extensions = Mapping[str, Mapping[int, Priority]]
"""Of one context: extension (or pattern) to priority number to what is there.

What else Asterisk's memory may have there stands under names that no extension can have, which `is_marked` knows, so
that whatever compares compares it too; no text of ours can hold it. `include => phones` (or another of `BESIDE`) has
`phones` as the data at priority 1. `600/?` is an extension that is there once more, for some callers only: AMI does not
tell their number (`600/4711`), and lists it before the one for all.
"""

Held = Mapping[str, Extensions]
"""Context to its extensions."""


def beside(kind: str, data: str) -> str:
    """The name for one of `BESIDE`."""
    return f"{kind} => {data}"


def included(extensions: Extensions) -> tuple[str, ...]:
    """The contexts that one includes, in order; the times of day that Asterisk may have with a name left out."""
    lines = (lines[1] for exten, lines in extensions.items() if exten.startswith("include => "))
    return tuple(line.data.partition(",")[0] for line in lines)


def again(exten: str, extensions: Extensions) -> str:
    """The name for an extension that is there once more."""
    name = f"{exten}{_AGAIN}"
    while name in extensions:
        name += "?"
    return name


def for_some(exten: str) -> str | None:
    """The extension that some callers have another of, by the name that `again` made; None for any other name."""
    plain = exten.rstrip("?")
    return plain[:-1] if plain != exten and plain.endswith("/") else None


def is_marked(exten: str) -> bool:
    """Whether this is no extension like others."""
    return " => " in exten or for_some(exten) is not None

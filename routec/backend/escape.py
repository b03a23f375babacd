"""The last gate before the dialplan: what comes from a route is plain, or it is our own bug.

The frontend has refused everything else with a diagnostic; this makes sure that no path round it is ever built.
"""

import re

from routec.source import Sources, Span

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+*-]+")
_SPOKEN = re.compile(r"[A-Za-z0-9_./@+*#=!-]+(?: [A-Za-z0-9_./@+*#=!-]+)*")

LONGEST_COMMENT = 200


def plain(part: str) -> str:
    """A part of an application's arguments, if it means nothing to Asterisk but itself. Raises ValueError."""
    if not _PLAIN.fullmatch(part):
        raise ValueError(f"{part[:80]!r} cannot stand in a dialplan")
    return part


def spoken(text: str) -> str:
    """Text that is said letter by letter, under the same condition; blanks stand in it singly. Raises ValueError."""
    if not _SPOKEN.fullmatch(text):
        raise ValueError(f"{text[:80]!r} cannot stand in a dialplan")
    return text


def heading(what: str, title: str | None, span: Span, sources: Sources) -> tuple[str, str]:
    """The comment above a context: what it is, and where the admin wrote it."""
    where = f"{span.file}:{sources[span.file].line(span.start)}"
    return comment(f'{what} "{title}"' if title else what), comment(where)


def comment(text: str) -> str:
    """Text for a comment: one line of bounded length, since Asterisk reads lines of 8,191 bytes and then the next."""
    cut = text if len(text) <= LONGEST_COMMENT else text[: LONGEST_COMMENT - 1] + "…"
    return cut if cut.isprintable() else "".join(char if char.isprintable() else " " for char in cut)

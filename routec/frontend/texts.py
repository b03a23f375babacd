"""Quoted text and names of sounds: what may stand in them, since all of it may end up in a dialplan."""

import re
from collections.abc import Callable

from routec.diagnostics import Diagnostic, codes
from routec.frontend.syntax import Text
from routec.source import Span

Report = Callable[[Diagnostic], None]

_SPECIAL = re.compile(r"\$\{|\$\[|;|\\(.?)")
_ESCAPES = {'"': '"', "\\": "\\", ";": ";"}
_SOUND = re.compile(r"[A-Za-z0-9_+-]+(?:[./][A-Za-z0-9_+-]+)*")


def unescape(path: str, text: Text, report: Report) -> str:
    r"""The text that is meant: `\"`, `\\` and `\;` stand for themselves.

    `${` and `$[` cannot be escaped in a dialplan, an unescaped `;` cuts a line there, and the end of a line begins a
    new one: all four are faults wherever text is quoted, so that no place has to be remembered where they matter.
    """

    def mean(match: re.Match[str]) -> str:
        span = Span(path, text.start + 1 + match.start(), text.start + 1 + match.end())
        found = match[0]
        if found in ("${", "$["):
            report(
                Diagnostic(
                    codes.INJECTING_TEXT,
                    f"`{found}` in a text",
                    span,
                    note="Asterisk would evaluate what follows, and it cannot be escaped",
                    help="write it without, or write what you mean as a step",
                )
            )
        elif found == ";":
            report(
                Diagnostic(
                    codes.INJECTING_TEXT,
                    "unescaped `;` in a text",
                    span,
                    note="it begins a comment in a dialplan",
                    help=r"write `\;`",
                )
            )
        elif match[1] in ("n", "r"):
            report(
                Diagnostic(
                    codes.INJECTING_TEXT,
                    f"`{found}`, the end of a line, in a text",
                    span,
                    note="what follows would be a line of its own in a dialplan",
                )
            )
        elif match[1] not in _ESCAPES:
            report(
                Diagnostic(
                    codes.UNEXPECTED, f"unknown escape `{found}`", span, help=r"a text knows `\"`, `\\` and `\;`"
                )
            )
        return _ESCAPES.get(match[1] or "", found)

    return _SPECIAL.sub(mean, text.raw)


def is_sound_name(name: str) -> bool:
    """Whether a name can stand in `Playback(…)` and in `GET DATA` as it is: plain parts, joined by `/` and `.`."""
    return len(name) <= 200 and _SOUND.fullmatch(name) is not None

"""What to say of text that does not fit: what stands there, what could have stood there, and what was meant."""

import re
from collections.abc import Iterable

from routec.diagnostics import Diagnostic, Label, codes, did_you_mean
from routec.source import Source, Span

MISPLACED = "does not belong here"

_THING = re.compile(r'"[^"\n]*"?|[A-Za-z0-9_+*-]+|\S|(?=\n)|\Z')

_KINDS = {
    "NAME": "a name",
    "TEXT": "text in double quotes",
    "NUMBER": "a number",
    "DURATION": "a duration such as `20s`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "_COMMA": "`,`",
    "_RANGE": "`..`",
    "_SEP": "the end of the step",
    "$END": "",
    "BAD": "",
    "TEXT_WORD": "`text`",
}

_HOME = {
    "on": "`on` stands in a route: `route NAME { on did +3225551234 … }`",
    "route": "a route cannot stand in another block; close that with `}` first",
    "else": "`else` stands on the line of its step, behind it",
    **dict.fromkeys(
        ("login", "password", "extra1", "extra2", "tries", "within", "log", "user", "purpose"),
        "it stands in a sign-in module: `auth NAME { … }`",
    ),
    **dict.fromkeys(
        ("prompt", "auth", "dial", "goto", "wait", "answer", "hangup"), "it is a step, and steps stand in a route"
    ),
}
"""Where a word belongs that stands in the wrong block."""

_HELPS = (
    ("['\u2018\u2019\u201c\u201d\u201e\xab\xbb].*", "", "text stands in double quotes"),
    (r"#", "", "a comment begins with `#` at the start of a line or after a blank"),
    (r"/", "", "a comment begins with `#`"),
    (r"[<=>]", "", "is this what a merge has left? Then finish it"),
    (r"([0-9]+)", "DURATION", r"a duration has a unit: `\1s`, `\1m` or `\1h`"),
    (r"([0-9]+)[a-zA-Z]+", "DURATION", r"the units are seconds, minutes and hours: `\1s`, `\1m`, `\1h`"),
    (r"([0-9]+)-([0-9]+)", "NUMBER", r"a range is written `\1..\2`"),
    (r"[0-9_-].*", "NAME", "a name begins with a letter, then letters, digits, `-` and `_`"),
    (r'"[^"]*"', "ASK", "this is a field; a user's login and password stand on the line of `user`"),
)
"""What is often written, where (a terminal that would fit, or anywhere), and what to say then."""


class Expectations:
    """The terminals that would fit at some place of a source, in words."""

    def __init__(self, source: Source, accepted: Iterable[str]) -> None:
        self._source = source
        self._accepted = set(accepted)

    def describe(self, kind: str, offset: int) -> Diagnostic:
        """The diagnostic for a token of some kind (`$END`, or empty for no token at all) at an offset."""
        text = self._source.text
        if kind == "$END":
            offset = len(text.rstrip())
            return self._diagnostic(codes.UNEXPECTED, "the file ends too early", offset, 1, note=self._expected())
        match = _THING.match(text, offset)
        thing = match[0] if match else ""
        if kind == "" and thing.startswith('"') and (len(thing) == 1 or not thing.endswith('"') or "\\" in thing):
            return self._diagnostic(
                codes.UNCLOSED_TEXT, "this text is never closed", offset, len(thing), help='close it with `"`'
            )
        if kind == "_SEP":
            if text[:offset].endswith("\r"):
                offset -= 1
            what = "the step" if thing == ";" else "the line"
            return self._diagnostic(codes.UNEXPECTED, f"{what} ends too early", offset, 1, note=self._expected())
        if "BAD" in self._accepted and re.match(r"[A-Za-z0-9_+*-]", thing):
            return self._unknown_entry(thing, offset)
        return self._diagnostic(
            codes.UNEXPECTED,
            f"unexpected `{thing}`",
            offset,
            len(thing),
            note=self._expected(),
            help=self._help(thing),
        )

    @staticmethod
    def label(source: Source, offset: int, text: str) -> Label:
        """A label on the word at an offset."""
        match = _THING.match(source.text, offset)
        return Label(Span(source.path, offset, offset + max(1, len(match[0]) if match else 1)), text)

    def _unknown_entry(self, thing: str, offset: int) -> Diagnostic:
        """The first word of an entry does not fit."""
        if thing in _HOME:
            return self._diagnostic(codes.UNEXPECTED, f"`{thing}` {MISPLACED}", offset, len(thing), help=_HOME[thing])
        words = self._words()
        entry = (
            "setting of a sign-in module"
            if "TRIES" in self._accepted
            else "step or declaration"
            if "ROUTE" in self._accepted
            else "step"
        )
        help = did_you_mean(thing, words) or self._help(thing)
        return self._diagnostic(
            codes.UNKNOWN_WORD,
            f"unknown {entry}: `{thing}`",
            offset,
            len(thing),
            note="" if help else "expected " + _one_of(f"`{word}`" for word in words),
            help=help,
        )

    def _words(self) -> list[str]:
        """The language's own words that would fit."""
        return sorted(kind.lower() for kind in self._accepted if kind not in _KINDS and kind.isupper())

    def _expected(self) -> str:
        things = [_KINDS[kind] for kind in sorted(self._accepted) if _KINDS.get(kind)]
        if len(things) > 1 and "RBRACE" in self._accepted:
            things.remove(_KINDS["RBRACE"])
        if "BAD" in self._accepted and "_SEP" in self._accepted:
            things.remove(_KINDS["_SEP"])
        listed = _one_of([*(f"`{word}`" for word in self._words()), *things])
        return f"expected {listed}" if listed else ""

    def _help(self, thing: str) -> str:
        for pattern, kind, help in _HELPS:
            if (not kind or kind in self._accepted) and (match := re.fullmatch(pattern, thing)):
                return match.expand(help)
        if "NAME" in self._accepted and thing != thing.lower() and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", thing):
            return f"names are written in lower case: `{thing.lower()}`"
        if "_SEP" in self._accepted and thing in _HOME and thing != "else":
            return "a `;` or a new line stands between two steps"
        return did_you_mean(thing, self._words())

    def _diagnostic(
        self, code: codes.Code, message: str, offset: int, length: int, *, note: str = "", help: str = ""
    ) -> Diagnostic:
        return Diagnostic(code, message, Span(self._source.path, offset, offset + max(1, length)), note=note, help=help)


def _one_of(things: Iterable[str]) -> str:
    listed = list(things)
    return " or ".join(([", ".join(listed[:-1])] if listed[:-1] else []) + listed[-1:])

"""What to say of text that does not fit: what stands there, what could have stood there, and what was meant."""

import re
from collections.abc import Iterable

from routec.contract import DENIED, ERROR, LOCKED
from routec.diagnostics import Diagnostic, Label, codes, did_you_mean
from routec.diagnostics.secrets import shown
from routec.source import Source, Span

MISPLACED = "does not belong here"

_THING = re.compile(r'"[^"\n]*"?|[A-Za-z0-9_+*-]+|\S|(?=\n)|\Z')

_KINDS = {
    "NAME": "a name",
    "TEXT": "text in double quotes",
    "NUMBER": "a number",
    "DURATION": "a duration such as `20s`",
    "VARIABLE": "the name of an environment variable such as `PMS_WEBHOOK_SECRET`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "_COLON": "`:`",
    "_COMMA": "`,`",
    "_RANGE": "`..`",
    "_SEP": "the end of the step",
    "$END": "",
    "BAD": "",
}

MODULE_WORDS = (
    "login",
    "password",
    "extra1",
    "extra2",
    "purpose",
    "tries",
    "within",
    "lockout",
    "tell",
    "log",
    "keep",
    "offline",
    "webhook",
    "user",
    "users",
    "codes",
    "confirm",
    "again",
    "clock",
    "close",
)
"""The words that begin an entry of a sign-in module."""

STEP_WORDS = ("prompt", "say", "language", "auth", "dial", "goto", "wait", "answer", "hangup")
"""The words that begin a step."""

CASES = (LOCKED, DENIED, ERROR)
"""The words that begin a case in the else of a sign-in."""

CASE_HEAD = {"_COLON", "LBRACE"}
"""What is accepted behind a word that can only be a case's, and nowhere else."""

_HOME = {
    "on": "`on` stands in a route: `route NAME { on did +3225551234 … }`",
    "route": "a route cannot stand in another block; close that with `}` first",
    "else": "`else` stands on the line of its step, behind it",
    **dict.fromkeys(MODULE_WORDS, "it stands in a sign-in module: `auth NAME { … }`"),
    "user": "it stands in a sign-in module: `auth NAME { … }`, or in a file of users",
    **dict.fromkeys(STEP_WORDS, "it is a step, and steps stand in a route"),
    **dict.fromkeys(CASES, "it is a case, and cases stand in an else: `auth NAME else { locked: …; denied { … } }`"),
}
"""Where a word belongs that stands in the wrong block."""

_USERS_FILE = "a file of users has lines such as `user NAME login 1001`, and nothing else"

_HELPS = (
    ("['\u2018\u2019\u201c\u201d\u201e\xab\xbb].*", "", "text stands in double quotes"),
    (r"#", "", "a comment begins with `#` at the start of a line or after a blank"),
    (r"/", "", "a comment begins with `#`"),
    (r"[<=>]", "", "is this what a merge has left? Then finish it"),
    (r"([0-9]+)", "DURATION", r"a duration has a unit: `\1s`, `\1m`, `\1h`, `\1d` or `\1w`"),
    (
        r"([0-9]+)[a-zA-Z]+",
        "DURATION",
        r"the units are seconds, minutes, hours, days and weeks: `\1s`, …, `\1d`, `\1w`",
    ),
    (r"star", "NUMBER", "this key is written `*`"),
    (r"([0-9]+)-([0-9]+)", "NUMBER", r"a range is written `\1..\2`"),
    (r"[0-9_-].*", "NAME", "a name begins with a letter, then letters, digits, `-` and `_`"),
    (r'"[^"]*"', "ASK", "a prompt stands behind `ask`; a user's login and password stand on the line of `user`"),
    (r'"[^"]*"|whsec_.*', "VARIABLE", "the secret itself stands in the environment, and its name here"),
    (r'"[^"]*"|whsec_.*', "ENV", "the secret itself stands in the environment, and its name here: `secret env NAME`"),
    (r"[A-Za-z_].*", "ENV", r"`secret env NAME` names the variable of the environment that holds the secret"),
    (r'"([a-z][a-z0-9_-]*)"', "NAME", r"a name stands without quotes: `\1`"),
    (r"[a-z][a-z0-9_]*", "VARIABLE", "variables of the environment have capitals, digits and `_`"),
)
"""What is often written, where (a terminal that would fit, or anywhere), and what to say then."""


class Expectations:
    """The terminals that would fit at some place of a source, in words."""

    def __init__(self, source: Source, accepted: Iterable[str]) -> None:
        self._source = source
        self._accepted = set(accepted)
        self._has_cases = {"NAME", "BAD"} <= self._accepted
        if self._has_cases:  # an entry that begins with a name is a case, but who wrote no `:` meant a step
            self._accepted.remove("NAME")

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
        if "BAD" in self._accepted and "NUMBER" not in self._accepted and re.match(r"[A-Za-z0-9_+*-]", thing):
            return self._unknown_entry(thing, offset)
        what = self._in_words(thing, offset)
        return self._diagnostic(
            codes.UNEXPECTED,
            f"unexpected {what.removeprefix('a ')}",
            offset,
            len(thing),
            note=self._expected(),
            help=self._help(thing, is_secret=thing not in what),
        )

    def _in_words(self, thing: str, offset: int) -> str:
        """What stands at an offset, as a message may have it: what may be a PIN or a secret is not quoted."""
        if {"ENV", "VARIABLE"} & self._accepted and thing.startswith(('"', "whsec_")):
            return "a text"
        seen = shown(self._source, offset, len(thing))
        if seen == thing:
            return f"`{thing}`"
        return "a text" if thing.startswith('"') else "a number" if not seen.strip("*+-") else f"`{seen}`"

    @staticmethod
    def label(source: Source, offset: int, text: str) -> Label:
        """A label on the word at an offset."""
        match = _THING.match(source.text, offset)
        return Label(Span(source.path, offset, offset + max(1, len(match[0]) if match else 1)), text)

    def _unknown_entry(self, thing: str, offset: int) -> Diagnostic:
        """The first word of an entry does not fit."""
        words = self._words()
        if thing in _HOME:
            help = _USERS_FILE if words == ["user"] else _HOME[thing]
            return self._diagnostic(codes.UNEXPECTED, f"`{thing}` {MISPLACED}", offset, len(thing), help=help)
        entry = (
            "setting of a sign-in module"
            if "TRIES" in self._accepted
            else "step or declaration"
            if "ROUTE" in self._accepted
            else "line of a file of users"
            if words == ["user"]
            else "step"
        )
        what = self._in_words(thing, offset)
        help = did_you_mean(thing, [*words, *CASES] if self._has_cases else words)
        help = help or self._help(thing, is_secret=thing not in what)
        return self._diagnostic(
            codes.UNKNOWN_WORD,
            f"unknown {entry}: {what}",
            offset,
            len(thing),
            note="" if help else "expected " + _one_of(f"`{word}`" for word in words),
            help=help,
        )

    def _words(self) -> list[str]:
        """The language's own words that would fit."""
        words = (kind.removesuffix("_WORD") for kind in self._accepted if kind not in _KINDS and kind.isupper())
        return sorted(word.lower() for word in words)

    def _expected(self) -> str:
        things = [_KINDS[kind] for kind in sorted(self._accepted) if _KINDS.get(kind)]
        if len(things) > 1 and "RBRACE" in self._accepted:
            things.remove(_KINDS["RBRACE"])
        if "BAD" in self._accepted and "_SEP" in self._accepted:
            things.remove(_KINDS["_SEP"])
        listed = _one_of([*(f"`{word}`" for word in self._words()), *things])
        return f"expected {listed}" if listed else ""

    def _help(self, thing: str, *, is_secret: bool) -> str:
        wants_step = "HANGUP" in self._accepted and "BAD" not in self._accepted
        if self._accepted == CASE_HEAD or (wants_step and thing == "{"):
            return "a case is written `NAME: STEP` or `NAME { STEPS }`"
        if wants_step and thing in CASES:
            return _HOME[thing]
        for pattern, kind, help in _HELPS:
            if (not kind or kind in self._accepted) and (match := re.fullmatch(pattern, thing)):
                return "" if is_secret and "\\1" in help else match.expand(help)
        if (
            "NAME" in self._accepted
            and not is_secret
            and thing != thing.lower()
            and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", thing)
        ):
            return f"names are written in lower case: `{thing.lower()}`"
        if "_SEP" in self._accepted and thing in _HOME and thing != "else":
            return f"a `;` or a new line stands between two {'settings' if thing in MODULE_WORDS else 'steps'}"
        return did_you_mean(thing, self._words())

    def _diagnostic(
        self, code: codes.Code, message: str, offset: int, length: int, *, note: str = "", help: str = ""
    ) -> Diagnostic:
        return Diagnostic(code, message, Span(self._source.path, offset, offset + max(1, length)), note=note, help=help)


def _one_of(things: Iterable[str]) -> str:
    listed = list(things)
    return " or ".join(([", ".join(listed[:-1])] if listed[:-1] else []) + listed[-1:])

"""`say`: what may be read aloud, and which of a sign-in's codes a word stands for."""

import re
from typing import Any

from routec.contract import FIELDS
from routec.diagnostics import codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.scope import Scope, span_of
from routec.frontend.syntax import Text, Word
from routec.frontend.texts import unescape
from routec.model.limits import LARGEST_NUMBER

SAID = tuple(field for field in FIELDS if field != "password")
"""The codes of a sign-in that reach the route."""

_FORMS = {
    "digits": re.compile(r"[0-9*#]+"),
    "number": re.compile(r"-?[0-9]{1,20}"),
    "letters": re.compile(r"[A-Za-z0-9*#@.+/=!_-]+(?: [A-Za-z0-9*#@.+/=!_-]+)*"),
}
"""What Asterisk has sounds for, less what would mean something to it in a dialplan."""

_NOTES = {
    "digits": "digits are `0` to `9`, `*` and `#`",
    "number": "a number is written with digits, and maybe a `-` before them",
    "letters": "letters are `A` to `Z`, digits, `* # @ . + / = ! _ -`, and single blanks between them",
}

_EXAMPLES = {"digits": 'say digits "214"', "number": "say number 214", "letters": 'say letters "AB 12"'}

Said = dict[str, Any]

NOTHING: Said = {"how": "time"}
"""In place of what was not understood: a step that can be judged further."""


def resolve_said(scope: Scope, path: str, step: syntax.Say, module: Word | None, *, unread: bool) -> Said:
    """How, and the text or the value, in the model's shape.

    `module` is that of the latest sign-in before the step. `unread`: there may be another one, which could not be read.
    """
    how, value = step.how, step.value
    if how == "time" and value is not None:
        note = "it says what time it is"
        scope.fault(codes.UNEXPECTED, "`say time` takes no value", span_of(path, value), note, "say time")
    elif how != "time" and value is None:
        note = "a text, a number, or a code of the latest sign-in"
        scope.fault(codes.UNEXPECTED, f"`say {how}` does not say what", span_of(path, step), note, _EXAMPLES[how])
    elif isinstance(value, Word) and value.text[0].isalpha():
        kind = _value(scope, path, value, module, unread=unread)
        if kind is not None:
            if how == "number" and module is not None:
                _check_width(scope, path, value, module, kind)
            return {"how": how, "value": kind, "word": value.text}
    elif value is not None:
        text = _text(scope, path, how, value)
        if text is not None:
            return {"how": how, "text": text}
    return NOTHING


def _text(scope: Scope, path: str, how: str, value: Text | Word) -> str | None:
    """What is said of a text or a number, or None where it cannot be."""
    known = len(scope.diagnostics)
    text = unescape(path, value, scope.report) if isinstance(value, Text) else value.text
    if len(scope.diagnostics) > known:
        return None
    if not _FORMS[how].fullmatch(text):
        shown = f"`{text[:40]}`" if text else "an empty text"
        help = f'say letters "{text}"' if how != "letters" and _FORMS["letters"].fullmatch(text) else ""
        kind = "a number" if how == "number" else how
        scope.fault(codes.UNSAYABLE, f"{shown} cannot be said as {kind}", span_of(path, value), _NOTES[how], help)
        return None
    if how != "number":
        return text
    if abs(int(text)) > LARGEST_NUMBER:
        note = f"Asterisk says numbers from -{LARGEST_NUMBER} to {LARGEST_NUMBER}"
        scope.fault(codes.BAD_RANGE, "this number is out of range", span_of(path, value), note, "say it as digits")
        return None
    return str(int(text))


def _value(scope: Scope, path: str, word: Word, module: Word | None, *, unread: bool) -> str | None:
    """The kind of the field that a word stands for, or None where it stands for none."""
    if module is None:
        if not unread:
            note = "a bare word is a code of the latest `auth` before it in the same route, and there is none"
            help = f'text stands in double quotes: `"{word.text}"`'
            scope.fault(codes.UNKNOWN_FIELD, f"no sign-in gives `{word.text}`", span_of(path, word), note, help)
        return None
    auth = _module(scope, module)
    if auth is None:
        return None
    kinds = {field.kind: field.kind for field in auth.fields}
    kinds |= {field.alias.text: field.kind for field in auth.fields if field.alias}
    kind = kinds.get(word.text)
    if kind in SAID:
        return kind
    if kind is not None:
        message = f"`{word.text}` is never said"
        note = "a password is in no dialplan and no variable: Asterisk is not told it"
        scope.fault(codes.UNKNOWN_FIELD, message, span_of(path, word), note)
    elif not auth.broken and not unread:
        note = f"`auth {module.text}`, the latest sign-in before this, asks for no such field"
        help = did_you_mean(word.text, [name for name, kind in kinds.items() if kind in SAID])
        if not help and word.text not in SAID:
            help = f'text stands in double quotes: `"{word.text}"`'
        scope.fault(codes.UNKNOWN_FIELD, f"unknown field `{word.text}`", span_of(path, word), note, help)
    return None


def _check_width(scope: Scope, path: str, word: Word, module: Word, kind: str) -> None:
    """A code that is said as a number fits into one: Asterisk is silent on a larger one."""
    most = len(str(LARGEST_NUMBER))
    auth = _module(scope, module)
    for field in auth.fields if auth else ():
        digits = field.digits.most.text if field.digits else ""
        if field.kind == kind and not (digits.isdecimal() and int(digits[:9]) <= most):
            note = f"Asterisk says numbers of {most} digits at the most, and this field may have more"
            help = f"`say digits {word.text}`, or `digits 1..{most}` in the module"
            scope.fault(codes.BAD_RANGE, f"`{word.text}` may be too large a number", span_of(path, word), note, help)


def spoken_fields(scope: Scope, module: str) -> object:
    """All of a module that `say` asks for; equal answers, equal steps."""
    found = scope.modules.declared.get(module)
    if found is None or not isinstance(found[1], syntax.Auth):
        return None
    fields = [
        (field.kind, field.alias.text if field.alias else None, field.digits.most.text if field.digits else None)
        for field in found[1].fields
    ]
    return found[1].broken, fields


def _module(scope: Scope, module: Word) -> syntax.Auth | None:
    scope.asked.add(("fields", module.text))
    found = scope.modules.declared.get(module.text)
    return found[1] if found is not None and isinstance(found[1], syntax.Auth) else None

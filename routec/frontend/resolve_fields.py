"""The fields of a sign-in module, and the tables of the codes that they take."""

from typing import Any

from routec.contract import FIELDS
from routec.diagnostics import Diagnostic, Label, codes
from routec.frontend import syntax
from routec.frontend.module_scope import ModuleScope, digits_of, whole
from routec.frontend.sounds import resolve_sound
from routec.frontend.texts import unescape
from routec.source import Span

MOST_DIGITS = 20

MOST_OVERLAPS = 20
"""A table with more codes that are there twice is not shown in full; the rest would only scroll."""


def resolve_fields(module: ModuleScope) -> list[dict[str, Any]]:
    """The fields, in the order in which they are asked."""
    seen: dict[str, syntax.Field] = {}
    words: dict[str, Span] = {}
    scope = module.scope
    for field in module.auth.fields:
        if field.kind in seen:
            module.repeated(f"`{field.kind}` is asked for twice", field, seen[field.kind])
            continue
        seen[field.kind] = field
        if field.alias is not None:
            span = module.span(field.alias)
            if field.alias.text in words:
                scope.repeated(f"the word `{field.alias.text}` stands for two fields", span, words[field.alias.text])
            elif field.alias.text in FIELDS and field.alias.text != field.kind:
                note = f"`{field.alias.text}` is a field of its own"
                scope.fault(codes.DUPLICATE_NAME, f"`{field.alias.text}` cannot stand for another field", span, note)
            words[field.alias.text] = span
        if field.optional and (field.kind == "password" or (field.kind == "login" and module.verify)):
            note = "whoever leaves it empty would pass without it"
            module.fault(codes.OPTIONAL_CREDENTIAL, f"a {field.kind} cannot be optional", field, note)
    return [_field(module, seen[kind]) for kind in FIELDS if kind in seen]


def _field(module: ModuleScope, field: syntax.Field) -> dict[str, Any]:
    word, sound = resolve_sound(module.scope, module.path, field.sound)
    least, most = 1, MOST_DIGITS
    if field.digits is not None:
        low, high = whole(field.digits.least), whole(field.digits.most)
        if low is None or high is None or not 1 <= low <= high <= MOST_DIGITS:
            note = f"a code has 1 to {MOST_DIGITS} digits, the smaller number first"
            module.fault(codes.BAD_RANGE, "these digits cannot be keyed", field.digits, note)
        else:
            least, most = low, high
    return {
        "span": module.span(field),
        "kind": field.kind,
        "sound": sound,
        "word": word,
        "least": least,
        "most": most,
        "alias": field.alias.text if field.alias else None,
        "optional": field.optional,
    }


# ---- tables of codes


def resolve_codes(module: ModuleScope) -> None:
    """Give the fields of a module their `codes`."""
    tables: dict[str, syntax.Codes] = {}
    for table in module.auth.codes:
        kind = module.data_field(table.field, "its codes are those of the users")
        if kind is None:
            continue
        if kind in tables:
            module.repeated(f"`{table.field.text}` has two tables of codes", table, tables[kind])
            continue
        tables[kind] = table
        if not table.codes and not table.broken:
            note = "no code could be keyed"
            message = f"the table of codes of `{table.field.text}` is empty"
            module.fault(
                codes.EMPTY_CODE_TABLE, message, table.field, note, "a code stands there as `31` or `101..120`"
            )
        field = module.field(kind)
        if field is not None:
            field["codes"] = _codes(module, table, field)


def _codes(module: ModuleScope, table: syntax.Codes, field: dict[str, Any]) -> list[dict[str, Any]]:
    sound = [code for code in table.codes if _can_be_keyed(module, code, field)]
    _check_overlaps(module, sound)
    return [
        {
            "span": module.span(code),
            "first": code.first.text,
            "last": code.last.text,
            "text": unescape(module.path, code.text, module.scope.report) if code.text else None,
        }
        for code in sound
    ]


def _can_be_keyed(module: ModuleScope, code: syntax.Code, field: dict[str, Any]) -> bool:
    first, last = code.first.text, code.last.text
    for word in (code.first, code.last):
        if not word.text.isdecimal():
            module.fault(codes.UNKEYABLE_CODE, f"`{word.text}` is no code", word, "a code has digits only")
            return False
    if len(first) != len(last) or first > last:
        note = "as many digits on both sides, the smaller number first: `001..120`"
        module.fault(codes.BAD_RANGE, f"`{first}..{last}` is no range of codes", code, note)
        return False
    if not field["least"] <= len(first) <= field["most"]:
        note = f"`{field['alias'] or field['kind']}` has {digits_of(field)}"
        module.fault(codes.UNKEYABLE_CODE, f"`{first}` can never be keyed", code.first, note)
        return False
    return True


def _check_overlaps(module: ModuleScope, table: list[syntax.Code]) -> None:
    """No code is there twice: it would have two meanings. Codes of different lengths are different codes."""
    reach: syntax.Code | None = None
    told = 0
    for code in sorted(table, key=lambda code: (len(code.first.text), code.first.text, code.start)):
        if reach is None or len(code.first.text) != len(reach.first.text):
            reach = code
            continue
        if code.first.text <= reach.last.text and (told := told + 1) <= MOST_OVERLAPS:
            first, second = sorted((reach, code), key=lambda one: one.start)
            message = f"the code `{code.first.text}` is in this table twice"
            label = Label(module.span(first), "first here")
            module.scope.report(Diagnostic(codes.CODES_OVERLAP, message, module.span(second), labels=(label,)))
        if code.last.text > reach.last.text:
            reach = code

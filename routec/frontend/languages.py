"""Languages in the routes: their names, and what a prompt says of its versions in them."""

from collections.abc import Sequence
from typing import Any

from routec.contract import LANGUAGE, meant_language
from routec.diagnostics import Diagnostic, Label, codes
from routec.frontend import syntax
from routec.frontend.scope import Scope, span_of
from routec.frontend.syntax import Word
from routec.frontend.texts import unescape
from routec.model.numbers import EXTENSION
from routec.source import Span


def resolve_language(scope: Scope, path: str, word: Word) -> str:
    """The language that a word names; it is a fault where there can be none."""
    if not LANGUAGE.fullmatch(word.text):
        help = f"did you mean `{meant}`?" if (meant := meant_language(word.text)) else ""
        note = "two letters, as `nl`, or with a country, as `nl_be`"
        scope.fault(codes.UNKNOWN_VALUE, f"`{word.text}` is no language", span_of(path, word), note, help)
    return word.text


def resolve_records(scope: Scope, path: str, prompt: syntax.Prompt) -> list[dict[str, Any]]:
    """The extensions by which a prompt is spoken in, one a language."""
    for record in prompt.records:
        if not EXTENSION.fullmatch(record.number.text):
            note = "an extension has digits and `*` only"
            message = f"`{record.number.text}` is no extension"
            scope.fault(codes.BAD_NUMBER, message, span_of(path, record.number), note)
    return [
        {"span": span_of(path, record.number), "language": language, "number": record.number.text}
        for language, record in _by_language(scope, path, prompt.records, "is recorded").items()
    ]


def resolve_texts(scope: Scope, path: str, prompt: syntax.Prompt) -> list[dict[str, Any]]:
    """What a prompt says, one text a language."""
    return [
        {"span": span_of(path, spoken.text), "language": language, "text": unescape(path, spoken.text, scope.report)}
        for language, spoken in _by_language(scope, path, prompt.texts, "has a text").items()
    ]


def said_languages(scope: Scope, path: str, prompt: syntax.Prompt) -> dict[str, Span]:
    """The places of the languages that a prompt names beside the base one, the first of each."""
    parts: list[syntax.Recorded | syntax.Spoken] = [*prompt.records, *prompt.texts]
    words = [part.language for part in parts if part.language is not None]
    base = scope.settings.prompts.language
    return {
        word.text: span_of(path, word)
        for word in sorted(words, key=lambda word: word.start, reverse=True)
        if word.text != base and LANGUAGE.fullmatch(word.text)
    }


def _by_language(scope: Scope, path: str, parts: Sequence[Any], what: str) -> dict[str | None, Any]:
    """The parts of a prompt by their language, None for the base one, said or not; a language twice is a fault."""
    base = scope.settings.prompts.language
    found: dict[str | None, Any] = {}
    for part in parts:
        language = None if part.language is None else resolve_language(scope, path, part.language)
        if language == base:
            language = None
        if language in found:
            span, first = (span_of(path, one.language or one[1]) for one in (part, found[language]))
            message = f"this prompt {what} twice in `{language or base}`"
            help = (
                "" if language else f"without a language it is `{base}`: [prompts] language in routec.toml says another"
            )
            label = (Label(first, "first declared here"),)
            scope.report(Diagnostic(codes.DUPLICATE_SETTING, message, span, "the second", label, help))
        else:
            found[language] = part
    return found

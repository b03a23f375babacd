"""Prompts and sounds: which sound Asterisk plays for a word, and whether its files are there."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from routec.diagnostics import codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.languages import resolve_records, resolve_texts, said_languages
from routec.frontend.scope import Scope, span_of
from routec.frontend.syntax import Text, Word
from routec.frontend.texts import is_sound_name, unescape
from routec.model.sound_files import SUFFIX, WIDE_SUFFIX, joined, split, stem
from routec.source import Span

FORMATS = (".wav", ".wav16", ".gsm", ".ulaw", ".alaw", ".sln", ".sln16", ".g722", ".g729", ".mp3")


def resolve_sound(scope: Scope, path: str, sound: Word | Text) -> tuple[str, str]:
    """The word of the admin and the sound of Asterisk: a bare name is a prompt, quoted text a sound of Asterisk's."""
    if isinstance(sound, Text):
        name = unescape(path, sound, scope.report)
        if not is_sound_name(name):
            _bad_name(scope, name, span_of(path, sound))
        elif name.endswith(FORMATS):
            note = "Asterisk finds the format itself, and would look for a second suffix"
            help = f'"{name.rpartition(".")[0]}"'
            scope.fault(codes.BAD_SOUND_NAME, f"`{name}` has a suffix", span_of(path, sound), note, help)
        return name, name
    name = sound.text
    scope.asked.add(("sound", name))
    if (found := prompt_sound(scope, name)) is not None:
        return name, found
    if not any(True for _ in _files(scope, f"{name}{SUFFIX}")):
        scope.unsure = True
        known = [*scope.prompts.declared, *(stem(split(file)[1]) for file in scope.sounds)]
        if not scope.names_lost:
            scope.fault(
                codes.UNKNOWN_PROMPT,
                f"unknown prompt `{name}`",
                span_of(path, sound),
                f"no `prompt` declaration has this name, and routes/prompts/ has no {name}{SUFFIX}",
                did_you_mean(name, known)
                or f'`routec prompts add {name} FILE` makes one; a sound that Asterisk has is quoted: `"{name}"`',
            )
    else:
        _check_files(scope, name, f"{name}{SUFFIX}", span_of(path, sound))
    return name, f"{scope.settings.asterisk.sounds}/{name}"


def prompt_sound(scope: Scope, name: str) -> str | None:
    """The sound of a prompt as Asterisk finds it, or None where no prompt, or none that can be played, has the name."""
    declaration = scope.prompts.declared.get(name)
    if declaration is not None and isinstance(declaration[1], syntax.Prompt):
        file, sound = prompt_file(declaration[1])
        return sound if file is None else f"{scope.settings.asterisk.sounds}/{sound}"
    file = f"{name}{SUFFIX}"
    is_sound = file in scope.sounds and not any(fault for _, _, fault in _files(scope, file))
    return f"{scope.settings.asterisk.sounds}/{name}" if is_sound else None


def prompt_file(prompt: syntax.Prompt) -> tuple[str | None, str]:
    """The file below routes/prompts/, or None for a sound of Asterisk's, and the name without its suffix."""
    if prompt.file is None:
        return prompt.name.text + SUFFIX, prompt.name.text
    name, dot, suffix = prompt.file.raw.rpartition(".")
    return (prompt.file.raw, name) if dot and "/" not in suffix else (None, prompt.file.raw)


def resolve_prompts(scope: Scope) -> list[dict[str, Any]]:
    """All declared prompts, by name, and those whose files lie in routes/prompts/ undeclared."""
    table = [_prompt(scope, path, prompt) for _, path, prompt in scope.prompts if isinstance(prompt, syntax.Prompt)]
    taken = {prompt["file"] for prompt in table}
    # A prompt's own file before its versions in languages, so that it is the one that is named.
    for file in sorted(scope.sounds, key=lambda file: (split(file)[0] or "", file)):
        # A file that is declared by its path is that prompt's, whatever the name of its folder.
        name = stem(file) if stem(file) + SUFFIX in taken else stem(split(file)[1])
        if name + SUFFIX not in taken and is_sound_name(name):
            taken.add(name + SUFFIX)
            sound = f"{scope.settings.asterisk.sounds}/{name}"
            span = Span(f"routes/prompts/{file}", 0, 0)
            table.append({"span": span, "name": name, "sound": sound, "file": name + SUFFIX})
    return sorted(table, key=lambda prompt: str(prompt["name"]))


def _prompt(scope: Scope, path: str, prompt: syntax.Prompt) -> dict[str, Any]:
    span = span_of(path, prompt.file or prompt.name)
    file, sound = prompt_file(prompt)
    meant = None if prompt.file is None else unescape(path, prompt.file, scope.report)
    if meant is not None and not is_sound_name(meant):
        _bad_name(scope, meant, span)
    elif file is None and prompt.records:
        note = f"`{meant}` is a sound of Asterisk's own, which is not recorded over"
        help = f'name a file of yours: prompt {prompt.name.text} "{prompt.name.text}.wav"'
        message = f"prompt `{prompt.name.text}` cannot be recorded"
        scope.fault(codes.NOT_OUR_SOUND, message, span_of(path, prompt.records[0].number), note, help)
    elif file is not None and not file.endswith(SUFFIX):
        name = prompt.name.text
        help = (
            f'prompt {name} "{name}{SUFFIX}", which `{_adding(name, None)}` makes; '
            "a sound that Asterisk has is named without a suffix"
        )
        scope.fault(codes.BAD_SOUND_FILE, f"`{file}` is no .wav file", span, help=help)
    elif file is not None:
        _check_files(scope, prompt.name.text, file, span, said_languages(scope, path, prompt), prompt.texts)
    return {
        "span": span_of(path, prompt.name),
        "name": prompt.name.text,
        "sound": sound if file is None else f"{scope.settings.asterisk.sounds}/{sound}",
        "file": file,
        "records": resolve_records(scope, path, prompt),
        "texts": resolve_texts(scope, path, prompt),
    }


def _files(scope: Scope, file: str) -> Iterator[tuple[str | None, str, str]]:
    """The files of a prompt that are there, each with its language and with its fault or an empty string."""
    base = scope.settings.prompts.language
    for language in (None, *scope.languages.get(file, ())):
        for suffix in (SUFFIX, WIDE_SUFFIX):
            path = joined(stem(file) + suffix, language)
            if path in scope.sounds:
                is_hiding = language == base and stem(file) + suffix in scope.sounds
                hiding = (
                    f"callers would hear it in its place: routes/prompts/ itself is in `{base}`" if is_hiding else ""
                )
                yield language, path, scope.sounds[path] or hiding


def _check_files(
    scope: Scope,
    name: str,
    file: str,
    span: Span,
    said: Mapping[str, Span] = MappingProxyType({}),
    texts: Sequence[syntax.Spoken] = (),
) -> None:
    """All versions of a prompt: those that are there can be played, and those are there that it speaks of.

    `said` has the places of the languages that the prompt speaks of.
    """
    there = set()
    base = scope.settings.prompts.language
    spoken = {base if text.language is None else text.language.text for text in texts}
    for language, path, fault in _files(scope, file):
        there.add(language)
        if fault:
            hides = not scope.sounds[path]
            message = f"`{path}` hides `{file}`" if hides else f"Asterisk cannot play `{path}`"
            help = (
                "take one of the two away"
                if hides
                else f"`{_adding(name, language)} --replace` converts a sound, this one or another, and puts it there"
            )
            scope.fault(codes.BAD_SOUND_FILE, message, said.get(language or "", span), fault, help)
    if None not in there:
        note = f"routes/prompts/{file} is not there: callers hear nothing"
        help = did_you_mean(file, scope.sounds) or _supplying(name, None, is_spoken=base in spoken)
        scope.fault(codes.MISSING_SOUND, f"missing sound file `{file}`", span, note, help)
    for language, place in said.items():
        if language not in there:
            path = joined(file, language)
            nearest = language.partition("_")[0]
            heard = nearest if nearest in there else base
            note = f"routes/prompts/{path} is not there: callers hear the one in `{heard}`"
            help = _supplying(name, language, is_spoken=language in spoken)
            scope.fault(codes.MISSING_SOUND, f"missing sound file `{path}`", place, note, help)


def _adding(name: str, language: str | None) -> str:
    return f"routec prompts add {name} FILE" + (f" --language {language}" if language else "")


def _supplying(name: str, language: str | None, *, is_spoken: bool) -> str:
    """What puts a file in its place; a placeholder can be made where the prompt has a text in the language."""
    speaking = ", `routec prompts speak` a placeholder" if is_spoken else ""
    return f"`{_adding(name, language)}` puts one there{speaking}"


def _bad_name(scope: Scope, name: str, span: Span) -> None:
    note = "letters, digits, `_`, `+`, `-`, joined by `/` or `.`"
    scope.fault(codes.BAD_SOUND_NAME, f"`{name}` is no name of a sound", span, note)

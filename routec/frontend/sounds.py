"""Prompts and sounds: which sound Asterisk plays for a word, and whether its file is there."""

from typing import Any

from routec.diagnostics import codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.languages import resolve_records, resolve_texts
from routec.frontend.scope import Scope, span_of
from routec.frontend.syntax import Text, Word
from routec.frontend.texts import is_sound_name, unescape
from routec.source import Span

SUFFIX = ".wav"
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
    if f"{name}{SUFFIX}" not in scope.sounds:
        scope.unsure = True
        known = [*scope.prompts.declared, *(file.removesuffix(SUFFIX) for file in scope.sounds)]
        if not scope.names_lost:
            scope.fault(
                codes.UNKNOWN_PROMPT,
                f"unknown prompt `{name}`",
                span_of(path, sound),
                "no `prompt` declaration has this name, and routes/prompts/ has no such file",
                did_you_mean(name, known) or f'a sound that Asterisk has is quoted: `"{name}"`',
            )
    elif fault := scope.sounds[f"{name}{SUFFIX}"]:
        scope.fault(codes.BAD_SOUND_FILE, f"Asterisk cannot play `{name}{SUFFIX}`", span_of(path, sound), fault)
    return name, f"{scope.settings.asterisk.sounds}/{name}"


def prompt_sound(scope: Scope, name: str) -> str | None:
    """The sound of a prompt as Asterisk finds it, or None where no prompt, or none that can be played, has the name."""
    declaration = scope.prompts.declared.get(name)
    if declaration is not None and isinstance(declaration[1], syntax.Prompt):
        file, sound = prompt_file(declaration[1])
        return sound if file is None else f"{scope.settings.asterisk.sounds}/{sound}"
    is_there = scope.sounds.get(f"{name}{SUFFIX}") == ""
    return f"{scope.settings.asterisk.sounds}/{name}" if is_there else None


def prompt_file(prompt: syntax.Prompt) -> tuple[str | None, str]:
    """The file below routes/prompts/, or None for a sound of Asterisk's, and the name without its suffix."""
    if prompt.file is None:
        return prompt.name.text + SUFFIX, prompt.name.text
    stem, dot, suffix = prompt.file.raw.rpartition(".")
    return (prompt.file.raw, stem) if dot and "/" not in suffix else (None, prompt.file.raw)


def resolve_prompts(scope: Scope) -> list[dict[str, Any]]:
    """All declared prompts, by name, and those whose file lies in routes/prompts/ undeclared."""
    table = [_prompt(scope, path, prompt) for _, path, prompt in scope.prompts if isinstance(prompt, syntax.Prompt)]
    declared = {prompt["file"] for prompt in table}
    for file in sorted(scope.sounds):
        name = file.removesuffix(SUFFIX)
        if file not in declared and is_sound_name(name):
            sound = f"{scope.settings.asterisk.sounds}/{name}"
            table.append({"span": Span(f"routes/prompts/{file}", 0, 0), "name": name, "sound": sound, "file": file})
    return sorted(table, key=lambda prompt: str(prompt["name"]))


def _prompt(scope: Scope, path: str, prompt: syntax.Prompt) -> dict[str, Any]:
    span = span_of(path, prompt.file or prompt.name)
    file, sound = prompt_file(prompt)
    meant = None if prompt.file is None else unescape(path, prompt.file, scope.report)
    if meant is not None and not is_sound_name(meant):
        _bad_name(scope, meant, span)
    elif file is not None:
        _check_file(scope, file, span)
    return {
        "span": span_of(path, prompt.name),
        "name": prompt.name.text,
        "sound": sound if file is None else f"{scope.settings.asterisk.sounds}/{sound}",
        "file": file,
        "records": resolve_records(scope, path, prompt),
        "texts": resolve_texts(scope, path, prompt),
    }


def _check_file(scope: Scope, file: str, span: Span) -> None:
    if not file.endswith(SUFFIX):
        help = "convert it to .wav; a sound that Asterisk has is named without a suffix"
        scope.fault(codes.BAD_SOUND_FILE, f"`{file}` is no .wav file", span, help=help)
    elif file not in scope.sounds:
        note = f"routes/prompts/{file} is not there: callers hear nothing"
        help = did_you_mean(file, scope.sounds)
        scope.fault(codes.MISSING_SOUND, f"missing sound file `{file}`", span, note, help)
    elif scope.sounds[file]:
        scope.fault(codes.BAD_SOUND_FILE, f"Asterisk cannot play `{file}`", span, scope.sounds[file])


def _bad_name(scope: Scope, name: str, span: Span) -> None:
    note = "letters, digits, `_`, `+`, `-`, joined by `/` or `.`"
    scope.fault(codes.BAD_SOUND_NAME, f"`{name}` is no name of a sound", span, note)

"""The checks of prompts: that they are played, are there in every language, and are recorded by those who may."""

from collections.abc import Iterable, Iterator
from itertools import chain

from routec.contract import LANGUAGE, RECORDER_PROMPTS, meant_language
from routec.diagnostics import Diagnostic, Label, codes
from routec.frontend.facts import Facts
from routec.frontend.texts import is_sound_name
from routec.model import Dial, Language, Prompt
from routec.model.limits import NAME
from routec.model.played import played_by_module
from routec.model.sound_files import SUFFIX, joined, languages_of, published_name, split, stem

MOST_NAMED = 5
"""Prompts that are named of those that a language lacks."""

_OF_THE_RECORDER = frozenset(name for name, _ in RECORDER_PROMPTS.values())


def unused_prompts(facts: Facts) -> Iterator[Diagnostic]:
    """Every prompt is played by a route, by a module, or by the recorder."""
    sounds = _played(facts)
    for prompt in facts.system.prompts:
        if prompt.sound not in sounds and prompt.name not in _OF_THE_RECORDER:
            message, note = f"nothing plays prompt `{prompt.name}`", "no route and no module names it"
            yield _at(prompt, codes.UNUSED_PROMPT, message, note, _how_to_play(prompt, facts))


def _at(prompt: Prompt, code: codes.Code, message: str, note: str, help: str) -> Diagnostic:
    """A fault where a prompt is declared, or else at its file, which has no lines."""
    if prompt.is_declared:
        return Diagnostic(code, message, prompt.span, note, help=help)
    return Diagnostic(code, message, None, note, help=help, file=prompt.span.file)


def _how_to_play(prompt: Prompt, facts: Facts) -> str:
    """What helps. A file in a folder may be meant for a language."""
    if prompt.is_declared:
        return f"`prompt {prompt.name}` in a route, or take it away"
    if NAME.fullmatch(prompt.name):
        return "take the file away, or play it"
    folder, _, rest = prompt.name.rpartition("/")
    declare = f'to play it, declare it: prompt NAME "{prompt.file}"'
    if meant := meant_language(folder):
        return f"if it is in a language, its folder is to be named `{meant}`; {declare}"
    if folder and any(rest == other.name for other in facts.system.prompts):
        return f"if it is in a language, its folder has two letters, as `nl`, or a country, as `nl_be`; {declare}"
    return f"take the file away; {declare}"


def files_of_no_prompt(facts: Facts) -> Iterator[Diagnostic]:
    """Every sound in routes/prompts/ has a name that a prompt can have, and is a .wav file."""
    for file in sorted(facts.about.sounds):
        if not is_sound_name(stem(split(file)[1])):
            yield Diagnostic(
                codes.UNUSED_PROMPT,
                f"nothing can play `{file}`: a sound has letters, digits, `_`, `+` and `-` in its name",
                help="`routec prompts add NAME FILE` makes a prompt of it; then take it away",
                file=f"routes/prompts/{file}",
            )
    for file in facts.about.other_sounds:
        if file.rpartition(".")[0] + SUFFIX in facts.about.sounds:
            continue  # what the prompt was made of
        language, path = split(file)
        name = path.rpartition(".")[0]
        where = f" --language {language}" if language else ""
        yield Diagnostic(
            codes.UNUSED_PROMPT,
            f"nothing can play `{file}`: prompts are .wav files",
            help=f"`routec prompts add {name if NAME.fullmatch(name) else 'NAME'} FILE{where}` makes one of it; "
            "then take it away",
            file=f"routes/prompts/{file}",
        )


def hidden_versions(facts: Facts) -> Iterator[Diagnostic]:
    """No version in a language is where Asterisk takes another prompt's own file for it.

    That can only be with an absolute `[asterisk] sounds`, where the language is named last of all folders.
    """
    sounds, folder = facts.about.sounds, facts.about.settings.asterisk.sounds
    own = {prompt.file: prompt for prompt in facts.system.prompts if prompt.file}
    for file, languages in languages_of(sounds).items():
        for language in languages if file in own else ():
            path, name = joined(file, language), published_name(file, language, folder)
            if name in own and name != path and sounds.get(name) == "":
                note = f"below {folder}, Asterisk looks for `{own[file].name}` in `{language}` there"
                help = f"another folder for `{name}`, or a relative `[asterisk] sounds`"
                yield _at(own[file], codes.BAD_SOUND_FILE, f"`{name}` hides `{path}`", note, help)


def language_lacks_prompts(facts: Facts) -> Iterator[Diagnostic]:
    """Who is spoken to in a language hears all that is played in it; the base language lacks nothing."""
    declared = {prompt.file for prompt in facts.system.prompts}
    versions = languages_of(path for path in facts.about.sounds if path not in declared)
    steps = sorted((step for each in facts.by_route for step in each.languages), key=lambda step: step.span)
    languages = {*chain.from_iterable(versions.values()), *(step.language for step in steps)}
    languages = set(filter(LANGUAGE.fullmatch, languages))
    languages.discard(facts.about.settings.prompts.language)
    if not languages:
        return
    sounds = _played(facts)
    prompts = [prompt for prompt in facts.system.prompts if prompt.sound in sounds]
    for language in sorted(languages):
        lacking = [prompt.name for prompt in prompts if _lacks(prompt, language, facts)]
        if lacking:
            yield _lacking(language, lacking, next((step for step in steps if step.language == language), None))


def _played(facts: Facts) -> set[str]:
    """All sounds that routes and modules play."""
    of_modules = (one.sound for module in facts.system.modules for one in played_by_module(module))
    return {*chain.from_iterable(each.sounds for each in facts.by_route), *of_modules}


def _lacks(prompt: Prompt, language: str, facts: Facts) -> bool:
    """Whether a prompt that can be played in the base language is not there in another.

    Asterisk looks for `nl_be` in `nl`, too. What the prompt itself says of the language has been looked for already.
    """
    about = facts.about
    if prompt.file is None or about.sounds.get(prompt.file) != "":
        return False
    said = {record.language for record in prompt.records} | {spoken.language for spoken in prompt.texts}
    if language in said:
        return False
    heard = {language, language.partition("_")[0]}
    is_there = any(joined(prompt.file, each) in about.sounds for each in heard)
    return not is_there and about.settings.prompts.language not in heard


def _lacking(language: str, prompts: list[str], step: Language | None) -> Diagnostic:
    named = ", ".join(f"`{name}`" for name in prompts[:MOST_NAMED])
    more = f" and {len(prompts) - MOST_NAMED} more" if len(prompts) > MOST_NAMED else ""
    count = "a prompt is" if len(prompts) == 1 else f"{len(prompts)} prompts are"
    return Diagnostic(
        codes.LANGUAGE_LACKS_PROMPTS,
        f"{count} not there in `{language}`: {named}{more}",
        step.span if step else None,
        "callers hear these in another language" if len(prompts) > 1 else "callers hear it in another language",
        help=f"their place is routes/prompts/{language}/",
        file="" if step else f"routes/prompts/{language}",
    )


def recordings_dialled(facts: Facts) -> Iterator[Diagnostic]:
    """No route rings an extension that records: a caller from outside would come before its sign-in."""
    records = {entry.number: entry for route in facts.routes if route.is_recording for entry in route.entries}
    dials: Iterable[Dial] = chain.from_iterable(each.dials for each in facts.by_route) if records else ()
    for step in dials:
        for number in dict.fromkeys(target for target in step.targets if target in records):
            yield Diagnostic(
                codes.RECORDING_DIALLED,
                f"`dial {number}` rings an extension that records",
                step.span,
                "callers would come to where prompts are spoken in",
                (Label(records[number].span, "recorded by this number"),),
                "another number for the one or for the other",
            )

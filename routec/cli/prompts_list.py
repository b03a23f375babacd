"""`routec prompts list`: all prompts, what lies there of each in which language, and who plays it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import click

from routec.cli.layout import for_a_reader_who_may_leave, put, table
from routec.cli.prompt_places import FOLDER, Places
from routec.cli.show import summary
from routec.contract import RECORDER_PROMPTS
from routec.model import Language, Prompt
from routec.model.played import played
from routec.model.sound_files import joined, split
from routec.model.walk import all_steps
from routec.sound.wav import SoundError, Wav, wide_of

State = Literal["there", "placeholder", "missing", "unusable"]

RECORDER = "recorder"
"""Who plays the prompts whose names are reserved."""

_RESERVED = frozenset(name for name, _ in RECORDER_PROMPTS.values())


@dataclass(frozen=True, slots=True)
class Version:
    """What lies there of a prompt in one language. `fault` says why it is unusable; `is_wide`: also of 16 kHz."""

    state: State
    file: str
    wav: Wav | None = None
    is_wide: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A prompt, who plays it, and its versions by their language, the base one first; none of a sound of Asterisk's."""

    prompt: Prompt
    source: str
    line: int | None
    used_by: list[tuple[str, str]]
    versions: dict[str, Version]


@click.command("list")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def list_(form: str) -> None:
    """List all prompts, declared or only a file, in all languages."""
    places = Places.of_here()
    languages = _languages(places)
    found = list(_listed(places, languages))
    errors = [fault for fault in places.compilation.diagnostics if fault.severity == "error"]
    with for_a_reader_who_may_leave():
        if form == "json":
            put(json.dumps([_object(each) for each in found], indent=2, ensure_ascii=False) + "\n")
        else:
            head = ("name", "length", "format", "from", "record", "used by", *languages)
            for text in table(head, [[_row(each, languages) for each in found]]):
                put(text)
            if not found:
                click.echo("no prompts", err=True)
    if errors:
        click.echo(f"{summary(errors)} in the routes, so some may be missing here: routec check", err=True)


def _languages(places: Places) -> list[str]:
    """The base language, and all others that anything is in or is to be in."""
    system = places.compilation.system
    steps = (step for route in system.routes for step in all_steps(route.steps))
    found = {step.language for step in steps if isinstance(step, Language)}
    for prompt in system.prompts:
        found |= {part.language for part in prompt.records if part.language}
        found |= {part.language for part in prompt.texts if part.language}
    found |= {language for file in places.project.sounds or () if (language := split(file)[0])}
    return [places.base, *sorted(found - {places.base})]


def _listed(places: Places, languages: Iterable[str]) -> Iterator[Listed]:
    users: dict[str, list[tuple[str, str]]] = {}
    for each in played(places.compilation.system):
        who = (each.kind, each.name)
        if who not in users.setdefault(each.sound, []):
            users[each.sound].append(who)
    sources = places.compilation.sources
    for name, prompt in places.prompts.items():
        declared = sources.get(prompt.span.file)
        line = declared.line(prompt.span.start) if declared else None
        used_by = sorted(users.get(prompt.sound, ()), key=lambda who: (who[0] != "route", who[1]))
        if name in _RESERVED:
            used_by.append((RECORDER, RECORDER))
        versions = {
            language: _version(places, joined(prompt.file, None if language == places.base else language))
            for language in languages
            if prompt.file is not None
        }
        is_loose = declared is None and prompt.file in (places.project.sounds or ())
        yield Listed(prompt, f"{FOLDER}/{prompt.file}" if is_loose else prompt.span.file, line, used_by, versions)


def _version(places: Places, file: str) -> Version:
    faults = places.project.sounds or {}
    wide = wide_of(file)
    if file not in faults:
        return Version("missing", file)
    try:
        wav = Wav.read(FOLDER / file)
    except SoundError as error:
        return Version("unusable", file, fault=faults[file] or str(error))
    fault = faults[file] or (f"{wide}: {faults[wide]}" if faults.get(wide) else "")
    state: State = "unusable" if fault else "there" if wav.placeholder is None else "placeholder"
    return Version(state, file, wav, (FOLDER / wide).is_file(), fault)


# ---- as a table


def _row(each: Listed, languages: list[str]) -> list[str | None]:
    prompt = each.prompt
    base = next(iter(each.versions.values()), None)
    record = ", ".join(f"{part.language} {part.number}" if part.language else part.number for part in prompt.records)
    used_by = ", ".join(name if kind != "module" else f"{name} (module)" for kind, name in each.used_by)
    length = f"{base.wav.seconds:.1f} s" if base and base.wav else None
    source = each.source if each.line is None else f"{each.source}:{each.line}"
    states = [each.versions[language].state if language in each.versions else None for language in languages]
    return [prompt.name, length, _format(each), source, record, used_by or "unused", *states]


def _format(each: Listed) -> str | None:
    if each.prompt.file is None:
        return "Asterisk's own"
    base = next(iter(each.versions.values()))
    if base.wav is None:
        return None
    if base.state == "unusable":
        return f"{base.wav.rate} Hz, {base.wav.bits} bit, {base.wav.channels} ch."
    return "8 and 16 kHz" if base.is_wide else "8 kHz"


# ---- as json


def _object(each: Listed) -> dict[str, Any]:
    prompt = each.prompt
    return {
        "name": prompt.name,
        "sound": prompt.sound,
        "file": prompt.file,
        "from": {"file": each.source, "line": each.line},
        "declared": each.line is not None,
        "records": [{"language": part.language, "number": part.number} for part in prompt.records],
        "texts": [{"language": part.language, "text": part.text} for part in prompt.texts],
        "used_by": [{"kind": kind, "name": name} for kind, name in each.used_by],
        "unused": not each.used_by,
        "languages": {language: _version_object(version) for language, version in each.versions.items()},
    }


def _version_object(version: Version) -> dict[str, Any]:
    wav = version.wav
    return {
        "state": version.state,
        "file": version.file,
        "seconds": round(wav.seconds, 3) if wav else None,
        "rate": wav.rate if wav else None,
        "bits": wav.bits if wav else None,
        "channels": wav.channels if wav else None,
        "wide": version.is_wide,
        "placeholder": wav.placeholder if wav else None,
        "fault": version.fault or None,
    }

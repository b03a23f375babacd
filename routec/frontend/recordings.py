"""The routes by which prompts are spoken in by phone: nobody writes them, `record 5001` and `[prompts]` make them.

Each is a route like any other, so that whatever judges, lowers, tells or walks routes has to do with it, too.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from routec.contract import DEFAULT_LOCKOUT
from routec.diagnostics import Diagnostic, Label, codes, did_you_mean
from routec.kept import Memory
from routec.model import (
    Entry,
    Field,
    Hangup,
    Language,
    Lockout,
    Module,
    Prompt,
    Recorded,
    RecordPrompt,
    Route,
    SignIn,
    System,
    User,
)
from routec.model.nodes import RECORDING
from routec.model.numbers import EXTENSION
from routec.settings import Settings
from routec.settings.places import places
from routec.source import Source, Sources, Span

RECORDER = "recorder"
"""The module that stands for a PIN, and its only user."""

LEAST_DIGITS, MOST_DIGITS = 4, 12
TRIES, SECONDS = 3, 180


class Door(NamedTuple):
    """What stands in front of all recordings: a module, where routec.toml says so, and the base language."""

    module: str
    span: Span
    language: str


def with_recordings(
    system: System, settings: Settings, toml: str | None, sources: Sources, memory: Memory
) -> tuple[System, list[Diagnostic]]:
    """The system with the routes that record prompts, and what keeps them out. `toml` is the path of routec.toml."""
    kept = memory.round("recordings")
    records = [record for _, record in _recorded(system)]
    if not settings.prompts.records or toml is None:
        return system, [_off(records)] if records else []
    source = sources[toml]
    modules = {module.name: module for module in system.modules}
    if settings.prompts.module is None:
        span = _place(settings, source, "pin")
        if RECORDER in modules:
            return system, [_name_taken(modules[RECORDER], span)]
        pin = settings.prompts.pin or ""
        modules[RECORDER] = kept.of(RECORDER, (pin, span), partial(_pin_module, pin, span))
        door = Door(RECORDER, span, settings.prompts.language)
    else:
        door = Door(settings.prompts.module, _place(settings, source, "module"), settings.prompts.language)
        if fault := _door_fault(door, modules):
            return system, [fault]
    routes = list(system.routes)
    for prompt, record in _recorded(system):
        made_of = (prompt.name, prompt.span, record, door)
        # The same places may be other lines, where the text before them has changed.
        texts = (source, sources[prompt.span.file])
        routes.append(kept.of((prompt.name, record.language), (*made_of, *texts), partial(_route, *made_of)))
    update = {
        "routes": tuple(sorted(routes, key=lambda route: route.name)),
        "modules": tuple(modules[name] for name in sorted(modules)),
    }
    return system.model_copy(update=update), []


def _recorded(system: System) -> Iterator[tuple[Prompt, Recorded]]:
    """What can be recorded; of anything else it is said already that it cannot."""
    for prompt in system.prompts:
        for record in prompt.records if prompt.file else ():
            if EXTENSION.fullmatch(record.number):
                yield prompt, record


def _route(name: str, declared: Span, record: Recorded, door: Door) -> Route:
    """Each step has a place of its own: the sign-in where it is asked for, its else at the name of the prompt."""
    span = record.span
    return Route(
        span=span,
        name=RECORDING + name + (f".{record.language}" if record.language else ""),
        title=None,
        entries=(Entry(span=span, kind="extension", number=record.number),),
        steps=(
            SignIn(span=door.span, module=door.module, otherwise=(Hangup(span=declared, cause=None),)),
            Language(span=span, language=record.language or door.language),
            RecordPrompt(span=span, prompt=name, language=record.language),
            Hangup(span=span, cause=None),
        ),
    )


def _pin_module(pin: str, span: Span) -> Module:
    """The gate that asks for the PIN of routec.toml, with a sound of Asterisk's own."""
    asked = Field(
        span=span, kind="password", sound="agent-pass", word="agent-pass", least=LEAST_DIGITS, most=MOST_DIGITS
    )
    return Module(
        span=span,
        name=RECORDER,
        title="Recording prompts",
        purpose="gate",
        verify=True,
        fields=(asked,),
        tries=TRIES,
        seconds=SECONDS,
        lockout=Lockout(span=span, after=DEFAULT_LOCKOUT.after, seconds=DEFAULT_LOCKOUT.seconds),
        clock=None,
        confirm=None,
        again=None,
        tells=(),
        log=(),
        keep=None,
        offline="deny",
        webhook=None,
        users=(User(span=span, name=RECORDER, password=pin),),
    )


# ---- faults


def _off(records: list[Recorded]) -> Diagnostic:
    first = min(records, key=lambda record: record.span)
    note = "nobody can record by phone: no sign-in stands before it"
    help = 'in routes/routec.toml: [prompts] with `module = "MODULE"`, a gate, or with `pin = "HASH"`'
    return Diagnostic(codes.RECORDING_OFF, f"extension `{first.number}` does not record", first.span, note, help=help)


def _name_taken(module: Module, pin: Span) -> Diagnostic:
    message = f"module `{RECORDER}` is declared twice"
    label = (Label(pin, "the module that asks for this PIN has the same name"),)
    help = f'another name for one of them; or let it be the one: module = "{RECORDER}" in place of the PIN'
    return Diagnostic(codes.DUPLICATE_NAME, message, module.span, "the second", label, help)


def _door_fault(door: Door, modules: dict[str, Module]) -> Diagnostic | None:
    """What is wrong with the module that `[prompts]` names, or None."""
    name, span, _ = door
    if name not in modules:
        note, help = "no `auth` declaration has this name", did_you_mean(name, modules)
        return Diagnostic(codes.UNKNOWN_MODULE, f"unknown module `{name}`", span, note, help=help)
    purpose = modules[name].purpose
    if purpose == "gate":
        return None
    note = "what it asks beside would be asked before each recording"
    message = f"`prompts.module`: `{name}` is a {purpose}, and recordings are behind a gate"
    return Diagnostic(codes.BAD_SETTINGS, message, span, note)


def _place(settings: Settings, source: Source, key: str) -> Span:
    """Where a key of [prompts] stands: the target's own, where it has one."""
    found = places(source.text)
    paths = (("targets", settings.target or "", "prompts", key), ("prompts", key))
    start, length = next(found[path] for path in paths if path in found)
    return Span(source.path, start, start + length)

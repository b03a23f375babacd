"""From syntax trees to the model: names found, values read, prompts led to sounds. Judges names and values only.

The model is made from plain dicts by one pydantic adapter in one go, which is several times faster than node by node.
What was resolved before, and would come to the same, is taken as it is.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from routec.diagnostics import Diagnostic, codes
from routec.frontend import syntax
from routec.frontend.kept_routes import KeptRoutes
from routec.frontend.resolve_auth import resolve_modules
from routec.frontend.resolve_steps import resolve_steps
from routec.frontend.scope import Ask, Scope, span_of
from routec.frontend.sounds import resolve_prompts
from routec.frontend.syntax import Word
from routec.frontend.texts import unescape
from routec.kept import Memory
from routec.model import Module, Prompt, Route, System
from routec.model.numbers import EXTENSION, did_fault
from routec.settings import Settings
from routec.source import Span

KINDS = {"did": "DID", "extension": "extension"}

_adapter = TypeAdapter(System)


def resolve(
    files: Sequence[syntax.File],
    settings: Settings,
    sounds: Mapping[str, str],
    users: Mapping[str, syntax.UsersFile | None],
    *,
    names_lost: bool = False,
    memory: Memory | None = None,
) -> tuple[System, list[Diagnostic]]:
    """The system that all files describe together, and what is wrong with names and values.

    Where something is wrong the system holds what could be understood: good enough to be judged further, not to be
    built. A route with a step that could not be read is left out of it. `names_lost`: declarations may be missing, so
    that a name that nothing has is no fault of its own. A file of users that cannot be read is None.
    """
    memory = memory or Memory()
    scope = Scope(settings, sounds, names_lost=names_lost)
    for file in files:
        _declare(scope, file)
    routes = _routes(scope, memory.part("routes", KeptRoutes))
    modules, prompts = memory.round("modules"), memory.round("prompts")
    system = System.model_construct(
        routes=routes,
        modules=tuple(
            modules.of(node["name"], (node,), partial(_module, node)) for node in resolve_modules(scope, users)
        ),
        prompts=tuple(
            prompts.of((node["name"], node["file"]), (node,), partial(_prompt, node)) for node in resolve_prompts(scope)
        ),
    )
    return system, scope.diagnostics


def _module(node: dict[str, Any]) -> Module:
    return _adapter.validate_python({"routes": (), "modules": (node,), "prompts": ()}).modules[0]


def _prompt(node: dict[str, Any]) -> Prompt:
    return _adapter.validate_python({"routes": (), "modules": (), "prompts": (node,)}).prompts[0]


def _declare(scope: Scope, file: syntax.File) -> None:
    steps = [step for step in file.steps if not isinstance(step, syntax.Broken)]
    if file.lost_declarations:
        scope.doubtful.add(file.path)
    elif steps and file.declarations:
        scope.fault(
            codes.MIXED_FILE,
            "a step beside declarations",
            span_of(file.path, steps[0]),
            "a file holds declarations, or the bare steps of one route",
            "put the step into a `route NAME { … }`",
        )
    elif file.steps and not file.declarations:
        scope.declare(scope.routes, file.path, _bare_route(scope, file))
    for declaration in file.declarations:
        if isinstance(declaration, syntax.Auth):
            declaration.broken |= file.lost_declarations
        names = {syntax.Route: scope.routes, syntax.Auth: scope.modules, syntax.Prompt: scope.prompts}
        scope.declare(names[type(declaration)], file.path, declaration)


def _bare_route(scope: Scope, file: syntax.File) -> syntax.Route:
    """The route that a file of bare steps is: it has the file's name."""
    steps = file.steps
    stem = PurePosixPath(file.path).name.removesuffix(".route")
    if file.path == "<stdin>":
        stem = "stdin"
    name = stem if _is_name(stem) else "unnamed"
    if name != stem:
        help = "name it with small letters, digits, `-` and `_`, a letter first; or write `route NAME { … }`"
        message = f"`{stem}`, the name of a file of bare steps, is no name for a route"
        scope.fault(codes.BAD_FILE_NAME, message, span_of(file.path, steps[0]), help=help)
    word = Word(name, steps[0].start, steps[0].end)
    return syntax.Route(steps[0].start, steps[-1].end, word, None, [], file.steps, bare=True)


def _is_name(text: str) -> bool:
    return text[:1].isalpha() and all("a" <= c <= "z" or c in "0123456789_-" for c in text)


# ---- routes


def _routes(scope: Scope, kept: KeptRoutes) -> tuple[Route, ...]:
    """All routes that could be understood, by name; those that are new are made in one go."""
    kept.begin(scope)
    found: list[Route | None] = []
    new: list[tuple[syntax.Route, frozenset[Ask] | None]] = []
    nodes: list[dict[str, Any]] = []
    for _, path, route in scope.routes:
        if not isinstance(route, syntax.Route):
            continue
        if (known := kept.find(route)) is not None:
            found.append(known)
            continue
        faults = len(scope.diagnostics)
        scope.asked, scope.unsure = set(), False
        if (node := _route(scope, path, route)) is not None:
            is_sound = not scope.unsure and len(scope.diagnostics) == faults
            found.append(None)
            nodes.append(node)
            new.append((route, frozenset(scope.asked) if is_sound else None))
    made = _adapter.validate_python({"routes": nodes, "modules": (), "prompts": ()}).routes
    for (route, asked), one in zip(new, made, strict=True):
        if asked is not None:
            kept.keep(scope, route, asked, one)
    rest = iter(made)
    return tuple(next(rest) if one is None else one for one in found)


def _route(scope: Scope, path: str, route: syntax.Route) -> dict[str, Any] | None:
    name_span = span_of(path, route.name)
    title = unescape(path, route.title, scope.report) if route.title else None
    entries = [_entry(scope, path, entry) for entry in route.entries]
    steps = resolve_steps(scope, path, route.steps)
    if path in scope.doubtful:
        return None
    if not route.steps:
        scope.fault(
            codes.EMPTY_ROUTE, f"route `{route.name.text}` has no steps", name_span, help="end it with `hangup`"
        )
        return None
    if steps is None:
        return None
    return {
        "span": name_span,
        "name": route.name.text,
        "title": title,
        "entries": [entry for entry in entries if entry is not None],
        "steps": steps,
    }


def _entry(scope: Scope, path: str, entry: syntax.On) -> dict[str, Any] | None:
    number, span = entry.number.text, span_of(path, entry.number)
    if fault := number_fault(entry.kind, number, span):
        scope.report(fault)
        return None
    return {"span": span, "kind": entry.kind, "number": number}


def number_fault(kind: str, number: str, span: Span) -> Diagnostic | None:
    """What is wrong with a number that leads to a route, or None."""
    if kind == "did":
        fault, help = did_fault(number), ""
    else:
        fault = "" if EXTENSION.fullmatch(number) else "an extension has digits and `*` only, 40 at the most"
        help = f"did you mean `on did {number}`?" if number.startswith("+") else ""
    if not fault:
        return None
    return Diagnostic(codes.BAD_NUMBER, f"`{number}` is no {KINDS[kind]}", span, fault, help=help)

"""From syntax trees to the model: names found, values read, prompts led to sounds. Judges names and values only.

The model is made from plain dicts by one pydantic adapter in one go, which is several times faster than node by node.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from routec.diagnostics import Diagnostic, codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.resolve_auth import resolve_module
from routec.frontend.scope import Scope, span_of
from routec.frontend.sounds import resolve_prompts, resolve_sound
from routec.frontend.syntax import Word
from routec.frontend.texts import unescape
from routec.model import System
from routec.model.numbers import EXTENSION, did_fault
from routec.settings import Settings
from routec.source import Span

DEEPEST = 20
"""How deep blocks may lie in blocks."""

CAUSES = ("busy", "congestion", "rejected")

KINDS = {"did": "DID", "extension": "extension"}

_adapter = TypeAdapter(System)


def resolve(
    files: Sequence[syntax.File], settings: Settings, sounds: Mapping[str, str], *, names_lost: bool = False
) -> tuple[System, list[Diagnostic]]:
    """The system that all files describe together, and what is wrong with names and values.

    Where something is wrong the system holds what could be understood: good enough to be judged further, not to be
    built. A route with a step that could not be read is left out of it. `names_lost`: declarations may be missing, so
    that a name that nothing has is no fault of its own.
    """
    scope = Scope(settings, sounds, names_lost=names_lost)
    for file in files:
        _declare(scope, file)
    routes = [_route(scope, path, route) for _, path, route in scope.routes if isinstance(route, syntax.Route)]
    modules = [resolve_module(scope, path, auth) for _, path, auth in scope.modules if isinstance(auth, syntax.Auth)]
    table = {
        "routes": [route for route in routes if route is not None],
        "modules": modules,
        "prompts": resolve_prompts(scope),
    }
    return _adapter.validate_python(table), scope.diagnostics


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


def _route(scope: Scope, path: str, route: syntax.Route) -> dict[str, Any] | None:
    name_span = span_of(path, route.name)
    title = unescape(path, route.title, scope.report) if route.title else None
    entries = [_entry(scope, path, entry) for entry in route.entries]
    steps = _steps(scope, path, route.steps, 0)
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
    if entry.kind == "did":
        fault, help = did_fault(number), ""
    else:
        fault = "" if EXTENSION.fullmatch(number) else "an extension has digits and `*` only, 40 at the most"
        help = f"did you mean `on did {number}`?" if number.startswith("+") else ""
    if fault:
        scope.fault(codes.BAD_NUMBER, f"`{number}` is no {KINDS[entry.kind]}", span, fault, help)
        return None
    return {"span": span, "kind": entry.kind, "number": number}


def _steps(scope: Scope, path: str, steps: Sequence[syntax.Step], depth: int) -> list[dict[str, Any]] | None:
    """The steps of a block, or None where one of them could not be read."""
    if depth > DEEPEST:
        scope.fault(codes.TOO_DEEP, f"more than {DEEPEST} blocks in each other", span_of(path, steps[0]))
        return None
    resolved: list[dict[str, Any]] = []
    broken = False
    for index, step in enumerate(steps):
        if isinstance(step, syntax.Broken):
            broken = True
            continue
        one = _STEPS[type(step)](scope, path, step, depth)
        if one is None:
            after = steps[index + 1] if index + 1 < len(steps) else None
            if isinstance(step, syntax.SignIn) and step.otherwise is None and not isinstance(after, syntax.Broken):
                _report_missing_else(scope, path, step)
            broken = True
            continue
        resolved.append(one)
    return None if broken else resolved


def _play(scope: Scope, path: str, step: syntax.Play, _depth: int) -> dict[str, Any]:
    pairs = [resolve_sound(scope, path, sound) for sound in step.sounds]
    return {
        "kind": "play",
        "span": Span(path, step.start, step.end),
        "words": [word for word, _ in pairs],
        "sounds": [sound for _, sound in pairs],
    }


def _sign_in(scope: Scope, path: str, step: syntax.SignIn, depth: int) -> dict[str, Any] | None:
    module = step.module
    if module.text not in scope.modules.declared:
        known = scope.modules.declared
        scope.unknown(codes.UNKNOWN_MODULE, "module", module, path, known, "no `auth` declaration has this name")
    if step.otherwise is None:
        return None
    otherwise = _steps(scope, path, step.otherwise, depth + 1)
    if otherwise is None:
        return None
    return {
        "kind": "sign_in",
        "span": Span(path, step.start, step.end),
        "module": module.text,
        "otherwise": otherwise,
    }


def _report_missing_else(scope: Scope, path: str, step: syntax.SignIn) -> None:
    scope.fault(
        codes.MISSING_ELSE,
        f"`auth {step.module.text}` does not say what happens to those who do not pass",
        span_of(path, step),
        help=f"auth {step.module.text} else hangup",
    )


def _dial(scope: Scope, path: str, step: syntax.Dial, depth: int) -> dict[str, Any] | None:
    for target in step.targets:
        if not EXTENSION.fullmatch(target.text):
            note = "`dial` rings extensions: digits and `*` only, 40 at the most"
            scope.fault(codes.BAD_NUMBER, f"`{target.text}` is no extension", span_of(path, target), note)
    if step.patience and not 1 <= step.patience.seconds <= 3600:
        note = "a phone rings for a second to an hour"
        scope.fault(codes.BAD_RANGE, "this duration is out of range", span_of(path, step.patience), note)
    otherwise = None if step.otherwise is None else _steps(scope, path, step.otherwise, depth + 1)
    if step.otherwise is not None and otherwise is None:
        return None
    return {
        "kind": "dial",
        "span": Span(path, step.start, step.end),
        "targets": [target.text for target in step.targets],
        "seconds": step.patience.seconds if step.patience else None,
        "otherwise": otherwise,
    }


def _goto(scope: Scope, path: str, step: syntax.Goto, _depth: int) -> dict[str, Any]:
    route = step.route
    if route.text not in scope.routes.declared:
        known = scope.routes.declared
        scope.unknown(codes.UNKNOWN_ROUTE, "route", route, path, known, "no `route` declaration has this name")
    return {"kind": "goto", "span": Span(path, step.start, step.end), "route": route.text}


def _wait(scope: Scope, path: str, step: syntax.Wait, _depth: int) -> dict[str, Any]:
    if not 1 <= step.duration.seconds <= 3600:
        note = "a call waits for a second to an hour"
        scope.fault(codes.BAD_RANGE, "this duration is out of range", span_of(path, step.duration), note)
    return {"kind": "wait", "span": Span(path, step.start, step.end), "seconds": step.duration.seconds}


def _answer(_scope: Scope, path: str, step: syntax.Answer, _depth: int) -> dict[str, Any]:
    return {"kind": "answer", "span": Span(path, step.start, step.end)}


def _hangup(scope: Scope, path: str, step: syntax.Hangup, _depth: int) -> dict[str, Any]:
    cause = step.cause.text if step.cause else None
    if step.cause and cause not in CAUSES:
        note = "`hangup` alone, or with `busy`, `congestion` or `rejected`"
        message = f"unknown cause `{cause}`"
        scope.fault(
            codes.UNKNOWN_VALUE, message, span_of(path, step.cause), note, did_you_mean(step.cause.text, CAUSES)
        )
        cause = None
    return {"kind": "hangup", "span": Span(path, step.start, step.end), "cause": cause}


_STEPS: dict[type[syntax.Step], Any] = {
    syntax.Play: _play,
    syntax.SignIn: _sign_in,
    syntax.Dial: _dial,
    syntax.Goto: _goto,
    syntax.Wait: _wait,
    syntax.Answer: _answer,
    syntax.Hangup: _hangup,
}

"""The `on` lines of one PBX: `[targets.NAME.on]` of routec.toml in place of what the routes say themselves."""

from collections.abc import Iterator

from routec.diagnostics import Diagnostic, codes, did_you_mean
from routec.frontend.resolver import number_fault
from routec.model import Entry, System
from routec.settings import Entries, Settings
from routec.source import Span


def for_target(system: System, settings: Settings, path: str, *, whole: bool) -> tuple[System, list[Diagnostic]]:
    """The system as it is on the target that the settings are for, and what is wrong with its lines.

    `path` is that of routec.toml, where these entries have their places. Where not the `whole` system is known, a
    route that nothing declares is no fault of its own.
    """
    if not settings.on:
        return system, []
    faults: list[Diagnostic] = []
    routes = {route.name: route for route in system.routes}
    for on in settings.on:
        entries = tuple(_entries(on, path, faults))
        if on.route in routes:
            routes[on.route] = routes[on.route].model_copy(update={"entries": entries})
        elif whole:
            span = Span(path, on.start, on.end)
            note = "no `route` declaration has this name"
            help = did_you_mean(on.route, routes)
            faults.append(Diagnostic(codes.UNKNOWN_ROUTE, f"unknown route `{on.route}`", span, note, help=help))
    return system.model_copy(update={"routes": tuple(routes[route.name] for route in system.routes)}), faults


def entered_elsewhere(system: System, settings: Settings) -> frozenset[str]:
    """The routes that callers reach on other PBXs: one that has no number here is none that was forgotten.

    `system` is that of all files, before `for_target`. Empty where there is one PBX only.
    """
    if settings.target is None and not settings.target_names:
        return frozenset()
    return settings.entered_somewhere | {route.name for route in system.routes if route.entries}


def _entries(on: Entries, path: str, faults: list[Diagnostic]) -> Iterator[Entry]:
    for entry in on.entries:
        span = Span(path, entry.start, entry.end)
        if fault := number_fault(entry.kind, entry.number, span):
            faults.append(fault)
        else:
            yield Entry.model_construct(span=span, kind=entry.kind, number=entry.number)

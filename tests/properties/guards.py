"""Nobody gets past a sign-in: every way of every call through a dialplan, held against the model and the source map."""

import json

from routec.model import Cases, Dial, SignIn, Step, System
from routec.model.walk import all_steps, inner_blocks
from routec.source import Sources, Span
from tests.properties.reader import Plan
from tests.properties.walker import State, enter, moves, priority

Place = tuple[str, int, int]


def unguarded(plan: Plan, manifest: bytes, system: System, sources: Sources) -> list[str]:
    """The ways on which a caller reaches a step without a fresh `granted` of each sign-in before it; none, we hope.

    Nor does anybody meet the else of a sign-in, or a case of it, with another outcome than that is for.

    Every way of every call from every number is walked. What stands behind which sign-in is asked of the model; which
    step a priority belongs to, of the source map.
    """
    places = _places(manifest)
    routes = _routes(manifest)
    guards, outcomes = _rules(system, sources)
    found: list[str] = []
    start = [
        enter(plan, context, number) for context in ("routec-dids", "routec-extensions") for number in plan[context]
    ]
    waiting: list[tuple[State, frozenset[Place], Place | None]] = [(state, frozenset(), None) for state in start]
    seen = set(waiting)
    while waiting:
        state, passed, asking = waiting.pop()
        context = state.place.context
        place = places[context, state.place.exten, state.place.at + 1]
        app, data = priority(plan, state)[1:]
        if routes.get(context):
            # A recording has a limit of its own, and needs it.
            judged = state._replace(limited=False) if routes[context].startswith("record.") else state
            broken = _broken(judged, guards.get(place, frozenset()) - passed, outcomes.get(place, ""))
            found += [f"{app}({data}) of {place} {what}" for what in broken]
            if app == "Gosub":
                asking, passed = place, passed - {place}
            if app == "Goto":
                passed, asking = frozenset(), None
        for outcome, after in moves(plan, state):
            then = passed
            if app == "AGI" and asking is not None and not routes.get(context) and outcome != "nothing":
                then = passed | {asking} if outcome == "granted" else passed - {asking}
            node = None if after is None else (after, then, asking)
            if node is not None and node not in seen:
                seen.add(node)
                waiting.append(node)
    return found


def _rules(system: System, sources: Sources) -> tuple[dict[Place, frozenset[Place]], dict[Place, str]]:
    """Which sign-ins each step is behind, and which outcome it is for."""
    guards: dict[Place, frozenset[Place]] = {}
    outcomes: dict[Place, str] = {}
    for route in system.routes:
        _collect(route.steps, frozenset(), sources, guards)
        for step in all_steps(route.steps):
            if isinstance(step, SignIn):
                _collect_outcomes(step, sources, outcomes)
    return guards, outcomes


def _broken(state: State, missing: frozenset[Place], outcome: str) -> list[str]:
    """The rules that a call in a step breaks."""
    found = []
    if missing:
        found.append(f"is reached without the sign-in of {sorted(missing)}")
    if outcome and not _is_for(outcome, state.verdict):
        found.append(f"is for {outcome}, and met with {state.verdict!r}")
    if state.limited:
        found.append("runs under the time limit of a sign-in")
    return found


def _collect(
    steps: tuple[Step, ...], behind: frozenset[Place], sources: Sources, guards: dict[Place, frozenset[Place]]
) -> frozenset[Place]:
    for step in steps:
        place = _place(step.span, sources)
        guards[place] = behind
        if isinstance(step, SignIn):
            for block in inner_blocks(step):
                _collect(block, behind, sources, guards)
            behind |= {place}
        elif isinstance(step, Dial) and step.otherwise:
            behind = _collect(step.otherwise, behind, sources, guards)
    return behind


def _collect_outcomes(step: SignIn, sources: Sources, outcomes: dict[Place, str]) -> None:
    """With which outcome the steps of an else are met, up to the next sign-in, which has its own."""
    if isinstance(step.otherwise, Cases):
        waiting = [(case.name, case.steps) for case in step.otherwise.cases]
    else:
        waiting = [("else", step.otherwise)]
    while waiting:
        name, steps = waiting.pop()
        for inner in steps:
            if isinstance(inner, SignIn) or any(isinstance(each, SignIn) for each in all_steps((inner,))):
                break
            outcomes[_place(inner.span, sources)] = name
            waiting.extend((name, block) for block in inner_blocks(inner))


def _is_for(name: str, verdict: str) -> bool:
    if name == "else":
        return verdict != "granted"
    return verdict == name if name != "error" else verdict not in ("granted", "locked", "denied")


def _place(span: Span, sources: Sources) -> Place:
    return (span.file, *sources[span.file].position(span.start))


def _places(manifest: bytes) -> dict[tuple[str, str, int], Place]:
    """The place in a route of each context, extension and priority."""
    return _Everywhere(json.loads(manifest)["contexts"])


class _Everywhere(dict[tuple[str, str, int], Place]):
    def __init__(self, contexts: dict[str, dict[str, dict[str, list[tuple[int, str, int, int]]]]]) -> None:
        super().__init__()
        self._contexts = contexts

    def __missing__(self, key: tuple[str, str, int]) -> Place:
        context, exten, number = key
        found = [entry for entry in self._contexts[context]["extensions"][exten] if entry[0] <= number]
        place = self[key] = (found[-1][1], found[-1][2], found[-1][3])
        return place


def _routes(manifest: bytes) -> dict[str, str]:
    """The contexts that hold a route's own steps."""
    contexts = json.loads(manifest)["contexts"]
    return {name: entry["route"] for name, entry in contexts.items() if entry["route"]}

"""The checks: functions from the model to diagnostics, in a list. Each judges one thing and knows nothing of others.

To add a check: a code in diagnostics/codes.py and its page, a case in tests/cases/errors/, and a function: one that
looks at a route by itself in `route_checks`, where it is asked again only when that route has changed, any other here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from routec.diagnostics import Diagnostic, Label, codes
from routec.frontend.facts import About, Facts, RouteFacts
from routec.frontend.flow import loops
from routec.frontend.prompt_checks import (
    files_of_no_prompt,
    hidden_versions,
    language_lacks_prompts,
    recordings_dialled,
    unused_prompts,
)
from routec.kept import Memory
from routec.model import Entry, Module, Route, System
from routec.model.limits import LONGEST_MODULE_NAME, LONGEST_ROUTE_NAME, LONGEST_SOUND, LONGEST_USER_NAME
from routec.model.nodes import RECORDING
from routec.model.numbers import did_forms

Check = Callable[[Facts], Iterable[Diagnostic]]


def check(system: System, about: About, *, whole: bool = True, memory: Memory | None = None) -> list[Diagnostic]:
    """All that is wrong with the meaning of the routes.

    Where not the `whole` system is known, some things only look unused: those checks then wait.
    """
    checks = CHECKS if whole else [one for one in CHECKS if one not in OF_THE_WHOLE]
    facts = Facts(system, (memory or Memory()).each("checks").of(system.routes, RouteFacts.of), about)
    faults = list(chain.from_iterable(each.faults for each in facts.by_route))
    return faults + [fault for one in checks for fault in one(facts)]


def unused_routes(facts: Facts) -> Iterator[Diagnostic]:
    """Every route has a number, on this PBX or on another, or a route that has one leads to it."""
    if all(route.entries for route in facts.routes):
        return
    targets = {each.route.name: each.gotos for each in facts.by_route}
    used: set[str] = set()
    waiting = [route.name for route in facts.routes if route.entries or route.name in facts.about.elsewhere]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting.extend(targets.get(name, ()))
    for route in facts.routes:
        if route.name not in used:
            yield Diagnostic(
                codes.UNUSED_ROUTE,
                f"nothing leads to route `{route.name}`",
                route.span,
                "it has no `on` line, and no route that callers reach goes to it",
                help=f"an `on` line in `route {route.name} {{ … }}`, or `goto {route.name}` where callers come by",
            )


def endless_loops(facts: Facts) -> Iterator[Diagnostic]:
    """No call goes round and round by itself: in every loop somebody is asked, or rung with a pause between.

    A `dial` alone does not do: where the phone is not there it comes back at once, and the PBX would spin.
    """
    silent = {each.route.name: each.silent for each in facts.by_route if each.silent}
    restless = {each.route.name: each.restless for each in facts.by_route if each.restless}
    told = set()
    for graph, what in (
        (silent, "a caller would go round here until they hang up"),
        (restless, "when nobody's phone is there, the call goes round without a pause: put a prompt or a `wait` in it"),
    ):
        for loop in loops(graph):
            if loop[0].span in told:
                continue
            told.add(loop[0].span)
            yield Diagnostic(
                codes.ENDLESS_LOOP,
                f"route `{loop[-1].route}` leads to itself without ever taking input",
                loop[0].span,
                what,
                tuple(Label(step.span, "and on") for step in loop[1:]),
            )


# ---- Asterisk's limits and collisions


def numbers_taken(facts: Facts) -> Iterator[Diagnostic]:
    """A number leads to one route, in all the forms in which it may come."""
    taken: dict[tuple[str, str], tuple[Route, Entry]] = {}
    if _are_unique(each.numbers for each in facts.by_route):
        return
    owned = [(entry, route) for route in facts.routes for entry in route.entries]
    for entry, route in sorted(owned, key=lambda pair: pair[0].span):
        other, first = taken.setdefault((entry.kind, entry.number), (route, entry))
        if first is not entry:
            yield Diagnostic(
                codes.NUMBER_TAKEN,
                f"{'DID' if entry.kind == 'did' else 'extension'} `{entry.number}` {_lead(other, route)} already",
                entry.span,
                labels=(Label(first.span, "first here"),),
                help="one number leads to one route, once: take one of the two away",
            )


def _lead(taker: Route, route: Route) -> str:
    """What a number is taken for by a route; nobody has given the route of a recording its name."""
    if taker.is_recording:
        prompt, _, language = taker.name.removeprefix(RECORDING).partition(".")
        return f"records prompt `{prompt}`" + (f" in `{language}`" if language else "")
    return "leads to this route" if taker is route else f"leads to route `{taker.name}`"


def _are_unique(groups: Iterable[Iterable[object]]) -> bool:
    """Whether nothing is there twice, which is to be asked quickly: it is nearly always so."""
    found = list(chain.from_iterable(groups))
    return len(set(found)) == len(found)


def national_forms_shared(facts: Facts) -> Iterator[Diagnostic]:
    """A form that two DIDs of different countries share is given to neither; the admin should know."""
    if _are_unique(each.forms for each in facts.by_route):
        return
    seen: dict[str, Entry] = {}
    entries = [entry for route in facts.routes for entry in route.entries if entry.kind == "did"]
    for entry in entries:
        for form in did_forms(entry.number):
            other = seen.setdefault(form, entry)
            if other.number != entry.number:
                yield Diagnostic(
                    codes.NATIONAL_FORM_SHARED,
                    f"`{form}` may be `{entry.number}` or `{other.number}`",
                    entry.span,
                    "a call that comes in this form reaches neither",
                    (Label(other.span, "the other"),),
                    "let the trunk send numbers in full",
                )


def names_too_long(facts: Facts) -> Iterator[Diagnostic]:
    """The context of a route, and of a module, has a name that Asterisk keeps whole."""
    named: tuple[tuple[Sequence[Route] | Sequence[Module], str, int], ...] = (
        (facts.routes, "route", LONGEST_ROUTE_NAME),
        (facts.system.modules, "module", LONGEST_MODULE_NAME),
    )
    for nodes, kind, longest in named:
        for node in nodes:
            if len(node.name) > longest:
                yield Diagnostic(
                    codes.NAME_TOO_LONG,
                    f"the name `{node.name}` has {len(node.name)} characters",
                    node.span,
                    f"Asterisk cuts the name of a context, which leaves {longest} for a {kind}",
                )


def sounds_too_long(facts: Facts) -> Iterator[Diagnostic]:
    """A prompt's name fits into a command of AGI, and a user's into the log."""
    for prompt in facts.system.prompts:
        if len(prompt.sound) > LONGEST_SOUND:
            note = f"`{prompt.sound[:40]}…`, the sound, may have {LONGEST_SOUND} characters"
            yield Diagnostic(codes.NAME_TOO_LONG, "the name of this prompt is too long", prompt.span, note)
    for module in facts.system.modules:
        for user in module.users:
            if len(user.name) > LONGEST_USER_NAME:
                note = f"a user has {LONGEST_USER_NAME} at the most"
                message = f"the name of this user has {len(user.name)} characters"
                yield Diagnostic(codes.NAME_TOO_LONG, message, user.span, note)


CHECKS: tuple[Check, ...] = (
    unused_routes,
    endless_loops,
    numbers_taken,
    national_forms_shared,
    names_too_long,
    sounds_too_long,
    unused_prompts,
    files_of_no_prompt,
    language_lacks_prompts,
    recordings_dialled,
    hidden_versions,
)

OF_THE_WHOLE: tuple[Check, ...] = (unused_routes, unused_prompts)
"""Those that look for what nothing uses."""

"""The checks: functions from the model to diagnostics, in one list. Each judges one thing and knows nothing of others.

To add a check: a code in diagnostics/codes.py and its page, a function here, and a case in tests/cases/errors/.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from routec.diagnostics import Diagnostic, Label, codes
from routec.frontend.flow import ends, loops, step_ends, ways
from routec.model import Cases, Dial, Entry, Goto, Module, Play, Route, Say, SignIn, Step, System
from routec.model.limits import (
    LONGEST_DATA,
    LONGEST_MODULE_NAME,
    LONGEST_ROUTE_NAME,
    LONGEST_SAID,
    LONGEST_SOUND,
    LONGEST_USER_NAME,
    MOST_TARGETS,
)
from routec.model.numbers import did_doubt, did_forms
from routec.model.walk import all_steps, blocks


@dataclass(frozen=True)
class Facts:
    """What the checks look at: the system, and all steps of each route in one row, which nearly every check needs."""

    system: System
    steps: dict[str, tuple[Step, ...]]

    @classmethod
    def of(cls, system: System) -> Self:
        """Gather them."""
        return cls(system, {route.name: tuple(all_steps(route.steps)) for route in system.routes})

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes."""
        return self.system.routes


Check = Callable[[Facts], Iterable[Diagnostic]]


def check(system: System, *, whole: bool = True) -> list[Diagnostic]:
    """All that is wrong with the meaning of the routes.

    Where not the `whole` system is known, some things only look unused: those checks then wait.
    """
    checks = CHECKS if whole else [one for one in CHECKS if one is not unused_routes]
    facts = Facts.of(system)
    return [diagnostic for one in checks for diagnostic in one(facts)]


def auth_else_runs_on(facts: Facts) -> Iterator[Diagnostic]:
    """The else of an auth ends the call or leaves the route: else it would run into the protected steps.

    So does each of its cases. A case that is not listed hangs up by itself.
    """
    for route in facts.routes:
        for step in facts.steps[route.name]:
            if not isinstance(step, SignIn):
                continue
            otherwise = f"else of `auth {step.module}`"
            if isinstance(step.otherwise, Cases):
                cases = step.otherwise.cases
                found = [(f"case `{case.name}` in the {otherwise}", case.span, case.steps) for case in cases]
            else:
                found = [(otherwise, step.span, step.otherwise)]
            for what, span, block in found:
                if not ends(block):
                    labels = (Label(block[-1].span, "and runs on from here"),) if block else ()
                    yield Diagnostic(
                        codes.ELSE_RUNS_ON,
                        f"the {what} runs on into the protected steps",
                        span,
                        "those who do not pass reach what follows",
                        labels,
                        "end it with `hangup` or `goto ROUTE`",
                    )


def unreachable_steps(facts: Facts) -> Iterator[Diagnostic]:
    """No step stands behind the end of the call."""
    for route in facts.routes:
        for block in blocks(route.steps):
            for index, step in enumerate(block[:-1]):
                if step_ends(step):
                    label = Label(step.span, "the call never runs on behind this")
                    yield Diagnostic(
                        codes.UNREACHABLE_STEP, "no call reaches this step", block[index + 1].span, labels=(label,)
                    )
                    break


def unused_routes(facts: Facts) -> Iterator[Diagnostic]:
    """Every route has a number, or another route that has one leads to it."""
    targets = {
        route.name: {step.route for step in facts.steps[route.name] if isinstance(step, Goto)} for route in facts.routes
    }
    used: set[str] = set()
    waiting = [route.name for route in facts.routes if route.entries]
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
    unasked = {route.name: [way for way in ways(route.steps) if not way.asked] for route in facts.routes}
    silent = {name: [way.goto for way in found if not way.rang] for name, found in unasked.items()}
    restless = {name: [way.goto for way in found if not way.paused] for name, found in unasked.items()}
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
    owned = [(entry, route) for route in facts.routes for entry in route.entries]
    for entry, route in sorted(owned, key=lambda pair: pair[0].span):
        other, first = taken.setdefault((entry.kind, entry.number), (route, entry))
        if first is not entry:
            where = "this route" if other is route else f"route `{other.name}`"
            yield Diagnostic(
                codes.NUMBER_TAKEN,
                f"{'DID' if entry.kind == 'did' else 'extension'} `{entry.number}` leads to {where} already",
                entry.span,
                labels=(Label(first.span, "first here"),),
            )


def did_doubts(facts: Facts) -> Iterator[Diagnostic]:
    """DIDs have a length that their country knows."""
    for route in facts.routes:
        for entry in route.entries:
            if entry.kind == "did" and (doubt := did_doubt(entry.number)):
                yield Diagnostic(codes.UNLIKELY_NUMBER, f"`{entry.number}` is hardly a DID", entry.span, doubt)


def national_forms_shared(facts: Facts) -> Iterator[Diagnostic]:
    """A form that two DIDs of different countries share is given to neither; the admin should know."""
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
    named: list[tuple[Route | Module, str, int]] = [
        *((route, "route", LONGEST_ROUTE_NAME) for route in facts.routes),
        *((module, "module", LONGEST_MODULE_NAME) for module in facts.system.modules),
    ]
    for node, kind, longest in named:
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


def steps_too_long(facts: Facts) -> Iterator[Diagnostic]:
    """A step fits into a line of a dialplan."""
    for route in facts.routes:
        for step in facts.steps[route.name]:
            if isinstance(step, Dial) and len(step.targets) > MOST_TARGETS:
                note = f"{len(step.targets)} extensions; one step rings {MOST_TARGETS} at the most"
            elif isinstance(step, Play) and sum(len(sound) + 1 for sound in step.sounds) > LONGEST_DATA:
                note = f"Asterisk takes {LONGEST_DATA} bytes for one application"
            elif isinstance(step, Say) and len(step.text or "") > LONGEST_SAID:
                note = f"{len(step.text or '')} characters; one step says {LONGEST_SAID} at the most"
            else:
                continue
            yield Diagnostic(codes.STEP_TOO_LONG, "this step is too long", step.span, note, help="write two steps")


CHECKS: tuple[Check, ...] = (
    auth_else_runs_on,
    unreachable_steps,
    unused_routes,
    endless_loops,
    numbers_taken,
    did_doubts,
    national_forms_shared,
    names_too_long,
    sounds_too_long,
    steps_too_long,
)

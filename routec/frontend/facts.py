"""What the checks look at: gathered once, and for a route that did not change not again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from routec.diagnostics import Diagnostic
from routec.frontend.flow import ways
from routec.frontend.route_checks import ROUTE_CHECKS
from routec.model import Dial, Goto, Language, Route, System
from routec.model.numbers import did_forms
from routec.model.played import played_by_route
from routec.model.walk import all_steps
from routec.settings import Settings


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """One route, what is wrong with it by itself, and what the checks of the whole system ask of it."""

    route: Route
    gotos: tuple[str, ...]
    """The routes that it can go to."""
    silent: tuple[Goto, ...]
    """Those of them on whose way nobody is asked for anything or rung, and `restless` those with no pause either."""
    restless: tuple[Goto, ...]
    numbers: tuple[tuple[str, str], ...]
    """Kind and number of its entries."""
    forms: tuple[str, ...]
    """All forms in which its DIDs may come."""
    faults: tuple[Diagnostic, ...]
    sounds: frozenset[str]
    """All that it plays, `languages` in which, and `dials` what it rings."""
    languages: tuple[Language, ...]
    dials: tuple[Dial, ...]

    @classmethod
    def of(cls, route: Route) -> Self:
        """Gather them."""
        steps = tuple(all_steps(route.steps))
        faults = tuple(fault for one in ROUTE_CHECKS for fault in one(route, steps))
        gotos = tuple(step.route for step in steps if isinstance(step, Goto))
        unasked = [way for way in ways(route.steps) if not way.asked] if gotos else []
        silent = tuple(way.goto for way in unasked if not way.rang)
        restless = tuple(way.goto for way in unasked if not way.paused)
        numbers = tuple((entry.kind, entry.number) for entry in route.entries)
        forms = tuple(form for kind, number in numbers if kind == "did" for form in did_forms(number))
        sounds = frozenset(one.sound for one in played_by_route(route))
        languages = tuple(step for step in steps if isinstance(step, Language))
        dials = tuple(step for step in steps if isinstance(step, Dial))
        return cls(route, gotos, silent, restless, numbers, forms, faults, sounds, languages, dials)


@dataclass(frozen=True)
class About:
    """What there is around a system."""

    settings: Settings = field(default_factory=Settings)
    sounds: Mapping[str, str] = field(default_factory=dict)
    """The files of sounds below routes/prompts/, each with its fault or an empty string."""
    elsewhere: frozenset[str] = frozenset()
    """Routes that callers reach on another PBX."""
    other_sounds: tuple[str, ...] = ()
    """Files of sounds there in other formats."""


@dataclass(frozen=True)
class Facts:
    """What the checks of the whole system look at."""

    system: System
    by_route: Sequence[RouteFacts]
    about: About

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes."""
        return self.system.routes

"""Which sounds are played, and by whom."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from routec.model.nodes import Play, Route, System
from routec.model.signin import Module
from routec.model.walk import all_steps
from routec.source import Span


class Played(NamedTuple):
    """One place where a sound is played, by the route or the module of a name; `sound` as Asterisk finds it."""

    sound: str
    kind: Literal["route", "module"]
    name: str
    span: Span


def played(system: System) -> Iterator[Played]:
    """Every sound that routes and modules play: routes first, each in the order in which it was written.

    A prompt is played where its `sound` is. What the recorder plays is not among them.
    """
    for route in system.routes:
        yield from played_by_route(route)
    for module in system.modules:
        yield from played_by_module(module)


def played_by_route(route: Route) -> Iterator[Played]:
    """The sounds of the steps of a route, those in inner blocks too."""
    for step in all_steps(route.steps):
        if isinstance(step, Play):
            for sound in step.sounds:
                yield Played(sound, "route", route.name, step.span)


def played_by_module(module: Module) -> Iterator[Played]:
    """The sounds that a sign-in asks and tells with."""
    parts = (*module.fields, module.clock, module.confirm, module.again, *module.tells)
    for part in parts:
        if part is not None and part.sound is not None:
            yield Played(part.sound, "module", module.name, part.span)

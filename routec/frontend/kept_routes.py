"""Which routes need not be resolved again: their text is the same, and so is what each name in it stands for."""

from dataclasses import dataclass

from routec.frontend import syntax
from routec.frontend.resolve_say import spoken_fields
from routec.frontend.scope import Ask, Scope
from routec.frontend.sounds import prompt_sound
from routec.model import Route


@dataclass(frozen=True, slots=True)
class _Known:
    steps: list[syntax.Step]
    """Held, so that no other list can come to have its identity."""
    asked: frozenset[Ask]
    route: Route


class KeptRoutes:
    """The routes of the round before, by the steps of the syntax tree that they were made of.

    Only those are kept that had no fault, and whose names were all found: what is said of a fault, and whether a name
    that nothing has is one, depends on more than the name.
    """

    def __init__(self) -> None:
        self._before: dict[int, _Known] = {}
        self._now: dict[int, _Known] = {}
        self._answers: dict[Ask, object] = {}
        self._changed: set[Ask] = set()
        self._most = 0
        """How many answers there may be until those are let go that no route asks for any more."""

    def begin(self, scope: Scope) -> None:
        """Begin a round, in which all names are declared."""
        self._before, self._now = self._now, {}
        if len(self._answers) > self._most:
            asked = {ask for known in self._before.values() for ask in known.asked}
            self._answers = {ask: self._answers[ask] for ask in asked}
            self._most = 2 * len(asked) + 1_000
        self._changed = {ask for ask, answer in self._answers.items() if _answer(scope, ask) != answer}

    def find(self, route: syntax.Route) -> Route | None:
        """The route as it was resolved, if it would be resolved to the same."""
        known = self._before.get(id(route.steps))
        if known is None or not known.asked.isdisjoint(self._changed):
            return None
        self._now[id(route.steps)] = known
        return known.route

    def keep(self, scope: Scope, route: syntax.Route, asked: frozenset[Ask], resolved: Route) -> None:
        """Keep a route that was resolved in this round."""
        self._now[id(route.steps)] = _Known(route.steps, asked, resolved)
        self._answers.update((ask, _answer(scope, ask)) for ask in asked)


def _answer(scope: Scope, ask: Ask) -> object:
    """All that a name means to a route that asks for it."""
    kind, name = ask
    match kind:
        case "route":
            return name in scope.routes.declared
        case "module":
            return name in scope.modules.declared
        case "fields":
            return spoken_fields(scope, name)
        case _:
            return prompt_sound(scope, name)

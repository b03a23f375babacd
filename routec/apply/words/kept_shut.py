"""What a dialplan keeps behind a sign-in on all of its ways: so that a number which comes there without is noticed.

Looked up only for what is asked, since few numbers come to what they did not, and a dialplan may have ten thousand.
"""

from collections.abc import Collection
from functools import cached_property

from routec.apply.jumps import leading_to, standing_before, targets
from routec.apply.priority import BESIDE, for_some
from routec.apply.words.gates import Thing, Ways, ways, worth_of
from routec.apply.words.met import keys
from routec.apply.words.story import ENTRIES, Entry, Story, Teller
from routec.apply.words.told import route_of, rung

_NONE: frozenset[str] = frozenset()

_ONWARD = ",${EXTEN},1"


class KeptShut:
    """The extensions that one dialplan rings and the routes that it enters, and past which sign-ins all come there."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._known: dict[Thing, frozenset[str]] = {}
        self._led: dict[str, list[Ways]] = {}
        self._ways: dict[object, Ways] = {}

    def ways(self, story: Story) -> Ways:
        """The ways of a story of this dialplan, which numbers of one route have in common."""
        key = keys(story.parts[0].steps), tuple(map(id, story.parts[1:]))
        if key not in self._ways:
            self._ways[key] = ways(story)
        return self._ways[key]

    def opened_by(self, new: Ways, old: Ways | None) -> dict[str, frozenset[str]]:
        """What a number newly comes to, told by name, and the sign-ins that it lacks of those that all had to pass.

        `old` is how the number was answered before: what it came to then is no matter of this.
        """
        found: dict[str, frozenset[str]] = {}
        for thing, passed in new.things.items():
            is_new = thing[0] == "rings" and (old is None or thing not in old.things)
            if is_new and (missing := self._modules(thing) - passed):
                found[thing[1]] = missing
        told = _NONE.union(*found.values())
        before = {part.route for part in old.story.parts} if old else set()
        for part in new.story.parts[1:]:
            if part.route in before or not (kept := self._modules(("goes", part.route)) - told):
                continue
            # A route that has come to ask by itself is as shut as it was.
            passed_by_all = [kept & passed for passed in worth_of(part, new.entered[part.context]).values()]
            if passed_by_all and (missing := kept - frozenset.intersection(*passed_by_all)):
                found[f"the route {part.route}"] = missing
        return found

    @cached_property
    def _routes(self) -> dict[str, set[str]]:
        """For each route its contexts."""
        found: dict[str, set[str]] = {}
        for name in self._teller.held:
            if route := route_of(name):
                found.setdefault(route, set()).add(name)
        return found

    @cached_property
    def _ringing(self) -> dict[str, set[str]]:
        """For each extension the contexts that ring it."""
        found: dict[str, set[str]] = {}
        for name, extensions in self._teller.held.items():
            for lines in extensions.values():
                for line in lines.values():
                    if line.app == "Dial":
                        for extension in rung(line.data):
                            found.setdefault(extension, set()).add(name)
        return found

    @cached_property
    def _before(self) -> dict[str, list[str]]:
        return standing_before([self._teller.held])

    @cached_property
    def _numbers(self) -> dict[str, list[tuple[Entry, str]]]:
        """For each context the numbers that lead straight to it."""
        found: dict[str, list[tuple[Entry, str]]] = {}
        for entry, context in ENTRIES.items():
            for exten, lines in self._teller.held.get(context, {}).items():
                number = (for_some(exten) or exten) if exten.endswith("?") else exten
                for line in lines.values():
                    if line.app == "Goto" and line.data.endswith(_ONWARD):
                        # So nearly all of them, which may be many.
                        found.setdefault(line.data[: -len(_ONWARD)], []).append((entry, number))
                    elif line.app not in BESIDE:
                        for target in targets(line):
                            found.setdefault(target, []).append((entry, number))
        return found

    def _modules(self, thing: Thing) -> frozenset[str]:
        """Past which modules all come to it, and none where nobody does."""
        if thing not in self._known:
            self._known[thing] = self._looked_up(thing)
        return self._known[thing]

    def _looked_up(self, thing: Thing) -> frozenset[str]:
        kind, name = thing
        own = (self._ringing if kind == "rings" else self._routes).get(name)
        if own is None:
            return _NONE
        # What a number leads straight to is mostly open: then nothing else needs to be known.
        found = self._past(thing, own, own, None)
        if found != _NONE:
            found = self._past(thing, own, leading_to(self._before, own) - own, found)
        return found or _NONE

    def _past(
        self, thing: Thing, own: Collection[str], contexts: Collection[str], found: frozenset[str] | None
    ) -> frozenset[str] | None:
        """Past which modules the numbers come to it that lead straight to these contexts; None where none does."""
        for context in contexts:
            for led in self._ways_of(context):
                passed = [led.entered.get(name) for name in own] if thing[0] == "goes" else [led.things.get(thing)]
                for modules in passed:
                    if modules is not None:
                        found = modules if found is None else found & modules
            if found == _NONE:
                break
        return found

    def _ways_of(self, context: str) -> list[Ways]:
        """The ways of the numbers that lead straight to a context; of several that have the same ways, of one."""
        if context not in self._led:
            held = self._teller.held
            same = set()
            found = []
            for entry, exten in self._numbers.get(context, ()):
                key = entry, tuple(held[ENTRIES[entry]].get(exten, {}).values())
                if key not in same and (story := self._teller.story(exten, entry)) is not None:
                    found.append(self.ways(story))
                    # Where each context has one extension, it takes all numbers alike.
                    if all(len(held[part.context]) == 1 for part in story.parts[1:]):
                        same.add(key)
            self._led[context] = found
        return self._led[context]

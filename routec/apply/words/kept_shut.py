"""What a dialplan keeps behind a sign-in on all of its ways: so that a new number which comes there without is noticed.

Looked up only for what is asked, since most plans have no new number, and a dialplan may have ten thousand.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from routec.apply.held import targets
from routec.apply.priority import Held, Priority
from routec.apply.words.gates import Thing, guards
from routec.apply.words.story import ENTRIES, Entry, Story, Teller
from routec.apply.words.told import rung
from routec.backend.dialplan import FIXED


def leads_to(lines: Mapping[int, Priority], contexts: set[str]) -> bool:
    """Whether an extension leads straight to one of these contexts."""
    return any(target in contexts for line in lines.values() for target in targets(line))


def leading_to(before: Mapping[str, Iterable[str]], contexts: Iterable[str]) -> set[str]:
    """These contexts and all that lead to one of them, by what stands before each."""
    found = set(contexts)
    waiting = list(found)
    while waiting:
        for name in before.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def standing_before(dialplans: Iterable[Held]) -> dict[str, list[str]]:
    """For each context those that lead to it, but for the ones in which calls come in."""
    before: dict[str, list[str]] = {}
    for held in dialplans:
        for name, extensions in held.items():
            if name not in FIXED:
                for target in {to for lines in extensions.values() for line in lines.values() for to in targets(line)}:
                    before.setdefault(target, []).append(name)
    return before


class KeptShut:
    """The extensions that one dialplan rings, and the modules that everybody has signed in to who comes to them."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._known: dict[str, frozenset[str]] = {}

    def is_opened_by(self, story: Story) -> bool:
        """Whether a story comes to something without a sign-in that there was on every way to it."""
        rings = {name: modules for (kind, name), modules in guards(story).items() if kind == "rings"}
        return any(self._modules(name) - modules for name, modules in rings.items())

    @cached_property
    def _ringing(self) -> dict[str, set[str]]:
        """For each extension the contexts that ring it."""
        found: dict[str, set[str]] = {}
        for name, extensions in self._teller.held.items():
            for lines in extensions.values():
                for line in lines.values():
                    for extension in rung(line.data) if line.app == "Dial" else ():
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
                for target in {to for line in lines.values() for to in targets(line)}:
                    found.setdefault(target, []).append((entry, exten))
        return found

    def _modules(self, extension: str) -> frozenset[str]:
        if extension not in self._known:
            self._known[extension] = self._looked_up(("rings", extension))
        return self._known[extension]

    def _looked_up(self, thing: Thing) -> frozenset[str]:
        found: frozenset[str] | None = None
        for context in sorted(leading_to(self._before, self._ringing.get(thing[1], ()))):
            for entry, exten in self._numbers.get(context, ()):
                story = self._teller.story(exten, entry)
                modules = guards(story).get(thing) if story else None
                if modules is not None:
                    found = modules if found is None else found & modules
                if found == frozenset():
                    return found
        return found or frozenset()

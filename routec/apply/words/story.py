"""What a caller meets who dials a number, told from a dialplan itself.

Not from the routes: `plan` and `trace` tell what a PBX really holds, whoever put it there. All of a story is read in
time linear in the contexts that it leads through, each of which stands in it once.
"""

from typing import Literal, NamedTuple

from routec.apply.patterns import matches, matching
from routec.apply.priority import BESIDE, Extensions, Held, Priority, for_some, is_marked
from routec.apply.words.met import SOME_CALLERS, Branch, Place, Step, all_steps, bounded, tell
from routec.apply.words.told import JUMP, Extension, module_of, route_of
from routec.backend import dialplan

Entry = Literal["dids", "extensions"]

ENTRIES: dict[Entry, str] = {"dids": dialplan.DIDS, "extensions": dialplan.EXTENSIONS}
"""The context that calls come in by."""

_SIGN_IN_EXTENSIONS = (dialplan.ANY_NUMBER, "T", "end")


class Part(NamedTuple):
    """The steps in one context; `route` is empty for those of an entry context."""

    context: str
    exten: str
    route: str
    steps: tuple[Step, ...]

    @property
    def ways(self) -> list[Step]:
        """The steps that lead to other routes."""
        return [step for step in all_steps(self.steps) if step.kind == "goes"]


class Story(NamedTuple):
    """What who dials `number` meets: the entry first, then every context that the call may come to, each once."""

    number: str
    entry: Entry
    parts: tuple[Part, ...]

    @property
    def by_context(self) -> dict[str, Part]:
        """The parts by the name of their context."""
        return {part.context: part for part in self.parts}

    @property
    def text(self) -> str:
        """The story in a line, along the way of those who pass; a route that it goes on in is told in its place."""
        told: list[str] = []
        parts = self.by_context
        part: Part | None = self.parts[0]
        seen: set[str] = set()
        while part is not None and part.context not in seen:
            seen.add(part.context)
            last = part.steps[-1] if part.steps else None
            target = parts.get(last.detail) if last is not None and last.kind == "goes" else None
            if part.route or target is None:
                told.append(tell(part.steps))
            part = target
        return bounded(": ".join(told), 1_000)


class Teller:
    """Tells stories from one dialplan; what two of them have in common is read once."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self._parts: dict[tuple[str, ...], Part] = {}
        self._marked: dict[str, tuple[str, ...]] = {}
        self._sound: dict[str, bool] = {}

    def story(self, number: str, entry: Entry) -> Story | None:
        """What is met by who dials a number as it comes in by an entry; None where it is not answered there."""
        context = ENTRIES[entry]
        exten = matching(self.held.get(context, {}), number)
        if exten is None:
            return None
        parts = {context: self._part(context, exten, number)}
        waiting = [context]
        while waiting:
            for step in parts[waiting.pop(0)].ways:
                if step.detail not in parts:
                    found = matching(self.held.get(step.detail, {}), number)
                    if found is not None:
                        parts[step.detail] = self._part(step.detail, found, number)
                        waiting.append(step.detail)
        return Story(number, entry, tuple(parts.values()))

    def elsewhere(self, number: str, entry: Entry) -> Story | None:
        """What is told of a number that only what somebody put beside our extensions may answer; None without such."""
        context = ENTRIES[entry]
        steps = self._beside(context, number)
        return Story(number, entry, (Part(context, number, "", steps),)) if steps else None

    def is_sound(self, context: str) -> bool:
        """Whether a context is the conversation of a module to the letter: its name ends in the hash of its content."""
        if context not in self._sound:
            named = context.rpartition("-")[2]
            self._sound[context] = bool(module_of(context)) and _hash(self.held.get(context, {})) == named
        return self._sound[context]

    def _part(self, context: str, exten: str, number: str) -> Part:
        key: tuple[str, ...] = (context, exten)
        if self._marks(context):
            key = (context, exten, number)
        if key not in self._parts:
            steps = (*self._beside(context, number), *self._read(context, exten))
            self._parts[key] = Part(context, exten, "" if context in ENTRIES.values() else route_of(context), steps)
        return self._parts[key]

    def _read(self, context: str, exten: str) -> tuple[Step, ...]:
        return Extension(context, exten, self.held[context][exten], self._leads, self.is_sound).steps()

    def _marks(self, context: str) -> tuple[str, ...]:
        """What stands in a context of Asterisk's memory that is no extension like others."""
        if context not in self._marked:
            names = self.held.get(context, {})
            self._marked[context] = tuple(exten for exten in names if exten[-1:] == "?" or "=" in exten)
        return self._marked[context]

    def _beside(self, context: str, number: str) -> tuple[Step, ...]:
        """What may be met in a context in place of its steps: so that no story is whole that somebody put that into."""
        steps = []
        for exten in filter(is_marked, self._marks(context)):
            at, plain = Place(context, exten, 1), for_some(exten)
            if plain is None:
                line = self.held[context][exten].get(1)
                if line is not None and line.app in BESIDE[:2]:
                    steps.append(Step("runs", bounded(exten), at, (), line.app))
            elif matches(plain, number) or plain == number:
                branch = Branch(SOME_CALLERS, self._read(context, exten))
                steps.append(Step("runs", "other steps", at, (), SOME_CALLERS, (branch,)))
        return tuple(steps)

    def _leads(self, context: str) -> str | None:
        """The context where a goto to a context ends: routec once wrote thin ones that only lead on."""
        extensions = self.held.get(context)
        if extensions is None:
            return None
        if context.startswith("routec-goto.") and list(extensions) == [dialplan.ANY_NUMBER]:
            lines = extensions[dialplan.ANY_NUMBER]
            first = lines.get(1, Priority("", "", ""))
            onward = JUMP.fullmatch(first.data) if first.app == "Goto" and len(lines) == 1 else None
            if onward and onward[1] in self.held:
                return onward[1]
        return context


def _hash(extensions: Extensions) -> str:
    """The content hash of a sign-in context as it is held, or empty where it is none."""
    if set(extensions) != set(_SIGN_IN_EXTENSIONS):
        return ""
    return dialplan.content_hash(
        dialplan.Extension(
            exten,
            tuple(
                dialplan.Line(line.app, line.data, line.label, dialplan.NOWHERE)
                for number, line in sorted(extensions[exten].items())
                if number > 0
            ),
        )
        for exten in _SIGN_IN_EXTENSIONS
    )

"""What a caller meets who dials a number, told from a dialplan itself.

Not from the routes: `plan` and `trace` tell what a PBX really holds, whoever put it there. All of a story is read in
time linear in the contexts that it leads through, each of which stands in it once.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple

from routec.apply.priority import Extensions, Held, Priority
from routec.apply.words.met import Step, all_steps, bounded, tell
from routec.apply.words.told import Extension, module_of, route_of
from routec.backend import dialplan
from routec.source import Span

Entry = Literal["dids", "extensions"]

ENTRIES: dict[Entry, str] = {"dids": dialplan.DIDS, "extensions": dialplan.EXTENSIONS}
"""The context that calls come in by."""

_SIGN_IN_EXTENSIONS = (dialplan.ANY_NUMBER, "T", "end")
_NOWHERE = Span("", 0, 0)
_THIN = re.compile(r"(routec-[^,()]+),\$\{EXTEN\},1")


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
        self._parts: dict[tuple[str, str], Part] = {}
        self._sound: dict[str, bool] = {}

    def story(self, number: str, entry: Entry) -> Story | None:
        """What is met by who dials a number as it comes in by an entry; None where it is not answered there."""
        context = ENTRIES[entry]
        exten = matching(self.held.get(context, {}), number)
        if exten is None:
            return None
        parts = {context: self._part(context, exten)}
        waiting = [context]
        while waiting:
            for step in parts[waiting.pop(0)].ways:
                if step.detail not in parts:
                    found = matching(self.held.get(step.detail, {}), number)
                    if found is not None:
                        parts[step.detail] = self._part(step.detail, found)
                        waiting.append(step.detail)
        return Story(number, entry, tuple(parts.values()))

    def is_sound(self, context: str) -> bool:
        """Whether a context is the conversation of a module to the letter: its name ends in the hash of its content."""
        if context not in self._sound:
            named = context.rpartition("-")[2]
            self._sound[context] = bool(module_of(context)) and _hash(self.held.get(context, {})) == named
        return self._sound[context]

    def _part(self, context: str, exten: str) -> Part:
        key = context, exten
        if key not in self._parts:
            lines = self.held[context][exten]
            steps = Extension(context, exten, lines, self._leads, self.is_sound).steps()
            self._parts[key] = Part(context, exten, "" if context in ENTRIES.values() else route_of(context), steps)
        return self._parts[key]

    def _leads(self, context: str) -> str | None:
        """The context where a goto to a context ends: routec once wrote thin ones that only lead on."""
        extensions = self.held.get(context)
        if extensions is None:
            return None
        if context.startswith("routec-goto.") and list(extensions) == [dialplan.ANY_NUMBER]:
            lines = extensions[dialplan.ANY_NUMBER]
            first = lines.get(1, Priority("", "", ""))
            onward = _THIN.fullmatch(first.data) if first.app == "Goto" and len(lines) == 1 else None
            if onward and onward[1] in self.held:
                return onward[1]
        return context


def story(held: Held, number: str, entry: Entry) -> Story | None:
    """What a caller meets who dials a number, where the call comes in by `entry`; None where nothing answers it."""
    return Teller(held).story(number, entry)


def _hash(extensions: Extensions) -> str:
    """The content hash of a sign-in context as it is held, or empty where it is none."""
    if set(extensions) != set(_SIGN_IN_EXTENSIONS):
        return ""
    return dialplan.content_hash(
        dialplan.Extension(
            exten,
            tuple(
                dialplan.Line(line.app, line.data, line.label, _NOWHERE)
                for number, line in sorted(extensions[exten].items())
                if number > 0
            ),
        )
        for exten in _SIGN_IN_EXTENSIONS
    )


# ---- extensions


def matching(extensions: Extensions, number: str) -> str | None:
    """The extension that takes a number: the number itself, else the narrowest pattern, as Asterisk chooses."""
    if number in extensions:
        return number
    found = [
        (width, exten)
        for exten in extensions
        if exten.startswith("_") and (pattern := _pattern(exten)) is not None and pattern[0].fullmatch(number)
        for width in [pattern[1]]
    ]
    return min(found)[1] if found else None


@cache
def _pattern(exten: str) -> tuple[re.Pattern[str], tuple[int, ...]] | None:
    """A pattern as a regular expression, and how much each of its places takes; None for what is no pattern."""
    parts = list(_places(exten[1:]))
    try:
        return re.compile("".join(text for text, _ in parts), re.DOTALL), tuple(width for _, width in parts)
    except re.error:
        return None


def _places(text: str) -> Iterator[tuple[str, int]]:
    classes = {"X": ("[0-9]", 10), "Z": ("[1-9]", 9), "N": ("[2-9]", 8), ".": (".+", 300), "!": (".*", 400)}
    at = 0
    while at < len(text):
        char = text[at]
        if char == "[" and (end := text.find("]", at)) > at + 1:
            inner = re.sub(r"([\\^\[\]&~|])", r"\\\1", text[at + 1 : end])
            yield f"[{inner}]", end - at + 10
            at = end
        elif char.upper() in classes:
            yield classes[char.upper()]
        elif char not in "- ":
            yield re.escape(char), 1
        at += 1

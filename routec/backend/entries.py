"""The two contexts by which calls come in: one thin Goto a number, so that a reload moves no live call.

Where prompts are spoken in several languages, the call is first set to the base one: Asterisk begins a call in `en`, or
in whatever a phone's settings say, and would play `en/welcome` before the prompt that the routes name. (Measured on
16.28 and 22.10; `fileexists_core` in file.c.)
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from routec.backend.dialplan import DIDS, EXTENSIONS, Context, Extension, Line, speaks
from routec.backend.escape import plain
from routec.kept import Memory
from routec.model import Entry, Route
from routec.model.numbers import did_forms

_KINDS = {"did": DIDS, "extension": EXTENSIONS}
_COMMENTS = {
    DIDS: "all DIDs, in the forms that a trunk may send",
    EXTENSIONS: "all extensions that lead to a route",
}


def entries(
    routes: Sequence[Route], contexts: Mapping[str, Context], language: str | None, memory: Memory
) -> tuple[Context, Context]:
    """The contexts of all DIDs and of all extensions; `contexts` are those of the routes, by route.

    `language` is what calls are set to as they come in, None for what Asterisk begins them in.
    """
    numbers = memory.each("numbers").of(routes, _Numbers)
    found: dict[str, list[Extension]] = {DIDS: [], EXTENSIONS: []}
    for route, each in zip(routes, numbers, strict=True):
        for name, extensions in each.leading_to(contexts[route.name].name, language):
            found[name] += extensions
    return _context(DIDS, found[DIDS], memory), _context(EXTENSIONS, found[EXTENSIONS], memory)


def _context(name: str, extensions: list[Extension], memory: Memory) -> Context:
    patterns = [extension.pattern for extension in extensions]
    order = memory.round(name).of("", (patterns,), partial(_order, patterns))
    return Context(name, (_COMMENTS[name],), tuple(map(extensions.__getitem__, order)))


def _order(patterns: list[str]) -> list[int]:
    """In which order extensions are written, the largest first; without those that more than one DID may come in.

    Asterisk keeps a context sorted and looks from its beginning for the place of each extension: in this order that is
    the first of all. In the other, a reload of 40,000 takes 10 to 30 seconds. (Measured on 16.28 and 22.10;
    ast_add_extension2_lockopt and ext_cmp in pbx.c, which compare byte by byte.)
    """
    order = sorted(range(len(patterns)), key=patterns.__getitem__, reverse=True)
    shared = {patterns[one] for one, other in pairwise(order) if patterns[one] == patterns[other]}
    return [at for at in order if patterns[at] not in shared]


class _Numbers:
    """The numbers of one route, and their extensions for as long as they lead to the same."""

    def __init__(self, route: Route) -> None:
        self._entries = route.entries
        self._to: tuple[str, str | None] = ("", None)
        self._extensions: list[tuple[str, list[Extension]]] = []

    def leading_to(self, context: str, language: str | None) -> list[tuple[str, list[Extension]]]:
        """For each number the context that it stands in, and its extensions there."""
        if (context, language) != self._to:
            self._to = context, language
            self._extensions = [(_KINDS[entry.kind], _group(entry, context, language)) for entry in self._entries]
        return self._extensions


def _group(entry: Entry, context: str, language: str | None) -> list[Extension]:
    spoken = () if language is None else (speaks(language, entry.span),)
    lines = (*spoken, Line("Goto", f"{context},${{EXTEN}},1", "", entry.span))
    return [Extension(plain(form), lines) for form in _forms(entry)]


def _forms(entry: Entry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(did_forms(entry.number))) if entry.kind == "did" else (entry.number,)

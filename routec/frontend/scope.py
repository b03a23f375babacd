"""What the resolver knows while it works: the declared names of all files, the settings, and the faults so far."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from routec.diagnostics import Diagnostic, Label, codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.syntax import Word
from routec.model.sound_files import languages_of
from routec.settings import Settings
from routec.source import Span

if TYPE_CHECKING:
    from routec.frontend.resolve_users import Listed, Misfit

MOST_SUGGESTIONS = 50
"""Whoever has more unknown names than this has moved something; each suggestion compares with all names."""

Declared = syntax.Route | syntax.Auth | syntax.Prompt

Ask = tuple[str, str]
"""What a route is made of beside its own text: `route`, `module`, `fields` (of a module) or `sound`, and a name."""


@dataclass
class Names:
    """The names of one kind: each with its declaration and its file; the first one counts."""

    kind: str
    declared: dict[str, tuple[str, Declared]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[str, str, Declared]]:
        for name in sorted(self.declared):
            path, declaration = self.declared[name]
            yield name, path, declaration


@dataclass
class Scope:
    """One run of the resolver over all files."""

    settings: Settings
    sounds: Mapping[str, str]
    """The files of sounds below routes/prompts/, each with its fault or an empty string."""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    routes: Names = field(default_factory=lambda: Names("route"))
    modules: Names = field(default_factory=lambda: Names("module"))
    prompts: Names = field(default_factory=lambda: Names("prompt"))
    users: "dict[str, Listed]" = field(default_factory=dict)
    """The files of users, by path."""
    misfits: "dict[tuple[Span, str], list[Misfit]]" = field(default_factory=dict)
    """What keeps users of files out, by place and message, each with the modules that it keeps them out of."""
    doubtful: set[str] = field(default_factory=set)
    """Files in which a block begins or ends where it should not: nothing is judged of what calls do there."""
    _suggestions: int = 0
    asked: set[Ask] = field(default_factory=set)
    """What was looked up since somebody has last emptied it."""
    unsure: bool = False
    """A name that nothing has was passed over since then."""
    names_lost: bool = False
    """A declaration could not be read: a name that looks unknown may be its."""

    @cached_property
    def languages(self) -> Mapping[str, list[str]]:
        """The languages in which a prompt's file has a version, by the file."""
        return languages_of(self.sounds)

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a fault."""
        self.diagnostics.append(diagnostic)

    def fault(self, code: codes.Code, message: str, span: Span, note: str = "", help: str = "") -> None:
        """Keep a fault that has one place."""
        self.diagnostics.append(Diagnostic(code, message, span, note, help=help))

    def declare(self, names: Names, path: str, declaration: Declared) -> None:
        """Enter a declaration; a second one of the same name is a fault."""
        word = declaration.name
        if word.text not in names.declared:
            names.declared[word.text] = path, declaration
            return
        first_path, first = names.declared[word.text]
        self.repeated(
            f"{names.kind} `{word.text}` is declared twice", span_of(path, word), span_of(first_path, first.name)
        )

    def repeated(self, message: str, span: Span, first: Span, code: codes.Code = codes.DUPLICATE_NAME) -> None:
        """Report something that is there twice."""
        self.report(Diagnostic(code, message, span, "the second", (Label(first, "first declared here"),)))

    def unknown(self, code: codes.Code, kind: str, word: Word, path: str, known: Iterable[str], note: str) -> None:
        """Report a name that nothing has, unless the declaration may be one that could not be read."""
        self.unsure = True
        if not self.names_lost:
            help = self.suggest(word.text, known)
            self.fault(code, f"unknown {kind} `{word.text}`", span_of(path, word), note, help)

    def suggest(self, word: str, known: Iterable[str]) -> str:
        """The help for a name that nothing has, as long as there are not too many of them."""
        self._suggestions += 1
        return did_you_mean(word, known) if self._suggestions <= MOST_SUGGESTIONS else ""


def span_of(path: str, part: Word | syntax.Text | syntax.Duration | syntax.Node) -> Span:
    """The span of a part of a file."""
    return Span(path, part.start, part.end)

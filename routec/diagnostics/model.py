"""A fault as data: what is wrong, where, and what helps. How it is printed is the renderers' business."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from routec.diagnostics.codes import Code, Severity
from routec.source import Span


@dataclass(frozen=True, slots=True)
class Label:
    """A place with a remark: «first declared here»."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault.

    `message` is one lower-case phrase with the user's words in backticks; `span` the place, None where there is no
    text to point at; `note` is printed beside the carets; `labels` are further places; `help` says what to do.
    """

    code: Code
    message: str
    span: Span | None = None
    note: str = ""
    labels: tuple[Label, ...] = ()
    help: str = ""
    file: str = ""
    """The file, where there is no span."""
    targets: tuple[str, ...] = ()
    """The PBXs that have this fault, where others of the project have not."""

    @property
    def severity(self) -> Severity:
        """`error` or `warning`; it comes with the code."""
        return self.code.severity

    @property
    def path(self) -> str:
        """The file that the fault is in, or an empty string."""
        return self.span.file if self.span else self.file


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Tell whether any of these forbids a build."""
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file, place and code, each once: the order in which people read, whatever order they were found in."""
    unique = dict.fromkeys(diagnostics)
    return sorted(unique, key=lambda d: (d.path, d.span.start if d.span else -1, d.code.code, d.message))


def of_targets(found: Mapping[str, Iterable[Diagnostic]]) -> list[Diagnostic]:
    """The faults of several PBXs in order: one that all have is there once, one that some have names these."""
    having: dict[Diagnostic, list[str]] = {}
    for target, faults in found.items():
        for fault in faults:
            having.setdefault(fault, []).append(target)
    return in_order(replace(fault, targets=() if len(on) == len(found) else tuple(on)) for fault, on in having.items())

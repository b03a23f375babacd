"""Diagnostics and their sum, as every verb that compiles prints them."""

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from routec.diagnostics import Diagnostic
from routec.diagnostics.render_text import render_text, safe
from routec.source import Sources

if TYPE_CHECKING:
    from routec.apply.watching.events import Event
    from routec.serve.lines import Lines

Say = Callable[[str, bool], None]
"""Has a text printed; true: it is good news."""


def counted(number: int, thing: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [counted(number, thing) for number, thing in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(parts) or "no faults"


def show_event(event: "Event", say: Say) -> None:
    """What happened to the routes while nobody asked; `say` gets a text, and whether it is good news."""
    words = event.words()
    if words is None:
        return
    texts = [render_text(words.diagnostics, words.sources or {})] if words.diagnostics else []
    for text in (*texts, *map(safe, words.lines)):
        say(text, words.level == "info")


def said(lines: "Lines") -> Say:
    """Has a text written: good news on standard output, all else on standard error."""

    def say(text: str, is_news: bool) -> None:
        lines.put(sys.stdout if is_news else sys.stderr, f"{text}\n")

    return say


def stopped_by_signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set, for what runs until then."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def show(diagnostics: Sequence[Diagnostic], sources: Sources, *, err: bool) -> None:
    """Print all faults, for people."""
    if diagnostics:
        click.echo(render_text(diagnostics, sources), err=err)

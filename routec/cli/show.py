"""Diagnostics and their sum, as every verb that compiles prints them."""

import signal
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from routec.diagnostics import Diagnostic
from routec.diagnostics.render_text import render_text, safe
from routec.source import Sources

if TYPE_CHECKING:
    from routec.apply.watching.events import Event


def counted(number: int, thing: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [counted(number, thing) for number, thing in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(parts) or "no faults"


def show_event(event: "Event") -> None:
    """What happened to the routes while nobody asked: good news on standard output, all else on standard error."""
    words = event.words()
    if words is None:
        return
    is_news = words.level == "info"
    show(words.diagnostics, words.sources or {}, err=not is_news)
    for line in words.lines:
        click.echo(safe(line), err=not is_news)
    sys.stdout.flush()


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

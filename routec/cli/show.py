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
    from routec.apply.build import Built


def counted(number: int, thing: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [counted(number, thing) for number, thing in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(parts) or "no faults"


def show_failure(error: Exception) -> None:
    """A build that failed: the message of what was foreseen, and of a bug of ours that it is one."""
    from routec.apply.publish import PublishError

    if isinstance(error, PublishError | OSError):
        text = f"Error: {safe(str(error))}; the next change is tried again"
    else:
        text = f"error[RT901]: internal error: {type(error).__name__}; this is a bug of routec's, not a fault of yours"
    click.echo(text, err=True)


def show_build(built: "Built", changed: Sequence[str]) -> None:
    """What came of a build that nobody waits for: its faults, or what it changed."""
    compilation = built.compilation
    show(compilation.diagnostics, compilation.sources, err=True)
    if built.failed:
        click.echo(f"{summary(compilation.diagnostics)}; the last good files stay", err=True)
    elif changed:
        click.echo(f"built: {', '.join(changed)}")
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

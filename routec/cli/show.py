"""Diagnostics and their sum, as every verb that compiles prints them."""

from collections.abc import Sequence

import click

from routec.diagnostics import Diagnostic
from routec.diagnostics.render_text import render_text, safe
from routec.source import Sources


def counted(number: int, thing: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [counted(number, thing) for number, thing in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(parts) or "no faults"


def told(error: Exception) -> str:
    """A build that failed: the message of what was foreseen, and of a bug of ours that it is one."""
    from routec.apply.publish import PublishError

    if isinstance(error, PublishError | OSError):
        return f"Error: {safe(str(error))}; the next change is tried again"
    return f"error[RT901]: internal error: {type(error).__name__}; this is a bug of routec's, not a fault of yours"


def show(diagnostics: Sequence[Diagnostic], sources: Sources, *, err: bool) -> None:
    """Print all faults, for people."""
    if diagnostics:
        click.echo(render_text(diagnostics, sources), err=err)

"""New texts of the project's files, compiled before they are written, and written only where nothing breaks."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from routec.cli import FAULTS
from routec.cli.here import ROUTES
from routec.cli.main import fail
from routec.cli.show import show, summary
from routec.diagnostics import Diagnostic
from routec.pipeline import Compilation, Input, compile_routes
from routec.rewrite import RewriteError, rewrite

_BOM = b"\xef\xbb\xbf"


def write_compiled(
    project: Input, before: Compilation, texts: Mapping[str, str], means: Callable[[Compilation], bool]
) -> list[str]:
    """Write the new texts of route files and files of users, by their paths; gives the paths.

    Text that brings an error, or that does not mean what it should, ends the command with a message, and nothing is
    written.
    """
    old = {path: project.files.get(path, project.users.get(path)) for path in texts}
    new = {path: _encoded(old[path], text) for path, text in texts.items()}
    changed = replace(
        project,
        files={path: new.get(path, data) for path, data in project.files.items()},
        users=dict(project.users) | {path: new[path] for path in new if path not in project.files},
    )
    compilation = compile_routes(changed, dialplan=False)
    if faults := _new_errors(before, compilation):
        give_up(faults, compilation, "nothing was written")
    if not means(compilation):
        fail("the new text would not say what was meant; nothing was written", code=FAULTS)
    try:
        rewrite(ROUTES, {Path(path): (old[path], new[path]) for path in sorted(new)})
    except RewriteError as error:
        fail(str(error), code=FAULTS)
    for path in sorted(new):
        if old[path] is None:
            click.echo(f"{path} is new", err=True)
    return sorted(new)


def give_up(faults: Sequence[Diagnostic], compilation: Compilation, so: str) -> NoReturn:
    """End the command with the faults that keep it from going on, and what follows from that."""
    show(faults, compilation.sources, err=True)
    click.echo(f"{summary(faults)}; {so}", err=True)
    sys.exit(FAULTS)


def tell_when() -> None:
    """Say from when on a change counts."""
    click.echo("in force at the next build; `routec serve` and `routec watch` build by themselves", err=True)


def _encoded(before: bytes | None, text: str) -> bytes:
    return (_BOM if before is not None and before.startswith(_BOM) else b"") + text.encode()


def _new_errors(before: Compilation, after: Compilation) -> list[Diagnostic]:
    """The errors that a change brings; those that were there are not its fault. Places move, so they do not count."""
    known = Counter(_identity(fault) for fault in before.diagnostics)
    new = []
    for fault in after.diagnostics:
        known[_identity(fault)] -= 1
        if fault.severity == "error" and known[_identity(fault)] < 0:
            new.append(fault)
    return new


def _identity(fault: Diagnostic) -> tuple[str, str, str]:
    return fault.code.code, fault.message, fault.path or ""

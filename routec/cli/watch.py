"""`routec watch`."""

import signal
import sys
import threading
from pathlib import Path

import click

from routec.apply.publish import PublishError
from routec.cli import FAULTS
from routec.cli.here import project_root
from routec.cli.main import fail
from routec.cli.show import show, summary


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write; without it, where Asterisk reads."
)
def watch(out: Path | None) -> None:
    """Check and build on every change of the routes; on a fault the last good files stay."""
    from routec.apply.watch import watch as changes

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        for built, changed in changes(project_root(), stop, out):
            show(built.compilation.diagnostics, built.compilation.sources, err=True)
            if built.failed:
                click.echo(f"{summary(built.compilation.diagnostics)}; the last good files stay", err=True)
            else:
                click.echo(f"built: {', '.join(changed) if changed else 'nothing changed'}")
            sys.stdout.flush()
    except (PublishError, FileNotFoundError) as error:
        fail(str(error), code=FAULTS)

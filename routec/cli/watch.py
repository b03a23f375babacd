"""`routec watch`."""

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli.here import project_root
from routec.cli.show import show, summary, told

if TYPE_CHECKING:
    from routec.apply.build import Built


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write; without it, where Asterisk reads."
)
def watch(out: Path | None) -> None:
    """Check and build on every change of the routes; on a fault the last good files stay."""
    from routec.apply.watch import Watch

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def tell(built: "Built", changed: list[str]) -> None:
        show(built.compilation.diagnostics, built.compilation.sources, err=True)
        if built.failed:
            click.echo(f"{summary(built.compilation.diagnostics)}; the last good files stay", err=True)
        else:
            click.echo(f"built: {', '.join(changed) if changed else 'nothing changed'}")
        sys.stdout.flush()

    Watch(project_root(), stop, tell, lambda error: click.echo(told(error), err=True), out).run()

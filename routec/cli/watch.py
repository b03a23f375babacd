"""`routec watch`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli.here import project_root
from routec.cli.show import show_build, show_failure, stopped_by_signals

if TYPE_CHECKING:
    from routec.apply.build import Built


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write; without it, where Asterisk reads."
)
def watch(out: Path | None) -> None:
    """Check and build on every change of the routes; on a fault the last good files stay."""
    from routec.apply.watch import Watch

    def tell(built: "Built", changed: list[str]) -> None:
        show_build(built, changed)
        if not built.failed and not changed:
            click.echo("built: nothing changed")
            sys.stdout.flush()

    Watch(project_root(), stopped_by_signals(), tell, show_failure, out).run()

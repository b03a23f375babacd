"""`routec build`."""

import sys
from pathlib import Path

import click

from routec.apply import build as building
from routec.apply.publish import PublishError, stale
from routec.cli import FAULTS, GOOD
from routec.cli.here import project_root
from routec.cli.main import fail
from routec.cli.show import counted, show, summary
from routec.project import GENERATED


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write; generated/ without it.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit with 1 when the files are stale.")
def build(out: Path | None, only_check: bool) -> None:
    """Compile the routes into extensions.conf and what belongs to it.

    With an error in any route nothing is written.
    """
    root = project_root()
    folder = out or root / GENERATED
    try:
        if only_check:
            built = building.compile_project(root)
            changed = [] if built.failed else stale(built.files, folder)
        else:
            built, changed = building.build(root, folder)
    except (PublishError, OSError) as error:
        fail(str(error), code=FAULTS)
    show(built.compilation.diagnostics, built.compilation.sources, err=True)
    if built.failed:
        click.echo(f"{summary(built.compilation.diagnostics)}; nothing was written", err=True)
        sys.exit(FAULTS)
    if only_check and changed:
        click.echo(f"{folder} is stale: {', '.join(changed)}; run `routec build`", err=True)
        sys.exit(FAULTS)
    system = built.compilation.system
    click.echo(
        f"{folder}: {counted(len(system.routes), 'route')}, {counted(len(system.modules), 'sign-in module')}; "
        f"{'written: ' + ', '.join(changed) if changed else 'up to date'}"
    )
    sys.exit(GOOD)

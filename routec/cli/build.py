"""`routec build`."""

import sys
from pathlib import Path

import click

from routec.apply import build as building
from routec.apply.publish import PublishError, publish, stale
from routec.apply.shelf import shortened
from routec.cli import FAULTS, GOOD
from routec.cli.here import project_root, project_settings, target_option
from routec.cli.main import fail
from routec.cli.show import counted, show, summary
from routec.project import GENERATED

MOST_SOUNDS = 5
"""That are named one by one."""


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write; without it generated/.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit with 1 when the files are stale.")
@target_option
def build(out: Path | None, only_check: bool, target: str | None) -> None:
    """Compile the routes into extensions.conf and what belongs to it.

    With an error in any route nothing is written. With --target it is done for that PBX, into its folder.
    """
    root = project_root()
    own = building.published_folder(root, project_settings(target)) if target else root / GENERATED
    folder = out or own
    try:
        built = building.compile_project(root, target)
        changed = [] if built.failed else (stale if only_check else publish)(built.files, folder)
    except (PublishError, OSError) as error:
        fail(str(error), getattr(error, "help", ""), code=FAULTS)
    show(built.compilation.diagnostics, built.compilation.sources, err=True)
    if built.failed:
        click.echo(f"{summary(built.compilation.diagnostics)}; nothing was written", err=True)
        sys.exit(FAULTS)
    named = ", ".join(shortened(changed, MOST_SOUNDS))
    if only_check and changed:
        again = f" --target {target}" if target else ""
        click.echo(f"{folder} is stale: {named}; run `routec build{again}`", err=True)
        sys.exit(FAULTS)
    system = built.compilation.system
    recordings = sum(route.is_recording for route in system.routes)
    parts = [counted(len(system.routes) - recordings, "route"), counted(len(system.modules), "sign-in module")]
    parts += [counted(recordings, "recording extension")] if recordings else []
    click.echo(f"{folder}: {', '.join(parts)}; {'written: ' + named if changed else 'up to date'}")
    sys.exit(GOOD)

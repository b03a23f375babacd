"""`routec watch`."""

from functools import partial
from pathlib import Path

import click

from routec.cli.here import one_target, project_root, project_settings, target_option
from routec.cli.show import said, show_event, stopped_by_signals


@click.command()
@target_option
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Only build, and write here; Asterisk is not asked."
)
def watch(target: str | None, out: Path | None) -> None:
    """Check every change of the routes, and put it in force; on a fault the last good dialplan stays.

    Without [ami] in routes/routec.toml it only builds.
    """
    from routec.apply.watching.live import Live
    from routec.serve.lines import Lines

    # Absolute: that folder may go while it is watched, and another come in its place.
    root, target = project_root().absolute(), one_target(target)
    if out is None and project_settings(target).ami is None:
        click.echo("only building: there is no [ami] in routes/routec.toml; run `dialplan reload` yourself", err=True)
    lines = Lines()
    try:
        Live(root, partial(show_event, say=said(lines)), stopped_by_signals(), target=target, out=out).run()
    finally:
        lines.flush()

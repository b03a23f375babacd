"""`routec watch`."""

from pathlib import Path

import click

from routec.cli.here import one_target, project_root, project_settings, target_option
from routec.cli.show import show_event, stopped_by_signals


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

    root, target = project_root(), one_target(target)
    if out is None and project_settings(target).ami is None:
        click.echo("only building: there is no [ami] in routes/routec.toml; run `dialplan reload` yourself", err=True)
    Live(root, show_event, stopped_by_signals(), target=target, out=out).run()

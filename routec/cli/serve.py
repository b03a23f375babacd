"""`routec serve`."""

import logging
import sys

import click

from routec.cli import FAULTS
from routec.cli.here import project_root, project_settings, runtime
from routec.cli.main import fail
from routec.cli.show import show_build, show_failure, stopped_by_signals


@click.command()
def serve() -> None:
    """Answer Asterisk's sign-ins, send webhooks, and check and build on every change of the routes.

    Runs until SIGTERM; conversations may then end. The checker listens on ROUTEC_AGI_LISTEN, or on what
    routes/routec.toml says, or on 127.0.0.1:4573.
    """
    from routec.serve import Parts, ServeError
    from routec.signin.server import ServerError

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    parts = Parts(project_root(), project_settings(), runtime(), show_build, show_failure, _off, stopped_by_signals())
    for off in parts.off():
        _off(off)
    try:
        parts.run(_ready)
    except ServeError as error:
        fail(str(error), error.help)
    except ServerError as error:
        fail(str(error), "is another `routec serve` running? [agi] listen in routes/routec.toml moves this one", FAULTS)


def _off(what: str) -> None:
    click.echo(what, err=True)


def _ready(address: tuple[str, int]) -> None:
    host, port = address
    click.echo(f"checker: listening on agi://{host}:{port}/signin/MODULE")
    sys.stdout.flush()

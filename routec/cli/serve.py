"""`routec serve`."""

import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from routec.cli import FAULTS
from routec.cli.here import project_root, project_settings, runtime
from routec.cli.main import fail
from routec.cli.show import show, summary, told

if TYPE_CHECKING:
    from routec.apply.build import Built


@click.command()
def serve() -> None:
    """Answer Asterisk's sign-ins, and check and build on every change of the routes.

    Runs until SIGTERM; conversations may then end. The checker listens on ROUTEC_AGI_LISTEN, or on what
    routes/routec.toml says, or on 127.0.0.1:4573.
    """
    from routec.serve import Parts, ServeError
    from routec.signin.server import ServerError

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parts = Parts(project_root(), project_settings(), runtime(), _tell, _tell_failure, stop)
    for off in parts.off():
        click.echo(off, err=True)
    try:
        parts.run(_ready)
    except ServeError as error:
        fail(str(error), error.help)
    except ServerError as error:
        fail(str(error), "another `routec serve`? ROUTEC_AGI_LISTEN moves this one", FAULTS)


def _ready(address: tuple[str, int]) -> None:
    host, port = address
    click.echo(f"checker: listening on agi://{host}:{port}/signin/MODULE")
    sys.stdout.flush()


def _tell_failure(error: Exception) -> None:
    click.echo(told(error), err=True)


def _tell(built: "Built", changed: list[str]) -> None:
    show(built.compilation.diagnostics, built.compilation.sources, err=True)
    if built.failed:
        click.echo(f"{summary(built.compilation.diagnostics)}; the last good files stay", err=True)
    elif changed:
        click.echo(f"built: {', '.join(changed)}")
    sys.stdout.flush()

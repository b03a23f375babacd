"""`routec serve`."""

import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from routec.cli import FAULTS, USAGE
from routec.cli.here import one_target, project_root, project_settings, runtime, target_option
from routec.cli.main import fail, fault_text, os_words
from routec.cli.show import Say, said, show_event
from routec.diagnostics.render_text import safe

if TYPE_CHECKING:
    from routec.apply.watching.events import Event
    from routec.serve.lines import Lines
    from routec.serve.service import Told
    from routec.settings import Runtime

FORMATS = ("text", "json")


@click.command()
@target_option
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    envvar="ROUTEC_LOG_FORMAT",
    default="text",
    help="How it tells what happens: as lines, or as a JSON object a line on standard error.",
)
@click.option("--unit", is_flag=True, help="Print a systemd unit for this project, and do nothing else.")
@click.option("--user", default="asterisk", show_default=True, help="The user that the unit runs as.")
def serve(target: str | None, log_format: str, unit: bool, user: str) -> None:
    """Answer Asterisk's sign-ins, send webhooks, and put every good change of the routes in force.

    Runs until SIGTERM; conversations may then end, and a second one cuts them. SIGHUP reads everything anew. The
    checker listens on ROUTEC_AGI_LISTEN, or on what routes/routec.toml says, or on 127.0.0.1:4573.
    """
    root, target = project_root().absolute(), one_target(target)
    settled = runtime(target)  # a fault in the settings ends it here
    if unit:
        _print_unit(target, user, settled)
        return
    from routec.serve.lines import Lines
    from routec.serve.logs import set_up
    from routec.serve.notify import Notifier
    from routec.serve.parts import DyingError
    from routec.serve.service import Service
    from routec.serve.starting import ListenError, ServeError, read_settings
    from routec.settings import SettingsError
    from routec.signin.server import ServerError

    lines = Lines()
    set_up(log_format, lines)
    told = _told_as_objects() if log_format == "json" else _told_as_lines(said(lines))
    end = partial(_end, lines, log_format)
    try:
        Service(root, lambda: read_settings(root, target, os.environ), told, Notifier(os.environ), target).run()
    except ListenError as error:
        end(str(error), error.help, FAULTS)
    except (ServeError, SettingsError) as error:
        end(str(error), error.help, USAGE)
    except ServerError as error:
        help = "is another `routec serve` running? [agi] listen in routes/routec.toml moves this one"
        end(str(error), help, FAULTS)
    except DyingError as error:
        end(f"{error}; ending, to be started anew", "the log says what it died of", FAULTS)
    except OSError as error:
        end(os_words(error), "", FAULTS)
    finally:
        lines.flush()


def _end(lines: "Lines", log_format: str, message: str, help: str, code: int) -> NoReturn:
    if log_format == "json":
        logging.getLogger("routec.serve").critical("%s", message, extra={"fields": {"help": help}})
    else:
        lines.put(sys.stderr, fault_text(message, help))
    sys.exit(code)


def _told_as_lines(say: Say) -> "Told":
    from routec.apply.watching.events import Written
    from routec.serve.service import Told

    def show(event: "Event") -> None:
        if event != Written(()):
            show_event(event, say)

    def off(what: str) -> None:
        say(safe(what), False)

    def ready(address: tuple[str, int]) -> None:
        host, port = address
        say(f"checker: listening on agi://{host}:{port}/signin/MODULE", True)

    return Told(show, off, ready)


def _told_as_objects() -> "Told":
    from routec.serve.service import Told
    from routec.serve.tell import log

    logger = logging.getLogger("routec.serve")

    def ready(address: tuple[str, int]) -> None:
        logger.info("ready; the checker listens on agi://%s:%d/signin/MODULE", *address)

    return Told(log, lambda what: logger.warning("%s", what), ready)


def _print_unit(target: str | None, user: str, settled: "Runtime") -> None:
    from routec.apply.build import published_folder
    from routec.project import recordings_folder
    from routec.serve.unit import Place, UnitError, unit

    root = Path.cwd()
    settings = project_settings(target)
    published = Path(os.path.abspath(published_folder(root, settings)))  # noqa: PTH100 (links stay)
    pepper = settled.pepper_file.absolute()
    prompts = recordings_folder(root, settings)
    try:
        text = unit(Place(root, published, settled.state, Path(sys.executable), user, target, pepper, prompts))
    except UnitError as error:
        fail(str(error), "a path without blanks and other signs helps")
    click.echo(text, nl=False)

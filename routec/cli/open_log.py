"""The sign-in log of this machine, for the verbs that read it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli import FAULTS
from routec.cli.here import ROUTES, runtime
from routec.cli.main import fail

if TYPE_CHECKING:
    from routec.signin.store import Log

LIMIT = click.IntRange(min=1, max=1_000_000_000)
"""How many rows may be asked for: what every database can count to."""

_AS_SERVE = "run as the user that `routec serve` runs as"


@contextmanager
def opened_log() -> "Iterator[Log]":
    """The log; what is wrong with it ends the command with a message."""
    from routec.signin.sqlite import file_named
    from routec.signin.store import Log, LogError

    machine = runtime()
    file = file_named(machine.database)
    if file is not None:
        _make_sure_of_folder(file)
    store = Log(machine.database, machine.spool)
    try:
        yield store
    except LogError as error:
        fail(str(error), _AS_SERVE if file is not None and _is_closed(file) else "", FAULTS)
    finally:
        store.close()


def say_empty(words: str, *, only_where: bool = False) -> None:
    """Say that nothing was found, or that there is no log at all and where it was looked for; `only_where`: just that.

    Within `opened_log`: an empty list must not pass for a fact where the wrong place was looked at.
    """
    from routec.signin.database import Database

    database = Database(runtime().database, "at")
    try:
        is_there, place = database.exists(), database.place
    finally:
        database.close()
    if not is_there:
        aside = "" if ROUTES.is_dir() else f" (there is no {ROUTES}/ here, so {ROUTES}/routec.toml was not read)"
        words = f"there is no sign-in log yet {place}{aside}"
    if not (is_there and only_where):
        click.echo(words, err=True)


def _make_sure_of_folder(file: Path) -> None:
    try:
        file.stat()
    except PermissionError:
        fail(f"the sign-in log {file} cannot be looked for: its folder is closed to this user", _AS_SERVE, FAULTS)
    except NotADirectoryError:
        wrong = next((folder for folder in file.parents if folder.is_file()), file.parent)
        help = "ROUTEC_STATE, ROUTEC_DATABASE, or `[signin] state` in routes/routec.toml says where the log is"
        fail(f"the sign-in log cannot be {file}: {wrong} is no folder", help, FAULTS)
    except (OSError, ValueError):
        return  # Not there yet; or the log says what is wrong with it.


def _is_closed(file: Path) -> bool:
    try:
        return file.exists() and not os.access(file, os.R_OK | os.W_OK, effective_ids=True)
    except (OSError, ValueError):
        return True

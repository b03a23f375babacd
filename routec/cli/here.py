"""The project that the command line stands in, its PBXs, and the machine it runs on."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli.main import fail

if TYPE_CHECKING:
    from routec.settings import Runtime, Settings

ROUTES = Path("routes")

target_option = click.option(
    "--target", metavar="NAME", help="Which PBX, where [targets] of routes/routec.toml names several."
)
"""The option of all verbs that know several PBXs; what it says goes to `targets` or `one_target`."""


def project_root() -> Path:
    """The present folder, which must hold routes/."""
    if not ROUTES.is_dir():
        fail("there is no routes/ here", "run routec in the folder that holds routes/")
    return Path()


def project_settings(target: str | None = None) -> "Settings":
    """What routes/routec.toml says, for a target where one is given; all defaults where there is none."""
    from routec.settings import SETTINGS_FILE, SettingsError, read_settings_file

    file = ROUTES / SETTINGS_FILE
    try:
        return read_settings_file(file).for_target(target)
    except SettingsError as error:
        fail(f"{file}: {error.message}", error.help or "`routec check` shows the place")


def targets(option: str | None) -> list[str | None]:
    """The PBXs that a verb is for, in the order of the file: the one that `--target` names, or all.

    Without [targets] that is the one PBX of the project, whose name is None.
    """
    if option is not None:
        return [project_settings(option).target]
    return list(project_settings().target_names) or [None]


def one_target(option: str | None) -> str | None:
    """The one PBX that a verb is for; where there are several, `--target` must say which."""
    found = targets(option)
    if option is None and found != [None]:
        names = ", ".join(f"`{name}`" for name in found)
        fail(f"which PBX? routes/routec.toml has the targets {names}", f"--target {found[0]}")
    return found[0]


@contextmanager
def naming_the_rest(rest: Sequence[str | None], done: str) -> Iterator[None]:
    """Say which PBXs nothing was done for, where the one before them ends the command."""
    try:
        yield
    except SystemExit:
        if rest:
            click.echo(f"not {done}: {', '.join(map(str, rest))}", err=True)
        raise


def runtime(target: str | None = None) -> "Runtime":
    """What the environment says on this machine, on top of the project's settings."""
    from routec.settings import Runtime, SettingsError

    try:
        return Runtime.of(os.environ, project_settings(target))
    except SettingsError as error:
        fail(error.message, error.help)

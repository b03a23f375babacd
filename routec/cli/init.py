"""`routec init`."""

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from routec.cli import FAULTS, GOOD
from routec.cli.init_files import CHECK, CHECK_FILE, FILES, GITIGNORE, GITIGNORE_FILE
from routec.cli.main import fail

ROUTES = "routes"

MODULE = "hotel_staff"

CALLS = """\
For calls, Asterisk must get there (README, "Into an existing Asterisk"):
- in manager.conf a user with `write = config,reporting,originate`; [ami] in routes/routec.toml, and its secret
- in extensions.conf `include => routec-dids` and `include => routec-extensions` where calls come in
- at its end #tryinclude "FOLDER/generated/extensions.conf"
- then, as the user that Asterisk runs as: `routec plan`, `routec apply`, and `routec doctor` for what is missing
"""


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Start a project in FOLDER, or in this one: routes with a sign-in, settings, and what git and CI need.

    Nothing that is there is written over. Nobody can sign in before a user is added: the commands for it are printed.
    """
    steps = list(_next(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(folder / ROUTES):
            fail(f"there is {folder / ROUTES} already", "nothing was written; `routec check` looks at what is there")
        made, left = _write(folder)
    except OSError as error:
        fail(f"{error.filename or folder}: {error.strerror}", "nothing was written", code=FAULTS)
    click.echo("".join(f"{name}\n" for name in made), nl=False)
    for name in left:
        click.echo(_advice(name, folder), err=True)
    click.echo("\nNext, in a shell:\n")
    click.echo("".join(f"  {line}\n" for line in steps), nl=False)
    click.echo("\n" + CALLS.replace("FOLDER", str(folder.absolute())), nl=False)
    sys.exit(GOOD)


def _write(folder: Path) -> tuple[list[str], list[str]]:
    """Write what is not there; gives the files that were made, and those of others that stay. All of routes/, or none.

    Raises OSError.
    """
    others = {GITIGNORE_FILE: "\n".join((*GITIGNORE, "")), CHECK_FILE: CHECK}
    left = [name for name in others if os.path.lexists(folder / name)]
    made: list[str] = []
    (folder / ROUTES).mkdir()
    try:
        for name, text in {**FILES, **others}.items():
            if name not in left:
                with (folder / name).open("x", encoding="utf-8") as file:
                    made.append(name)
                    file.write(text)
        if CHECK_FILE not in left:
            (folder / CHECK_FILE).chmod(0o755)
    except BaseException:
        for name in made:
            with contextlib.suppress(OSError):
                (folder / name).unlink()
        shutil.rmtree(folder / ROUTES, ignore_errors=True)
        raise
    return made, left


def _advice(name: str, folder: Path) -> str:
    """What to do about a file of the admin's own."""
    lines = ("routec check && routec build --check",) if name == CHECK_FILE else GITIGNORE[1:]
    return f"{folder / name} is there already and stays as it is; what belongs into it:\n" + "\n".join(
        f"  {line}" for line in lines
    )


def _next(folder: Path) -> Iterator[str]:
    """The commands that lead to a first call, word for word."""
    from routec.settings import Runtime, SettingsError

    try:
        runtime = Runtime.of(os.environ)
    except SettingsError as error:
        fail(error.message, error.help)
    if os.path.realpath(folder) != os.path.realpath("."):
        yield f"cd {shlex.quote(str(folder))}"
    if runtime.pepper is None and not os.path.lexists(runtime.pepper_file):
        for closed in dict.fromkeys((runtime.state, runtime.pepper_file.absolute().parent)):
            yield f"mkdir -p -m 700 {shlex.quote(str(closed))}"
        # `-C`: another pepper in its place would make every hash that there is worth nothing.
        yield f"(set -C; umask 077; openssl rand -hex 32 > {shlex.quote(str(runtime.pepper_file.absolute()))})"
    yield f"routec users add {MODULE} anna --title Anna --login 1001"
    yield "routec check"
    yield "routec build"
    yield "routec serve"

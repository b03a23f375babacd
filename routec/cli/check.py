"""`routec check`."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from routec.cli import FAULTS, GOOD
from routec.cli.here import project_root
from routec.cli.main import fail
from routec.cli.show import counted, show, summary
from routec.diagnostics import has_errors
from routec.frontend.reader import MOST_BYTES
from routec.frontend.syntax import USERS_SUFFIX
from routec.pipeline import Input, check_targets
from routec.project import ROUTES, gather, load, shown
from routec.settings import SETTINGS_FILE

STDIN = "<stdin>"


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How faults are printed.")
@click.option("--stdin-path", metavar="PATH", help="Which file of the project the standard input stands for.")
def check(paths: tuple[str, ...], form: str, stdin_path: str | None) -> None:
    """Show all faults of all route files; needs no PBX and no network.

    Without PATH all of routes/ is checked. A PATH in routes/ is checked as a part of the project, any other for itself;
    `-` reads the standard input. Where routes/routec.toml has [targets], the routes are checked for each.
    """
    root = Path()
    project, wanted = _gather(root, paths, stdin_path)
    compilation = check_targets(project)
    diagnostics = compilation.diagnostics
    if wanted is not None:
        # The settings belong to every file.
        wanted |= {f"{ROUTES}/{SETTINGS_FILE}"}
        diagnostics = [diagnostic for diagnostic in diagnostics if diagnostic.path in wanted]
    if form == "json":
        from routec.diagnostics.render_json import render_json

        click.echo(render_json(diagnostics, compilation.sources), nl=False)
    else:
        show(diagnostics, compilation.sources, err=False)
        looked_at = {*project.files, *project.users}
        files = len(looked_at if wanted is None else wanted & looked_at)
        click.echo(f"{counted(files, 'file')}: {summary(diagnostics)}")
    sys.exit(FAULTS if has_errors(diagnostics) else GOOD)


def _gather(root: Path, paths: tuple[str, ...], stdin_path: str | None) -> tuple[Input, set[str] | None]:
    """What to compile, and the files whose faults are wanted (None: all)."""
    if stdin_path is not None and paths != ("-",):
        fail("--stdin-path goes with `-` alone")
    if not paths:
        return load(project_root()), None
    if "-" in paths:
        return _stdin(root, paths, stdin_path)
    for path in paths:
        if not Path(path).exists():
            fail(f"there is no `{path}`")
    asked = gather([Path(path) for path in paths], root)
    wanted = {*asked.files, *asked.users, *(fault.path for fault in asked.unread)}
    if not wanted or not all(name.startswith(f"{ROUTES}/") for name in wanted):
        return asked, None
    project = load(root)
    files, users = {**project.files, **asked.files}, {**project.users, **asked.users}
    return replace(project, files=files, users=users), wanted


def _stdin(root: Path, paths: tuple[str, ...], stdin_path: str | None) -> tuple[Input, set[str]]:
    if paths != ("-",):
        fail("`-` stands alone")
    data = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin else b""
    if stdin_path is None:
        return Input({STDIN: data}), {STDIN}
    name = shown(Path(stdin_path), root)
    project = load(project_root())
    if name.endswith(USERS_SUFFIX):
        return replace(project, users={**project.users, name: data}), {name}
    return replace(project, files={**project.files, name: data}), {name}

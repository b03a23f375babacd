"""`routec apply`."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from routec.cli import FAULTS, GOOD, REFUSED
from routec.cli.here import project_root, target_option, targets
from routec.cli.main import fail
from routec.cli.show import counted, show, summary
from routec.diagnostics import of_targets

if TYPE_CHECKING:
    from routec.apply.applier import Applied, Applier, Swept
    from routec.apply.build import Built


@click.command()
@target_option
def apply(target: str | None) -> None:
    """Put the routes in force on the PBX: build, publish, reload, and read back what Asterisk holds.

    Where that is not what was compiled, or Asterisk refuses, everything is put back as it was, and the lines of the
    routes that it did not take are shown. Calls that are up end on the routes that they began with.
    """
    root = project_root()
    names = targets(target)
    builds = _builds(root, names)
    for done, name in enumerate(names):
        try:
            _apply(root, name, builds[name])
        except SystemExit:
            if rest := names[done + 1 :]:
                click.echo(f"not applied: {', '.join(map(str, rest))}", err=True)
            raise
    sys.exit(GOOD)


def _builds(root: Path, names: list[str | None]) -> "dict[str | None, Built]":
    """What is to be applied, by PBX: with a fault in any of them, nothing is applied to any."""
    from routec.apply.build import compile_project

    builds = {name: compile_project(root, name) for name in names}
    found = of_targets({name or "": built.compilation.diagnostics for name, built in builds.items()})
    show(found, builds[names[0]].compilation.sources, err=True)
    if any(built.failed for built in builds.values()):
        click.echo(f"{summary(found)}; nothing was applied", err=True)
        sys.exit(FAULTS)
    return builds


def _apply(root: Path, name: str | None, built: "Built") -> None:
    """One PBX."""
    from routec.apply.applier import Applier
    from routec.apply.publish import PublishError
    from routec.settings import SettingsError

    head = f"{name}: " if name else ""
    waited: list[str] = []

    def say(text: str) -> None:
        waited.append(text)
        click.echo(head + text, err=True)

    applier = Applier(root, name, say=say)
    try:
        with applier.turn(built.settings):
            if waited:  # the routes may be others by now
                built = _builds(root, [name])[name]
            _bring(applier, built, head)
    except SettingsError as error:
        fail(error.message, error.help)
    except PublishError as error:
        fail(f"{head}{error}", code=FAULTS)
    finally:
        applier.close()


def _bring(applier: "Applier", built: "Built", head: str) -> None:
    from routec.apply.applier import ApplyError, Swept
    from routec.apply.publish import PublishError
    from routec.apply.words.plan_text import PlanWords
    from routec.diagnostics.render_text import safe

    def refuse(error: ApplyError) -> NoReturn:
        show(error.diagnostics, built.compilation.sources, err=True)
        fail(f"{head}{error}", error.help, code=REFUSED)

    try:
        plan = applier.plan(built)
        words = PlanWords(plan).changes
        applied = applier.apply(plan)
    except ApplyError as error:
        with suppress(ApplyError, PublishError):
            applier.sweep(wait=True)  # what calls made of the new routes before they were taken back
        refuse(error)
    for one in plan.drift:
        click.echo(f"{head}drift: {safe(one.text)}")
    for change in words:
        click.echo(f"{head}{change}")
    try:
        swept = applier.sweep(wait=True)
    except ApplyError as error:
        click.echo(head + _sum(applied, Swept()))
        refuse(error)
    click.echo(head + _sum(applied, swept))


def _sum(applied: "Applied", swept: "Swept") -> str:
    """What was done, in a line."""
    left = ""
    if swept.kept:
        goes = "call goes" if swept.calls == 1 else "calls go"
        left = f"; {swept.calls} {goes} on in {counted(len(swept.kept), 'retired context')}"
    if not applied.changed:
        gone = f"; {counted(len(swept.gone), 'retired context')} went" if swept.gone else ""
        return f"nothing to do{gone}{left}"
    parts = [(applied.routes, "route"), (applied.numbers, "number")]
    what = " and ".join(counted(number, thing) for number, thing in parts if number) or "no route"
    priorities = "1 priority" if applied.verified == 1 else f"{applied.verified} priorities"
    return f"applied: {what} changed, verified {priorities} in {applied.seconds:.2f} s{left}"

"""`routec apply`."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from routec.cli import FAULTS, GOOD, REFUSED
from routec.cli.here import naming_the_rest, project_root, target_option, targets
from routec.cli.main import fail
from routec.cli.show import counted, show, summary
from routec.diagnostics import of_targets

if TYPE_CHECKING:
    from routec.apply.applier import Applied, Applier, Swept
    from routec.apply.build import Builder, Built


@click.command()
@target_option
def apply(target: str | None) -> None:
    """Put the routes in force on the PBX: build, publish, reload, and read back what Asterisk holds.

    Where that is not what was compiled, or Asterisk refuses, everything is put back as it was, and the lines of the
    routes that it did not take are shown. Calls that are up end on the routes that they began with.
    """
    root = project_root()
    names = targets(target)
    builders, builds = _builders(root, names)
    for done, name in enumerate(names):
        with naming_the_rest(names[done + 1 :], "applied"):
            _apply(root, name, builders[name], builds[name])
    sys.exit(GOOD)


def _builders(root: Path, names: list[str | None]) -> "tuple[dict[str | None, Builder], dict[str | None, Built]]":
    """Build for each PBX: with a fault in any of them, nothing is applied to any."""
    from routec.apply.build import Builder

    builders = {name: Builder(root, name) for name in names}
    builds = {name: builder.build() for name, builder in builders.items()}
    _refuse_faults(builds)
    return builders, builds


def _refuse_faults(builds: "dict[str | None, Built]") -> None:
    found = of_targets({name or "": built.compilation.diagnostics for name, built in builds.items()})
    show(found, next(iter(builds.values())).compilation.sources, err=True)
    if any(built.failed for built in builds.values()):
        click.echo(f"{summary(found)}; nothing was applied", err=True)
        sys.exit(FAULTS)


def _apply(root: Path, name: str | None, builder: "Builder", built: "Built") -> None:
    """One PBX. Who waited for another apply, or was slow to build, may come with routes that are old by now."""
    from routec.apply.applier import Applier
    from routec.apply.build import published_folder
    from routec.apply.publish import PublishError
    from routec.settings import SettingsError

    head = f"{name}: " if name else ""
    applier = Applier(root, name, say=lambda text: click.echo(head + text, err=True))
    try:
        while True:
            with applier.turn(built.settings):
                before, built = built, builder.build()
                if built.compilation.diagnostics != before.compilation.diagnostics:
                    _refuse_faults({name: built})
                if published_folder(root, built.settings) == published_folder(root, before.settings):
                    _bring(applier, built, head)
                    return
    except SettingsError as error:
        fail(error.message, error.help)
    except PublishError as error:
        fail(f"{head}{error}", error.help, code=FAULTS)
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
    for note in applied.notes:
        click.echo(f"{head}note: {safe(note)}")


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

"""`routec plan`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli import FAULTS, GOOD, REFUSED, USAGE
from routec.cli.here import naming_the_rest, project_root, target_option, targets
from routec.cli.layout import for_a_reader_who_may_leave, put
from routec.cli.main import fail
from routec.cli.show import show, summary

if TYPE_CHECKING:
    from routec.apply.plan import Plan

CHANGES = 2
"""The exit code of --detailed-exitcode where there is something to change, as terraform has it."""

DETAILED = "--detailed-exitcode"


class PlanCommand(click.Command):
    """Ends with 1 for wrong usage, too, where 2 would say that there is something to change."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        is_detailed = DETAILED in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if not is_detailed:
                raise
            error.show()
            sys.exit(FAULTS)


@click.command(cls=PlanCommand)
@target_option
@click.option("--offline", is_flag=True, help="Against the published files, and not what the PBX runs.")
@click.option(DETAILED, "detailed", is_flag=True, help="0 nothing to change, 2 something, 1 an error.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
@click.option("--diff/--no-diff", "with_diff", default=True, help="Whether the dialplan's difference is shown.")
def plan(target: str | None, offline: bool, detailed: bool, form: str, with_diff: bool) -> None:
    """Show what an apply would change, for callers and in the dialplan; writes nothing.

    Against what the PBX runs; without [ami] in routes/routec.toml, or with --offline, against the published files. A
    sign-in that callers no longer meet is marked with `!`.
    """
    try:
        is_something = _plan(targets(target), form, offline=offline, with_diff=with_diff)
    except SystemExit as ended:
        if detailed and ended.code in (USAGE, REFUSED):
            sys.exit(FAULTS)
        raise
    sys.exit(CHANGES if detailed and is_something else GOOD)


def _plan(names: list[str | None], form: str, *, offline: bool, with_diff: bool) -> bool:
    """Print the plans of some PBXs; gives whether there is anything to change. The first that fails ends it."""
    root = project_root()
    is_something = False
    for done, name in enumerate(names):
        with naming_the_rest(names[done + 1 :], "planned"):
            found = _plan_of(root, name, form, offline=offline)
        is_something |= found.changes
        _print(found, form, with_diff=with_diff, is_first=done == 0)
    return is_something


def _plan_of(root: Path, name: str | None, form: str, *, offline: bool) -> "Plan":
    from routec.apply.applier import Applier, ApplyError
    from routec.apply.build import compile_project
    from routec.apply.publish import PublishError
    from routec.settings import SettingsError

    built = compile_project(root, name)
    compilation = built.compilation
    show(compilation.diagnostics, compilation.sources, err=not built.failed or form == "json")
    if built.failed:
        click.echo(f"{summary(compilation.diagnostics)}; there is no plan", err=True)
        sys.exit(FAULTS)
    applier = Applier(root, name, say=lambda text: click.echo(text, err=True))
    try:
        return applier.plan(built, offline=offline or built.settings.ami is None)
    except ApplyError as error:
        show(error.diagnostics, compilation.sources, err=True)
        fail(str(error), error.help, code=REFUSED)
    except SettingsError as error:
        fail(error.message, error.help)
    except (PublishError, OSError) as error:
        fail(str(error), getattr(error, "help", ""), code=FAULTS)
    finally:
        applier.close()


def _print(found: "Plan", form: str, *, with_diff: bool, is_first: bool) -> None:
    from routec.apply.words.plan_text import PlanWords, plan_json, plan_text

    words = PlanWords(found)
    with for_a_reader_who_may_leave():
        if form == "json":
            put(plan_json(words) + "\n")
            return
        if not is_first:
            put("\n")
        for line in plan_text(words, with_diff=with_diff):
            put(f"{line}\n")

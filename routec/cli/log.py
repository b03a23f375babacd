"""`routec log`: who signed in, newest first; and what else is done with the log."""

import select
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from routec.cli import FAULTS
from routec.cli.known_modules import note_unknown, refuse_unknown
from routec.cli.layout import for_a_reader_who_may_leave, has_terminal, put
from routec.cli.log_output import FORMATS, in_batches
from routec.cli.main import fail
from routec.cli.moments import Length, Moment
from routec.cli.open_log import LIMIT, opened_log, say_empty
from routec.cli.show import counted
from routec.cli.timesheet import timesheet
from routec.contract import PURPOSES, VERDICTS

if TYPE_CHECKING:
    from routec.signin.store import Entry, Filters, Log

LAST = 10
"""How many rows `--follow` begins with."""


@click.group(invoke_without_command=True)
@click.option("--module", metavar="NAME", help="Sign-ins of this module.")
@click.option("--since", type=Moment(), metavar="WHEN", help="From then on: a date, a time, or 2h, 3d ago.")
@click.option("--until", type=Moment(whole_day=True), metavar="WHEN", help="Before then; a date includes its day.")
@click.option("--login", metavar="DIGITS", help="Sign-ins with this login.")
@click.option("--caller", metavar="NUMBER", help="Sign-ins from this number, as Asterisk gives it.")
@click.option("--called", metavar="NUMBER", help="Sign-ins on this number, as Asterisk gives it.")
@click.option("--user", metavar="NAME", help="Sign-ins of this user.")
@click.option("--purpose", type=click.Choice(PURPOSES), help="Sign-ins of modules with this purpose.")
@click.option("--verdict", type=click.Choice(VERDICTS), help="Sign-ins that ended so.")
@click.option("--call-id", metavar="ID", help="Sign-ins in this call, by Asterisk's unique ID.")
@click.option("--limit", type=LIMIT, metavar="N", help="The newest N.")
@click.option("--format", "form", type=click.Choice(tuple(FORMATS)), default="table", show_default=True)
@click.option("--follow", "-f", is_flag=True, help="The last 10, or --limit, and then each as it comes, until Ctrl-C.")
@click.pass_context
def log(ctx: click.Context, /, form: str, *, follow: bool, **filters: Any) -> None:
    """List the sign-ins, newest first; with a command, do that instead.

    csv and json are for programs: one sign-in a line, with a password where the module logs it. Of a log that grows,
    --follow shows what comes, the newest last.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options_before(ctx, ctx.invoked_subcommand)
        return
    from routec.signin.store import Filters

    wanted = Filters(**filters)
    _refuse_empty_period(wanted, follow=follow)
    with opened_log() as store, for_a_reader_who_may_leave():
        is_empty = _print(form, _followed(store, wanted) if follow else in_batches(store.read(wanted)), live=follow)
        if is_empty and not follow:
            say_empty("no sign-ins", only_where=form != "table")
            note_unknown(store, wanted.module)


log.add_command(timesheet)


@log.command()
@click.option("--older-than", type=Length(), required=True, metavar="LENGTH", help="Such as 90d, 12h or 2w.")
@click.option("--module", metavar="NAME", help="Only sign-ins of this module.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(older_than: timedelta, module: str | None, *, yes: bool) -> None:
    """Delete old sign-ins for good.

    Says how many they are and asks; without a terminal to ask on it needs --yes. Sign-ins whose webhook is still to be
    delivered stay. A module's `keep` line does the same by itself.
    """
    from routec.signin.store import Filters

    try:
        before = datetime.now(UTC) - older_than
    except OverflowError:
        fail("--older-than goes back further than the calendar")
    of_module = f" of {module}" if module is not None else ""
    if not older_than:
        fail("--older-than 0 would delete every sign-in there is", "1m leaves those of the last minute")
    if not yes and not has_terminal():
        fail("there is no terminal to ask on", "--yes deletes without asking")
    with opened_log() as store:
        refuse_unknown(store, module)
        found = sum(1 for _ in store.read(Filters(module=module, until=before)))
        if found and not yes:
            when = before.astimezone().strftime("%Y-%m-%d %H:%M")
            click.echo(f"{counted(found, 'sign-in')}{of_module} from before {when}", err=True)
            if not click.confirm("Delete them for good?", err=True):
                click.echo("nothing was deleted", err=True)
                sys.exit(FAULTS)
        gone = store.purge(before, module) if found else 0
        click.echo(f"deleted {counted(gone, 'sign-in')}{of_module}")
        if found > gone:
            click.echo(f"{counted(found - gone, 'sign-in')} stayed: the webhook is still to be delivered", err=True)


def _refuse_options_before(ctx: click.Context, command: str) -> None:
    """An option before the command would do nothing, and `purge` without its filter too much."""
    for param in ctx.command.params:
        if param.name and ctx.get_parameter_source(param.name) is not ParameterSource.DEFAULT:
            ctx.fail(f"write options behind `{command}`, not before it")


def _refuse_empty_period(wanted: "Filters", *, follow: bool) -> None:
    """Nothing can ever be found in it."""
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        fail("the period ends before it begins", "--since is its begin, --until its end")
    if follow and wanted.until is not None and wanted.until <= datetime.now(UTC):
        fail("--until is in the past, and --follow shows what comes", "leave one of them out")


def _print(form: str, batches: "Iterable[list[Entry]]", *, live: bool) -> bool:
    """Print rows as they come, and say whether there were none."""
    is_empty = True

    def noticed() -> "Iterator[list[Entry]]":
        nonlocal is_empty
        for batch in batches:
            is_empty = is_empty and not batch
            yield batch

    try:
        for text in FORMATS[form](noticed()):
            put(text, flush=live)
    except KeyboardInterrupt:
        # Ctrl-C is how following ends; what else it interrupts has failed.
        if not live:
            raise
    return is_empty


def _followed(store: "Log", filters: "Filters") -> "Iterator[list[Entry]]":
    """The last rows, oldest first, and then each as it comes. Following begins before they are read: none is missed."""
    coming = store.follow(_has_no_reader, replace(filters, limit=None))
    last = list(store.read(replace(filters, limit=filters.limit or LAST)))[::-1]
    if not last:
        say_empty("", only_where=True)
        note_unknown(store, filters.module)
    yield last
    shown = {entry.uid for entry in last}
    for entry in coming:
        if entry.uid in shown:
            shown.discard(entry.uid)
        else:
            yield [entry]


def _has_no_reader() -> bool:
    """Whether whoever read our output has gone. Where nothing is written for hours, writing would not tell."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except (AttributeError, OSError, ValueError):
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))

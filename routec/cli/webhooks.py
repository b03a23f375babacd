"""`routec webhooks`: what is sent of sign-ins, what came of it, and what is to be sent again."""

import json
import os
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime
from itertools import chain

import click

from routec.cli import FAULTS, GOOD
from routec.cli.here import project_root
from routec.cli.known_modules import compiled, note_unknown, refuse_unknown
from routec.cli.layout import for_a_reader_who_may_leave, plain, put, table
from routec.cli.letters import COLUMNS, Notes, as_object, as_row, batches, found
from routec.cli.main import fail
from routec.cli.open_log import LIMIT, opened_log, say_empty
from routec.cli.show import counted
from routec.contract import Module, Webhook

STATES = ("pending", "delivered", "dead")


class _ListFirst(click.Group):
    """Without a command, `list` is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListFirst)
def webhooks() -> None:
    """The webhooks of sign-ins: list them, send them again, give them up, or try one.

    `routec serve` sends them; without a command they are listed, with the options of `list`.
    """


@webhooks.command("list")
@click.option("--state", type=click.Choice(STATES), help="Webhooks in this state.")
@click.option("--module", metavar="NAME", help="Webhooks of this module.")
@click.option("--limit", type=LIMIT, metavar="N", help="The newest N.")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def list_(state: str | None, module: str | None, limit: int | None, form: str) -> None:
    """List the webhooks, newest first, with the last answer to each.

    A dead one was tried for over a day, or its receiver said that it is gone.
    """
    with opened_log() as log, for_a_reader_who_may_leave():
        notes = Notes.gathered()
        letters = log.outbox.list(state, module, limit)
        is_empty = True
        if form == "json":
            for letter in letters:
                is_empty = False
                put(json.dumps(as_object(letter, notes)) + "\n")
        else:
            for text in table(COLUMNS, ([as_row(one, notes) for one in batch] for batch in batches(letters))):
                is_empty = False
                put(text)
        if is_empty:
            say_empty("no webhooks", only_where=form == "json")
            note_unknown(log, module)


@webhooks.command()
@click.argument("id")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def show(id: str, form: str) -> None:
    """Show all that is known of one webhook, but not what it says.

    ID is the number in the list, or what the receiver knows as `webhook-id`.
    """
    with opened_log() as log, for_a_reader_who_may_leave():
        (letter,) = found(log.outbox, [id])
        values = as_object(letter, Notes.gathered())
        if form == "json":
            put(json.dumps(values) + "\n")
            return
        width = max(map(len, values)) + 2
        for key, value in values.items():
            put(f"{key.replace('_', ' '):{width}}{plain('-' if value in (None, '') else str(value))}\n")


@webhooks.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--module", metavar="NAME", help="Only webhooks of this module.")
@click.option("--dead", is_flag=True, help="Only dead ones, none that are pending.")
def retry(ids: tuple[str, ...], module: str | None, *, dead: bool) -> None:
    """Send webhooks again, at once: these, or all that are dead or pending.

    A dead one is then tried for another day. What was delivered stays delivered.
    """
    states = ("dead",) if dead else ("dead", "pending")
    with opened_log() as log:
        refuse_unknown(log, module)
        notes = Notes.gathered()
        letters = found(log.outbox, ids) if ids else chain(*(log.outbox.list(state, module) for state in states))
        wanted = {one.id: notes.of(one, "pending") for one in letters if one.state in states}
        number = sum(log.outbox.retry(part, module) for part in batches(wanted))
    # What can go nowhere must not be promised.
    reasons = Counter(note for note in wanted.values() if note is not None)
    if due := min(number, len(wanted) - reasons.total()):
        click.echo(f"{counted(due, 'webhook')} due now; `routec serve` sends what is due")
    elif not reasons:
        click.echo("there is nothing to send again", err=True)
    for reason, times in reasons.items():
        click.echo(f"{counted(times, 'webhook')}: {reason}", err=True)
    sys.exit(FAULTS if ids and not number else GOOD)


@webhooks.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--module", metavar="NAME", help="All pending webhooks of this module.")
def bury(ids: tuple[str, ...], module: str | None) -> None:
    """Give pending webhooks up, such as those of a module whose webhook was taken out of the routes.

    They are dead letters then; `retry` brings them back.
    """
    if not ids and module is None:
        fail("say which: an ID or --module")
    with opened_log() as log:
        refuse_unknown(log, module)
        letters = found(log.outbox, ids) if ids else list(log.outbox.list("pending", module))
        buried = [one for one in letters if one.state == "pending" and module in (None, one.module)]
        for letter in buried:
            log.outbox.bury(letter.id, letter.status, f"given up by hand; before: {letter.answer or 'never sent'}")
    if not buried:
        click.echo("there is nothing to give up", err=True)
    else:
        click.echo(f"{counted(len(buried), 'webhook')} given up")
    sys.exit(FAULTS if ids and not buried else GOOD)


@webhooks.command()
@click.argument("module")
def test(module: str) -> None:
    """Send a test to the receiver of a MODULE now, signed as all webhooks are, and print the answer.

    Its secret must be in the environment. The object has `"type": "test"`, and no sign-in's keys but `time`, `module`
    and `purpose`; it is not in the list.
    """
    asked, webhook = _with_webhook(module)
    from routec.signin.veil import shown_url
    from routec.signin.webhooks import Poster, UnreadyError

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    event = {"type": "test", "time": now, "module": asked.name, "purpose": asked.purpose}
    try:
        answer = Poster(os.environ).post(webhook, f"msg_test_{uuid.uuid4().hex}", json.dumps(event))
    except UnreadyError as error:
        fail(str(error), _help(webhook))
    said = " ".join(filter(None, (str(answer.status or ""), answer.text)))
    click.echo(f"{shown_url(webhook.url)}: {said}", err=not answer.is_delivered)
    sys.exit(GOOD if answer.is_delivered else FAULTS)


def _help(webhook: Webhook) -> str:
    name = webhook.secret_env
    if os.environ.get(name):
        return ""
    return f'export {name}="whsec_$(openssl rand -base64 24)", and the same for `routec serve` and the receiver'


def _with_webhook(name: str) -> tuple[Module, Webhook]:
    """A module and its webhook as `serve` has it: of the routes that were built last."""
    from routec.diagnostics import did_you_mean

    project_root()
    modules = compiled()
    if not isinstance(modules, dict):
        fail(str(modules), "`routec build` makes it")
    having = [f"`{other}`" for other in sorted(modules) if modules[other].webhook is not None]
    which = f"webhooks have {', '.join(having)}" if having else "no module has a webhook"
    if name not in modules:
        meant = did_you_mean(name, modules)
        fail(
            f"there is no module `{name}`",
            f"{meant + ' ' if meant else ''}{which}; `routec build` takes over what is new",
        )
    webhook = modules[name].webhook
    if webhook is None:
        fail(f"module `{name}` has no webhook", f'it has one by: webhook "https://…" secret env NAME; {which}')
    return modules[name], webhook

"""`routec webhooks`: what is sent of sign-ins, what came of it, and what is to be sent again."""

import json
import os
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

from routec.cli import FAULTS, GOOD
from routec.cli.here import ROUTES, project_root, project_settings
from routec.cli.layout import for_a_reader_who_may_leave, plain, put, table
from routec.cli.main import fail
from routec.cli.open_log import opened_log
from routec.cli.show import counted
from routec.contract import MODULES_FILE, Module, Webhook

if TYPE_CHECKING:
    from routec.signin.modules import ModulesError
    from routec.signin.outbox import Letter, Outbox

STATES = ("pending", "delivered", "dead")

_COLUMNS = ("id", "state", "module", "created", "attempts", "next", "status", "answer")
_MOST_IN_TABLE = 60
_AT_ONCE = 500

T = TypeVar("T")


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
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N.")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def list_(state: str | None, module: str | None, limit: int | None, form: str) -> None:
    """List the webhooks, newest first, with the last answer to each.

    A dead one was tried for over a day, or its receiver said that it is gone.
    """
    known = _webhooks() if ROUTES.is_dir() else None
    with opened_log() as log, for_a_reader_who_may_leave():
        letters = log.outbox.list(state, module, limit)
        if form == "json":
            for letter in letters:
                put(json.dumps(_object(letter, known)) + "\n")
            return
        is_empty = True
        for text in table(_COLUMNS, ([_row(one, known) for one in batch] for batch in _batches(letters))):
            is_empty = False
            put(text)
        if is_empty:
            click.echo("no webhooks", err=True)


@webhooks.command()
@click.argument("id")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def show(id: str, form: str) -> None:
    """Show all that is known of one webhook, but not what it says.

    ID is the number in the list, or what the receiver knows as `webhook-id`.
    """
    known = _webhooks() if ROUTES.is_dir() else None
    with opened_log() as log, for_a_reader_who_may_leave():
        (letter,) = _found(log.outbox, [id])
        values = _object(letter, known)
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
    with opened_log() as log:
        if ids or dead:
            letters = _found(log.outbox, ids) if ids else log.outbox.list("dead", module)
            numbers = [one.id for one in letters if one.state == "dead" or (not dead and one.state == "pending")]
            number = sum(log.outbox.retry(part, module) for part in _batches(numbers))
        else:
            number = log.outbox.retry(None, module)
    if number:
        click.echo(f"{counted(number, 'webhook')} due now; `routec serve` sends what is due")
    else:
        click.echo("there is nothing to send again", err=True)
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
        letters = _found(log.outbox, ids) if ids else list(log.outbox.list("pending", module))
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
    found = _module(module)
    if found.webhook is None:
        fail(f"module `{module}` has no webhook", 'it has one by: webhook "https://…" secret env NAME')
    from routec.signin.veil import shown_url
    from routec.signin.webhooks import Poster, UnreadyError

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    event = {"type": "test", "time": now, "module": found.name, "purpose": found.purpose}
    try:
        answer = Poster(os.environ).post(found.webhook, f"msg_test_{uuid.uuid4().hex}", json.dumps(event))
    except UnreadyError as error:
        fail(str(error), _help(found.webhook))
    said = " ".join(filter(None, (str(answer.status or ""), answer.text)))
    click.echo(f"{shown_url(found.webhook.url)}: {said}", err=not answer.is_delivered)
    sys.exit(GOOD if answer.is_delivered else FAULTS)


def _help(webhook: Webhook) -> str:
    name = webhook.secret_env
    if os.environ.get(name):
        return ""
    return f'export {name}="whsec_$(openssl rand -base64 24)", and the same for `routec serve` and the receiver'


def _module(name: str) -> Module:
    """A module as `serve` has it: of the routes that were built last."""
    from routec.diagnostics import did_you_mean

    modules = _compiled()
    if not isinstance(modules, dict):
        fail(str(modules), "`routec build` makes it")
    if name not in modules:
        fail(f"there is no module `{name}`", did_you_mean(name, modules) or "`routec build` takes over what is new")
    return modules[name]


def _compiled() -> "dict[str, Module] | ModulesError":
    from routec.apply.build import published_folder
    from routec.signin.modules import ModulesError, read_modules

    try:
        return read_modules(published_folder(project_root(), project_settings()) / MODULES_FILE).modules
    except ModulesError as error:
        return error


def _webhooks() -> dict[str, Webhook] | None:
    """The webhooks of the routes that were built last, by module; None where there are none to be read."""
    modules = _compiled()
    if not isinstance(modules, dict):
        return None
    return {name: one.webhook for name, one in modules.items() if one.webhook is not None}


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, _AT_ONCE)):
        yield batch


def _found(outbox: "Outbox", ids: Iterable[str]) -> "list[Letter]":
    """The letters with these ids, numbers or uids."""
    wanted = {id.removeprefix("msg_"): id for id in ids}
    letters = []
    for letter in outbox.list():
        if not wanted:
            break
        if [name for name in (str(letter.id), letter.uid) if wanted.pop(name, None)]:
            letters.append(letter)
    if wanted:
        fail(f"no webhook has the id `{min(wanted.values())}`", "`routec webhooks` lists them")
    return letters


def _note(letter: "Letter", known: Mapping[str, Webhook] | None) -> str | None:
    if letter.state == "pending" and known is not None and letter.module not in known:
        return f"waits: the routes have no webhook for {letter.module}; `routec webhooks bury` gives it up"
    return None


def _object(letter: "Letter", known: Mapping[str, Webhook] | None) -> dict[str, Any]:
    return {
        "id": letter.id,
        "webhook_id": f"msg_{letter.uid}",
        "module": letter.module,
        "state": letter.state,
        "created": _iso(letter.created),
        "attempts": letter.attempts,
        "next_attempt": _iso(letter.next_attempt) if letter.next_attempt else None,
        "status": letter.status,
        "answer": letter.answer,
        "note": _note(letter, known),
    }


def _row(letter: "Letter", known: Mapping[str, Webhook] | None) -> list[str | None]:
    note = _note(letter, known)
    answer = note or letter.answer or ""
    return [
        str(letter.id),
        letter.state,
        letter.module,
        _for_people(letter.created),
        str(letter.attempts),
        _for_people(letter.next_attempt) if letter.next_attempt and not note else None,
        str(letter.status) if letter.status else None,
        answer if len(answer) <= _MOST_IN_TABLE or note else f"{answer[: _MOST_IN_TABLE - 1]}…",
    ]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _for_people(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")

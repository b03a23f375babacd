"""`routec users locks` and `unlock`: who is shut out after too many failures, and letting them in again."""

import json
import re
from datetime import UTC, datetime

import click

from routec.cli.here import ROUTES
from routec.cli.known_modules import refuse_unknown
from routec.cli.layout import for_a_reader_who_may_leave, put, table
from routec.cli.main import fail
from routec.cli.open_log import opened_log, say_empty
from routec.cli.show import counted


@click.command()
@click.argument("module", required=False)
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def locks(module: str | None, form: str) -> None:
    """List who is locked out, of one MODULE or of all.

    The log has logins as digests only: those of the users in this folder's routes/ are named, others are not.
    """
    with opened_log() as store, for_a_reader_who_may_leave():
        refuse_unknown(store, module)
        found = store.locks(module, _logins())
        if not found:
            say_empty("nobody is locked out", only_where=form == "json")
        if form == "json":
            for lock in found:
                until = lock.until.astimezone(UTC).isoformat(timespec="seconds")
                values = {"module": lock.module, "what": lock.what, "until": until, "failures": lock.failures}
                put(json.dumps(values) + "\n")
            return
        rows = [(one.module, one.what, _for_people(one.until), str(one.failures)) for one in found]
        for text in table(("module", "what", "until", "failures"), [rows]):
            put(text)


@click.command()
@click.argument("module")
@click.option("--login", metavar="DIGITS", help="Whoever keys this login.")
@click.option("--caller", metavar="NUMBER", help="Whoever calls from this number, as Asterisk gives it.")
@click.option("--all", "everybody", is_flag=True, help="Everybody, at this module.")
def unlock(module: str, login: str | None, caller: str | None, *, everybody: bool) -> None:
    """Let in again who is locked out of a MODULE.

    Their failures are forgotten, also where they are too few for a lock yet.
    """
    if not (login is not None or caller is not None or everybody):
        fail("say who: --login, --caller or --all")
    if everybody and (login is not None or caller is not None):
        fail("--all goes without --login and --caller")
    if login is not None and not re.fullmatch(r"[0-9]{1,20}", login):
        fail("--login is digits, 20 at the most, as it is keyed in")
    with opened_log() as store:
        refuse_unknown(store, module)
        shut = len(store.locks(module))
        number = store.unlock(module, login, caller)
        opened = min(number, max(0, shut - len(store.locks(module))))
        if not number:
            say_empty("", only_where=True)
    said = f"{counted(number, 'counter')} forgotten, {opened} of them shut" if number else "no failures to forget"
    click.echo(f"{module}: {said}")


def _logins() -> list[str]:
    """The logins of all users of the project, where there is one."""
    if not ROUTES.is_dir():
        return []
    from routec.pipeline import compile_routes
    from routec.project import load

    modules = compile_routes(load(ROUTES.parent), dialplan=False).system.modules
    return sorted({user.login for module in modules for user in module.users if user.login is not None})


def _for_people(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")

"""`routec users`: who may sign in, in the files of the project; and who is locked out."""

import json

import click

from routec.cli.layout import for_a_reader_who_may_leave, put, table
from routec.cli.main import fail
from routec.cli.pins import pepper, read_pin, warn_if_weak
from routec.cli.users_import import import_
from routec.cli.users_locks import locks, unlock


@click.group()
def users() -> None:
    """Make and keep the credentials of those who sign in.

    `add`, `import` and `remove` change the files of the project: the file that the module's first `users from` names,
    or else the module's block in its route file. Nothing is written that `routec check` would find a new error in. What
    they change counts after the next `routec build`; `watch` and `serve` build by themselves.
    """


@users.command("hash")
@click.option("--login", metavar="DIGITS", help="Whose PIN it is; a PIN like the login is weak.")
def hash_(login: str | None) -> None:
    """Read a PIN and print its hash.

    On a terminal the PIN is asked for twice and not shown; otherwise it is one line of standard input. The hash goes
    into a route file, as in: user floor1 login 1001 password "$argon2id$…". It holds only with this machine's pepper,
    which is ROUTEC_PEPPER or the file that ROUTEC_PEPPER_FILE names. A PIN that is soon guessed is warned of.
    """
    from routec.signin.credentials import CredentialsError, hash_pin

    key = pepper()
    pin = read_pin()
    try:
        hash = hash_pin(pin, key)
    except CredentialsError as error:
        fail(str(error), error.help)
    click.echo(hash)
    warn_if_weak(pin, login)


@users.command()
@click.argument("module")
@click.argument("name")
@click.option("--login", metavar="DIGITS", help="The login that is keyed in, where the module asks for one.")
@click.option("--title", metavar="TEXT", help="Who this is, for people to read.")
@click.option("--update", is_flag=True, help="Replace the user who has this name or this login.")
def add(module: str, name: str, login: str | None, title: str | None, *, update: bool) -> None:
    """Add the user NAME to a MODULE.

    The PIN, where the module asks for one, is asked for twice on a terminal and not shown; otherwise it is one line of
    standard input. With --update, a login or a title that is not given stays as it was.
    """
    from routec.cli.user_add import add_user

    add_user(module, name, login, title, update=update)


@users.command("list")
@click.argument("module")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def list_(module: str, form: str) -> None:
    """List the users of a MODULE, never their PINs nor the hashes."""
    from routec.cli.members import Members

    members = Members.of(module)
    members.refuse_to_read_past_faults()
    people = sorted(members.wanted.values(), key=lambda person: person.name)
    with for_a_reader_who_may_leave():
        if form == "json":
            for person in people:
                has_pin = person.password is not None
                values = {"name": person.name, "title": person.title, "login": person.login, "pin": has_pin}
                put(json.dumps(values) + "\n")
            return
        rows = [(one.name, one.title, one.login, "yes" if one.password is not None else "no") for one in people]
        for text in table(("name", "title", "login", "pin"), [rows]):
            put(text)
        if not people:
            click.echo("no users", err=True)


@users.command()
@click.argument("module")
@click.argument("name")
def remove(module: str, name: str) -> None:
    """Remove the user NAME from a MODULE, with the line."""
    from routec.cli.members import Members
    from routec.cli.written import tell_when
    from routec.diagnostics import did_you_mean

    members = Members.of(module)
    members.refuse_what_cannot_be_changed()
    if members.lines.file_of(name) is None:
        fail(f"`{module}` has no user `{name}`", did_you_mean(name, members.wanted))
    members.remove(name)
    (path,) = members.write()
    click.echo(f"{path}: removed {name}")
    tell_when()
    members.tell_who_shares(path)


for _command in (import_, locks, unlock):
    users.add_command(_command)

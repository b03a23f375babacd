"""`routec users add`: what is asked, checked and written for one user."""

import click

from routec.cli.main import fail
from routec.cli.members import Members, login_fault, name_fault, title_fault
from routec.cli.pins import is_taken, pepper, read_pin, warn_if_weak
from routec.cli.user_lines import Person
from routec.cli.written import tell_when
from routec.signin.credentials import CredentialsError, hash_pin


def add_user(module: str, name: str, login: str | None, title: str | None, *, update: bool) -> None:
    """Write the user, and say what was done. What cannot be done ends the command with a message."""
    members = Members.of(module)
    members.refuse_what_cannot_be_changed()
    for fault in (name_fault(name), title_fault(title) if title else None):
        if fault is not None:
            fail(fault)
    old = _replaced(members, name, login, update=update)
    if old is not None:
        login, title = (
            given if given is not None else kept for given, kept in ((login, old.login), (title, old.title))
        )
    _check_login(members, login)
    password = _password(members, login, old) if members.asks("password") else None
    members.put([Person(name, title or None, login, password)], old.name if old else None)
    (path,) = members.write()
    if old is None:
        click.echo(f"{path}: added {name}")
    else:
        click.echo(f"{path}: replaced {old.name}" + (f" by {name}" if old.name != name else ""))
    tell_when()
    members.tell_who_shares(path)


def _replaced(members: Members, name: str, login: str | None, *, update: bool) -> Person | None:
    """The user whom the new one replaces, or None where there is none."""
    same_name = members.wanted.get(name)
    same_login = next((one for one in members.wanted.values() if login is not None and one.login == login), None)
    if same_name and same_login and same_name is not same_login:
        fail(f"`{same_login.name}` has the login {login} already")
    old = same_name or same_login
    if old is not None and not update:
        what = f"there is a user `{name}` already" if same_name else f"`{old.name}` has the login {login} already"
        fail(what, "--update replaces that user")
    return old


def _check_login(members: Members, login: str | None) -> None:
    if login is None:
        if members.asks("login"):
            fail(f"module `{members.module.name}` asks for a login", "give it with --login")
    elif not members.asks("login") and members.lines.users_file is None:
        fail(f"module `{members.module.name}` asks for no login")
    elif fault := login_fault(login, members.digits("login")):
        fail(fault)


def _password(members: Members, login: str | None, old: Person | None) -> str:
    """The hash of the PIN that is asked for."""
    key = pepper()
    pin = read_pin(*(members.digits("password") or ()))
    warn_if_weak(pin, login)
    try:
        if not members.asks("login"):
            others = [one.password for one in members.wanted.values() if one is not old and one.password]
            if is_taken(pin, others, key):
                fail("another user of this module has this PIN already", "without a login, the PIN says who it is")
        return hash_pin(pin, key)
    except CredentialsError as error:
        fail(str(error), error.help)

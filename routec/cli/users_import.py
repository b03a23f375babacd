"""`routec users import`: many users at once, all or none."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from routec.cli import FAULTS
from routec.cli.main import fail
from routec.cli.pins import is_taken, pepper
from routec.cli.show import counted
from routec.disk import why_refused

if TYPE_CHECKING:
    from routec.cli.members import Members
    from routec.cli.users_csv import Fault, Row, Table
    from routec.signin.outcome import Secret

MANY = 50
"""From so many hashes on, a terminal is shown how far it is: each takes 20 ms."""

T = TypeVar("T")
R = TypeVar("R")


@click.command("import")
@click.argument("module")
@click.argument("file", metavar="FILE.csv|-")
@click.option("--update", is_flag=True, help="Replace users who have the name of one in the file.")
def import_(module: str, file: str, *, update: bool) -> None:
    """Add the users in a CSV file to a MODULE.

    `-` reads the standard input. The first line names the columns, in any order: name, title, login, pin; or password,
    a hash from `routec users hash`, in place of pin. UTF-8, separated by commas, semicolons or tabs. If anything is
    wrong, all of it is said, each with its line, and nothing is written.
    """
    from routec.cli.members import Members
    from routec.cli.users_csv import faults_of, read_table, same_pins

    members = Members.of(module)
    members.refuse_what_cannot_be_changed()
    table = read_table(_read(file))
    name = "<stdin>" if file == "-" else file
    faults = faults_of(table, members, update=update)
    is_pin_enough = members.asks("password") and not members.asks("login")
    if is_pin_enough:
        faults += same_pins(table.rows)
    _give_up_on(faults, name)
    if not table.rows:
        fail(f"{name} has no users")
    key = pepper() if any(row.pin for row in table.rows) else None
    if key is not None and is_pin_enough:
        _give_up_on(_taken_pins(table.rows, members, key), name)
    _import(members, table, name, key)
    if key is not None:
        what = "what was read" if file == "-" else name
        click.echo(f"Warning: {what} holds PINs in the clear: delete it, and whatever copies there are", err=True)


def _import(members: "Members", table: "Table", name: str, key: "Secret | None") -> None:
    """Warn, hash and write."""
    from routec.cli.user_lines import Person
    from routec.cli.written import tell_when
    from routec.signin.weak_pins import why_weak

    for row in table.rows:
        if row.pin is not None and (reason := why_weak(row.pin, row.login)):
            click.echo(f"{name}:{row.line}: Warning: this PIN is weak: {reason}", err=True)
    hashes = _hashed(table.rows, key)
    people = []
    for row, password in zip(table.rows, hashes, strict=True):
        old = members.wanted.get(row.name)
        title = old.title if old is not None and "title" not in table.columns else row.title
        people.append(Person(row.name, title, row.login, password))
    replaced = sum(person.name in members.wanted for person in people)
    members.put(people)
    paths = members.write()
    click.echo(f"{', '.join(paths)}: {len(people) - replaced} added, {replaced} replaced")
    tell_when()
    for path in paths:
        members.tell_who_shares(path)


def _read(file: str) -> bytes:
    from routec.frontend.reader import MOST_BYTES

    try:
        if file == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin else b""
        else:
            with Path(file).open("rb") as source:
                data = source.read(MOST_BYTES + 1)
    except OSError as error:
        fail(f"cannot read {file}: {why_refused(error)}")
    if len(data) > MOST_BYTES:
        fail(f"{Path(file).name} has more than {MOST_BYTES} bytes")
    return data


def _give_up_on(faults: "Sequence[Fault]", name: str) -> None:
    if not faults:
        return
    for fault in sorted(faults, key=lambda fault: fault.line):
        click.echo(f"{name}:{fault.line}: {fault.message}", err=True)
    click.echo(f"{counted(len(faults), 'error')}; nothing was written", err=True)
    sys.exit(FAULTS)


def _taken_pins(rows: "Sequence[Row]", members: "Members", key: "Secret") -> "list[Fault]":
    """The rows whose PIN is that of a user who is there and stays, or behind a ready hash."""
    from routec.cli.users_csv import Fault

    replaced = {row.name for row in rows}
    hashes = [one.password for one in members.wanted.values() if one.password and one.name not in replaced]
    pins = [(row, row.pin) for row in rows if row.pin is not None]
    if not hashes:
        return []
    found = _side_by_side("comparing PINs", lambda pair: is_taken(pair[1], hashes, key), pins)
    message = "another user of this module has this PIN already, and without a login it says who it is"
    return [Fault(row.line, message) for (row, _), taken in zip(pins, found, strict=True) if taken]


def _hashed(rows: "Sequence[Row]", key: "Secret | None") -> list[str | None]:
    """The hash of each row's PIN, or the ready one."""
    from routec.signin.credentials import hash_pin

    def hashed(row: "Row") -> str | None:
        return row.password if row.pin is None or key is None else hash_pin(row.pin, key)

    return _side_by_side("hashing PINs", hashed, rows)


def _side_by_side(what: str, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The results of slow work, in order, with as many threads as there are cores."""
    from routec.signin.credentials import CredentialsError

    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        return list(_shown(what, pool.map(work, items), len(items)))
    except CredentialsError as error:
        fail(str(error), error.help)
    finally:
        # Ctrl-C does not wait for what has not begun.
        pool.shutdown(cancel_futures=True)


def _shown(what: str, results: Iterable[R], number: int) -> Iterable[R]:
    """The results as they are; a terminal sees how far they are."""
    if number <= MANY or sys.stderr is None or not sys.stderr.isatty():
        yield from results
        return
    for done, result in enumerate(results, 1):
        click.echo(f"\r{what}: {done} of {number}", err=True, nl=done == number)
        yield result

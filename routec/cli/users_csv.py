"""Users in a CSV file: read, and every row checked against a module. Pure.

No message holds what stands in a cell: columns may be mixed up, and then it is a PIN.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import NamedTuple

from routec.cli.members import Members, login_fault, name_fault, title_fault
from routec.cli.pins import MOST_PIN_DIGITS, digits, is_pin
from routec.contract import is_password_hash
from routec.signin.outcome import Secret

COLUMNS = ("name", "title", "login", "pin", "password")
"""`password` is a ready hash, in place of `pin`."""

_HEADER = (
    "the first line names the columns: name, title, login and pin, or password, a ready hash, in place of pin; "
    "in any order, and name among them"
)


class Fault(NamedTuple):
    """What is wrong, and in which line of the file; line 0 is the file as a whole."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One user as the file has them; what is empty or has no column is None."""

    line: int
    name: str
    title: str | None
    login: str | None
    pin: Secret | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """What was read. With `faults`, the rows are those that could be read."""

    columns: tuple[str, ...]
    rows: list[Row]
    faults: list[Fault]


def read_table(data: bytes) -> Table:
    """The rows of a CSV file: UTF-8, cells between commas, semicolons or tabs, a first line that names the columns."""
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        return Table((), [], [Fault(data.count(b"\n", 0, error.start) + 1, "this line is not UTF-8")])
    header = text.partition("\n")[0]
    separator = next((mark for mark in ",;\t" if mark in header), ",")
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    faults: list[Fault] = []
    columns: tuple[str, ...] = ()
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not columns:
                columns = tuple(cell.strip().lower() for cell in cells)
                if fault := _header_fault(columns):
                    return Table((), [], [Fault(line, fault)])
            elif len(cells) == len(columns):
                rows.append(_row(line, dict(zip(columns, (cell.strip() for cell in cells), strict=True))))
            elif any(cell.strip() for cell in cells):
                faults.append(Fault(line, f"this line has {len(cells)} cells, and the first has {len(columns)}"))
    except csv.Error:
        faults.append(Fault(start, "this is not CSV: a quote is not closed, or does not stand around a whole cell"))
    if not columns:
        faults.append(Fault(1, _HEADER))
    return Table(columns, rows, faults)


def _header_fault(columns: tuple[str, ...]) -> str | None:
    for number, column in enumerate(columns, 1):
        if column not in COLUMNS:
            # A first line that is a user's, and no header, may hold a PIN.
            named = f" (`{column}`)" if re.fullmatch(r"[a-z][a-z _-]{0,30}", column) else ""
            if "name" not in columns:
                return f"{_HEADER}; column {number}{named} is none of these"
            return f"column {number}{named} is unknown; the columns are {', '.join(COLUMNS)}"
        if column in columns[: number - 1]:
            return f"there are two columns `{column}`"
    if "name" not in columns:
        return f"{_HEADER}; there is no column `name`"
    if "pin" in columns and "password" in columns:
        return "`pin` and `password`, the ready hash, exclude each other"
    return None


def _row(line: int, cells: dict[str, str]) -> Row:
    pin = cells.get("pin")
    return Row(
        line,
        cells["name"],
        cells.get("title") or None,
        cells.get("login") or None,
        Secret(pin) if pin else None,
        cells.get("password") or None,
    )


def faults_of(table: Table, members: Members, *, update: bool) -> list[Fault]:
    """All that is wrong with a file for a module."""
    faults = list(table.faults)
    for row in table.rows:
        faults += (Fault(row.line, fault) for fault in _faults_of_row(row, members, update=update))
    faults += _repeated(table.rows)
    faults += _taken_logins(table.rows, members, update=update)
    return faults


def _faults_of_row(row: Row, members: Members, *, update: bool) -> Iterator[str]:
    is_for_others = members.lines.users_file is not None
    if fault := name_fault(row.name):
        yield fault
    elif row.name in members.wanted and not update:
        yield f"there is a user `{row.name}` already; --update replaces users"
    if row.title is not None and (fault := title_fault(row.title)):
        yield fault
    if row.login is not None:
        if not members.asks("login") and not is_for_others:
            yield "this user has a login, and the module asks for none"
        elif fault := login_fault(row.login, members.digits("login")):
            yield fault
    elif members.asks("login"):
        yield "this user has no login, and the module asks for one"
    has_password = row.pin is not None or row.password is not None
    if has_password and not members.asks("password") and not is_for_others:
        yield "this user has a PIN, and the module asks for none"
    elif not has_password and members.asks("password"):
        yield "this user has no PIN, and the module asks for one"
    bounds = members.digits("password") or ()
    if row.pin is not None and not is_pin(row.pin.reveal(), *bounds):
        yield f"a PIN of this module is {digits(*bounds)}" if bounds else f"a PIN is {digits(1, MOST_PIN_DIGITS)}"
    if row.password is not None and not is_password_hash(row.password):
        yield "this is no hash as `routec users hash` prints it"


def _repeated(rows: list[Row]) -> Iterator[Fault]:
    """Names and logins that two rows have."""
    for what in ("name", "login"):
        seen: dict[str, int] = {}
        for row in rows:
            value = getattr(row, what)
            if value is not None and seen.setdefault(value, row.line) != row.line:
                yield Fault(row.line, f"this {what} stands in line {seen[value]} already")


def _taken_logins(rows: list[Row], members: Members, *, update: bool) -> Iterator[Fault]:
    """Logins of users who are there and stay as they are."""
    replaced = {row.name for row in rows} if update else set()
    staying = {one.login: one.name for one in members.wanted.values() if one.login and one.name not in replaced}
    for row in rows:
        if row.login in staying:
            yield Fault(row.line, f"`{staying[row.login]}` has this login already")


def same_pins(rows: list[Row]) -> Iterator[Fault]:
    """PINs that two rows have; for a module where the PIN alone says who it is."""
    seen: dict[str, int] = {}
    for row in rows:
        pin = row.pin.reveal() if row.pin else row.password
        if pin is not None and seen.setdefault(pin, row.line) != row.line:
            yield Fault(row.line, f"this PIN stands in line {seen[pin]} already, and without a login it says who it is")

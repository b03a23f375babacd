"""What a check of `routec doctor` finds."""

import pwd
from pathlib import Path
from typing import NamedTuple

from routec.disk import user_name

OK, WARN, FAULT, SKIPPED = "ok", "warn", "fault", "skipped"


class Finding(NamedTuple):
    """One thing that was looked at: what it is about, how it is, in words, and what mends it. No secret is in it."""

    check: str
    level: str
    text: str
    help: str = ""


def ok(check: str, text: str) -> Finding:
    """Nothing is wrong."""
    return Finding(check, OK, text)


def warn(check: str, text: str, help: str) -> Finding:
    """It works, and may not always."""
    return Finding(check, WARN, text, help)


def fault(check: str, text: str, help: str) -> Finding:
    """It does not work."""
    return Finding(check, FAULT, text, help)


def skipped(check: str, text: str) -> Finding:
    """It was not looked at, and why."""
    return Finding(check, SKIPPED, text)


def some(names: list[str], most: int = 3) -> str:
    """`a, b, c and 5 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def give(path: Path, user: str | None) -> str:
    """How a folder that this user cannot write in comes to be whose it should be; `user` is Asterisk's, if known."""
    me, user = user_name(), user or "asterisk"
    try:
        theirs = pwd.getpwuid(path.stat().st_uid).pw_name
    except (OSError, KeyError):
        theirs = ""
    if theirs == user != me:
        return f"run this as {user}, as `routec serve`: sudo -u {user} routec …"
    return f"sudo chown -R {user} {path}, for `routec serve`, `plan`, `apply` and this to run as {user}"


def make(path: Path, user: str | None, mode: str) -> str:
    """How a folder is made that is not there."""
    return f"sudo install -d -o {user or 'asterisk'} -m {mode} {path}"

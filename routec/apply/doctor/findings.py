"""What a check of `routec doctor` finds."""

from typing import NamedTuple

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

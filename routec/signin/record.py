"""A sign-in as `routec log --format json` prints it and a webhook carries it: one function for both."""

import json
from datetime import UTC

from routec.signin.store import Entry

KEYS = (
    "time",
    "module",
    "purpose",
    "caller",
    "called",
    "login",
    "user",
    "password",
    "extra1",
    "extra2",
    "verdict",
    "call_id",
)
"""The keys, in order; others build on them. `action` is behind them where somebody was clocked."""


def as_object(entry: Entry) -> dict[str, str | None]:
    """The sign-in with the keys of the contract; what the module does not log is None."""
    values: dict[str, str | None] = {key: getattr(entry, key) for key in KEYS}
    values["time"] = entry.time.astimezone(UTC).isoformat(timespec="milliseconds")
    if entry.action is not None:
        values["action"] = entry.action
    return values


def as_json(entry: Entry) -> str:
    """The object as JSON on one line, in ASCII."""
    return json.dumps(as_object(entry))

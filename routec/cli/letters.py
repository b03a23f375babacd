"""Webhooks as `routec webhooks` finds and prints them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from routec.cli.here import ROUTES
from routec.cli.known_modules import compiled
from routec.cli.main import fail
from routec.contract import Webhook

if TYPE_CHECKING:
    from routec.signin.outbox import Letter, Outbox

COLUMNS = ("id", "state", "module", "created", "attempts", "next", "status", "answer")
_MOST_IN_TABLE = 60
_AT_ONCE = 500

T = TypeVar("T")


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """The items, some at a time."""
    remaining = iter(items)
    while batch := list(islice(remaining, _AT_ONCE)):
        yield batch


def found(outbox: "Outbox", ids: Iterable[str]) -> "list[Letter]":
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


@dataclass(frozen=True, slots=True)
class Notes:
    """What keeps a letter from being sent."""

    webhooks: Mapping[str, Webhook] | None
    """The webhooks of the routes that were built last, by module; None where there are none to be read."""

    @classmethod
    def gathered(cls) -> "Notes":
        """Those of this project."""
        modules = compiled() if ROUTES.is_dir() else None
        webhooks = None
        if isinstance(modules, dict):
            webhooks = {name: one.webhook for name, one in modules.items() if one.webhook is not None}
        return cls(webhooks)

    def of(self, letter: "Letter", state: str = "") -> str | None:
        """The note on a letter, in its state or in another that it is about to have."""
        state = state or letter.state
        if letter.is_empty and state != "delivered":
            return "cannot be sent again: what it said was purged with its sign-in"
        if state == "pending" and self.webhooks is not None and letter.module not in self.webhooks:
            return f"waits: the routes have no webhook for {letter.module}; `routec webhooks bury` gives it up"
        return None


def as_object(letter: "Letter", notes: Notes) -> dict[str, Any]:
    """A letter as json has it."""
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
        "note": notes.of(letter),
    }


def as_row(letter: "Letter", notes: Notes) -> list[str | None]:
    """A letter as the table has it."""
    note = notes.of(letter)
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

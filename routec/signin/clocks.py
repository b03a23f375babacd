"""Who is in, at a time clock: determined in the transaction of the row, under a lock on the user's state.

All moments are in UTC, so a shift is as long on the day when clocks change as on others.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, select, update

from routec.contract import CLOSED, GRACE_SECONDS, GRANTED, Module
from routec.signin.dialects import insert_into
from routec.signin.outcome import FORGOTTEN, REPEATED
from routec.signin.plain import storable
from routec.signin.schema import clocks
from routec.signin.store import ClashError, Entry, LogError

OUT, IN, BREAK = "out", "in", "break"

_TOGGLED = {OUT: "in", IN: "out", BREAK: "back"}
_NEXT = {
    (OUT, "in"): IN,
    (IN, "out"): OUT,
    (BREAK, "out"): OUT,
    (IN, "break"): BREAK,
    (BREAK, "back"): IN,
}


@dataclass(frozen=True, slots=True)
class State:
    """One user at one time clock. `call_id` and `action` are of the latest clocking, which was at `since`."""

    state: str = OUT
    since: datetime | None = None
    begun: datetime | None = None
    call_id: str | None = None
    action: str | None = None

    def closes_at(self, close: int | None) -> datetime | None:
        """When a shift that nobody ends is ended: not before its latest clocking, however old it is by then."""
        if self.begun is None or close is None:
            return None
        end = self.begun + timedelta(seconds=close)
        return end if self.since is None else max(end, self.since)

    def is_repeated(self, entry: Entry, module: Module) -> bool:
        """Whether an entry is the latest clocking once more, of a call that was asked anew since the checker failed.

        A route may also lead back to the time clock. What is keyed there in the same call is a clocking of its own if
        it is another action, or later than a conversation that was asked anew could end. Without keys nothing tells
        the two apart: whoever toggles again within that time has not clocked again.
        """
        if entry.call_id is None or entry.call_id != self.call_id or self.since is None:
            return False
        longest = timedelta(seconds=module.seconds + 2 * GRACE_SECONDS)
        return entry.action in (None, self.action) and entry.time - self.since <= longest

    def after(self, wanted: str | None, time: datetime, call_id: str | None) -> "State":
        """What it is after an action (None: toggle). Raises `ClashError`."""
        action = wanted or _TOGGLED[self.state]
        following = _NEXT.get((self.state, action))
        if following is None:
            raise ClashError(self.state)
        begun = {"in": time, "out": None}.get(action, self.begun)
        return State(following, time, begun, call_id, action)


def is_clocked(entry: Entry, module: Module | None) -> bool:
    """Whether an entry is to be clocked."""
    return module is not None and module.clock is not None and entry.verdict == GRANTED


def clock(connection: Connection, entry: Entry, module: Module, state: State) -> tuple[Entry, Entry | None, State]:
    """The entry to be stored, the row that ends a forgotten shift before it, and the new state.

    `state` is what `locked` gave. Raises `ClashError`.
    """
    if state.is_repeated(entry, module):
        return replace(entry, action=None, reason=REPEATED), None, state
    closed, state = close_if_due(entry.module, entry.user or "", module, state, entry.time)
    following = state.after(entry.action, entry.time, entry.call_id)
    store(connection, entry.module, entry.user or "", following)
    return replace(entry, action=following.action), closed, following


def close_if_due(name: str, user: str, module: Module, state: State, now: datetime) -> tuple[Entry | None, State]:
    """The row that ends a shift which is too old, if it is, and the state then."""
    end = state.closes_at(module.clock.close if module.clock else None)
    if state.state == OUT or end is None or end > now:
        return None, state
    row = Entry(
        time=end, module=name, purpose=module.purpose, caller=None, called=None, login=None, user=user,
        password=None, extra1=None, extra2=None, verdict=GRANTED, call_id=None, attempts=0, reason=FORGOTTEN,
        action=CLOSED,
    )  # fmt: skip
    return row, State(OUT, end, None, None, CLOSED)


def locked(connection: Connection, module: str, user: str | None) -> State:
    """A user's state, made where it is missing, and nobody else's until the transaction ends."""
    if not user:
        raise LogError(f"module {module}: somebody without a name cannot be clocked")
    insert = insert_into(connection, clocks).values(module=module, user=storable(user), state=OUT)
    taken = insert.on_conflict_do_update(index_elements=["module", "user"], set_={"state": clocks.c.state}).returning(
        clocks.c.state, clocks.c.since, clocks.c.begun, clocks.c.call_id, clocks.c.action
    )
    return State(*connection.execute(taken).one())


def store(connection: Connection, module: str, user: str, state: State) -> None:
    """Keep a user's state, which is locked."""
    where = (clocks.c.module == module, clocks.c.user == storable(user))
    values = {
        "state": state.state, "since": state.since, "begun": state.begun, "call_id": state.call_id,
        "action": state.action,
    }  # fmt: skip
    connection.execute(update(clocks).where(*where).values(values))


def begun_before(module: str, moment: datetime) -> Select[Any]:
    """The query for users whose shift began then or earlier and has not ended."""
    return select(clocks.c.user).where(clocks.c.module == module, clocks.c.state != OUT, clocks.c.begun <= moment)

"""The time clock's part of a conversation: what the caller wants done, and the read-back of what was done, and when."""

from collections.abc import Callable

from routec.contract import ACTIONS, Clock
from routec.signin.asking import Asking, Refused
from routec.signin.outcome import CLASH, INCOMPLETE, Recorded
from routec.signin.store import ClashError


def clock_in_or_out(clock: Clock, tries: int, asking: Asking, store: Callable[[str | None], Recorded]) -> None:
    """Clock the caller by key, or toggle where the clock has no keys, and read it back.

    `store` keeps the action (None: the one that is due), durable when it returns, and raises `ClashError` if the
    caller cannot do that now. Nothing is said before it is kept. Raises `Refused` and what the caller raises.
    """
    done = _by_key(clock, clock.sound, tries, asking, store) if clock.sound and clock.keys else _toggled(asking, store)
    if done.action in ACTIONS:
        asking.tell(done.action)
    asking.say_time(int(done.time.timestamp()))


def _toggled(asking: Asking, store: Callable[[str | None], Recorded]) -> Recorded:
    try:
        return store(None)
    except ClashError:
        asking.tell("clash")
        raise Refused(CLASH) from None


def _by_key(clock: Clock, sound: str, tries: int, asking: Asking, store: Callable[[str | None], Recorded]) -> Recorded:
    actions = dict(clock.keys)
    reason = INCOMPLETE
    for _ in range(tries):
        key = asking.key(sound)
        action = actions.get(key)
        if action is None:
            reason = INCOMPLETE
            if key:
                asking.tell("unknown")
            continue
        try:
            return store(action)
        except ClashError:
            reason = CLASH
            asking.tell("clash")
    raise Refused(reason)

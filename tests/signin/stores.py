"""What the tests of the store share: rows, modules, and a clock that stands still until it is told."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from routec.contract import Clock, Module, Webhook
from routec.signin.store import Attempt, Entry

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
T = TypeVar("T")

WEBHOOK = Webhook("https://pms.example.org/hook", "PMS_SECRET")


class Time:
    """The `now` of a log."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def go_on(self, **by: float) -> datetime:
        self.moment += timedelta(**by)
        return self.moment


def entry(minutes: float = 0, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "time": START + timedelta(minutes=minutes),
        "module": "hotel_staff",
        "purpose": "register",
        "caller": "+32475000001",
        "called": "3225551234",
        "login": "1001",
        "user": "floor1",
        "password": None,
        "extra1": "204",
        "extra2": None,
        "verdict": "granted",
        "call_id": "1790000000.7",
        "attempts": 1,
        "reason": "ok",
    }
    return Entry(**(values | changes))


def module(**changes: Any) -> Module:
    values: dict[str, Any] = {
        "name": "hotel_staff",
        "title": None,
        "purpose": "register",
        "fields": (),
        "tries": 3,
        "seconds": 180,
        "log": ("login",),
        "users": (),
    }
    return Module(**(values | changes))


def time_clock(close: int | None = 12 * 3600, **changes: Any) -> Module:
    return module(**({"name": "clock", "purpose": "timeclock", "clock": Clock(close=close)} | changes))


def attempt(login: str | None = "1001", caller: str | None = "+32475000001", **changes: Any) -> Attempt:
    values = {"module": "hotel_staff", "login": login, "caller": caller, "inside": False} | changes
    return Attempt(**values)


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """What so many threads get that begin in one moment."""
    start = threading.Barrier(count)

    def begin(number: int) -> T:
        start.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))

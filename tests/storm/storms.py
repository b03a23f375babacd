"""The storms themselves: each gives its figures, and raises AssertionError where a promise was broken."""

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.postgres.server import Postgres
from tests.storm.caller import Call, Caller
from tests.storm.project import Project
from tests.storm.receiver import Receiver

WAIT_SECONDS = 240
"""How long the last webhooks may take, those of killed processes included: their leases must run out first."""


@dataclass
class Heard:
    """What callers heard, by the item that each keyed."""

    calls: dict[int, Call] = field(default_factory=dict)

    def granted(self) -> set[int]:
        """The items of those who heard that they were let through."""
        return {item for item, call in list(self.calls.items()) if call.verdict == "granted"}


def judge(heard: Heard, wrong: set[int], rows: list[dict[str, Any]]) -> set[str]:
    """Hold what callers heard against the log. Gives the items of the granted rows, as they were keyed."""
    stored = [row["extra1"] for row in rows if row["verdict"] == "granted"]
    lost = {f"{item:08d}" for item in heard.granted()} - set(stored)
    assert not lost, f"{len(lost)} callers heard ok and are not in the log: {sorted(lost)[:5]}"
    assert not heard.granted() & wrong, "a wrong PIN was let through"
    assert not {f"{item:08d}" for item in wrong} & set(stored), "a wrong PIN stands in the log as granted"
    assert len(stored) == len(set(stored)), "a sign-in stands in the log twice"
    return set(stored)


class Crowd:
    """Callers in a thread of their own who call one after the other until they are stopped."""

    def __init__(self, projects: list[Project], width: int) -> None:
        self.heard = Heard()
        self.wrong: set[int] = set()
        self._projects = projects
        self._width = width
        self._numbers = itertools.count(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._callers()))

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_more(self, calls: int, seconds: float = 60) -> None:
        """Wait until so many more callers have heard ok."""
        target = len(self.heard.granted()) + calls
        deadline = time.monotonic() + seconds
        while len(self.heard.granted()) < target:
            assert time.monotonic() < deadline, f"not even {calls} calls in {seconds} s were let through"
            self._stop.wait(0.05)

    async def _callers(self) -> None:
        await asyncio.gather(*(self._caller() for _ in range(self._width)))

    async def _caller(self) -> None:
        while not self._stop.is_set():
            item = next(self._numbers)
            project = self._projects[item % len(self._projects)]
            right = item % 5 != 0
            if not right:
                self.wrong.add(item)
            caller = Caller(project.address, "rooms", f"+32475{item:06d}", f"{item}.1")
            call = await caller.run(project.keys(item, right=right))
            if call.reached:
                self.heard.calls[item] = call
            else:
                await asyncio.sleep(0.02)  # nobody listens: the checker is down


def kills(folder: Path, times: int, seed: int, width: int = 12) -> Iterator[str]:
    """`serve` is killed so often at random moments under load, while the receiver is down, failing and slow."""
    chance = random.Random(seed)
    receiver = Receiver()
    receiver.down()
    project = Project(folder, receiver.url)
    begun = time.monotonic()
    with Crowd([project], width) as crowd:
        for count in range(times):
            if count % 10 == 3:
                receiver.up(chance.choice(("failing", "slow", "well")))
            elif count % 10 == 8:
                receiver.down()
            with project.serving() as serve:
                threading.Event().wait(chance.uniform(0, 0.5))
                serve.kill()
            if count % 20 == 19:
                yield f"{count + 1} kills, {len(crowd.heard.granted())} callers heard ok"
    receiver.up("well")
    with project.serving():
        project.routec("webhooks", "retry")
        rows = project.rows()
        stored = judge(crowd.heard, crowd.wrong, rows)
        missing = len(rows) - receiver.wait_for_count(len(rows), WAIT_SECONDS)
    assert not missing, f"{missing} of {len(rows)} webhooks never came"
    come = {row["extra1"] for row in receiver.received.values() if row["verdict"] == "granted"}
    assert stored <= come, f"webhooks lack {sorted(stored - come)[:5]}"
    assert not receiver.forged, "a webhook was not signed well"
    receiver.down()
    yield (
        f"{times} kills of serve in {time.monotonic() - begun:.0f} s: {len(crowd.heard.granted())} callers heard ok, "
        f"{len(stored)} granted rows, none lost; {len(receiver.received)} webhooks came ({receiver.posts} posts)"
    )


def nodes(folder: Path, postgres: Postgres, restarts: int, seconds: float = 2.0) -> Iterator[str]:
    """Two `serve` share a log in PostgreSQL, which is restarted and killed so often in mid-load."""
    receiver = Receiver()
    database = postgres.new_database()
    projects = [Project(folder / name, receiver.url, database) for name in ("north", "south")]
    with projects[0].serving(), projects[1].serving():
        with Crowd(projects, 16) as crowd:
            for count in range(restarts):
                crowd.wait_more(40)
                (postgres.restart if count % 2 == 0 else postgres.kill)()
                if not postgres.is_running:
                    threading.Event().wait(seconds)
                    postgres.start()
                yield f"{count + 1} restarts, {len(crowd.heard.granted())} callers heard ok"
            crowd.wait_more(40)
        rows = projects[0].rows()
        stored = judge(crowd.heard, crowd.wrong, rows)
        missing = len(rows) - receiver.wait_for_count(len(rows), WAIT_SECONDS)
    assert not missing, f"{missing} of {len(rows)} webhooks never came"
    assert not receiver.forged, "a webhook was not signed well"
    receiver.down()
    refused = sum(call.verdict == "error" for call in crowd.heard.calls.values())
    yield (
        f"two nodes, {restarts} restarts of PostgreSQL: {len(crowd.heard.granted())} callers heard ok, {len(stored)} "
        f"granted rows, none lost; {refused} were refused meanwhile; {len(receiver.received)} webhooks came "
        f"({receiver.posts} posts)"
    )


def crowd(folder: Path, width: int, rounds: int = 3) -> Iterator[str]:
    """So many conversations at once: all at their first question before the first key is pressed, in rounds."""
    project = Project(folder)
    numbers = itertools.count(1)
    memory: list[int] = []
    with project.serving() as serve:
        for round_ in range(rounds):
            heard, wrong = Heard(), set[int]()
            begun = time.monotonic()
            asyncio.run(_together(project, [next(numbers) for _ in range(width)], heard, wrong))
            seconds = time.monotonic() - begun
            memory.append(_resident_kib(serve.pid))
            rest = [item for item, call in heard.calls.items() if item not in wrong and call.verdict != "granted"]
            assert not rest, f"{len(rest)} of {width} with the right PIN were not let through"
            assert all(heard.calls[item].verdict == "denied" for item in wrong)
            judge(heard, wrong, [row for row in project.rows() if row["extra1"] or row["verdict"] != "granted"])
            yield f"round {round_ + 1}: {width} at once, {seconds:.1f} s, {memory[-1] / 1024:.0f} MB resident"
    assert memory[-1] < memory[0] * 1.2 + 4096, f"memory grows: {memory} KiB"


async def _together(project: Project, items: list[int], heard: Heard, wrong: set[int]) -> None:
    barrier = asyncio.Barrier(len(items))

    async def one(item: int) -> None:
        right = item % 10 != 0
        if not right:
            wrong.add(item)
        caller = Caller(project.address, "rooms", f"+32475{item:06d}", f"{item}.1")
        heard.calls[item] = await caller.run(project.keys(item, right=right), barrier)

    await asyncio.gather(*(one(item) for item in items))


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

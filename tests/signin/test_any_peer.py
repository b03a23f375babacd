"""Whatever Asterisk's end says and whatever the log does: `granted` is said only over a durable row of this call."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from routec.contract import ERROR, GRANTED, VERDICTS, Again, Clock, Code, Lockout, Module, User
from routec.settings import Runtime
from routec.signin.agi import Agi
from routec.signin.modules import Compiled, ModuleStore
from routec.signin.session import Checker
from routec.signin.store import Attempt, Charge, ClashError, Entry, LogError
from routec.signin.wire import Wire

from .fake import PEPPER, Cut, FakeAsterisk, HangUp, Keys, field, headers, module, talk_to_the_end, weak_hash

USERS = (User("floor1", None, "1001", weak_hash("4321")), User("floor2", None, "1002", weak_hash("4321")))
BOTH = (field("login", 4, 4), field("password", 4, 4))
ROOM = field("extra1", 3, 3, codes=(Code("101", "120"),))
GATE = module(purpose="gate", fields=BOTH, users=USERS)
MODULES = {
    "gate": GATE,
    "a PIN of several": replace(GATE, fields=BOTH[1:]),
    "toggle": replace(GATE, purpose="timeclock", clock=Clock()),
    "keys": replace(GATE, purpose="timeclock", clock=Clock("which", (("1", "in"), ("2", "out")))),
    "register": replace(
        GATE, purpose="register", fields=(*BOTH, ROOM), confirm="right", again=Again("another", "extra1")
    ),
    "whoever": replace(GATE, purpose="register", verify=False, users=(), fields=(BOTH[0], ROOM), confirm="right"),
}
GOOD = {"enter_login": "1001", "enter_password": "4321", "enter_extra1": "110", "which": "1", "right": "1"}

junk = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"200 result=-1\n",
            b"200 result=-1 endpos=0\n",
            b"200 result=0\n",
            b"200 result=1\n200 result=1\n",
            b"100 result=0 Trying...\n200 result=1\n",
            b"520-Invalid\nUsage\n520 End\n",
            b"200 result=granted\n",
            b"HANGUP\n",
            b"x" * 5000,
        ]
    ),
)
turns = st.one_of(
    st.just("good"), st.just("good"), st.just("good"), st.sampled_from(["", "0", "1", "9999", None, HangUp, Cut]), junk
)
faults = st.one_of(st.none(), st.none(), st.sampled_from([LogError("no"), RuntimeError("4321"), ClashError("in")]))


class Peer(FakeAsterisk):
    """Answers in turn what it was given; `good` is what fits the question, and all that comes after the last turn."""

    def __init__(self, plan: Sequence[Keys]) -> None:
        super().__init__(head=headers())
        self._plan = list(plan)

    def _answer(self, command: str) -> bytes | None:
        turn = self._plan.pop(0) if self._plan else "good"
        if isinstance(turn, bytes) or turn is HangUp or turn is Cut:
            self.commands.append(command)
            return turn if isinstance(turn, bytes) else b"200 result=-1\nHANGUP\n" if turn is HangUp else None
        if command.startswith("GET DATA"):
            sound, most = command.split()[2].rpartition("/")[2], int(command.split()[4])
            keys = GOOD.get(sound, "") if turn == "good" else turn
            self._keys = [keys[:most] if isinstance(keys, str) else None]
        return super()._answer(command)


@dataclass
class Book:
    """A log in memory, which fails as it is told; what it has is durable."""

    failures: list[Exception | None]
    most: int
    charged: int = 0
    given_back: int = 0

    def __post_init__(self) -> None:
        self.rows: list[Entry] = []

    def charge(self, attempt: Attempt, lockout: Lockout, *, offline: bool = False) -> Charge | None:
        assert (lockout, offline) == (GATE.lockout, False)
        self._fail()
        if self.charged >= self.most:
            return None
        self.charged += 1
        return Charge(attempt, (), known=False)

    def write(
        self, entry: Entry, module: Module | None = None, charge: Charge | None = None, *, verified: bool = False
    ) -> Entry:
        assert module is not None
        assert verified is (entry.user is not None and entry.verdict != GRANTED)
        assert charge is None or verified or entry.verdict == GRANTED
        self._fail()
        self.rows.append(entry)
        self.given_back += charge is not None
        return entry

    def _fail(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure


class OneModule(ModuleStore):
    def __init__(self, only: Module) -> None:
        super().__init__(Path("/nowhere"))
        self._only = only

    def compiled(self) -> Compiled:
        return Compiled({self._only.name: self._only}, settings_of_nobody)


settings_of_nobody: Any = None


@pytest.fixture(scope="module", autouse=True)
def _hasty() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.002)
        patch.setattr("routec.signin.session.LATE_SECONDS", (0,))
        patch.setattr("routec.signin.session.GRACE_SECONDS", 0)
        yield


@pytest.mark.parametrize("at", MODULES.values(), ids=MODULES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    plan=st.lists(turns, max_size=14),
    failures=st.lists(faults, max_size=6),
    most=st.sampled_from([0, 1, 2, 99, 99]),
)
def test_granted_is_said_only_over_a_row(
    at: Module, plan: list[Keys], failures: list[Exception | None], most: int
) -> None:
    at = replace(at, seconds=1)
    book = Book(failures, most)
    log: Any = book
    runtime = Runtime.of({"ROUTEC_STATE": "/nowhere", "ROUTEC_PEPPER": PEPPER, "ROUTEC_DATABASE": "none"})
    checker = Checker(OneModule(at), log, runtime, pause=lambda _: None)
    peer = Peer(plan)
    ours, theirs = socket.socketpair()
    with contextlib.ExitStack() as ends:
        theirs.settimeout(20)
        ends.enter_context(theirs)
        talking = threading.Thread(target=talk_to_the_end, args=(peer, theirs))
        talking.start()
        with ours:
            ours.setblocking(False)
            outcome = checker.sign_in(Agi(Wire(ours.fileno(), ours.fileno())), at.name)
        talking.join(20)
        assert not talking.is_alive()

    granted = [row for row in book.rows if row.verdict == GRANTED]
    event(f"{peer.verdict} with {len(granted)} rows")
    assert peer.verdict in (None, *VERDICTS)
    assert peer.verdict in (None, outcome.verdict)
    if GRANTED in (peer.verdict, outcome.verdict):
        assert granted
        assert granted[-1].call_id == "1790000000.7"
        assert at.verify is False or granted[-1].user or at.fields == BOTH[1:]
        # What is said is what the last of them has.
        assert peer.variables.get("ROUTEC_EXTRA1", granted[-1].extra1 or "") == (granted[-1].extra1 or "")
        assert peer.variables.get("ROUTEC_USER", granted[-1].user or "") == (granted[-1].user or "")
    else:
        assert not set(peer.variables.values()) & {"floor1", "floor2"}
    # A charge is given back once, to who was right.
    assert book.given_back <= 1
    assert not book.given_back or granted or any(row.user for row in book.rows)
    assert not granted or not at.verify or book.given_back == 1
    assert "4321" not in repr(peer.variables)
    if peer.verdict == ERROR:
        assert not peer.variables.get("ROUTEC_LOGIN")

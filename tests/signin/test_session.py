"""Whole sign-ins over AGI with the real log: each purpose, each way to fail, and what is left of it."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from routec.contract import GRANTED, Again, Clock, Code, Lockout, Module, User, Webhook
from routec.settings import Runtime
from routec.signin.conversation import Conversation
from routec.signin.credentials import Verifier
from routec.signin.modules import ModuleStore
from routec.signin.outcome import OK, Ending, Outcome
from routec.signin.server import Server
from routec.signin.session import Checker
from routec.signin.store import Attempt, Charge, Entry, Log, LogError

from .fake import OTHER_PIN, PIN, Cut, FakeAsterisk, HangUp, Keys, field, headers, module, weak_hash, write_modules

LOGIN_AND_PIN = (field("login", 4, 4), field("password"))
ROOM = field("extra1", 3, 3, codes=(Code("101", "120"), Code("204", "204")))
CODE = field("extra2", 1, 2)
SIGNED_IN: list[Keys] = ["1001", PIN]
WRONG: list[Keys] = ["1001", OTHER_PIN]
KEYS = (("1", "in"), ("2", "out"), ("3", "break"), ("4", "back"))

GATE = module(purpose="gate", fields=LOGIN_AND_PIN, log=("login",))
CLOCK = module(purpose="timeclock", fields=LOGIN_AND_PIN, clock=Clock(), log=("login",))
KEYED = replace(CLOCK, clock=Clock("which", KEYS), tells=(("clash", "vm-sorry"), ("unknown", "vm-invalid")))
ROOMS = module(
    fields=(*LOGIN_AND_PIN, ROOM, CODE),
    log=("login", "extra1", "extra2"),
    confirm="right",
    again=Again("another", "extra2"),
)

Place = Callable[..., FakeAsterisk]


def rows(log: Log, number: int) -> list[Entry]:
    """The rows, oldest first, as soon as there are so many."""
    until = time.monotonic() + 10
    while len(found := list(log.oldest_first())) < number and time.monotonic() < until:
        threading.Event().wait(0.005)
    assert len(found) == number, found
    return found


@pytest.fixture
def place(server: Server, modules_file: Path) -> Place:
    """Places a call; `at` is the module that there is, None for that of the call before."""
    calls = iter(range(1_000_000))

    def call(
        at: Module | None,
        keys: Sequence[Keys],
        sounds: Any = None,
        extensions: Sequence[str] = (),
        kind: type[FakeAsterisk] = FakeAsterisk,
        **facts: str,
    ) -> FakeAsterisk:
        if at is not None:
            write_modules(modules_file, at, extensions=extensions)
        head = headers(**{"uniqueid": f"call.{next(calls)}"} | facts)
        return kind(*keys, head=head, sounds=sounds).call(server.address)

    return call


class TestLockout:
    def test_those_who_are_still_keying_shut_nobody_out(self, place: Place, server: Server) -> None:
        """They call from one number, which nobody has called from before, and are there for minutes."""
        strict = replace(ROOMS, confirm=None, again=None, lockout=Lockout(2, 600))
        reached, turn = threading.Barrier(5), threading.Lock()

        class Slow(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                if "enter_extra1" in command:
                    turn.release()
                    reached.wait(10)
                return super()._answer(command)

        def call(number: int) -> str | None:
            turn.acquire()
            asterisk = Slow(*SIGNED_IN, "204", "1", head=headers(uniqueid=f"slow.{number}"))
            return asterisk.call(server.address).verdict

        place(strict, [HangUp])
        with ThreadPoolExecutor(5) as pool:
            # One after the other they sign in; all are asked for a room before any of them keys one.
            verdicts = list(pool.map(call, range(5)))
        assert verdicts == ["granted"] * 5

    strict = replace(GATE, lockout=Lockout(2, 600))

    @pytest.mark.parametrize(
        "guess", [[*WRONG, HangUp], [*WRONG, Cut], [*WRONG, *WRONG[:1], HangUp], [*WRONG, b"HANGUP\n"]]
    )
    def test_a_guess_is_counted_however_the_call_ends(self, place: Place, log: Log, guess: list[Keys]) -> None:
        for _ in range(2):
            assert place(self.strict, guess).verdict is None
        rows(log, 2)
        call = place(self.strict, SIGNED_IN)
        assert call.variables == dict.fromkeys(call.variables, "") | {
            "ROUTEC_LOGIN": "1001",
            "ROUTEC_VERDICT": "locked",
        }
        assert call.heard == []
        row = rows(log, 3)[-1]
        assert (row.verdict, row.reason, row.user, row.login) == ("locked", "locked", None, "1001")

    def test_within_one_call(self, place: Place, log: Log) -> None:
        call = place(replace(self.strict, tries=5), [*WRONG * 2, *SIGNED_IN])
        assert call.verdict == "locked"
        assert [row.attempts for row in rows(log, 1)] == [3]

    @pytest.mark.parametrize("end", [[HangUp], ["999", "999", "999"]])
    def test_who_is_right_and_not_let_through_has_guessed_nothing(
        self, place: Place, log: Log, end: list[Keys]
    ) -> None:
        rooms = replace(ROOMS, lockout=Lockout(1, 600))
        for _ in range(3):
            place(rooms, [*SIGNED_IN, *end])
        assert log.locks() == []
        assert {row.verdict for row in rows(log, 3)} == {"denied"}

    def test_who_is_right_is_given_the_charge_back(self, place: Place, log: Log) -> None:
        for _ in range(5):
            assert place(self.strict, SIGNED_IN).verdict == "granted"
            assert place(self.strict, [*WRONG, *SIGNED_IN]).verdict == "granted"
        assert log.locks() == []

    def test_parallel_guesses_are_no_more_than_guesses_one_by_one(
        self, place: Place, modules_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verified: list[str | None] = []
        verify = Verifier.verify

        def counting(self: Verifier, login: str | None, password: Any) -> tuple[str, ...]:
            verified.append(login)
            return verify(self, login, password)

        monkeypatch.setattr(Verifier, "verify", counting)
        number = 20
        together = threading.Barrier(number)

        class Together(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                if "enter_password" in command and self.asked.count("routec/enter_password") == 0:
                    together.wait(20)
                return super()._answer(command)

        def guess(n: int) -> str | None:
            return place(None, WRONG, kind=Together, callerid=f"+3247500{n:04}").verdict

        write_modules(modules_file, replace(self.strict, tries=1))
        with ThreadPoolExecutor(number) as pool:
            found = list(pool.map(guess, range(number)))
        assert sorted(map(str, found)) == ["denied"] * 2 + ["locked"] * (number - 2)
        assert len(verified) == 2

    def test_from_inside_who_is_locked_outside_gets_in(self, place: Place) -> None:
        facts = {"callerid": "", "dnid": "600", "extension": "600"}
        for _ in range(2):
            place(self.strict, [*WRONG, HangUp], extension="3225551234")
        assert place(self.strict, SIGNED_IN, extensions=["600"], **facts | {"extension": "601"}).verdict == "locked"
        assert place(self.strict, SIGNED_IN, extensions=["600"], **facts).verdict == "granted"

    def test_a_login_only_and_a_pin_only(self, place: Place) -> None:
        only = replace(self.strict, fields=(field("login", 4, 4),))
        assert [place(only, ["1009", HangUp]).verdict for _ in range(2)] == [None] * 2
        assert place(only, ["1009"]).verdict == "locked"
        pins = module(
            "hotel_staff", [field("password")], [User("all", None, None, weak_hash(PIN))], lockout=Lockout(2, 60)
        )
        assert place(pins, ["0000", "0000", PIN]).verdict == "locked"

    def test_what_is_ill_formed_is_not_counted(self, place: Place) -> None:
        for _ in range(5):
            assert place(self.strict, ["1001", "12", "10", ""]).verdict == "denied"
        assert place(self.strict, SIGNED_IN).verdict == "granted"


class TestGate:
    def test_a_wrong_try_is_told_but_the_last(self, place: Place) -> None:
        call = place(replace(GATE, tells=(("wrong", "vm-invalid"),)), WRONG * 3)
        assert (call.verdict, call.heard) == ("denied", ["vm-invalid"] * 2)
        assert place(replace(GATE, tells=(("wrong", "vm-invalid"),)), [*WRONG, *SIGNED_IN]).verdict == "granted"

    def test_a_pin_of_several(self, place: Place, log: Log) -> None:
        users = [User(name, None, None, weak_hash(PIN)) for name in ("anna", "bram")]
        call = place(replace(GATE, fields=(field("password"),), users=tuple(users)), [PIN])
        assert (call.verdict, call.variables["ROUTEC_USER"]) == ("granted", "")
        assert [row.user for row in rows(log, 1)] == [None]


class TestTimeclock:
    def test_in_and_out_and_the_time_that_stands_in_the_log(self, place: Place, log: Log) -> None:
        calls = [place(CLOCK, SIGNED_IN) for _ in range(3)]
        assert [call.verdict for call in calls] == ["granted"] * 3
        found = rows(log, 3)
        assert [row.action for row in found] == ["in", "out", "in"]
        for call, row, sound in zip(calls, found, ["agent-loginok", "agent-loggedoff", "agent-loginok"], strict=True):
            assert call.heard == [sound, str(int(row.time.timestamp()))]

    def test_by_key(self, place: Place, log: Log) -> None:
        for key in "1342":
            assert place(KEYED, [*SIGNED_IN, key]).verdict == "granted"
        assert [row.action for row in rows(log, 4)] == ["in", "break", "back", "out"]

    def test_a_clash_is_told_and_asked_again(self, place: Place, log: Log) -> None:
        call = place(KEYED, [*SIGNED_IN, "2", "9", "1"])
        assert call.heard[:3] == ["vm-sorry", "vm-invalid", "agent-loginok"]
        assert call.asked[2:] == ["which"] * 3
        assert [(row.verdict, row.action) for row in rows(log, 1)] == [("granted", "in")]

    def test_never_what_fits(self, place: Place, log: Log) -> None:
        call = place(KEYED, [*SIGNED_IN, "2", "3", "4"])
        assert call.verdict == "denied"
        (row,) = rows(log, 1)
        assert (row.verdict, row.reason, row.user, row.action) == ("denied", "clash", "floor1", None)

    def test_the_same_call_again_clocks_nothing_and_is_told_the_same(self, place: Place, log: Log) -> None:
        first = place(CLOCK, SIGNED_IN, uniqueid="1.7")
        again = place(CLOCK, SIGNED_IN, uniqueid="1.7")
        assert again.verdict == "granted"
        assert again.heard == first.heard
        assert [(row.action, row.reason) for row in rows(log, 2)] == [("in", "ok"), (None, "repeated")]

    @pytest.mark.parametrize("sound", ["agent-loginok", "time"])
    @pytest.mark.parametrize("end", [HangUp, Cut, b"HANGUP\n", b"200 result=-1 endpos=0\nHANGUP\n"])
    def test_a_hangup_in_the_read_back_leaves_what_was_clocked(
        self, place: Place, log: Log, sound: str, end: Any
    ) -> None:
        call = place(CLOCK, SIGNED_IN, sounds={sound: end})
        assert call.variables == {}
        assert [(row.verdict, row.action) for row in rows(log, 1)] == [("granted", "in")]

    @pytest.mark.parametrize("sound", ["agent-loginok", "time"])
    @pytest.mark.parametrize("answer", [b"nonsense\n", b"\xff\xfe\n", b"200 result=x\n", b"510 Invalid\n", b"y" * 9000])
    def test_nonsense_in_the_read_back_is_an_error(self, place: Place, log: Log, sound: str, answer: bytes) -> None:
        call = place(CLOCK, SIGNED_IN, sounds={sound: answer})
        assert call.verdict in (None, "error")
        found = rows(log, 2)
        assert [(row.verdict, row.action) for row in found] == [("granted", "in"), ("error", None)]
        assert found[1].reason == "protocol"

    def test_sounds_that_are_missing_harm_nobody(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.05)
        missing = b"200 result=-1 endpos=0\n"
        call = place(CLOCK, SIGNED_IN, sounds={"agent-loginok": missing, "time": missing})
        assert call.verdict == "granted"
        assert "could not play agent-loginok" in caplog.text
        assert "could not play the time" in caplog.text

    def test_a_pin_of_several_is_nobodys(self, place: Place, log: Log) -> None:
        users = tuple(User(name, None, None, weak_hash(PIN)) for name in ("anna", "bram"))
        call = place(replace(CLOCK, fields=(field("password"),), users=users), [PIN])
        assert call.verdict == "denied"
        assert [(row.reason, row.action) for row in rows(log, 1)] == [("ambiguous", None)]

    def test_the_row_is_there_before_success_is_heard(self, place: Place, log: Log) -> None:
        seen: list[int] = []

        class Watching(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                if command.startswith(("STREAM", "SAY", "SET")):
                    seen.append(len(list(log.read())))
                return super()._answer(command)

        place(CLOCK, SIGNED_IN, kind=Watching)
        assert seen == [1] * 7


class TestRegister:
    first: ClassVar[list[Keys]] = [*SIGNED_IN, "110", "7", "1"]

    def test_items(self, place: Place, log: Log) -> None:
        call = place(ROOMS, [*self.first, "1", "8", "1", "2"])
        assert call.variables == {
            "ROUTEC_USER": "floor1",
            "ROUTEC_LOGIN": "1001",
            "ROUTEC_EXTRA1": "110",
            "ROUTEC_EXTRA2": "8",
            "ROUTEC_VERDICT": "granted",
        }
        assert call.heard == ["110", "7", "110", "8"]
        found = rows(log, 2)
        assert [(row.extra1, row.extra2, row.verdict) for row in found] == [
            ("110", "7", "granted"),
            ("110", "8", "granted"),
        ]
        assert len({row.uid for row in found}) == 2

    def test_each_item_is_durable_before_the_next_question(self, place: Place, log: Log) -> None:
        seen: list[tuple[str, int]] = []

        class Watching(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                if command.startswith("GET DATA") and "another" in command:
                    seen.append((command, len(list(log.read()))))
                return super()._answer(command)

        place(ROOMS, [*self.first, "1", "8", "1", None], kind=Watching)
        assert [number for _, number in seen] == [1, 2]

    @pytest.mark.parametrize("end", [HangUp, Cut])
    def test_a_hangup_at_the_question_is_no_row_more(self, place: Place, log: Log, end: Keys) -> None:
        assert place(ROOMS, [*self.first, end]).variables == {}
        assert [row.verdict for row in rows(log, 1)] == ["granted"]

    @pytest.mark.parametrize("end", [HangUp, Cut])
    @pytest.mark.parametrize("heard", range(3))
    def test_a_hangup_in_an_item_is_its_row(self, place: Place, log: Log, heard: int, end: Keys) -> None:
        more: list[Keys] = ["1", "8"]
        assert place(ROOMS, [*self.first, *more[:heard], end]).variables == {}
        found = rows(log, 1 if not heard else 2)
        assert [(row.verdict, row.reason) for row in found] == [("granted", "ok"), ("denied", "hangup")][: len(found)]
        assert not heard or (found[1].user, found[1].extra1) == ("floor1", "110")

    def test_a_hangup_in_the_read_back_of_an_item(self, place: Place, log: Log) -> None:
        assert place(ROOMS, self.first, sounds={"digits": HangUp}).variables == {}
        assert [(row.verdict, row.reason) for row in rows(log, 1)] == [("denied", "hangup")]

    def test_an_item_that_fails_leaves_the_sign_in_granted(self, place: Place, log: Log) -> None:
        call = place(ROOMS, [*self.first, "1", None, "", "#"])
        assert (call.verdict, call.variables["ROUTEC_EXTRA2"]) == ("granted", "7")
        assert [(row.verdict, row.reason) for row in rows(log, 2)] == [("granted", "ok"), ("denied", "incomplete")]

    def test_an_unknown_code(self, place: Place, log: Log) -> None:
        call = place(replace(ROOMS, tells=(("unknown", "vm-invalid"),)), [*SIGNED_IN, "999", "121", "998"])
        assert (call.verdict, call.heard) == ("denied", ["vm-invalid"] * 3)
        assert [row.reason for row in rows(log, 1)] == ["unknown-code"]

    def test_never_confirmed(self, place: Place, log: Log) -> None:
        assert place(ROOMS, [*SIGNED_IN, *["110", "7", None] * 3]).verdict == "denied"
        assert [(row.reason, row.user) for row in rows(log, 1)] == [("unconfirmed", "floor1")]

    def test_whoever_calls(self, place: Place, log: Log) -> None:
        anybody = module(fields=[field("login", 4, 4), ROOM], users=[], verify=False, lockout=Lockout(1, 600))
        for _ in range(3):
            call = place(anybody, ["4711", "110"])
            assert (call.verdict, call.variables["ROUTEC_LOGIN"]) == ("granted", "4711")
        assert {(row.login, row.user, row.extra1) for row in rows(log, 3)} == {("4711", None, "110")}
        assert log.locks() == []

    def test_the_first_item_cannot_be_written(self, place: Place, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        _fail_writes(monkeypatch, [LogError("no")])
        call = place(ROOMS, self.first)
        assert (call.verdict, call.asked.count("another")) == ("error", 0)
        assert list(log.read()) == []

    def test_a_later_item_cannot_be_written(self, place: Place, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        _fail_writes(monkeypatch, [None, LogError("no")])
        monkeypatch.setattr("routec.signin.session.LATE_SECONDS", (0,))
        call = place(ROOMS, [*self.first, "1", "8", "1"])
        assert call.verdict == "error"
        assert call.variables["ROUTEC_EXTRA2"] == ""
        assert [(row.verdict, row.extra2) for row in rows(log, 2)] == [("granted", "7"), ("error", "8")]


def _fail_writes(monkeypatch: pytest.MonkeyPatch, failures: list[Exception | None]) -> None:
    """Let the first writes fail so, and those after them succeed."""
    written = Log.write

    def write(self: Log, *args: Any, **kwargs: Any) -> Entry:
        failure = failures.pop(0) if failures else None
        if failure is not None:
            raise failure
        return written(self, *args, **kwargs)

    monkeypatch.setattr(Log, "write", write)


class TestNoGrantWithoutARow:
    def test_a_conversation_that_claims_it(self, place: Place, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        claimed = Ending(Outcome(GRANTED, OK, "floor1", "1001"))
        monkeypatch.setattr(Conversation, "run", lambda _self: claimed)
        monkeypatch.setattr("routec.signin.session.LATE_SECONDS", (0,))
        call = place(GATE, [])
        assert (call.verdict, call.variables["ROUTEC_USER"]) == ("error", "")
        assert [row.verdict for row in rows(log, 1)] == ["error"]

    def test_a_granted_row_is_not_written_by_any_other_way(
        self, place: Place, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left = Outcome(GRANTED, OK, "floor1", "1001")
        monkeypatch.setattr(Conversation, "run", lambda _self: Ending(left, left))
        assert place(GATE, []).verdict == "error"
        assert list(log.read()) == []

    @pytest.mark.parametrize("error", [LogError("no"), RuntimeError(PIN), MemoryError()])
    def test_a_charge_that_fails(
        self,
        place: Place,
        log: Log,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        error: Exception,
    ) -> None:
        def charge(*_: object, **__: object) -> Charge:
            raise error

        def verify(*_: object) -> tuple[str, ...]:
            pytest.fail("nobody is verified who was not charged")

        monkeypatch.setattr(Log, "charge", charge)
        monkeypatch.setattr(Verifier, "verify", verify)
        monkeypatch.setattr("routec.signin.session.LATE_SECONDS", (0,))
        assert place(GATE, SIGNED_IN).verdict == "error"
        assert [(row.verdict, row.reason, row.login) for row in rows(log, 1)] == [("error", "fault", "1001")]
        assert PIN not in caplog.text

    @pytest.mark.parametrize("at", [GATE, CLOCK, KEYED, ROOMS], ids=lambda at: at.purpose)
    @pytest.mark.parametrize("guess", [[], WRONG], ids=["right", "wrong, then right"])
    def test_a_charge_is_given_back_once_and_to_who_was_right_only(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, at: Module, guess: list[Keys]
    ) -> None:
        written = Log.write
        given_back: list[Entry] = []

        def write(
            self: Log, entry: Entry, module: Module, charge: Charge | None = None, *, verified: bool = False
        ) -> Entry:
            stored = written(self, entry, module, charge, verified=verified)
            if charge is not None and (verified or entry.verdict == GRANTED):
                given_back.append(stored)
            return stored

        monkeypatch.setattr(Log, "write", write)
        full: list[Keys] = [*guess, *SIGNED_IN, *(["110", "7", "1", "1", "8", "1"] if at is ROOMS else ["1"])]
        right = len(guess) + len(SIGNED_IN)
        for heard in range(len(full) + 1):
            given_back.clear()
            place(at, [*full[:heard], HangUp])
            assert len(given_back) == (1 if heard >= right else 0)
            assert all(row.user == "floor1" for row in given_back)


class TestErrors:
    """What the caller hears of it, before the verdict."""

    @pytest.fixture(autouse=True)
    def _no_writes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def write(*_: object, **__: object) -> Entry:
            raise LogError("no")

        monkeypatch.setattr(Log, "write", write)

    def test_is_heard_before_the_verdict(self, place: Place) -> None:
        call = place(GATE, SIGNED_IN)
        assert call.heard == ["something-terribly-wrong"]
        assert [command.split()[0] for command in call.commands[-6:]] == ["STREAM"] + ["SET"] * 5
        assert call.verdict == "error"

    def test_in_the_modules_own_words(self, place: Place) -> None:
        assert place(replace(GATE, tells=(("error", "routec/sorry"),)), SIGNED_IN).heard == ["routec/sorry"]

    @pytest.mark.parametrize("end", [HangUp, Cut, b"HANGUP\n"])
    def test_hung_up_on(self, place: Place, end: Any) -> None:
        assert place(GATE, SIGNED_IN, sounds={"something-terribly-wrong": end}).variables == {}

    @pytest.mark.parametrize("answer", [b"510 Invalid\n", b"nonsense\n", b"200 result=-1 endpos=0\n"])
    def test_a_sound_that_fails_does_not_keep_the_verdict(
        self, place: Place, answer: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.05)
        assert place(GATE, SIGNED_IN, sounds={"something-terribly-wrong": answer}).verdict == "error"

    def test_a_sound_that_takes_too_long_is_cut_off(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("routec.signin.session.SORRY_SECONDS", 0.05)

        class Long(FakeAsterisk):
            """As in `handle_streamfile`: a sound that another command ends has no answer."""

            def _answer(self, command: str) -> bytes | None:
                answer = super()._answer(command)
                return b"100\n" if command.startswith("STREAM") else answer

        assert place(GATE, SIGNED_IN, kind=Long).verdict == "error"

    def test_there_is_no_time_for_it_when_asterisk_is_about_to_cut_the_call_off(
        self, modules_file: Path, log: Log, runtime: Runtime
    ) -> None:
        now = [0.0]

        def clock() -> float:
            return time.monotonic() + now[0]

        class Slow(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                now[0] += 31 if command.startswith("GET") else 0
                return super()._answer(command)

        write_modules(modules_file, replace(GATE, seconds=60))
        with Server(Checker(ModuleStore(modules_file), log, runtime, clock=clock), ("127.0.0.1", 0)) as server:
            call = Slow(*SIGNED_IN).call(server.address)
        assert call.verdict == "error", "the row of the refusal could not be written"


def test_a_module_that_is_not_there_is_an_error_that_is_heard(place: Place) -> None:
    call = place(GATE, [], network_script="signin/no_such")
    assert (call.heard, call.verdict) == (["something-terribly-wrong"], "error")


def test_a_refusal_that_is_written_late_is_sent_all_the_same(
    place: Place, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = replace(GATE, webhook=Webhook("https://pms.example.org/hook", "PMS_SECRET"))
    _fail_writes(monkeypatch, [LogError("no"), LogError("no")])
    monkeypatch.setattr("routec.signin.session.LATE_SECONDS", (0, 0))
    place(sent, ["1001", HangUp])
    (row,) = rows(log, 1)
    assert (row.verdict, row.reason) == ("denied", "hangup")
    assert [letter.uid for letter in log.outbox.list()] == [row.uid]


def test_every_item_and_what_was_left_of_one_is_sent(place: Place, log: Log) -> None:
    sent = replace(ROOMS, webhook=Webhook("https://pms.example.org/hook", "PMS_SECRET"))
    place(sent, [*TestRegister.first, "1", "8", HangUp])
    assert {letter.uid for letter in log.outbox.list()} == {row.uid for row in rows(log, 2)}


class TestOffline:
    """The log's database cannot be reached."""

    @pytest.fixture
    def away(self, modules_file: Path, runtime: Runtime) -> Any:
        runtime = runtime.model_copy(update={"database": "postgresql://nobody:hush@127.0.0.1:1/none"})

        def call(at: Module, keys: list[Keys]) -> tuple[FakeAsterisk, Log]:
            write_modules(modules_file, at)
            log = Log(runtime.database, spool=runtime.state / "spool.db")
            with Server(Checker(ModuleStore(modules_file), log, runtime), ("127.0.0.1", 0)) as server:
                return FakeAsterisk(*keys).call(server.address), log

        return call

    def test_deny(self, away: Any, caplog: pytest.LogCaptureFixture) -> None:
        call, log = away(GATE, SIGNED_IN)
        log.close()
        assert (call.verdict, call.heard) == ("error", ["something-terribly-wrong"])
        assert "hush" not in caplog.text

    def test_grant_with_the_row_spooled(self, away: Any, runtime: Runtime) -> None:
        call, log = away(replace(GATE, offline="grant"), [*WRONG, *SIGNED_IN])
        log.close()
        assert call.verdict == "granted"
        back = Log(runtime.database, spool=runtime.state / "spool.db")
        assert back.drain() == 1
        assert [(row.verdict, row.user) for row in back.read()] == [("granted", "floor1")]
        back.close()

    def test_grant_is_no_grant_for_who_is_wrong_and_guesses_are_counted(self, away: Any) -> None:
        call, log = away(replace(GATE, offline="grant", lockout=Lockout(2, 600), tries=5), [*WRONG * 2, *SIGNED_IN])
        log.close()
        assert call.verdict == "locked"


def test_one_snapshot_a_call(server: Server, modules_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file changes between the questions: neither users nor extensions of this call do."""
    attempts: list[Attempt] = []
    charge = Log.charge

    def charging(self: Log, attempt: Attempt, *args: Any, **kwargs: Any) -> Charge | None:
        attempts.append(attempt)
        return charge(self, attempt, *args, **kwargs)

    monkeypatch.setattr(Log, "charge", charging)

    class Changing(FakeAsterisk):
        def _answer(self, command: str) -> bytes | None:
            if "enter_password" in command:
                write_modules(modules_file, module("other"))
            return super()._answer(command)

    write_modules(modules_file, GATE, extensions=["600"])
    head = headers(extension="600", dnid="")
    assert Changing(*SIGNED_IN, head=head).call(server.address).verdict == "granted"
    assert attempts == [Attempt("hotel_staff", "1001", "+32475000001", inside=True)]
    assert FakeAsterisk(*SIGNED_IN, head=head).call(server.address).verdict == "error"

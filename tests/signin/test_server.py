import contextlib
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from routec.contract import Lockout
from routec.settings import Runtime
from routec.signin.call import Call, clean
from routec.signin.modules import ModuleStore
from routec.signin.outcome import Secret
from routec.signin.server import Server, ServerError, module_of
from routec.signin.session import Checker, described
from routec.signin.store import Entry, Log, LogError

from .fake import OTHER_PIN, PEPPER, PIN, Cut, FakeAsterisk, HangUp, Keys, field, headers, module, write_modules

GOOD: list[Keys] = ["1001", PIN, "204"]


def rows(log: Log, number: int = 1) -> list[Entry]:
    """The log's rows, as soon as there are so many: a call that was cut has its row a moment later."""
    until = time.monotonic() + 10
    while len(found := list(log.read())) < number and time.monotonic() < until:
        threading.Event().wait(0.005)
    assert len(found) == number
    return found


class TestConversations:
    def test_granted(self, server: Server, log: Log) -> None:
        call = FakeAsterisk(*GOOD).call(server.address)
        assert call.variables == {
            "ROUTEC_USER": "floor1",
            "ROUTEC_LOGIN": "1001",
            "ROUTEC_EXTRA1": "204",
            "ROUTEC_EXTRA2": "",
            "ROUTEC_VERDICT": "granted",
        }
        assert call.commands[0] == "GET DATA routec/enter_login 5000 5"
        assert call.commands[-1] == 'SET VARIABLE ROUTEC_VERDICT "granted"'
        (row,) = rows(log)
        assert abs(row.time.timestamp() - time.time()) < 20
        assert (row.module, row.purpose, row.verdict, row.reason) == ("hotel_staff", "register", "granted", "ok")
        assert (row.caller, row.called, row.call_id) == ("+32475000001", "3225551234", "1790000000.7")
        assert (row.login, row.user, row.password, row.extra1, row.extra2) == ("1001", "floor1", None, "204", None)
        assert row.attempts == 1

    def test_the_row_is_there_before_the_verdict(self, server: Server, log: Log) -> None:
        seen: list[int] = []

        class Watching(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                if command.startswith("SET"):
                    seen.append(len(list(log.read())))
                return super()._answer(command)

        Watching(*GOOD).call(server.address)
        assert seen == [1] * 5

    def test_denied(self, server: Server, log: Log) -> None:
        call = FakeAsterisk(*["1001", OTHER_PIN] * 3).call(server.address)
        assert call.verdict == "denied"
        assert call.variables["ROUTEC_USER"] == ""
        assert rows(log)[0].reason == "wrong"
        assert rows(log)[0].user is None

    def test_silence(self, server: Server, log: Log) -> None:
        assert FakeAsterisk(None, None, None).call(server.address).verdict == "denied"
        assert rows(log)[0].reason == "silence"

    @pytest.mark.parametrize("end", [HangUp, Cut, b"HANGUP\n", b"511 Command Not Permitted on a dead channel\n"])
    @pytest.mark.parametrize("heard", [0, 1, 2])
    def test_hangup_at_each_step_is_a_row_and_no_grant(self, server: Server, log: Log, heard: int, end: Keys) -> None:
        call = FakeAsterisk(*GOOD[:heard], end).call(server.address)
        assert call.variables == {}
        (row,) = rows(log)
        assert (row.verdict, row.reason, row.extra1) == ("denied", "hangup", None)
        assert row.login == ("1001" if heard else None)

    def test_hangup_while_the_verdict_is_said_leaves_the_row(self, server: Server, log: Log) -> None:
        class Leaving(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                return super()._answer(command) if command.startswith("GET") else b"HANGUP\n"

        assert Leaving(*GOOD).call(server.address).verdict is None
        assert rows(log)[0].verdict == "granted"

    @pytest.mark.parametrize(
        "answer",
        [
            b"nonsense\n",
            b"\xff\xfe\n",
            b"x" * 10_000,
            b"200 result=735198465555\n",
            b"510 Invalid or unknown command\n",
        ],
    )
    def test_an_answer_that_is_not_agi_is_an_error_and_a_row(self, server: Server, log: Log, answer: bytes) -> None:
        call = FakeAsterisk("1001", answer).call(server.address)
        assert call.verdict in (None, "error")
        (row,) = rows(log)
        assert (row.verdict, row.reason, row.login) == ("error", "protocol", "1001")

    def test_a_usage_block_that_is_cut(self, server: Server, log: Log) -> None:
        with socket.create_connection(server.address, timeout=5) as link:
            link.sendall(headers())
            assert link.recv(100)
            link.sendall(b"520-Invalid command syntax.\nUsage")
        assert rows(log)[0].reason == "hangup"

    def test_unknown_module(self, server: Server, log: Log, caplog: pytest.LogCaptureFixture) -> None:
        call = FakeAsterisk(head=headers("signin/no_such")).call(server.address)
        assert call.asked == []
        assert call.variables == dict.fromkeys(call.variables, "") | {"ROUTEC_VERDICT": "error"}
        (row,) = rows(log)
        assert (row.module, row.purpose, row.verdict, row.reason) == ("no_such", None, "error", "unknown-module")
        assert "1790000000.7" in caplog.text

    def test_the_query_is_ignored(self, server: Server) -> None:
        head = headers("signin/hotel_staff?verdict=granted")
        assert FakeAsterisk(*GOOD, head=head).call(server.address).verdict == "granted"

    def test_what_the_module_logs_is_what_is_kept(self, server: Server, log: Log, modules_file: Path) -> None:
        write_modules(modules_file, module(log=("password", "extra1")))
        FakeAsterisk(*GOOD).call(server.address)
        (row,) = rows(log)
        assert (row.login, row.password, row.extra1) == (None, PIN, "204")
        write_modules(modules_file, module(log=()))
        FakeAsterisk(*GOOD).call(server.address)
        row = rows(log, 2)[0]
        assert (row.login, row.password, row.extra1, row.user) == (None, None, None, "floor1")

    def test_a_changed_file_counts_from_the_next_call_on(self, server: Server, modules_file: Path) -> None:
        assert FakeAsterisk(*GOOD).call(server.address).verdict == "granted"
        write_modules(modules_file, module(users=()))
        assert FakeAsterisk(*GOOD, *GOOD).call(server.address).verdict != "granted"
        modules_file.write_text("{")
        assert FakeAsterisk(*GOOD, *GOOD).call(server.address).verdict != "granted"

    def test_hostile_facts_are_cleaned_and_cut(self, server: Server, log: Log) -> None:
        head = headers(callerid="\x1b[31m'; DROP--" + "9" * 200, dnid="unknown", extension="600", uniqueid="a\x00b\x7f")
        FakeAsterisk(*GOOD, head=head).call(server.address)
        (row,) = rows(log)
        assert row.caller is not None
        assert row.caller.startswith("[31m'; DROP--999")
        assert len(row.caller) == 80
        assert (row.called, row.call_id) == ("600", "ab")

    def test_a_deadline_that_passes_between_two_prompts(self, log: Log, modules_file: Path, runtime: Runtime) -> None:
        now = [0.0]

        class Slow(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                now[0] += 40 if command.startswith("GET") else 0
                return super()._answer(command)

        def clock() -> float:
            return time.monotonic() + now[0]

        # The wire's own deadline is real time: give it room, so that the conversation's is the one that is met.
        checker = Checker(ModuleStore(modules_file), log, runtime, clock=clock)
        with Server(checker, ("127.0.0.1", 0)) as server:
            call = Slow(*GOOD).call(server.address)
        assert call.verdict == "denied"
        assert call.asked == ["routec/enter_login", "routec/enter_password"]
        assert rows(log)[0].reason == "deadline"


class TestFailClosed:
    """Whatever of ours fails: no grant, the verdict `error` while the line stands, and a log line."""

    def call(self, checker: Checker, *keys: Keys) -> FakeAsterisk:
        with Server(checker, ("127.0.0.1", 0)) as server:
            return FakeAsterisk(*(keys or GOOD)).call(server.address)

    def test_no_row_no_grant(self, modules_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "state").write_text("a file where the folder should be")
        runtime = Runtime.of({"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER})
        call = self.call(Checker(ModuleStore(modules_file), Log(runtime.database), runtime))
        assert call.variables == dict.fromkeys(call.variables, "") | {"ROUTEC_VERDICT": "error"}
        assert "1790000000.7" in caplog.text

    @pytest.mark.parametrize("error", [LogError("no"), RuntimeError(PIN), KeyError(PIN), MemoryError()])
    def test_a_log_that_raises_anything(
        self, checker: Checker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        def write(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(Log, "write", write)
        call = self.call(checker)
        assert (call.verdict, call.heard) == ("error", ["something-terribly-wrong"])
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
        assert "is lost" in caplog.text
        assert PIN not in caplog.text

    def test_a_row_that_could_not_be_written_is_written_later(
        self, modules_file: Path, log: Log, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = Log.write
        failures = [LogError("locked"), LogError("locked")]

        def write(self: Log, *args: Any, **kwargs: Any) -> Entry:
            if failures:
                raise failures.pop()
            return written(self, *args, **kwargs)

        monkeypatch.setattr(Log, "write", write)
        monkeypatch.setattr("routec.signin.session.LATE_SECONDS", (1, 4, 10))
        pauses: list[float] = []
        call = self.call(Checker(ModuleStore(modules_file), log, runtime, pause=pauses.append))
        assert call.verdict == "error", "who was refused is not granted afterwards"
        assert pauses == [1, 4], "the caller waited for one try only"
        assert [row.verdict for row in log.read()] == ["error"]

    def test_no_pepper(self, modules_file: Path, log: Log, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        runtime = Runtime.of({"ROUTEC_STATE": str(tmp_path)})
        call = self.call(Checker(ModuleStore(modules_file), log, runtime))
        assert (call.verdict, call.asked) == ("error", [])
        assert str(tmp_path / "pepper") in caplog.text
        assert rows(log)[0].reason == "fault"

    def test_login_only_needs_no_pepper(self, modules_file: Path, log: Log, tmp_path: Path) -> None:
        write_modules(modules_file, module(fields=[field("login", 4, 4)], log=()))
        call = self.call(Checker(ModuleStore(modules_file), log, Runtime.of({"ROUTEC_STATE": str(tmp_path)})))
        assert call.verdict == "granted"

    def test_no_modules(self, log: Log, runtime: Runtime, tmp_path: Path) -> None:
        assert self.call(Checker(ModuleStore(tmp_path / "none.json"), log, runtime)).verdict == "error"
        assert rows(log)[0].module == "hotel_staff"

    def test_a_bug_of_ours(
        self, checker: Checker, log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def verify(_self: object, _login: str, password: Secret) -> str:
            raise RuntimeError(password.reveal())

        monkeypatch.setattr("routec.signin.credentials.Verifier.verify", verify)
        assert self.call(checker).verdict == "error"
        (row,) = rows(log)
        assert (row.reason, row.login) == ("fault", "1001")
        assert PIN not in caplog.text
        assert "RuntimeError at test_server.py" in caplog.text


class TestDoctor:
    """`routec doctor` asks through Asterisk whether the checker is there."""

    @pytest.mark.parametrize("path", ["doctor", "/doctor"])
    def test_is_answered_and_is_no_sign_in(self, server: Server, log: Log, path: str) -> None:
        call = FakeAsterisk(head=headers(path)).call(server.address)
        assert call.commands == ['SET VARIABLE ROUTEC_DOCTOR "ok"']
        assert FakeAsterisk(*GOOD).call(server.address).verdict == "granted"
        assert len(rows(log)) == 1

    @pytest.mark.parametrize("path", ["doctor/", "doctor?x", "signin/doctor", "doctors", "//doctor"])
    def test_another_path_is_no_doctor(self, server: Server, log: Log, path: str) -> None:
        call = FakeAsterisk(head=headers(path)).call(server.address)
        assert "ROUTEC_DOCTOR" not in call.variables
        assert call.verdict == "error"
        rows(log)

    def test_asterisk_that_does_not_answer_is_given_up(
        self, server: Server, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routec.signin.server.HEADER_SECONDS", 0.2)
        with socket.create_connection(server.address, 5) as peer:
            peer.sendall(headers("doctor"))
            with peer.makefile("rb") as answers:
                assert answers.readline() == b'SET VARIABLE ROUTEC_DOCTOR "ok"\n'
                assert answers.read() == b"", "closed, although nothing was answered"
        assert list(log.read()) == []


class TestPeers:
    """Whoever is slow, silent, binary or endless harms nobody else."""

    @pytest.fixture
    def hasty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("routec.signin.server.HEADER_SECONDS", 0.3)

    @pytest.mark.parametrize(
        "said",
        [
            b"",
            b"agi_network: yes\n",
            b"agi_network",
            b"\n",
            b"x" * 100_000,
            b"agi_x: 1\n" * 10_000,
            bytes(range(256)) * 40,
            b"GET / HTTP/1.0\r\n\r\n",
        ],
        ids=lambda said: repr(said[:20]),
    )
    @pytest.mark.usefixtures("hasty")
    def test_is_closed_in_time_and_leaves_no_row(self, server: Server, log: Log, said: bytes) -> None:
        with socket.create_connection(server.address, timeout=5) as link:
            with contextlib.suppress(ConnectionError):
                link.sendall(said)
            with contextlib.suppress(ConnectionResetError):
                assert link.recv(1) == b""
            assert FakeAsterisk(*GOOD).call(server.address).verdict == "granted"
        assert len(rows(log)) == 1

    @pytest.mark.usefixtures("hasty")
    def test_dripping_headers_meet_the_deadline(self, server: Server) -> None:
        with socket.create_connection(server.address, timeout=5) as link:
            link.settimeout(0.02)
            for _ in range(200):
                try:
                    link.sendall(b"agi_x: 1\n")
                    assert link.recv(1) == b""
                    break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            else:
                pytest.fail("never closed")

    def test_one_who_falls_silent_after_the_prompt_holds_up_nobody(self, server: Server, log: Log) -> None:
        with socket.create_connection(server.address, timeout=5) as link:
            link.sendall(headers())
            assert link.recv(100).startswith(b"GET DATA")
            assert FakeAsterisk(*GOOD).call(server.address).verdict == "granted"
        assert {row.reason for row in rows(log, 2)} == {"ok", "hangup"}

    def test_a_peer_who_never_answers_is_given_up(
        self, server: Server, log: Log, modules_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routec.signin.session.GRACE_SECONDS", 0)
        write_modules(modules_file, module(seconds=1))
        with socket.create_connection(server.address, timeout=5) as link:
            link.sendall(headers())
            while link.recv(1000):
                pass
        assert rows(log)[0].reason == "no-answer"


class TestBounds:
    def test_a_hundred_and_fifty_at_once_each_its_own(self, server: Server, log: Log, modules_file: Path) -> None:
        """All are in conversation at the same moment; one in three hangs up and must not be granted."""
        number = 150
        write_modules(modules_file, module(lockout=Lockout(1000, 60)))
        together = threading.Barrier(number)

        class Together(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                if "enter_password" in command:
                    together.wait(20)
                return super()._answer(command)

        def call(n: int) -> tuple[int, FakeAsterisk]:
            room = f"{n:03}"
            pin = OTHER_PIN if n % 3 else PIN
            keys: list[Keys] = ["1002", pin, room] if n % 3 else ["1002", pin, Cut]
            return n, Together(*keys, head=headers(uniqueid=f"call-{n}")).call(server.address)

        with ThreadPoolExecutor(number) as pool:
            for n, made in pool.map(call, range(number)):
                assert made.verdict == ("granted" if n % 3 else None)
                assert made.variables.get("ROUTEC_EXTRA1") == (f"{n:03}" if n % 3 else None)
        found = rows(log, number)
        assert {row.call_id for row in found} == {f"call-{n}" for n in range(number)}
        for row in found:
            assert row.call_id
            n = int(row.call_id.removeprefix("call-"))
            assert (row.verdict, row.extra1) == (("granted", f"{n:03}") if n % 3 else ("denied", None))

    def test_above_the_bound_a_call_is_turned_away_and_said_once(
        self, checker: Checker, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Server(checker, ("127.0.0.1", 0), most=2) as server, contextlib.ExitStack() as held:
            for _ in range(2):
                link = held.enter_context(socket.create_connection(server.address, timeout=5))
                link.sendall(headers())
                assert link.recv(100)
            for _ in range(3):
                with socket.create_connection(server.address, timeout=5) as refused:
                    assert refused.recv(1) == b""
            assert len([record for record in caplog.records if "turned away" in record.message]) == 1
            held.close()
            until = time.monotonic() + 5
            while FakeAsterisk(*GOOD).call(server.address).verdict != "granted":
                assert time.monotonic() < until, "the slots are not given back"

    def test_a_call_that_has_a_row_to_write_yet_holds_no_place(
        self, modules_file: Path, log: Log, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        again, waiting = threading.Event(), threading.Semaphore(0)
        written = Log.write
        failures = [LogError("locked")] * 2

        def write(self: Log, *args: Any, **kwargs: Any) -> Entry:
            if failures:
                raise failures.pop()
            return written(self, *args, **kwargs)

        def pause(_seconds: float) -> None:
            waiting.release()
            assert again.wait(30)

        monkeypatch.setattr(Log, "write", write)
        monkeypatch.setattr("routec.signin.session.LATE_SECONDS", (1,))
        monkeypatch.setattr("routec.signin.server.MOST_LATE", 1)
        server = Server(Checker(ModuleStore(modules_file), log, runtime, pause=pause), ("127.0.0.1", 0), most=1)
        server.start()
        assert FakeAsterisk(*GOOD).call(server.address).verdict == "error"
        assert waiting.acquire(timeout=10)
        (late,) = server._late
        assert late.fileno() == -1, "nor a file"
        assert FakeAsterisk(*GOOD).call(server.address).verdict == "error"
        assert waiting.acquire(timeout=10)
        with socket.create_connection(server.address, timeout=5) as refused:
            assert refused.recv(1) == b"", "they are bounded"
        stopping = threading.Thread(target=server.stop, args=(20,))
        stopping.start()
        stopping.join(0.2)
        assert stopping.is_alive(), "their rows are waited for"
        again.set()
        stopping.join(10)
        assert not stopping.is_alive()
        assert [row.verdict for row in log.read()] == ["error"] * 2
        assert not server._late

    def test_no_thread_to_be_had(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        def start(_self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as broken:
            broken.setattr(threading.Thread, "start", start)
            with socket.create_connection(server.address, timeout=5) as link:
                assert link.recv(1) == b""
        assert FakeAsterisk(*GOOD).call(server.address).verdict == "granted"


class TestStartAndStop:
    def test_lets_conversations_end(self, checker: Checker) -> None:
        server = Server(checker, ("127.0.0.1", 0))
        server.start()
        address = server.address
        stopping = threading.Thread(target=server.stop, args=(20,))

        class Late(FakeAsterisk):
            def _answer(self, command: str) -> bytes | None:
                if "extra1" in command and "GET" in command:
                    stopping.start()
                    while _accepts(address):
                        pass
                return super()._answer(command)

        assert Late(*GOOD).call(address).verdict == "granted"
        stopping.join(5)
        assert not stopping.is_alive()

    def test_cuts_those_that_take_longer_and_keeps_their_rows(self, checker: Checker, log: Log) -> None:
        server = Server(checker, ("127.0.0.1", 0))
        server.start()
        with socket.create_connection(server.address, timeout=5) as link:
            link.sendall(headers())
            assert link.recv(100)
            server.stop(0.05)
            assert link.recv(1) == b""
        assert rows(log)[0].reason == "hangup"

    def test_a_port_that_is_taken(self, server: Server, checker: Checker) -> None:
        with pytest.raises(ServerError, match="cannot listen"):
            Server(checker, server.address).start()

    def test_a_port_is_free_again_at_once(self, checker: Checker) -> None:
        with Server(checker, ("127.0.0.1", 0)) as first:
            address = first.address
            FakeAsterisk(*GOOD).call(address)
        with Server(checker, address) as second:
            assert FakeAsterisk(*GOOD).call(second.address).verdict == "granted"

    def test_before_it_is_started(self, checker: Checker) -> None:
        server = Server(checker, ("127.0.0.1", 0))
        server.stop()
        with pytest.raises(ServerError):
            _ = server.address


def _accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("signin/hotel_staff", "hotel_staff"),
        ("/signin/hotel-2", "hotel-2"),
        ("signin/a?b=c", "a"),
        ("signin/", "/signin/"),
        ("signin", "/signin"),
        ("", "/"),
        ("signin/A", "/signin/A"),
        ("signin/a/b", "/signin/a/b"),
        ("signin/../a", "/signin/../a"),
        ("other/a", "/other/a"),
        ("signin/a\n", "/signin/a\n"),
        ("signin/%61", "/signin/%61"),
    ],
)
def test_module_of(script: str, name: str) -> None:
    assert module_of(script) == name


@pytest.mark.parametrize(
    ("env", "call"),
    [
        ({}, Call(None, None, None)),
        ({"callerid": "unknown", "dnid": "unknown", "extension": "s"}, Call(None, None, None)),
        ({"callerid": "101", "dnid": "", "extension": "600"}, Call(None, "101", "600", "600")),
        ({"callerid": "101", "dnid": "s", "extension": "600"}, Call(None, "101", "600", "600")),
        ({"uniqueid": "1.2", "dnid": "322", "extension": "600"}, Call("1.2", None, "322", "600")),
    ],
)
def test_facts_of_a_call(env: dict[str, str], call: Call) -> None:
    assert Call.of({f"agi_{key}": value for key, value in env.items()}) == call


@pytest.mark.parametrize("word", ["anonymous", "Anonymous", "unavailable", "restricted", "unknown", ""])
def test_who_shows_no_number_is_nobody_in_particular(word: str) -> None:
    assert Call.of({"agi_callerid": word}).party is None
    assert Call.of({"agi_callerid": "204"}).party == "204"


def test_clean() -> None:
    assert clean("  a\x00\n\x1b[2Jb\u202e ") == "a[2Jb"
    assert clean("\n\t ") is None


def test_described_tells_the_place_and_not_the_message() -> None:
    with pytest.raises(ValueError, match=PIN) as caught:
        raise ValueError(PIN)
    assert re.fullmatch(r"ValueError at test_server\.py:\d+", described(caught.value))

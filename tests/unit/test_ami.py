"""The AMI adapter against a manager that lies, stops in mid-line or never stops: an error, in time, always."""

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routec.apply.ami import wire as ami_wire
from routec.apply.ami.manager import (
    Ami,
    AmiError,
    NotPermittedError,
    RefusedLoginError,
    ReloadRefusedError,
    SilentError,
    UnreachableError,
)
from routec.apply.priority import Priority
from tests.unit.fake_ami import GREETING, SECRET, USER, FakeManager, Peer

QUICK = 0.3


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert set(threading.enumerate()) - before == set()


def connect(manager: FakeManager, timeout: float = 5, secret: str = SECRET, user: str = USER) -> Ami:
    return Ami("127.0.0.1", manager.port, user, secret, timeout=timeout)


def fails(kind: type[AmiError], work: Callable[[], object], within: float = 2) -> AmiError:
    started = time.monotonic()
    with pytest.raises(AmiError) as caught:
        work()
    assert time.monotonic() - started < within
    assert type(caught.value) is kind, caught.value
    assert SECRET not in repr(caught.value) + caught.value.help
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


# ---- connecting


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = fails(UnreachableError, lambda: Ami("127.0.0.1", port, USER, SECRET, timeout=2))
    assert "Connection refused" in str(error)
    assert "manager.conf" in error.help


def test_a_name_that_nobody_has() -> None:
    fails(UnreachableError, lambda: Ami("no-such-host.invalid", 5038, USER, SECRET, timeout=5), within=6)


def greet(*pieces: bytes, stay: bool = True) -> Callable[[Peer], None]:
    def meet(peer: Peer) -> None:
        for piece in pieces:
            peer.send(piece)
        while stay and peer.read():
            pass

    return meet


@pytest.mark.parametrize(
    ("pieces", "stay", "kind"),
    [
        ((), True, SilentError),
        ((b"Aster",), True, SilentError),
        ((), False, UnreachableError),
        ((b"Aster",), False, UnreachableError),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), True, UnreachableError),
        ((b"SSH-2.0-OpenSSH\r\n",), True, UnreachableError),
        ((b"\0" * 200_000,), True, UnreachableError),
        ((GREETING,), True, SilentError),
        ((GREETING,), False, UnreachableError),
        ((GREETING, b"x" * 200_000), True, UnreachableError),
        ((GREETING, b"Response: Success\r\nActionID: 1\r\nChallenge: 1\r\n\r\n" * 9), True, SilentError),
        ((GREETING, b"\r\n\r\n" * 100), True, SilentError),
    ],
)
def test_a_peer_that_is_none(pieces: tuple[bytes, ...], stay: bool, kind: type[AmiError]) -> None:
    with FakeManager(meet=greet(*pieces, stay=stay)) as manager:
        fails(kind, lambda: connect(manager, QUICK))


def test_the_secret_is_not_sent_and_not_shown() -> None:
    with FakeManager() as manager, connect(manager) as ami:
        assert SECRET not in repr(ami) + repr(vars(ami)) + repr(vars(ami._link))
        assert SECRET not in repr(manager.heard)
        assert [one["Action"] for one in manager.heard] == ["Challenge", "Login"]
        assert manager.heard[1]["Events"] == "off"


def test_a_wrong_secret_and_a_user_that_nobody_has() -> None:
    with FakeManager() as manager:
        error = fails(RefusedLoginError, lambda: connect(manager, secret="wrong"))
        assert "Authentication failed" in str(error)
        assert f"[{USER}]" in error.help
        error = fails(RefusedLoginError, lambda: connect(manager, user="\x1b[2Jé"))
        assert "\x1b" not in str(error) + error.help


def test_a_user_name_with_a_line_end_is_not_sent() -> None:
    with FakeManager() as manager:
        with pytest.raises(AmiError, match="line end"):
            connect(manager, user="x\r\nAction: Command")
        assert "Login" not in [one["Action"] for one in manager.heard]


# ---- answers


def test_an_answer_belongs_to_its_question() -> None:
    def lie(peer: Peer, asked: dict[str, str]) -> None:
        peer.reply(asked, "AsteriskVersion: 1.2", id="other")
        peer.event({"ActionID": asked["ActionID"], "Response": "Success", "AsteriskVersion": "1.3"})
        peer.event({"ChanVariable": "a=b", "Event": "Newexten"})
        peer.send(b"garbage without a colon\r\n\xff\xfe\r\n\r\n")
        peer.reply(asked, "AsteriskVersion: 22.1")

    with FakeManager({"CoreSettings": lie}) as manager, connect(manager) as ami:
        assert ami.version() == "22.1"


def test_only_answers_to_others_are_silence() -> None:
    def lie(peer: Peer, asked: dict[str, str]) -> None:
        for number in range(50):
            peer.reply(asked, "AsteriskVersion: 1", id=f"{asked['ActionID']}{number}")

    with FakeManager({"CoreSettings": lie}) as manager, connect(manager, QUICK) as ami:
        fails(SilentError, ami.version)
        error = fails(UnreachableError, ami.version)
        assert "closed" in str(error)


@pytest.mark.parametrize("ours", [False, True])
def test_events_without_an_end(ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow: what is not ours is dropped, what is ours has an end."""
    monkeypatch.setattr(ami_wire, "MOST_LIST_BYTES", 3_000_000)
    monkeypatch.setattr(ami_wire, "LIST_SECONDS", 1.5)

    def flood(peer: Peer, asked: dict[str, str]) -> None:
        peer.reply(asked, "EventList: start")
        fields = {"Context": "c", "Extension": "1", "Priority": "1", "Application": "x" * 900}
        block = "\r\n".join(
            f"{key}: {value}" for key, value in {"ActionID": asked["ActionID"] if ours else "x", **fields}.items()
        )
        while True:
            peer.send(f"Event: ListDialplan\r\n{block}\r\n\r\n".encode() * 50)

    with FakeManager({"ShowDialPlan": flood}) as manager, connect(manager) as ami:
        fails(SilentError, ami.holds, within=4)


def test_a_list_that_comes_slowly_has_its_time_and_one_that_stops_has_not() -> None:
    stop = threading.Event()

    def drip(peer: Peer, asked: dict[str, str]) -> None:
        peer.reply(asked, "EventList: start")
        for number in range(1, 9):
            stop.wait(0.1)
            peer.event({"ActionID": asked["ActionID"], "Context": "c", "Extension": "1", "Priority": f"{number}"})
        if "Context" not in asked:
            peer.event({"ActionID": asked["ActionID"], "EventList": "Complete"})

    with FakeManager({"ShowDialPlan": drip}) as manager, connect(manager, 0.5) as ami:
        assert len(ami.holds()["c"]["1"]) == 8
        fails(SilentError, lambda: ami.holds("c"))


@pytest.mark.parametrize("cut", [20, 60, 200, 300])
def test_half_a_list_is_none(cut: int) -> None:
    def half(peer: Peer, asked: dict[str, str]) -> None:
        event = f"Event: ListDialplan\r\nActionID: {asked['ActionID']}\r\nContext: c\r\nPriority: 1\r\n\r\n"
        head = f"Response: Success\r\nActionID: {asked['ActionID']}\r\nEventList: start\r\n\r\n"
        peer.send((head + event * 4).encode()[:cut])
        peer.socket.shutdown(socket.SHUT_RDWR)

    with FakeManager({"ShowDialPlan": half}) as manager, connect(manager) as ami:
        fails(UnreachableError, ami.holds)


PIECES = [
    b"\r\n\r\n", b"Response: Success\r\n", b"Event: ListDialplan\r\n", b"ActionID: {id}\r\n", b"Context: c\r\n",
    b"EventList: Complete\r\n", b"Priority: 99999999999999\r\n", b"Priority: hint\r\n", b"IncludeContext: d\r\n",
    b": \r\n", b"Timestamp: x\r\n",
]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(PIECES)), max_size=30))
def test_any_bytes(pieces: list[bytes]) -> None:
    """Whatever it says: an answer or an `AmiError`."""

    def say(peer: Peer, asked: dict[str, str]) -> None:
        peer.send(b"".join(pieces).replace(b"{id}", asked["ActionID"].encode()))
        peer.socket.shutdown(socket.SHUT_RDWR)

    actions = (
        "ShowDialPlan",
        "CoreShowChannels",
        "GetVar",
        "CoreSettings",
        "CoreStatus",
        "Ping",
        "Originate",
        "Reload",
    )
    works: list[Callable[[Ami], object]] = [
        Ami.holds, Ami.channels, Ami.version, Ami.settings, Ami.clock,
        lambda ami: ami.frames("x"), lambda ami: ami.originate_check("a", "b", 0.1),
        lambda ami: ami.reload(time.monotonic() + 1),
    ]  # fmt: skip
    with FakeManager(dict.fromkeys(actions, say)) as manager:
        for work in works:
            with connect(manager) as ami, contextlib.suppress(AmiError):
                work(ami)


def test_two_threads_have_their_own_answers() -> None:
    def show(peer: Peer, asked: dict[str, str]) -> None:
        fields = {"Event": "ListDialplan", "Context": asked["Context"], "Extension": "1", "Priority": "1"}
        peer.events(asked, {**fields, "Application": asked["Context"]})

    wrong: list[object] = []

    def ask(ami: Ami, name: str) -> None:
        for _ in range(50):
            held = ami.holds(name)
            if held != {name: {"1": {1: Priority("", name, "")}}}:
                wrong.append(held)

    with FakeManager({"ShowDialPlan": show}) as manager, connect(manager) as ami:
        threads = [threading.Thread(target=ask, args=(ami, name)) for name in ("a", "b", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_closing_ends_what_another_thread_waits_for() -> None:
    asked_for = threading.Event()
    caught: list[AmiError] = []
    with FakeManager({"CoreSettings": lambda _peer, _asked: asked_for.set()}) as manager:
        ami = connect(manager)

        def ask() -> None:
            try:
                ami.version()
            except AmiError as error:
                caught.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert asked_for.wait(5)
        ami.close()
        thread.join(2)
        assert not thread.is_alive()
        ami.close()
    assert [type(error) for error in caught] == [UnreachableError]


def test_a_lost_connection_is_told() -> None:
    with FakeManager() as manager, connect(manager) as ami:
        manager.drop()
        fails(UnreachableError, ami.version)


def test_a_value_with_a_line_end_is_not_sent_and_harms_nothing() -> None:
    with FakeManager({"CoreSettings": lambda peer, asked: peer.reply(asked, "AsteriskVersion: 1")}) as manager:
        with connect(manager) as ami:
            for name in ("a\r\nAction: Command\r\nCommand: core stop now", "a\nb", "a\0", "x" * 70_000):
                with pytest.raises(AmiError):
                    ami.holds(name)
                with pytest.raises(AmiError):
                    ami.returns_to(name)
            assert ami.version() == "1"
        assert {one["Action"] for one in manager.heard} <= {"Challenge", "Login", "CoreSettings", "Logoff"}


# ---- what is asked


def test_what_is_held() -> None:
    def show(peer: Peer, asked: dict[str, str]) -> None:
        if asked.get("Context") == "none":
            peer.refuse(asked, "Did not find context none")
            return
        common = {"Event": "ListDialplan", "Context": "c"}
        peer.events(
            asked,
            {**common, "Extension": "1", "ExtensionLabel": "l", "Priority": "1", "Application": "A", "AppData": "  x "},
            {**common, "Extension": "1", "Priority": "2", "Application": "B", "AppData": ""},
            {**common, "Extension": "_X", "Priority": "hint", "Application": "PJSIP/1"},
            {**common, "IncludeContext": "d"},
            {**common, "IncludeContext": "e,9:00-17:00,mon,*,*"},
            {"Event": "ListDialplan", "Context": "d", "Extension": "1", "Priority": "1", "Application": "D"},
        )

    with FakeManager({"ShowDialPlan": show}) as manager, connect(manager) as ami:
        first = {1: Priority("l", "A", "  x "), 2: Priority("", "B", "")}
        assert ami.holds() == {
            "c": {
                "1": first,
                "_X": {-1: Priority("", "PJSIP/1", "")},
                "include => d": {1: Priority("", "include", "d")},
                "include => e,9:00-17:00,mon,*,*": {1: Priority("", "include", "e,9:00-17:00,mon,*,*")},
            },
            "d": {"1": {1: Priority("", "D", "")}},
        }
        assert ami.holds("c", "1") == {"c": {"1": first}}
        assert ami.holds("none") == {}


def test_a_reload_waits_for_its_turn() -> None:
    left = ["A reload is in progress"] * 3

    def reload(peer: Peer, asked: dict[str, str]) -> None:
        assert asked["Module"] == "pbx_config.so"
        if left:
            peer.refuse(asked, left.pop())
        else:
            peer.reply(asked, "Message: Module Reloaded")

    with FakeManager({"Reload": reload}) as manager, connect(manager) as ami:
        ami.reload(time.monotonic() + 5)
        assert left == []
        left += ["A reload is in progress"] * 1000
        error = fails(ReloadRefusedError, lambda: ami.reload(time.monotonic() + QUICK))
        assert "in progress" in str(error)
        left[:] = ["An unknown error occurred"]
        fails(ReloadRefusedError, lambda: ami.reload(time.monotonic() + 5))
        ami.reload(time.monotonic() + 5)


def test_a_reload_while_asterisk_starts_is_asked_for_again() -> None:
    asked_for: list[dict[str, str]] = []

    def status(peer: Peer, asked: dict[str, str]) -> None:
        second = len(asked_for) // 3
        peer.reply(
            asked, "CoreStartupDate: 2026-11-23", "CoreStartupTime: 04:18:40",
            "CoreReloadDate: 2026-11-23", f"CoreReloadTime: 04:18:4{second}",
        )  # fmt: skip

    def reload(peer: Peer, asked: dict[str, str]) -> None:
        asked_for.append(asked)
        peer.reply(asked, "Message: Module Reloaded")

    with FakeManager({"Reload": reload, "CoreStatus": status}) as manager, connect(manager) as ami:
        ami.reload(time.monotonic() + 5)
        assert len(asked_for) == 3


def test_what_is_not_permitted_is_told_and_the_connection_stays() -> None:
    def refuse(peer: Peer, asked: dict[str, str]) -> None:
        peer.refuse(asked, "Permission denied")

    with FakeManager({"Reload": refuse}) as manager, connect(manager) as ami:
        for _ in range(2):
            error = fails(NotPermittedError, lambda: ami.reload(time.monotonic() + 5))
            assert "may not do Reload" in str(error)
            assert "write = config,reporting" in error.help


def test_the_levels_of_gosub() -> None:
    frames = {"1": "a", "2": "b"}

    def get(peer: Peer, asked: dict[str, str]) -> None:
        if asked["Channel"] != "SIP/1":
            peer.refuse(asked, "No such channel")
        else:
            level = asked["Variable"].removeprefix("STACK_PEEK(").removesuffix(",c,1)")
            peer.reply(asked, f"Variable: {asked['Variable']}", f"Value: {frames.get(level, '')}")

    with FakeManager({"GetVar": get}) as manager, connect(manager) as ami:
        assert (ami.returns_to("SIP/1"), ami.frames("SIP/1")) == ("a", ("a", "b"))
        assert (ami.returns_to("SIP/2"), ami.frames("SIP/2")) == (None, ())
        frames.clear()
        assert ami.returns_to("SIP/1") is None


def test_a_call_that_is_not_answered_is_no_fault() -> None:
    with FakeManager({"Originate": lambda peer, asked: peer.refuse(asked, "Originate failed")}) as manager:
        with connect(manager) as ami:
            assert not ami.originate_check("routec-doctor", "agi", 1)
        asked = manager.heard[2]
        assert (asked["Channel"], asked["Timeout"]) == ("Local/agi@routec-doctor/n", "1000")


def test_an_extension_that_is_there_once_more_for_some_callers() -> None:
    def show(peer: Peer, asked: dict[str, str]) -> None:
        listed = [("600", 1, "for 4711"), ("600", 1, "for 4712"), ("600", 3, "for 4712"), ("600", 2, "for all"),
                  ("600", 3, "for all"), ("601", 1, "x")]  # fmt: skip
        peer.events(
            asked,
            *(
                {"Event": "ListDialplan", "Context": "c", "Extension": exten, "Priority": str(number),
                 "Application": "NoOp", "AppData": data}
                for exten, number, data in listed
                if asked.get("Extension", exten) == exten
            ),
        )  # fmt: skip

    with FakeManager({"ShowDialPlan": show}) as manager, connect(manager) as ami:
        held = ami.holds("c", "600")["c"]
        told = {exten: [(number, line.data) for number, line in lines.items()] for exten, lines in held.items()}
        assert told == {
            "600": [(2, "for all"), (3, "for all")],
            "600/?": [(1, "for 4711")],
            "600/??": [(1, "for 4712"), (3, "for 4712")],
        }
        assert ami.holds()["c"].keys() == {*told, "601"}

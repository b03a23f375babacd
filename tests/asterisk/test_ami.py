"""The AMI adapter on a real Asterisk: what it reads back, what it may not, and whom it sees in a call."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from routec.apply.ami.manager import Ami, NotPermittedError, RefusedLoginError, ReloadRefusedError, UnreachableError
from routec.apply.held import Held, Priority, as_text, differences, of_text, ours
from routec.apply.priority import included
from tests.asterisk.conftest import both_versions
from tests.asterisk.machine import until
from tests.asterisk.pbx import Pbx

USERS = """
[least]
secret = s1
write = config,reporting
[doctor]
secret = s1
write = config,reporting,originate
[config]
secret = s1
write = config
[reporting]
secret = s1
write = reporting
[nothing]
secret = s1
[elsewhere]
secret = s1
deny = 0.0.0.0/0.0.0.0
"""

NASTY: Held = {
    "routec-nasty-1": {
        "_[+*0-9]!": {
            1: Priority("start", "NoOp", 'a;b"q"\'é中,\\;--x\\\\;\\ #include x'),
            2: Priority("", "Set", "x=$[${LEN(${FILTER(\\x20-\\x7e\\x80-\\xff,y)})} > 1 ? 2 :: 1]"),
            5: Priority("a.b-2", "NoOp", "  (((  ) "),
            6: Priority("", "NoOp", "x" * 8000 + ";"),
            7: Priority("", "NoOp", ";;\\;;-- [routec-x] \t)"),
            8: Priority("", "NoOp", ""),
        },
        "*": {1: Priority("", "Goto", "routec-nasty-1,${EXTEN},1")},
        "T": {1: Priority("", "NoOp", "t")},
    },
    "routec-empty": {},
}

FRAMES = """
[routec-a]
exten => _[+*0-9]!,1,Answer()
 same => n,Gosub(routec-signin.b,${EXTEN},1)
 same => n,Hangup()
[routec-signin.b]
exten => _[+*0-9]!,1,Gosub(routec-signin.c,${EXTEN},1)
 same => n,Return()
[routec-signin.c]
exten => _[+*0-9]!,1,Wait(60)
"""


@pytest.fixture(scope="module")
def pbx(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    with Pbx(asterisk_root, tmp_path_factory.mktemp("ami") / "pbx") as running:
        manager = running.layout.etc / "manager.conf"
        manager.write_text(manager.read_text() + USERS)
        running.cli("manager reload")
        yield running


def connect(pbx: Pbx, user: str = "least", secret: str = "s1") -> Ami:
    return Ami("127.0.0.1", pbx.ami_port, user, secret)


def test_what_was_written_is_read_back(pbx: Pbx) -> None:
    text = as_text(NASTY)
    assert of_text(text) == NASTY
    pbx.reload(text)
    with connect(pbx) as ami:
        held = ami.holds()
        assert differences(NASTY, ours(held)) == []
        assert {"harness-caller", "phones"} <= held.keys()
        assert {name: ami.holds(name)[name] for name in NASTY} == NASTY
        assert ami.holds("routec-nasty-1", "*") == {"routec-nasty-1": {"*": NASTY["routec-nasty-1"]["*"]}}
        assert ami.holds("routec-nasty-1", "600") == {}, "the pattern matches, and is another extension"
        assert ami.holds("routec-nothing") == ami.holds("routec-nothing", "1") == {}
        includes = {name: included(each) for name, each in ami.holds().items() if included(each)}
        assert includes == {"from-trunk": ("routec-dids",), "from-phones": ("routec-extensions", "phones")}
        assert ami.version().startswith(("16.", "22."))
        assert "CoreReloadDate" in ami.settings()
        assert abs(ami.clock() - time.time()) < 1


@both_versions
def test_what_is_beside_extensions_is_held_too(asterisk_root: Path, tmp_path: Path) -> None:
    with Pbx(asterisk_root, tmp_path / "pbx") as pbx:
        manager = pbx.layout.etc / "manager.conf"
        manager.write_text(manager.read_text() + USERS)
        pbx.cli("manager reload")
        pbx.reload(
            "[routec-x]\nexten => 600,1,NoOp(all)\nexten => 600/4711,1,NoOp(some)\nexten => 600/4711,2,NoOp(some)\n"
            "include => phones\nswitch => Loopback/x@phones\nignorepat => 9\n[routec-y]\ninclude => routec-x\n"
        )
        with connect(pbx) as ami:
            some = {1: Priority("", "NoOp", "some"), 2: Priority("", "NoOp", "some")}
            assert ami.holds("routec-x")["routec-x"] == ami.holds()["routec-x"] == {
                "600": {1: Priority("", "NoOp", "all")},
                "600/?": some,
                "include => phones": {1: Priority("", "include", "phones")},
                "switch => Loopback/x@phones": {1: Priority("", "switch", "Loopback/x@phones")},
                "ignorepat => 9": {1: Priority("", "ignorepat", "9")},
            }  # fmt: skip
            assert ami.holds("routec-x", "600")["routec-x"].keys() == {"600", "600/?"}
            assert ami.holds("routec-y", "600") == {}
            assert ami.holds()["routec-y"].keys() == {"include => routec-x"}


def test_a_large_dialplan_is_read_back_in_no_time(pbx: Pbx) -> None:
    """Asterisk itself takes 1.4 s for ten times as much."""
    large: Held = {
        f"routec-r{number}-abcdef": {
            "_[+*0-9]!": {step: Priority("", "Playback", f"routec/p{step}") for step in range(1, 9)}
        }
        for number in range(1000)
    }
    (pbx.layout.etc / "routec.conf").write_text(as_text(large))
    with connect(pbx) as ami:
        ami.reload(time.monotonic() + 10)
        started = time.monotonic()
        held = ami.holds()
        assert time.monotonic() - started < 3
        assert differences(large, ours(held)) == []


def test_reloads_take_turns(pbx: Pbx) -> None:
    faults: list[Exception] = []

    def reload() -> None:
        try:
            with connect(pbx) as ami:
                for _ in range(5):
                    ami.reload(time.monotonic() + 30)
        except Exception as error:  # noqa: BLE001
            faults.append(error)

    threads = [threading.Thread(target=reload) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_fault_in_the_top_file_is_a_refusal(pbx: Pbx) -> None:
    top = pbx.layout.etc / "extensions.conf"
    before = top.read_text()
    try:
        top.write_text("[general\nx")
        with connect(pbx) as ami:
            with pytest.raises(ReloadRefusedError):
                ami.reload(time.monotonic() + 10)
            assert ami.holds("phones"), "the old one stays"
    finally:
        top.write_text(before)
        with connect(pbx) as ami:
            ami.reload(time.monotonic() + 10)


def test_the_least_privileges(pbx: Pbx) -> None:
    pbx.reload(FRAMES)
    with connect(pbx, "least") as ami:
        ami.reload(time.monotonic() + 10)
        assert ami.holds("phones")
        assert (ami.channels(), ami.returns_to("Local/1@x")) == ([], None)
        with pytest.raises(NotPermittedError, match="may not do Originate"):
            ami.originate_check("routec-a", "1", 1)
    with connect(pbx, "doctor") as ami:
        assert ami.originate_check("routec-a", "1", 2)
        assert not ami.originate_check("routec-a", "none", 2)
    with connect(pbx, "config") as ami:
        ami.reload(time.monotonic() + 10)
        with pytest.raises(NotPermittedError, match="may not do CoreShowChannels"):
            ami.channels()
    with connect(pbx, "reporting") as ami:
        assert ami.holds("phones")
        with pytest.raises(NotPermittedError, match="may not do Reload") as caught:
            ami.reload(time.monotonic() + 10)
        assert "write = config,reporting" in caught.value.help
    with connect(pbx, "nothing") as ami, pytest.raises(NotPermittedError):
        ami.holds("phones")
    for user, secret in (("elsewhere", "s1"), ("nobody", "s1"), ("least", "s2")):
        with pytest.raises(RefusedLoginError, match=f"refused the AMI user `{user}`"):
            connect(pbx, user, secret)


def test_where_a_call_will_return_to(pbx: Pbx) -> None:
    pbx.reload(FRAMES)
    pbx.ami.act("Originate", [
        ("Channel", "Local/600@routec-a/n"), ("Context", "harness-caller"), ("Exten", "s"), ("Priority", "1"),
        ("Async", "true"),
    ])  # fmt: skip
    with connect(pbx) as ami:
        assert until(lambda: any(one.app == "Wait" for one in ami.channels()), 5)
        inside = next(one for one in ami.channels() if one.app == "Wait")
        assert (inside.context, inside.exten, inside.priority) == ("routec-signin.c", "600", 1)
        assert ami.returns_to(inside.name) == "routec-signin.b"
        assert ami.frames(inside.name) == ("routec-signin.b", "routec-a")
        pbx.reload("[routec-z]\nexten => 1,1,NoOp()\n")
        assert ami.frames(inside.name) == ("routec-signin.b", "routec-a"), "though they are no more"
        caller = next(one for one in ami.channels() if one.context == "harness-caller")
        assert ami.returns_to(caller.name) is None
        pbx.ami.act("Hangup", [("Channel", inside.name)])
        assert until(lambda: not ami.channels(), 5)
        assert ami.returns_to(inside.name) is None


def test_a_reload_while_asterisk_starts_is_done(asterisk_root: Path, tmp_path: Path) -> None:
    """Asterisk makes a note of it then, and says Success."""
    with Pbx(asterisk_root, tmp_path / "pbx") as pbx:
        before = "[routec-a]\nexten => 1,1,NoOp(before)\n"
        pbx.reload(before)
        pbx.kill()
        found: list[Held] = []

        def knock() -> bool:
            try:
                with connect(pbx, "test", pbx.secret) as ami:
                    (pbx.layout.etc / "routec.conf").write_text(before.replace("before", "after"))
                    ami.reload(time.monotonic() + 20)
                    found.append(ami.holds("routec-a"))
            except UnreachableError:
                return False
            return True

        thread = threading.Thread(target=lambda: until(knock, 20))
        thread.start()
        pbx.start_again()
        thread.join()
        assert found == [{"routec-a": {"1": {1: Priority("", "NoOp", "after")}}}]


def test_asterisk_that_ends_is_told(asterisk_root: Path, tmp_path: Path) -> None:
    with Pbx(asterisk_root, tmp_path / "pbx") as pbx, Ami("127.0.0.1", pbx.ami_port, "test", pbx.secret) as ami:
        assert ami.version()
        pbx.stop()
        with pytest.raises(UnreachableError):
            ami.version()

"""What `routec doctor` works out by itself: what hides a number, who can read a file."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from routec.apply.ami.manager import Ami
from routec.apply.doctor import host as doctor_host
from routec.apply.doctor import pbx as doctor_pbx
from routec.apply.doctor.dialplan import _leads, _shadows
from routec.apply.doctor.examine import examine
from routec.apply.doctor.files import _writable, played
from routec.apply.doctor.host import Account, Host, find_host
from routec.apply.doctor.pbx import offset
from routec.apply.doctor.runtime import Machine, _apart
from routec.apply.held import Held, Priority
from routec.contract import Module
from routec.settings import Settings
from tests.unit.fake_ami import SECRET, USER, FakeManager, Peer

ONE = {1: Priority("", "NoOp", "")}


HELD: Held = {
    "in": {"_9.": ONE},
    "before": {"_6X": ONE, "_7X": {-1: Priority("", "PJSIP/1", "")}},
    "behind": {"_.": ONE},
    "deep": {"_5X": ONE},
    "routec-extensions": {"60": ONE, "70": ONE, "51": ONE},
}


def test_what_hides_a_number() -> None:
    includes = {"in": ("before", "middle", "behind"), "middle": ("deep", "routec-extensions"), "deep": ("in",)}
    numbers = HELD["routec-extensions"]
    assert _leads("in", "routec-extensions", includes)
    assert not _leads("behind", "routec-extensions", includes)
    assert _shadows("in", "routec-extensions", numbers, HELD, includes) == {
        ("before", "_6X"): ["60"],
        ("deep", "_5X"): ["51"],
    }
    assert _shadows("middle", "routec-extensions", {"91": ONE}, HELD, includes) == {("in", "_9."): ["91"]}
    assert not _shadows("x", "routec-extensions", numbers, HELD, {"x": ("routec-extensions", "behind")})


def test_what_callers_may_hear() -> None:
    held: Held = {"a": {"_X": {1: Priority("", "Playback", "x&y/z,noanswer"), 2: Priority("", "NoOp", "q")}}}
    assert played(held, {}) == {"x": "a", "y/z": "a"}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_who_can_read_a_file(open_folder: Path) -> None:
    file = open_folder / "folder" / "file"
    file.parent.mkdir(mode=0o755)
    file.write_text("")
    owner = Account("owner", file.stat().st_uid, frozenset({file.stat().st_gid}))
    other = Account("other", 4_000_000, frozenset({4_000_000}))
    member = Account("member", 4_000_000, frozenset({file.stat().st_gid}))
    for mode, account, wanted, closed in (
        (0o644, other, os.R_OK, None),
        (0o640, other, os.R_OK, file),
        (0o640, member, os.R_OK, None),
        (0o604, member, os.R_OK, file),
        (0o600, owner, os.R_OK, None),
        (0o644, other, os.R_OK | os.X_OK, file),
        (0o755, other, os.R_OK | os.X_OK, None),
    ):
        file.chmod(mode)
        assert account.closed(file, wanted) == closed, (oct(mode), account)
    assert other.closed(file.with_name("none"), os.R_OK) == file.with_name("none")
    link = open_folder / "link"
    link.symlink_to(file)
    file.chmod(0o600)
    assert other.closed(link, os.R_OK) is not None
    file.chmod(0o644)
    assert other.closed(link, os.R_OK) is None
    file.parent.chmod(0o700)
    assert other.closed(link, os.R_OK) == file.parent
    assert Account("root", 0, frozenset()).closed(file, os.R_OK) is None


@pytest.mark.parametrize("silent", [True, False])
def test_a_pbx_that_stops_in_the_middle(tmp_path: Path, silent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_pbx, "AMI_SECONDS", 0.3)
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "a.route").write_text("route a { on extension 600; hangup }")

    def stop(peer: Peer, _asked: dict[str, str]) -> None:
        if not silent:
            peer.socket.shutdown(socket.SHUT_RDWR)

    with FakeManager({"Reload": stop}) as manager:
        settings = Settings.parse(f'[ami]\nusername = "{USER}"\nport = {manager.port}')
        environ = {"ROUTEC_AMI_SECRET": SECRET, "ROUTEC_STATE": str(tmp_path / "state")}
        found = examine(tmp_path, settings, environ)
    assert found.exit_code == 3
    faults = [one for one in found.findings if one.level == "fault"]
    assert [one.check for one in faults] == ["AMI", "published"]
    assert ("did not answer in time" if silent else "closed the AMI connection") in faults[0].text
    assert SECRET not in repr(found)
    assert any(one.check == "dialplan" and one.level == "skipped" for one in found.findings)


def test_a_machine_that_is_another() -> None:
    host = find_host("192.0.2.1", 5038)
    assert not host.is_here
    assert "another machine" in host.why


@pytest.mark.parametrize(("theirs", "level"), [("+60", "warn"), ("-60", "warn"), ("+0", "ok"), ("none", "skipped")])
def test_the_pbx_has_another_clock(theirs: str, level: str) -> None:
    stamp = "x" if theirs == "none" else str(time.time() + int(theirs))
    with (
        FakeManager({"Ping": lambda peer, asked: peer.reply(asked, "Ping: Pong", f"Timestamp: {stamp}")}) as manager,
        Ami("127.0.0.1", manager.port, USER, SECRET) as ami,
    ):
        [finding] = _apart("the PBX's", offset(ami))
    assert finding.level == level
    if theirs == "+60":
        assert "60 s ahead of ours" in finding.text


def test_another_asterisk_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only one that runs, and what listens at the port of the settings is not it."""
    me = os.getpid()
    monkeypatch.setattr(doctor_host, "_processes", lambda: iter([me]))
    with socket.create_server(("127.0.0.1", 0)) as ours:
        assert find_host("127.0.0.1", ours.getsockname()[1]).pid == me
        port = ours.getsockname()[1]
    other = find_host("127.0.0.1", port)
    assert not other.is_here
    assert "another one does not count" in other.why


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.of(Settings(), {"ROUTEC_STATE": str(tmp_path / "state")})


def test_a_state_folder_that_is_not_there(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    host = Host(account=Account("pbx", 4_000_000, frozenset()))
    [missing] = machine.database(host)
    assert missing.help == f"sudo install -d -o pbx -m 700 {tmp_path}/state"
    (tmp_path / "state").mkdir()
    [closed] = machine.database(host)
    assert "cannot write in the state folder" in closed.text
    assert closed.help.startswith(f"sudo chown -R pbx {tmp_path}/state")


def test_two_peppers(tmp_path: Path) -> None:
    file = tmp_path / "pepper"
    file.write_text("a" * 64)
    file.chmod(0o600)
    module = SimpleNamespace(fields=[SimpleNamespace(kind="password")])
    for pepper, level in (("b" * 64, "fault"), ("a" * 64, "warn")):
        environ = {"ROUTEC_STATE": str(tmp_path), "ROUTEC_PEPPER": pepper}
        [found] = Machine.of(Settings(), environ).pepper(cast("dict[str, Module]", {"m": module}), Host())
        assert found.level == level
        assert "put it into" not in found.help, "that would write over the other one"
        assert pepper not in repr(found)


def test_a_lock_that_is_another_users() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / ".routec.lock").touch(0o600)
        host = Host(account=Account("pbx", 4_000_000, frozenset()))
        [found] = _writable(folder, host)
    assert (found.level, found.help) == ("warn", f"sudo chown pbx {folder}/.routec.lock")

"""Whatever breaks while an apply is at work: the PBX runs a whole dialplan, the old one or the new one."""

import contextlib
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from routec.apply.ami.link import Patience
from routec.apply.applier import ApplyError
from routec.apply.build import Built, compile_project
from routec.apply.publish import PublishError, publish
from routec.diagnostics import codes
from tests.asterisk.desk import ROUTES, Desk
from tests.asterisk.go_between import GoBetween
from tests.asterisk.pbx import Pbx

SHORT = Patience(lost=1.0, reload=2.0)


@pytest.fixture(scope="module")
def one_pbx(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """One PBX for all tests of this file; those that kill it start it again."""
    with Pbx(asterisk_root, tmp_path_factory.mktemp("faults") / "pbx") as running:
        yield running


@pytest.fixture
def desk(one_pbx: Pbx, tmp_path: Path) -> Desk:
    """A project of its own with its first routes in force."""
    found = Desk(tmp_path / "desk", one_pbx)
    found.bring(found.write(1))
    return found


@pytest.fixture
def between(desk: Desk) -> Iterator[GoBetween]:
    """Something in front of the manager, for those who connect from now on."""
    with GoBetween(desk.pbx.ami_port) as found:
        desk.port = found.port
        yield found


def refused(desk: Desk, built: Built, at: Callable[[str], None] = lambda _: None, timeout: float = 5) -> ApplyError:
    """An apply that is refused, with everything in the files as it was."""
    files = desk.files()
    applier = desk.applier(at, patience=SHORT, timeout=timeout)
    with pytest.raises(ApplyError) as found:
        applier.bring(built)
    applier.close()
    assert desk.files() == files
    return found.value


def kinds(error: ApplyError) -> list[codes.Code]:
    return [each.code for each in error.diagnostics]


def mends(desk: Desk, built: Built) -> None:
    """The next apply puts all right."""
    desk.bring(built)
    assert desk.holds() == built.held
    assert desk.files() == built.files


# ---- before anything is written


def test_nobody_there(desk: Desk) -> None:
    files, held = desk.files(), desk.holds()
    desk.write(2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = desk.root / "routes" / "routec.toml"
    settings.write_text(settings.read_text().replace(f"port = {desk.pbx.ami_port}", f"port = {port}"))
    said = desk.house.apply(code=3)
    assert "error[RT601]: " in said
    assert f"127.0.0.1:{port}" in said
    assert "Error: nothing was changed" in said
    assert (desk.files(), desk.holds()) == (files, held)


def test_a_wrong_secret(desk: Desk) -> None:
    files = desk.files()
    desk.write(2)
    desk.house.env["ROUTEC_AMI_SECRET"] = "a-wrong-secret"
    said = desk.house.apply(code=3)
    assert "error[RT602]: " in said
    assert "a-wrong-secret" not in said
    assert desk.files() == files
    del desk.house.env["ROUTEC_AMI_SECRET"]
    assert "there is no secret for the AMI" in desk.house.apply(code=2)


def test_somebody_who_says_nothing(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        desk.port = silent.getsockname()[1]
        assert kinds(refused(desk, desk.write(2), timeout=0.5)) == [codes.PBX_SILENT]


def test_a_user_who_may_not(desk: Desk) -> None:
    manager = desk.pbx.layout.etc / "manager.conf"
    text = manager.read_text()
    try:
        manager.write_text(text.replace("write = config,reporting", "write = call"))
        desk.pbx.cli("manager reload")
        assert kinds(refused(desk, desk.write(2))) == [codes.NOT_PERMITTED]
    finally:
        manager.write_text(text)
        desk.pbx.cli("manager reload")
    mends(desk, desk.write(2))


# ---- the connection breaks in the middle


@pytest.mark.parametrize("action", ["Reload", "ShowDialPlan"])
def test_cut_once(desk: Desk, between: GoBetween, action: str) -> None:
    """Cut as soon as the action was sent: it goes on over a new connection."""
    built = desk.write(2)

    def cut() -> None:
        if action == "Reload" or "Reload" in between.seen:
            between.on_action.clear()
            between.cut()

    between.on_action[action] = cut
    applier = desk.applier()
    applier.bring(built)
    applier.sweep(wait=True)
    applier.close()
    assert between.on_action == {}
    assert between.seen.count("Reload") >= 2
    assert desk.holds() == built.held
    assert desk.files() == built.files


def test_cut_for_good_in_mid_reload(desk: Desk, between: GoBetween) -> None:
    built = desk.write(2)
    between.on_action["Reload"] = between.refuse
    error = refused(desk, built)
    assert kinds(error) == [codes.PBX_UNREACHABLE]
    assert "the files are as they were" in str(error)
    between.on_action.clear()
    between.allow()
    mends(desk, built)


def test_silent_after_the_reload(desk: Desk, between: GoBetween) -> None:
    built = desk.write(2)
    between.on_action["Reload"] = between.swallow
    assert kinds(refused(desk, built, timeout=0.5)) == [codes.PBX_SILENT]
    between.on_action.clear()
    between.allow()
    mends(desk, built)


def test_asterisk_stands_still(desk: Desk) -> None:
    """A stopped process takes connections, and says nothing."""
    process = desk.pbx._process
    assert process is not None
    built = desk.write(2)

    def stop(step: str) -> None:
        if step == "published":
            process.send_signal(signal.SIGSTOP)

    try:
        assert kinds(refused(desk, built, stop, timeout=0.5)) == [codes.PBX_SILENT]
    finally:
        process.send_signal(signal.SIGCONT)
    mends(desk, built)


# ---- Asterisk dies


@pytest.mark.parametrize("moment", ["published", "reloaded"])
def test_asterisk_dies_and_comes_back(desk: Desk, moment: str) -> None:
    built = desk.write(2)
    is_dead = threading.Event()

    def die(step: str) -> None:
        if step == moment and not is_dead.is_set():
            desk.pbx.kill()
            is_dead.set()

    applier = desk.applier(die)
    with ThreadPoolExecutor(1) as others:
        applying = others.submit(applier.bring, built)
        assert is_dead.wait(10)
        desk.pbx.start_again()  # in this thread: with the thread that started it, it would end
        assert applying.result(20).changed
    applier.sweep(wait=True)
    applier.close()
    assert desk.holds() == built.held
    assert desk.files() == built.files


@pytest.mark.parametrize("moment", ["published", "reloaded"])
def test_asterisk_dies_for_good(desk: Desk, moment: str) -> None:
    old, built = desk.write(1), desk.write(2)

    def die(step: str) -> None:
        if step == moment:
            desk.pbx.kill()

    try:
        assert kinds(refused(desk, built, die)) == [codes.PBX_UNREACHABLE]
    finally:
        desk.pbx.start_again()
    assert desk.holds() == old.held, "it starts with what was in force before"
    mends(desk, built)


# ---- the disk


@pytest.fixture
def small_disk(one_pbx: Pbx, tmp_path: Path) -> Iterator[Desk]:
    """A project that is published to a disk with room for little."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", disk], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        found = Desk(tmp_path / "desk", one_pbx, to=str(disk))
        found.bring(found.write(1))
        yield found
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def test_a_full_disk(small_disk: Desk) -> None:
    desk = small_disk
    held, files = desk.holds(), desk.files()
    many = "".join(f"route r{number} {{{{ on extension {1000 + number}; wait 1s }}}}\n" for number in range(400))
    desk.write(routes=ROUTES + many)
    said = desk.house.apply(code=1)
    assert f"Error: cannot write {desk.folder}/" in said
    assert "No space left on device" in said
    assert (desk.files(), desk.holds()) == (files, held)
    with pytest.raises(PublishError, match="No space left on device"):
        publish(compile_project(desk.root).files, desk.folder)
    assert (desk.files(), desk.holds()) == (files, held)
    mends(desk, desk.write(2))


def test_a_disk_that_fills_up_keeps_no_rollback_from_its_way(small_disk: Desk) -> None:
    """What is put back is a rename, and needs no room."""
    desk = small_disk
    desk.pbx.include(desk.folder / "extensions.conf", "[routec-extensions]\nexten => 602,1,NoOp(mine)\n")
    held, files = desk.holds(), desk.files()

    def fill(step: str) -> None:
        if step == "published":
            with (desk.folder / "filling").open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(1000)):
                    pass

    applier = desk.applier(fill)
    with pytest.raises(ApplyError):
        applier.bring(desk.write(routes=ROUTES.replace("601", "602")))
    applier.close()
    (desk.folder / "filling").unlink()
    assert desk.holds() == held
    assert desk.files() == files


def test_a_folder_that_cannot_be_written(small_disk: Desk) -> None:
    desk = small_disk
    built = desk.write(2)
    held, files = desk.holds(), desk.files()
    subprocess.run(["mount", "-o", "remount,ro", desk.folder], check=True)
    try:
        applier = desk.applier()
        with pytest.raises(PublishError, match="Read-only file system"):
            applier.bring(built)
        applier.close()
        assert (desk.files(), desk.holds()) == (files, held)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", desk.folder], check=True)
    mends(desk, built)

"""Applying to a real Asterisk: what it holds afterwards is what was compiled, or what it held before."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from routec.apply.applier import ApplyError
from routec.apply.lock import LOCK_FILE, locked
from routec.diagnostics import codes
from tests.asterisk.desk import ROUTES, Desk
from tests.asterisk.machine import until
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Call


@pytest.fixture(scope="module")
def one_pbx(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """One PBX for all tests of this file."""
    with Pbx(asterisk_root, tmp_path_factory.mktemp("apply") / "pbx") as running:
        yield running


@pytest.fixture
def desk(one_pbx: Pbx, tmp_path: Path) -> Desk:
    """A project of its own, which the PBX includes from now on."""
    return Desk(tmp_path / "desk", one_pbx)


def test_what_was_compiled_is_held_and_then_there_is_nothing_to_do(desk: Desk) -> None:
    built = desk.write()
    applier = desk.applier()
    first = applier.bring(built)
    assert (first.changed, first.routes, first.numbers) == (True, 2, 6)
    assert first.verified == sum(len(each) for context in built.held.values() for each in context.values())
    assert desk.holds() == built.held
    assert desk.files() == built.files
    stamps = {path: path.stat().st_mtime_ns for path in desk.folder.iterdir()}
    seen: list[str] = []
    desk.pbx.ami.listen(lambda event: seen.append(event["Event"]))
    again = applier.bring(built)
    assert (again.changed, again.written) == (False, ())
    assert {path: path.stat().st_mtime_ns for path in desk.folder.iterdir()} == stamps
    desk.pbx.cli("core show uptime")
    assert "Reload" not in seen, "nothing was read anew"
    applier.close()


def test_the_command(desk: Desk) -> None:
    desk.write()
    said = desk.house.apply()
    assert "600 is answered: waits 1s" in said
    assert "applied: 2 routes and 6 numbers changed, verified " in said
    assert desk.house.apply() == "nothing to do\n"
    desk.write(wait=2)
    assert desk.house.apply().splitlines()[-1].startswith("applied: 1 route changed, verified ")
    assert set(desk.files()) == {"extensions.conf", "manifest.json", "recorder.json", "signin.agi", "signin.json"}
    (desk.root / "routes" / "desk.route").write_text("route desk { on extension 600; dial 101")
    assert "nothing was applied" in desk.house.apply(code=1)
    (desk.root / "routes" / "routec.toml").write_text("")
    desk.write(routes=ROUTES)
    (desk.root / "routes" / "routec.toml").write_text("")
    assert "there is no [ami]" in desk.house.apply(code=2)


def test_a_call_ends_on_the_old_path_and_the_next_one_takes_the_new(desk: Desk) -> None:
    desk.bring(desk.write(wait=30))
    old = desk.holds()
    applier = desk.applier()
    with Call(desk.pbx.ami, "600") as call, Call(desk.pbx.ami, "601") as other:
        for each in (call, other):
            each.wait_event("Newexten", Application="Wait")
        built = desk.write(wait=1)
        applied = applier.bring(built)
        assert applied.retired == 1
        swept = applier.sweep(wait=True)
        assert (swept.gone, len(swept.kept), swept.calls) == ((), 1, 1)
        held = desk.holds()
        assert held == {**built.held, swept.kept[0]: old[swept.kept[0]]}
        desk.pbx.cli("dialplan reload")
        assert desk.holds() == held, "whoever reloads harms nobody"
        with Call(desk.pbx.ami, "600") as new:
            assert new.wait_event("Newexten", Application="Wait")["AppData"] == "1"
            new.wait_end()
        assert not call.ended
        assert not other.ended
        assert applier.sweep(wait=True).gone == ()
        call.hang_up()
        call.wait_end()
        assert applier.sweep(wait=True).gone == swept.kept
        assert not other.ended
    assert desk.holds() == built.held
    assert desk.files() == built.files
    applier.close()


def test_a_route_that_goes_is_finished_by_who_is_in_it(desk: Desk) -> None:
    desk.bring(desk.write(wait=2))
    with Call(desk.pbx.ami, "600") as call:
        call.wait_event("Newexten", Application="Wait")
        built = desk.write(routes="route other {{ on extension 602; wait {wait}s }}")
        desk.bring(built)
        assert len(desk.holds().keys() - built.held.keys()) == 1
        call.wait_met("dial", "Local/102@phones/n")
        assert call.wait_end()[-1].what == "17"
    assert desk.house.apply().endswith("nothing to do; 1 retired context went\n")
    assert desk.holds().keys() <= built.held.keys()


def test_what_a_hand_did_to_memory_is_seen_and_mended(desk: Desk) -> None:
    built = desk.write()
    desk.bring(built)
    context = next(name for name in built.held if name.startswith("routec-desk-"))
    desk.pbx.cli(f"dialplan remove extension _[+*0-9]!@{context} 1")
    desk.pbx.cli("dialplan add extension 699,1,Hangup() into routec-extensions")
    desk.pbx.cli("dialplan add extension 5,1,NoOp() into routec-of-nobody")
    applier = desk.applier()
    plan = applier.plan(built)
    assert plan.changes
    assert {(one.where, one.what, one.exten) for one in plan.drift} == {
        ("pbx", context, "_[+*0-9]!"), ("pbx", "routec-extensions", "699"), ("pbx", "routec-of-nobody", ""),
    }  # fmt: skip
    assert plan.stale == ()
    applier.apply(plan)
    assert desk.holds() == built.held
    assert not applier.plan(built).changes
    applier.close()


def test_what_a_hand_put_beside_ours_in_memory_is_seen_and_mended(desk: Desk) -> None:
    built = desk.write()
    desk.bring(built)
    context = next(name for name in built.held if name.startswith("routec-desk-"))
    for what in ("add extension 600/4711,1,Goto(phones,101,1)", "add include phones", "add ignorepat 9"):
        desk.pbx.cli(f"dialplan {what} into routec-extensions")
    desk.pbx.cli(f"dialplan add extension _[+*0-9]!/4711,1,Hangup() into {context}")
    desk.pbx.cli(f"dialplan add include phones into {context}")
    applier = desk.applier()
    plan = applier.plan(built)
    assert {(one.what, one.exten) for one in plan.drift} == {
        ("routec-extensions", "600/?"), ("routec-extensions", "include => phones"),
        ("routec-extensions", "ignorepat => 9"), (context, "_[+*0-9]!/?"), (context, "include => phones"),
    }  # fmt: skip
    retiring = desk.write(2)
    assert applier.plan(retiring).retired[context] == built.held[context]
    applier.apply(applier.plan(built))
    assert desk.holds() == built.held
    applier.close()


def test_an_admins_extension_for_some_callers_is_refused(desk: Desk) -> None:
    desk.bring(desk.write())
    desk.pbx.include(
        desk.folder / "extensions.conf",
        "[routec-extensions]\nexten => 600/4711,1,Goto(phones,101,1)\ninclude => phones\n",
    )
    with pytest.raises(ApplyError) as refused:
        desk.bring(desk.write(2))
    told = [one.message for one in refused.value.diagnostics]
    assert any(
        "`Goto(phones,101,1)` at 600@routec-extensions, priority 1, for some callers only" in one for one in told
    )
    assert any("`include => phones` at [routec-extensions]" in one for one in told)


def test_what_a_hand_did_to_the_files_is_seen_and_mended(desk: Desk) -> None:
    built = desk.write()
    desk.bring(built)
    with (desk.folder / "extensions.conf").open("a") as file:
        file.write("exten => s,1,System(rm)\n")
    (desk.folder / "signin.json").unlink()
    applier = desk.applier()
    plan = applier.plan(built)
    assert [(one.where, one.what) for one in plan.drift if one.where == "file"] == [
        ("file", "extensions.conf"), ("file", "signin.json"),
    ]  # fmt: skip
    applier.apply(plan)
    applier.close()
    assert desk.files() == built.files
    assert desk.holds() == built.held


def test_another_context_of_that_name_is_refused_and_all_put_back(desk: Desk) -> None:
    old = desk.write()
    desk.bring(old)
    before, files = desk.holds(), desk.files()
    desk.pbx.include(
        desk.folder / "extensions.conf",
        "[routec-extensions]\nexten => 602,1,NoOp(mine)\n same => n,Hangup()\n",
    )
    before = desk.holds()
    built = desk.write(routes=ROUTES.replace("601", "602"))
    with pytest.raises(ApplyError, match="in force again") as refused:
        desk.bring(built)
    first, *_ = refused.value.diagnostics
    assert first.code is codes.NOT_TAKEN
    assert first.span is not None
    assert built.compilation.sources[first.span.file].position(first.span.start) == (8, 50)
    assert first.note == "Asterisk has `NoOp(mine)` there"
    assert desk.holds() == before
    assert desk.files() == files
    said = desk.house.apply(code=3)
    assert "error[RT606]: Asterisk did not take `Goto(routec-stays-" in said
    assert "--> routes/desk.route:8:50" in said


def test_extensions_of_a_module_that_no_reload_takes_away(desk: Desk) -> None:
    old = desk.write()
    desk.bring(old)
    parking = desk.pbx.layout.etc / "res_parking.conf"
    parking.write_text("[default]\nparkext=700\nparkpos=701-702\ncontext=routec-extensions\n")
    try:
        desk.pbx.cli("module reload res_parking.so")
        before = desk.holds()
        assert "701" in before["routec-extensions"]
        with pytest.raises(ApplyError, match="in force again") as refused:
            desk.bring(desk.write(2))
        assert refused.value.diagnostics[0].code is codes.NOT_TAKEN
        assert "`Park()` at 700@routec-extensions" in refused.value.diagnostics[0].message
        applier = desk.applier()
        applier.plan(old)
        applier.sweep(wait=True)  # what was in force for a moment
        applier.close()
        assert desk.holds() == before
        assert desk.files() == old.files
    finally:
        parking.write_text("")
        desk.pbx.cli("module reload res_parking.so")
    desk.bring(desk.write(2))


def test_a_file_that_asterisk_does_not_include(desk: Desk, tmp_path: Path) -> None:
    desk.write()
    desk.pbx.include(tmp_path / "elsewhere.conf")
    said = desk.house.apply(code=3)
    assert f'#tryinclude "{desk.folder}/extensions.conf"' in said
    assert "RT607" in said
    assert desk.files() == {}
    assert desk.holds() == {}


def test_a_file_that_asterisk_reads_halfway(desk: Desk) -> None:
    """A reload says Success of it all the same: only reading back tells. Here the admin has a half file in front."""
    old = desk.write()
    desk.bring(old)
    desk.pbx.include(desk.folder / "extensions.conf", ";-- a comment that never ends")
    assert desk.holds() == {}
    with pytest.raises(ApplyError) as refused:
        desk.bring(desk.write(wait=2))
    assert [each.code for each in refused.value.diagnostics] == [codes.NOT_INCLUDED]
    assert desk.files() == old.files


def test_others_who_reload_at_the_same_time_are_waited_for(desk: Desk) -> None:
    stop = threading.Event()

    def reload_on_and_on() -> None:
        while not stop.is_set():
            desk.pbx.cli("dialplan reload")

    others = [threading.Thread(target=reload_on_and_on) for _ in range(3)]
    for each in others:
        each.start()
    try:
        for wait in range(1, 6):
            built = desk.write(wait)
            desk.bring(built)
            assert desk.holds() == built.held
    finally:
        stop.set()
        for each in others:
            each.join()


def test_the_second_apply_waits_and_says_so(desk: Desk) -> None:
    built = desk.write()
    with locked(desk.folder):
        second = subprocess.Popen(
            [sys.executable, "-m", "routec", "apply"],
            cwd=desk.root, env=desk.house.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert second.stderr is not None
        assert second.stderr.readline() == "another routec is at work on generated: waiting for it\n"
        assert desk.files() == {}
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert "applied: " in out
    assert desk.holds() == built.held


def test_an_apply_that_waited_a_moment_puts_in_force_what_the_files_say_then(desk: Desk) -> None:
    """What it compiled before its turn is old, however short the wait was."""
    desk.write(1)
    with locked(desk.folder):
        apply = subprocess.Popen(
            [sys.executable, "-m", "routec", "apply"],
            cwd=desk.root, env=desk.house.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        handles = Path(f"/proc/{apply.pid}/fd")
        assert until(lambda: any(each.name == LOCK_FILE for each in _open_files(handles)), 30), "it has compiled"
        built = desk.write(2)
    assert apply.wait(60) == 0
    assert desk.holds() == built.held


def _open_files(handles: Path) -> list[Path]:
    found = []
    for handle in handles.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(handle.readlink())
    return found


def test_two_applies_at_once_come_out_as_one_after_the_other(desk: Desk) -> None:
    desk.bring(desk.write(1))
    one, two = desk.write(2), desk.write(3)
    both = [threading.Thread(target=desk.bring, args=(each,)) for each in (one, two)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    held = desk.holds()
    assert held in (one.held, two.held)
    assert desk.files() in (one.files, two.files)
    assert (held == one.held) == (desk.files() == one.files)


def test_a_resident_one_reads_back_what_changed_only(desk: Desk) -> None:
    applier = desk.applier(resident=True)
    applier.bring(desk.write(1))
    whole = applier.bring(desk.write(1))
    assert not whole.changed
    built = desk.write(2)
    quick = applier.bring(built)
    assert 0 < quick.verified < 20
    assert quick.routes == 1
    assert applier.verify() == []
    assert until(lambda: bool(applier.sweep().gone), 5)
    assert applier.verify() == []
    assert desk.holds() == built.held
    assert applier.alive()
    desk.pbx.cli("dialplan add extension 699,1,Hangup() into routec-extensions")
    assert [(each.context, each.exten) for each in applier.verify()] == [("routec-extensions", "699")]
    assert applier.bring(built).changed
    assert desk.holds() == built.held
    applier.close()

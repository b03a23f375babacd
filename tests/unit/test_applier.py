"""The applier against a PBX in memory: the order of things, and every way in which they go wrong."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from routec.apply import unreadable
from routec.apply.ami.link import Patience
from routec.apply.ami.manager import NotPermittedError, ReloadRefusedError, SilentError, UnreachableError
from routec.apply.applier import Applier, ApplyError
from routec.apply.build import Built, compile_project
from routec.apply.doctor.host import Account, Host
from routec.apply.held import Held, Priority
from routec.apply.priority import is_marked
from routec.apply.publish import publish
from routec.diagnostics import codes
from routec.settings import SettingsError
from routec.sound.wav import wav_file
from tests.unit.fake_pbx import FakePbx

SHORT = Patience(lost=0.3, reload=0.3)


class Room:
    """A project, and the PBX that includes what it publishes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "generated"
        (root / "routes").mkdir()
        (root / "routes" / "routec.toml").write_text('[ami]\nusername = "routec"\n')
        self.pbx = FakePbx(self.folder / "extensions.conf")
        self.said: list[str] = []

    def write(self, wait: int = 1, more: str = "") -> Built:
        """Writes routes, and gives what they compile to."""
        text = f"route desk {{ on extension 600; wait {wait}s }}\nroute stays {{ on extension 601; wait 5s }}\n{more}"
        (self.root / "routes" / "a.route").write_text(text)
        built = compile_project(self.root)
        assert not built.failed, built.compilation.diagnostics
        return built

    def applier(self, at: Callable[[str], None] = lambda _: None, *, resident: bool = False) -> Applier:
        return Applier(
            self.root, connect=self.pbx.connect, at=at, patience=SHORT, resident=resident, say=self.said.append
        )

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.folder.rglob("*") if path.is_file() and path.name != ".routec.lock")
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def is_whole(self, built: Built) -> bool:
        return self.files() == built.files and self.pbx.memory == {k: v for k, v in built.held.items() if v}

    def context(self, route: str) -> str:
        return next(name for name in self.pbx.memory if name.startswith(f"routec-{route}-"))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_in_this_order(room: Room) -> None:
    order: list[str] = []
    applier = room.applier(lambda step: order.append(f"{step} {room.pbx.reloads} {len(room.files())}"))
    built = room.write()
    applied = applier.bring(built)
    assert [step.split()[:2] for step in order] == [
        ["staged", "0"], ["published", "0"], ["reloaded", "1"], ["read", "1"],
    ]  # fmt: skip
    assert room.is_whole(built)
    assert (applied.routes, applied.numbers, applied.retired) == (2, 2, 0)
    assert not applier.bring(built).changed
    assert room.pbx.reloads == 1, "unchanged: nothing is done"


def test_retired_contexts_go_at_the_second_look_that_finds_nobody(room: Room) -> None:
    applier = room.applier()
    applier.bring(room.write(1))
    old = room.context("desk")
    call = room.pbx.call(old)
    built = room.write(2)
    applied = applier.bring(built)
    assert (applied.routes, applied.numbers, list(applier.retired)) == (1, 0, [old])
    assert old in room.pbx.memory
    assert applier.sweep(wait=True).kept == (old,)
    room.pbx.calls.remove(call)
    assert applier.sweep().gone == (), "the first look without anybody"
    assert applier.sweep(wait=True).gone == (old,)
    assert room.is_whole(built)
    assert applier.retired == {}
    assert applier.verify() == []


def test_who_may_be_on_the_way_in_is_waited_for(room: Room) -> None:
    applier = room.applier()
    applier.bring(room.write(1))
    call = room.pbx.call("from-trunk", priority=1, app="Goto")
    built = room.write(2)
    applier.bring(built)
    assert applier.sweep(wait=True).gone == ()
    room.pbx.calls[0] = call._replace(context=next(iter(applier.retired)), app="Wait", priority=1)
    assert applier.sweep(wait=True).calls == 1
    room.pbx.calls.clear()
    assert applier.sweep(wait=True).gone
    assert room.is_whole(built)


def test_several_generations(room: Room) -> None:
    applier = room.applier()
    for wait in range(1, 6):
        applier.bring(room.write(wait))
        room.pbx.call(room.context("desk") if wait == 1 else "elsewhere")
        room.pbx.calls[-1] = room.pbx.calls[-1]._replace(
            context=next(name for name, each in room.pbx.memory.items()
                         if any(p.data == str(wait) for e in each.values() for p in e.values()))
        )  # fmt: skip
    assert len(applier.retired) == 4
    assert applier.sweep(wait=True).calls == 4
    fresh = room.applier()
    assert not fresh.bring(room.write(5)).changed, "another process finds the same"
    assert len(fresh.retired) == 4
    del room.pbx.calls[1:3]
    assert len(fresh.sweep(wait=True).gone) == 2
    back = fresh.bring(room.write(1))
    assert room.pbx.memory == {name: each for name, each in back.plan.wanted.items() if each}
    room.pbx.calls.clear()
    fresh.sweep(wait=True)
    assert room.is_whole(room.write(1))


def test_sounds_of_retired_contexts_go_with_them(room: Room) -> None:
    import wave

    prompts = room.root / "routes" / "prompts"
    prompts.mkdir()
    with wave.open(str(prompts / "hi.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    applier = room.applier()
    applier.bring(room.write(1, 'prompt hi "hi.wav"\nroute greets { on extension 603; prompt hi; wait 9s }\n'))
    assert (room.folder / "sounds" / "hi.wav").exists()
    call = room.pbx.call(room.context("greets"))
    built = room.write(1)
    applier.bring(built)
    applier.sweep(wait=True)
    assert (room.folder / "sounds" / "hi.wav").exists()
    room.pbx.calls.remove(call)
    assert applier.sweep(wait=True).gone
    assert room.is_whole(built)


def test_a_companion_of_the_prompt_before_hides_no_new_one_while_contexts_are_retired(room: Room) -> None:
    """Kept for retired contexts, it would be what wideband phones are played in place of the new sound."""
    folder = room.root / "routes" / "prompts"
    folder.mkdir()
    (folder / "hi.wav").write_bytes(wav_file(8000, bytes(1600)))
    (folder / "hi.wav16").write_bytes(wav_file(16000, bytes(3200)))
    (folder / "gone.wav").write_bytes(wav_file(8000, bytes(1600)))
    greets = "route greets { on extension 603; prompt hi; wait 9s }\nroute leaves { on extension 604; prompt gone }\n"
    applier = room.applier()
    applier.bring(room.write(1, greets))
    assert (room.folder / "sounds/hi.wav16").exists()
    room.pbx.call(room.context("desk"))
    applier.bring(room.write(2, greets))
    assert applier.retired
    (folder / "hi.wav16").unlink()
    (folder / "hi.wav").write_bytes(wav_file(8000, bytes(2400)))
    (folder / "gone.wav").unlink()
    built = room.write(2, greets.partition("\n")[0])
    applier.bring(built)
    assert applier.retired
    assert not (room.folder / "sounds/hi.wav16").exists()
    assert (room.folder / "sounds/gone.wav").exists(), "a retired context may play it"
    room.pbx.calls.clear()
    applier.sweep(wait=True)
    assert room.is_whole(built), "what was kept goes with the last of them"


# ---- refusals


def refused(room: Room, built: Built, **trouble: list[Exception | Callable[[], None] | None]) -> ApplyError:
    room.pbx.trouble = {name.replace("_", " "): each for name, each in trouble.items()}
    applier = room.applier()
    with pytest.raises(ApplyError) as found:
        applier.bring(built)
    room.pbx.trouble = {}
    applier.sweep(wait=True)
    return found.value


GONE = UnreachableError("gone")


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ({"connect": [GONE]}, codes.PBX_UNREACHABLE),
        ({"holds_all": [SilentError("no")]}, codes.PBX_SILENT),
        ({"holds_all": [None, *[GONE] * 99]}, codes.PBX_UNREACHABLE),
        ({"reload": [ReloadRefusedError("no")]}, codes.RELOAD_REFUSED),
        ({"reload": [GONE] * 99}, codes.PBX_UNREACHABLE),
        ({"reload": [SilentError("no")] * 99}, codes.PBX_SILENT),
    ],
)
def test_whatever_the_pbx_refuses_everything_stays(
    room: Room, trouble: dict[str, list[None]], code: codes.Code
) -> None:
    old = room.write(1)
    room.applier().bring(old)
    new = room.write(2)
    assert refused(room, new, **trouble).diagnostics[0].code is code  # type: ignore[arg-type]
    assert room.files() == old.files
    room.applier().bring(new)
    fresh = room.applier()
    fresh.bring(new)
    fresh.sweep(wait=True)
    assert room.is_whole(new), "the next one puts all right"


def test_lost_once_it_goes_on(room: Room) -> None:
    room.applier().bring(room.write(1))
    room.pbx.trouble = {"reload": [GONE], "holds all": [None, SilentError("no")]}
    applier = room.applier()
    built = room.write(2)
    applier.bring(built)
    applier.sweep(wait=True)
    assert room.is_whole(built)


def test_what_was_not_taken_is_put_back_and_calls_in_the_new_routes_go_on(room: Room) -> None:
    old = room.write(1)
    room.applier().bring(old)
    room.pbx.by_hand = {"routec-extensions": {"699": {1: Priority("", "Hangup", "")}}}
    room.pbx.reload()
    before = dict(room.pbx.memory)
    room.pbx.trouble["holds all"] = [None, lambda: room.pbx.calls.append(room.pbx.call(room.context("new")))]
    applier = room.applier()
    built = room.write(1, "route new { on extension 605; wait 9s }\n")
    with pytest.raises(ApplyError, match="in force again") as found:
        applier.bring(built)
    assert "which is in no route" in found.value.diagnostics[0].message
    new = room.context("new")
    assert applier.sweep(wait=True).kept == (new,), "nobody who got into it falls out"
    assert "605" not in room.pbx.memory["routec-extensions"]
    room.pbx.calls.clear()
    assert applier.sweep(wait=True).gone == (new,)
    assert room.files() == old.files
    assert room.pbx.memory == before


class KilledError(Exception):
    """In the place of a kill -9, after which nobody puts anything back."""


def built_only(room: Room) -> None:
    publish(room.write(2, "route new { on extension 606; hangup }\n").files, room.folder)


def killed(room: Room) -> None:
    def die(step: str) -> None:
        if step == "published":
            raise KilledError

    with pytest.raises(KilledError):
        room.applier(die).bring(room.write(2))


def edited(room: Room) -> None:
    main = room.folder / "extensions.conf"
    main.write_text(re.sub(r"600,1,Goto\(.*\)", "600,1,Goto(phones,101,1)", main.read_text()))


@pytest.mark.parametrize("spoil", [built_only, killed, edited])
@pytest.mark.parametrize("is_cut", [False, True])
def test_what_never_ran_is_not_put_back(room: Room, spoil: Callable[[Room], None], *, is_cut: bool) -> None:
    """The folder is not what Asterisk runs: a reload of it would put in force what nobody applied."""
    room.applier().bring(room.write(1))
    before = dict(room.pbx.memory)
    spoil(room)
    assert room.pbx.memory == before
    new = room.write(3)

    def in_the_way(held: Held) -> None:
        room.pbx.by_hand = held

    applier = room.applier()
    if not is_cut:
        room.pbx.trouble["reload"] = [lambda: in_the_way(WRONG), lambda: in_the_way({})]
    else:
        applier = Applier(room.root, connect=room.pbx.connect, at=cut_after_reload, patience=Patience(0, 0))
    with pytest.raises(ApplyError, match=r"in force again$"):
        applier.bring(new)
    assert {name: room.pbx.memory.get(name) for name in before} == before
    room.pbx.trouble.clear()
    fresh = room.applier()
    applied = fresh.bring(new)
    assert not [one for one in applied.plan.drift if one.where == "file" and one.what == "extensions.conf"]
    fresh.sweep(wait=True)
    assert room.is_whole(new)


WRONG: Held = {"routec-seal": {"other": {1: Priority("", "NoOp", "")}}}


def cut_after_reload(step: str) -> None:
    if step == "reloaded":
        raise SilentError("cut")


def test_nothing_is_reloaded_before_it_is_read_where_calls_are(room: Room) -> None:
    """The reading was cut off; calls may have come into the new routes all the same."""
    room.applier().bring(room.write(1))
    old = room.files()

    def cut(step: str) -> None:
        if step == "reloaded":
            room.pbx.call(room.context("new"))
            raise SilentError("cut")

    applier = Applier(room.root, connect=room.pbx.connect, at=cut, patience=Patience(0, 0))
    with pytest.raises(ApplyError, match="in force again"):
        applier.bring(room.write(1, "route new { on extension 605; wait 9s }\n"))
    new = room.context("new")
    assert applier.sweep(wait=True).kept == (new,)
    room.pbx.calls.clear()
    assert applier.sweep(wait=True).gone == (new,)
    assert room.files() == old


@pytest.mark.parametrize("spoil", [built_only, edited])
def test_a_sweep_puts_nothing_in_force(room: Room, spoil: Callable[[Room], None]) -> None:
    applier = room.applier()
    applier.bring(room.write(1))
    room.pbx.call(room.context("desk"))
    applier.bring(room.write(3))
    room.pbx.calls.clear()
    spoil(room)
    before = dict(room.pbx.memory)
    with pytest.raises(ApplyError, match="stay for now") as found:
        applier.sweep(wait=True)
    assert "is not what Asterisk runs" in found.value.diagnostics[0].message
    assert room.pbx.memory == before
    built = room.write(3)
    applier.bring(built)
    assert applier.sweep(wait=True).gone
    assert room.is_whole(built)


def test_what_hangs_in_memory_of_somebody_elses(room: Room) -> None:
    room.pbx.admins = {"routec-mine": {"5": {1: Priority("", "Hangup", "")}}}
    room.pbx.reload()
    applier = room.applier()
    applied = applier.bring(room.write())
    assert [one.what for one in applied.plan.drift] == ["routec-mine"]
    assert not applier.bring(room.write()).changed, "it is told, and left alone"
    assert applier.retired == {}


def test_a_plan_that_is_old_is_made_anew(room: Room) -> None:
    applier, other = room.applier(), room.applier()
    plan = applier.plan(room.write(1))
    assert plan.changes
    other.bring(plan.built)
    assert not applier.apply(plan).changed
    assert room.pbx.reloads == 1


def test_offline(room: Room) -> None:
    built = room.write(1)
    applier = room.applier()
    room.pbx.trouble["connect"] = [GONE]
    plan = applier.plan(built, offline=True)
    assert plan.running is None
    assert set(plan.stale) == set(built.files)
    room.pbx.trouble = {}
    applier.bring(built)
    assert not applier.plan(built, offline=True).changes
    room.pbx.call(room.context("desk"))
    newer = room.write(2)
    applier.bring(newer)
    offline = room.applier().plan(newer, offline=True)
    assert not offline.changes, "retired contexts are no change"
    assert {one.context for one in room.applier().plan(room.write(3), offline=True).differences} >= {"routec-seal"}


def test_a_resident_one_asks_little(room: Room) -> None:
    applier = room.applier(resident=True)
    applier.bring(room.write(1))
    room.pbx.log.clear()
    applied = applier.bring(room.write(2))
    assert "holds all" not in room.pbx.log
    assert applied.verified < 12
    room.pbx.log.clear()
    assert not applier.bring(room.write(2)).changed
    assert room.pbx.log == ["holds"]
    assert applier.alive()
    room.pbx.memory = {}
    assert not applier.alive()
    assert applier.bring(room.write(2)).changed, "a PBX that forgot is told again"
    assert applier.alive()


def test_a_resident_one_on_a_new_connection_reads_everything(room: Room) -> None:
    applier = room.applier(resident=True)
    applier.bring(room.write(1))
    room.pbx.log.clear()
    room.pbx.trouble["holds"] = [GONE]
    applier.bring(room.write(2))
    assert room.pbx.log.count("holds all") == 1


def test_without_ami(room: Room) -> None:
    (room.root / "routes" / "routec.toml").write_text("")
    with pytest.raises(SettingsError, match=r"there is no \[ami\]"):
        Applier(room.root, environ={}).bring(room.write())


def test_without_a_secret(room: Room, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ROUTEC_AMI_SECRET"):
        Applier(room.root, environ={"ROUTEC_STATE": str(tmp_path / "state")}).bring(room.write())


def test_an_unused_route_changes_and_nobody_is_suspected(room: Room) -> None:
    applier = room.applier()
    for wait in (1, 2):
        built = room.write(more=f"route unused {{ wait {wait}s }}")
        plan = applier.plan(built)
        assert (plan.drift, plan.foreign) == ((), ())
        applier.apply(plan)
    assert applier.retired == {}
    assert room.is_whole(built)


def test_edits_of_memory_are_seen_and_not_retired(room: Room) -> None:
    applier = room.applier()
    built = room.write(1)
    applier.bring(built)
    old = room.context("desk")
    mine = Priority("", "Goto", "phones,101,1")
    memory = {name: {exten: dict(lines) for exten, lines in each.items()} for name, each in room.pbx.memory.items()}
    memory[old]["_[+*0-9]!/?"] = {1: mine}
    memory["routec-extensions"]["600/?"] = {1: mine}
    memory["routec-extensions"]["include => phones"] = {1: Priority("", "include", "phones")}
    room.pbx.memory = dict(memory)
    room.pbx.call(old)
    told = "priority 1, for some callers only: `Goto(phones,101,1)` was put into Asterisk's memory by hand"
    assert sorted(one.text for one in applier.plan(built).drift) == [
        f"600@routec-extensions, {told}",
        "[routec-extensions]: `include => phones` was put into Asterisk's memory by hand",
        f"_[+*0-9]!@{old}, {told}",
    ]
    applier.bring(room.write(2))
    assert room.pbx.memory[old] == built.held[old], "as it was written"
    assert not any(map(is_marked, room.pbx.memory["routec-extensions"]))


def test_files_for_retired_contexts_that_somebody_edited(room: Room) -> None:
    applier = room.applier()
    first = room.write(1)
    applier.bring(first)
    old = room.context("desk")
    room.pbx.call(old)
    built = room.write(2)
    applier.bring(built)
    file = room.folder / "retired.conf"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"Wait(1)", b"Wait(9)"))
    applier = room.applier()
    plan = applier.plan(built)
    assert [(one.where, one.text) for one in plan.drift if one.where == "file"] == [
        ("file", f"{file} was edited by hand")
    ]
    applier.apply(plan)
    assert file.read_bytes() == whole
    assert room.pbx.memory[old] == first.held[old]


def test_a_folder_that_is_new_to_a_pbx_that_holds_the_same_is_told(room: Room) -> None:
    room.applier().bring(room.write())
    (room.root / "routes" / "routec.toml").write_text('[ami]\nusername = "routec"\n[publish]\nto = "elsewhere"\n')
    moved = room.applier().bring(room.write())
    assert [note for note in moved.notes if "elsewhere/extensions.conf is new" in note]
    again = room.applier().bring(room.write())
    assert not [note for note in again.notes if "is new" in note]


def test_a_resident_one_sees_what_an_admins_file_has_beside_ours(room: Room) -> None:
    applier = room.applier(resident=True)
    applier.bring(room.write(1))
    room.pbx.admins = {"routec-extensions": {"601": {1: Priority("", "Goto", "phones,103,1")}}}
    with pytest.raises(ApplyError) as refused:
        applier.bring(room.write(2))
    assert refused.value.diagnostics[0].code is codes.NOT_TAKEN


# ---- what an apply says beside


def test_numbers_that_no_call_gets_to(room: Room) -> None:
    room.pbx.entries = {}
    applied = room.applier().bring(room.write())
    assert len(applied.notes) == 1
    assert "no context of Asterisk's includes routec-extensions" in applied.notes[0]
    assert room.applier().plan(room.write()).notes == applied.notes, "and of what is in force already"
    go = Priority("", "Goto", "routec-extensions,${EXTEN},1")
    room.pbx.entries = {"from-phones": {"_X.": {1: go}}}
    assert not room.applier().plan(room.write()).notes, "a Goto is as good"
    assert not room.applier().plan(room.write(), offline=True).notes


def test_a_reload_that_is_not_permitted(room: Room) -> None:
    room.applier().bring(room.write(1))
    before = room.files()
    error = refused(room, room.write(2), reload=[NotPermittedError("no")] * 9)
    assert (str(error), error.diagnostics[0].code) == ("nothing was changed", codes.NOT_PERMITTED)
    assert room.files() == before


def test_what_asterisk_can_no_longer_read(room: Room) -> None:
    room.applier().bring(room.write(1))

    def closed() -> None:
        room.pbx.is_included = False

    error = refused(room, room.write(2), reload=[closed])
    assert error.diagnostics[0].code is codes.NOT_INCLUDED
    assert "can no longer read" in error.diagnostics[0].message


def test_a_folder_that_is_closed_to_asterisk(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.applier().bring(room.write(1))
    before = room.files()
    nobody = Account("nobody", 65534, frozenset({65534}))
    monkeypatch.setattr(unreadable, "find_host", lambda *_: Host(account=nobody))
    room.folder.chmod(0o700)
    with pytest.raises(ApplyError, match="nothing was changed") as found:
        room.applier().bring(room.write(2))
    assert found.value.diagnostics[0].code is codes.NOT_INCLUDED
    assert "runs as nobody" in found.value.diagnostics[0].message
    assert (room.pbx.reloads, room.files()) == (1, before)


def test_a_file_that_somebody_edited_is_not_taken_for_the_pbx(room: Room) -> None:
    built = room.write(1)
    room.applier().bring(built)
    main = room.folder / "extensions.conf"
    main.write_text(main.read_text().replace("Wait(1)", "Wait(9)"))
    assert [one.where for one in room.applier().plan(built).drift] == ["file"]
    desk = room.context("desk")
    room.pbx.memory = {**room.pbx.memory, desk: {**room.pbx.memory[desk], "1": {1: Priority("", "NoOp", "")}}}
    assert [one.where for one in room.applier().plan(built).drift] == ["file", "pbx"], "and what the PBX has is seen"


def test_a_file_that_somebody_edited_makes_no_retired_context_a_hands_work(room: Room) -> None:
    room.applier().bring(room.write(1))
    room.pbx.call(room.context("desk"))
    built = room.write(2)
    room.applier().bring(built)
    main = room.folder / "extensions.conf"
    main.write_text(main.read_text().replace("Wait(2)", "Wait(9)"))
    assert [one.where for one in room.applier().plan(built).drift] == ["file"]

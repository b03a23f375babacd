"""The loop of `live` with an applier that is told what to do: what is said when, what is tried again, what stays."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from routec.apply.applier import Applied, ApplyError, Plan, Swept
from routec.apply.build import Built
from routec.apply.held import Difference
from routec.apply.watching import pauses
from routec.apply.watching.events import (
    Back,
    Broken,
    Checked,
    Drifted,
    Event,
    Gone,
    Meant,
    Note,
    Refused,
    Tidied,
    Unchanged,
    Verified,
    Waiting,
    WentLive,
    Written,
)
from routec.apply.watching.live import Live
from routec.diagnostics import Diagnostic, codes
from routec.settings import Settings
from tests.unit.conftest import Write, wav

ROUTE = "route a {{ on extension {}; hangup }}\n"
SETTINGS = '[ami]\nusername = "routec"\n'
AWAY = ApplyError("nothing was changed", (Diagnostic(codes.PBX_UNREACHABLE, "nobody answers", help="start it"),))
NOT_TAKEN = ApplyError("put back", (Diagnostic(codes.NOT_TAKEN, "it would not"),))
REFUSED = ApplyError("put back", (Diagnostic(codes.RELOAD_REFUSED, "it would not"),))


class Pbx:
    """Stands in for an applier and its PBX. What stands in `faults` is raised by the next calls, one each."""

    def __init__(self) -> None:
        self.faults: list[Exception] = []
        self.away: Exception | None = None
        self.running: Built | None = None
        self.differences: list[Difference] = []
        self.is_as_left = True
        self.retired: dict[str, Any] = {}
        self.swept = Swept()
        self.is_as_refused = True
        self.on_turn: Callable[[], object] = lambda: None
        self.brought = self.closed = self.made = self.looked = 0

    def make(self) -> "Pbx":
        self.made += 1
        return self

    @contextmanager
    def turn(self, _settings: Settings) -> Iterator[None]:
        self.on_turn()
        yield

    def is_as_put_back(self) -> bool:
        self.looked += 1
        return self.is_as_refused

    def bring(self, built: Built) -> Applied:
        self.brought += 1
        self._fail()
        running, there = (self.running.held, self.running.files) if self.running else ({}, {})
        files = {name: data for name, data in built.files.items() if there.get(name) != data}
        self.running, self.differences, self.is_as_left = built, [], True
        fresh = frozenset(files.keys() - there.keys())
        plan = Plan(None, built, Path(), running, built.held, files=files, fresh=fresh)
        return Applied(plan, routes=1, numbers=2, verified=3)

    def alive(self) -> bool:
        self._fail()
        return self.is_as_left

    def verify(self) -> list[Difference]:
        self._fail()
        return self.differences

    def sweep(self) -> Swept:
        self._fail()
        self.retired = {}
        return self.swept

    def close(self) -> None:
        self.closed += 1

    def _fail(self) -> None:
        if self.away is not None:
            raise self.away
        if self.faults:
            raise self.faults.pop(0)


class Living:
    """A `Live` in a thread, and what it told."""

    def __init__(self, root: Path, pbx: Pbx, out: Path | None = None) -> None:
        self.root = root
        self.pbx = pbx
        self.told: list[Event] = []
        self.stop = threading.Event()
        self._change = threading.Condition()
        self.live = Live(root, self._tell, self.stop, out=out, make_applier=pbx.make)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self.live.run)
        self._thread.start()

    def _tell(self, event: Event) -> None:
        with self._change:
            self.told.append(event)
            self._change.notify_all()

    def wait(self, kind: type[Event], number: int = 1) -> Any:
        """The so-many-th event of a kind."""

        def found() -> list[Event]:
            return [event for event in self.told if isinstance(event, kind)]

        with self._change:
            assert self._change.wait_for(lambda: len(found()) >= number, 10), self.told
        return found()[number - 1]

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.told)

    def save(self, text: str, name: str = "a.route") -> None:
        (self.root / "routes" / name).write_text(text)

    def end(self) -> None:
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


Start = Callable[..., Living]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pauses, shorter."""
    monkeypatch.setattr(pauses, "AWAY_SECONDS", (0.02, 0.1))
    monkeypatch.setattr(pauses, "REFUSED_SECONDS", (0.2, 0.4))
    monkeypatch.setattr(pauses, "REBUILD_SECONDS", 0.1)
    for name, seconds in (("QUIET_SECONDS", 0.05), ("ALIVE_SECONDS", 0.05), ("SWEEP_SECONDS", 0.05)):
        monkeypatch.setattr(f"routec.apply.watching.upkeep.{name}", seconds)
        monkeypatch.setattr(pauses, name, seconds)


@pytest.fixture
def start(write: Write, tmp_path: Path) -> Iterator[Start]:
    running: list[Living] = []
    write({"routes/a.route": ROUTE.format(600), "routes/routec.toml": SETTINGS})

    def begin(pbx: Pbx | None = None, **options: Any) -> Living:
        running.append(Living(tmp_path, pbx or Pbx(), **options))
        return running[-1]

    yield begin
    for each in running:
        each.end()


def words(event: Event) -> str:
    said = event.words()
    return "\n".join(said.lines) if said else ""


def test_a_change_goes_live_and_is_said_in_call_terms(start: Start) -> None:
    living = start()
    first = living.wait(WentLive)
    assert first.seconds is None
    living.wait(Verified)
    living.save(ROUTE.format(700))
    live = living.wait(WentLive, 2)
    assert 0 < live.seconds < 10
    said = words(living.wait(Meant, 2))
    assert "600 is no longer answered" in said
    assert "700 is answered" in said
    assert words(live).startswith("live after ")
    assert "1 route, 2 numbers changed, 3 steps read back" in words(live)
    assert living.live.standing == (True, "live")


def test_a_module_that_lets_more_in_is_said_before_the_rest(start: Start) -> None:
    """Of many sentences the last ones are not shown."""
    living = start()
    living.wait(WentLive)
    gate = 'auth gate {{ login ask "x" digits 4; user a login 1001{} }}\n'
    route = "route g { on extension 650; auth gate else hangup }\n"
    living.save(gate.format("") + route, "gate.route")
    living.wait(WentLive, 2)
    many = "".join(f"route r{number} {{ on extension {number}; hangup }}\n" for number in range(700, 740))
    living.save(gate.format("; offline grant") + route + many, "gate.route")
    living.wait(WentLive, 3)
    first, *_ = words(living.wait(Meant, 3)).splitlines()
    assert first == "  ! gate: callers pass while the log cannot be reached"


def test_a_sound_that_is_another_now_is_said(start: Start, tmp_path: Path) -> None:
    """Whoever has recorded a prompt by phone looks whether that is what callers hear."""
    wav(tmp_path / "routes/prompts/welcome.wav")
    living = start()
    living.wait(WentLive)
    assert "sound welcome.wav is new" in words(living.wait(Meant))
    wav(tmp_path / "routes/prompts/welcome.wav", 90)
    assert words(living.wait(Meant, 2)) == "  sound welcome.wav differs"


def test_what_changes_nothing_is_said_and_not_done(start: Start) -> None:
    living = start()
    living.wait(WentLive)
    living.save(ROUTE.format(600) + "# a word\n")
    living.wait(Unchanged)
    assert living.count(WentLive) == 1


def test_a_fault_leaves_what_is_live_and_the_next_good_save_goes_live(start: Start) -> None:
    living = start()
    living.wait(WentLive)
    brought = living.pbx.brought
    living.save("route a {")
    checked = living.wait(Checked, 2)
    assert checked.built.failed
    assert "1 error; the last good files stay" in words(checked)
    assert "the routes have faults" in living.live.standing.text
    assert not living.live.standing.is_live
    assert living.pbx.brought == brought
    living.save(ROUTE.format(800))
    living.wait(WentLive, 2)
    assert living.live.standing.is_live


def test_asterisk_is_not_there_yet(start: Start) -> None:
    pbx = Pbx()
    pbx.away = AWAY
    living = start(pbx)
    waiting = living.wait(Waiting)
    assert words(waiting) == "waiting for Asterisk: nobody answers\n   = help: start it"
    living.save(ROUTE.format(700))
    living.wait(Checked, 2)
    while pbx.brought < 6:
        assert not threading.Event().wait(0.02)
    assert living.count(Waiting) == 1
    assert "waiting" in living.live.standing.text
    pbx.away = None
    living.wait(Back)
    living.wait(WentLive)
    living.wait(Verified)
    assert pbx.running is not None
    assert b"700" in pbx.running.files["extensions.conf"]


def test_asterisk_goes_and_comes_back_with_what_it_had(start: Start) -> None:
    living = start()
    living.wait(WentLive)
    living.pbx.away = AWAY
    living.wait(Waiting)
    living.pbx.away = None
    living.wait(Back)
    assert living.live.standing.is_live
    assert living.count(WentLive) == 1
    living.pbx.away = AWAY
    living.wait(Waiting, 2)


def test_asterisk_comes_back_with_another_dialplan(start: Start) -> None:
    living = start()
    living.wait(WentLive)
    living.wait(Verified)
    living.pbx.running, living.pbx.is_as_left = None, False
    living.pbx.differences = [Difference("routec-x", "600", 1, None, None)]
    drifted = living.wait(Drifted)
    assert words(drifted).startswith("DRIFT: Asterisk does not run what it was left with, in routec-x")
    living.wait(WentLive, 2)
    living.wait(Verified, 2)
    assert living.live.standing.is_live


def test_a_refusal_is_said_once_and_tried_again(start: Start) -> None:
    pbx = Pbx()
    pbx.faults = [REFUSED, REFUSED]
    living = start(pbx)
    refused = living.wait(Refused)
    assert refused.words().diagnostics == REFUSED.diagnostics
    assert words(refused) == "not live: put back"
    living.wait(WentLive)
    assert living.count(Refused) == 1


def test_what_asterisk_did_not_take_is_not_put_live_again_for_the_clock(start: Start) -> None:
    pbx = Pbx()
    pbx.faults = [NOT_TAKEN]
    living = start(pbx)
    living.wait(Refused)
    while pbx.looked < 3:
        assert not threading.Event().wait(0.02)
    assert pbx.brought == 1
    pbx.is_as_refused = False
    living.wait(WentLive)
    assert pbx.brought == 2, "somebody was there: what was in its way may be gone"


def test_newer_files_are_built_before_anything_goes_live(start: Start, tmp_path: Path) -> None:
    """Another apply had its turn after the build, with what was saved meanwhile: the old must not come after it."""
    pbx = Pbx()
    route = tmp_path / "routes/a.route"
    saves = [ROUTE.format(700)]
    pbx.on_turn = lambda: [route.write_text(saves.pop()) for _ in saves[:]]
    living = start(pbx)
    first = living.wait(WentLive)
    assert b"700" in first.applied.plan.built.files["extensions.conf"]
    assert pbx.brought == 1


def test_files_that_never_rest_go_live_all_the_same(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "STALE_SECONDS", 0.3)
    monkeypatch.setattr("routec.apply.watching.watch.Watcher.is_as_told", lambda _: False)
    start().wait(WentLive)


def test_a_save_does_not_wait_for_a_pause(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "REFUSED_SECONDS", (1_000, 1_000))
    pbx = Pbx()
    pbx.faults = [REFUSED]
    living = start(pbx)
    living.wait(Refused)
    living.save(ROUTE.format(700))
    living.wait(WentLive)


def test_a_bug_of_ours_in_the_apply_is_said_and_tried_again_with_a_new_applier(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "REFUSED_SECONDS", (0.02, 0.02))
    pbx = Pbx()
    pbx.faults = [ZeroDivisionError("a secret"), ZeroDivisionError("a secret")]
    living = start(pbx)
    broken = living.wait(Broken)
    assert "RT901" in words(broken)
    assert "secret" not in words(broken)
    living.wait(WentLive)
    assert living.count(Broken) == 1
    assert (pbx.made, pbx.closed) == (3, 2)


def test_a_bug_of_ours_in_a_build_is_said_and_tried_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("routec.apply.watching.live.Builder.build", lambda _: 1 // 0)
        living = start()
        assert "RT901" in words(living.wait(Broken))
        assert "the last build failed" in living.live.standing.text
    living.wait(WentLive)


def test_the_disk_fails(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("routec.apply.watching.live.Builder.build", lambda _: Path("/nowhere/at/all").read_text())
        living = start()
        assert words(living.wait(Broken)) == "Error: No such file or directory; it is tried again"
    living.wait(WentLive)


def test_retired_contexts_are_swept(start: Start) -> None:
    pbx = Pbx()
    living = start(pbx)
    living.wait(WentLive)
    pbx.swept = Swept(gone=("routec-a-1", "routec-a-2"), kept=("routec-b-1",), calls=3)
    pbx.retired = {"routec-a-1": {}}
    tidied = living.wait(Tidied)
    assert words(tidied) == "2 old contexts went: no call is in there any more; 1 other with 3 calls"
    assert words(Tidied(Swept(kept=("routec-b-1",), calls=3))) == ""


def test_routes_goes_and_comes_back(start: Start) -> None:
    living = start()
    living.wait(WentLive)
    (living.root / "routes").rename(living.root / "away")
    assert "routes/ is gone" in words(living.wait(Gone))
    assert not living.live.standing.is_live
    (living.root / "away").rename(living.root / "routes")
    living.wait(Checked, 2)
    living.save(ROUTE.format(700))
    living.wait(WentLive, 2)
    assert living.live.standing.is_live


def test_starts_without_routes(start: Start, tmp_path: Path) -> None:
    (tmp_path / "routes").rename(tmp_path / "away")
    living = start()
    living.wait(Gone)
    (tmp_path / "away").rename(tmp_path / "routes")
    living.wait(WentLive)


def test_reading_everything_anew(start: Start) -> None:
    living = start()
    living.wait(WentLive)
    rounds, made = living.live.rounds, living.pbx.made
    living.live.again()
    living.wait(Checked, 2)
    living.save(ROUTE.format(700))
    living.wait(WentLive, 2)
    assert living.pbx.made == made + 1
    assert living.live.rounds >= rounds + 2


def test_another_pbx_in_the_settings_is_another_applier(start: Start) -> None:
    living = start()
    living.wait(WentLive)
    living.save(SETTINGS + "port = 5039\n", "routec.toml")
    living.wait(Unchanged)
    assert living.pbx.made == 2


def test_without_a_manager_files_are_written(start: Start, tmp_path: Path) -> None:
    (tmp_path / "routes/routec.toml").unlink()
    living = start()
    assert "extensions.conf" in living.wait(Written).changed
    assert living.live.standing == (True, "built; Asterisk is not reloaded")
    living.save(ROUTE.format(700))
    living.wait(Written, 2)
    assert "700" in (tmp_path / "generated/extensions.conf").read_text()
    living.save(ROUTE.format(700) + "# a word\n")
    assert living.wait(Written, 3).changed in ((), ("manifest.json",))
    assert living.pbx.made == 0


def test_elsewhere(start: Start, tmp_path: Path) -> None:
    living = start(out=tmp_path / "out")
    living.wait(Written)
    assert (tmp_path / "out/extensions.conf").exists()
    assert not (tmp_path / "generated").exists()
    assert living.pbx.made == 0


def test_where_files_cannot_be_written(start: Start, tmp_path: Path) -> None:
    (tmp_path / "routes/routec.toml").unlink()
    (tmp_path / "generated").write_text("a file in the folder's place")
    living = start()
    assert words(living.wait(Refused)).startswith("not live: cannot write ")
    (tmp_path / "generated").unlink()
    living.wait(Written)


def test_a_note_is_a_line(start: Start) -> None:
    assert words(Note("slower")) == "slower"
    assert start().wait(WentLive)

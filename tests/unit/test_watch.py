"""The real watcher on real files: editors' ways of saving, checkouts, links, folders that go and come back."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from routec.apply.watching import watch
from routec.apply.watching.tree import Checkout, scan
from routec.apply.watching.watch import Change, Watcher, patience
from tests.unit.conftest import Write

GOOD = "route a { on extension 600; hangup }\n"
LONG = 10.0
SHORT = 0.7
"""Longer than the files are looked at without being told to."""


class Watching:
    """A watcher in the test's own thread: what a test does comes first, then the watcher is asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stop = threading.Event()
        self.said: list[str] = []
        self.watcher = Watcher(root, self.stop, self.said.append)

    def change(self) -> Change:
        found = self.watcher.wait(LONG)
        assert found is not None, "the change was never seen"
        return found

    def nothing(self) -> None:
        assert self.watcher.wait(SHORT) is None


@pytest.fixture
def watching(write: Write, tmp_path: Path) -> Iterator[Watching]:
    write({"routes/a.route": GOOD, "routes/b.route": "", "routes/deep/c.route": GOOD, "routes/prompts/x.wav": "x"})
    running = Watching(tmp_path)
    yield running
    running.watcher.close()


def meanwhile(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("name", ["a.route", "deep/c.route", "staff.users", "routec.toml"])
def test_a_save_is_told_at_once(watching: Watching, name: str) -> None:
    (watching.root / "routes" / name).write_text("# changed\n")
    assert watching.change().names == {name}
    watching.nothing()


def test_a_save_is_not_waited_for(watching: Watching) -> None:
    """The wait begins with the notification, and ends without another one."""
    saved: list[float] = []

    def save() -> None:
        time.sleep(0.2)  # the watcher is in its wait by then; nothing breaks if it is not
        saved.append(time.monotonic())
        (watching.root / "routes/a.route").write_text("# changed\n")

    best = LONG
    for _ in range(5):  # the best of some: the machine may be busy
        thread = meanwhile(save)
        watching.change()
        best = min(best, time.monotonic() - saved[-1])
        thread.join()
    assert best < 0.05


def vim(path: Path) -> None:
    """`:w` with backupcopy=no: a probe whether files can be made there, the old one renamed away, a new one."""
    probe, backup = path.with_name("4913"), path.with_name(path.name + "~")
    probe.write_text("")
    probe.unlink()
    path.rename(backup)
    path.write_text("# by vim\n")
    backup.unlink()


def emacs(path: Path) -> None:
    """A lock that leads nowhere, an auto-save, a backup, and the file written in place."""
    lock, auto = path.with_name(f".#{path.name}"), path.with_name(f"#{path.name}#")
    lock.symlink_to("anna@pbx.1234:1700000000")
    auto.write_text("# not yet")
    shutil.copy(path, path.with_name(f"{path.name}~"))
    path.write_text("# by emacs\n")
    auto.unlink()
    lock.unlink()


def renaming(path: Path) -> None:
    """gedit, VS Code, sed -i and most others: a temporary file that is renamed over the old one."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text("# by another\n")
    temporary.replace(path)


@pytest.mark.parametrize("save", [vim, emacs, renaming])
def test_editors_save_once(watching: Watching, save: Callable[[Path], None]) -> None:
    save(watching.root / "routes/a.route")
    assert watching.change().names == {"a.route"}
    watching.nothing()


def test_what_is_no_file_of_ours_is_no_change(watching: Watching) -> None:
    routes = watching.root / "routes"
    for name in (".a.route.swp", "a.route~", "notes.txt", ".#a.route", "deep/routec.toml", "sound.wav", "deep/.git"):
        (routes / name).write_text("x")
    (routes / "empty").mkdir()
    (watching.root / "generated").mkdir()
    replaced = routes / "prompts/.replaced/nl"
    replaced.mkdir(parents=True)
    for name in (".gitignore", "x.20261127T223105Z.wav", "nl/x.20261127T223105Z.wav16", "../.routec-new.x.wav"):
        (replaced.parent / name).write_text("x")
    watching.nothing()
    (replaced / "x.20261127T223105Z.wav16").write_text("y")
    watching.nothing()


@pytest.mark.parametrize("name", ["x.wav16", "nl/x.wav", "nl/x.wav16"])
def test_what_belongs_to_a_sound_is_a_change(watching: Watching, name: str) -> None:
    path = watching.root / "routes/prompts" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    assert watching.change().names == {f"prompts/{name}"}
    path.unlink()
    assert watching.change().names == {f"prompts/{name}"}


def test_files_that_come_and_go_in_new_folders(watching: Watching) -> None:
    new = watching.root / "routes/new/below"
    new.mkdir(parents=True)
    (new / "d.route").write_text(GOOD)
    assert watching.change().names == {"new/below/d.route"}
    (new / "d.route").write_text("# again\n")
    assert watching.change().names == {"new/below/d.route"}
    (watching.root / "routes/new").rename(watching.root / "routes/moved")
    assert watching.change().names == {"new/below/d.route", "moved/below/d.route"}
    (watching.root / "routes/moved/below/d.route").write_text("# and again\n")
    assert watching.change().names == {"moved/below/d.route"}
    shutil.rmtree(watching.root / "routes/moved")
    assert watching.change().names == {"moved/below/d.route"}


def test_a_file_that_is_emptied_before_it_is_written_is_one_change(watching: Watching) -> None:
    path = watching.root / "routes/a.route"
    with path.open("w") as file:  # it is empty from here on

        def fill() -> None:
            time.sleep(0.1)
            file.write(GOOD + "#\n")
            file.flush()

        thread = meanwhile(fill)
        watching.change()
        thread.join()
        assert path.read_text() != ""
    watching.nothing()


def test_a_sound_is_taken_when_it_is_whole(watching: Watching) -> None:
    def copy() -> None:
        with (watching.root / "routes/prompts/x.wav").open("wb") as file:
            for _ in range(10):
                file.write(b"x" * 1000)
                file.flush()
                time.sleep(0.02)

    thread = meanwhile(copy)
    assert watching.change().names == {"prompts/x.wav"}
    thread.join()
    watching.nothing()


def test_routes_goes_and_comes_back(watching: Watching) -> None:
    routes = watching.root / "routes"
    routes.rename(watching.root / "away")
    assert watching.change().is_gone
    assert watching.watcher.is_gone
    watching.nothing()
    (watching.root / "away").rename(routes)
    change = watching.change()
    assert not change.is_gone
    assert "a.route" in change.names
    shutil.rmtree(routes)
    assert watching.change().is_gone
    routes.mkdir()
    assert not watching.change().is_gone
    (routes / "a.route").write_text("# new\n")
    assert watching.change().names == {"a.route"}


def test_a_link_is_swapped(tmp_path: Path, write: Write) -> None:
    """As releases are deployed: `routes` leads through `current`, which is swapped to another release."""
    write({"releases/1/routes/a.route": GOOD, "releases/2/routes/a.route": "# the second\n", "pbx/x": ""})
    (tmp_path / "current").symlink_to("releases/1")
    (tmp_path / "pbx/routes").symlink_to("../current/routes")
    watching = Watching(tmp_path / "pbx")
    (tmp_path / "next").symlink_to("releases/2")
    (tmp_path / "next").replace(tmp_path / "current")
    assert watching.change().names == {"a.route"}
    (tmp_path / "releases/2/routes/a.route").write_text("# in place\n")
    assert watching.change().names == {"a.route"}
    (tmp_path / "releases/1/routes/a.route").write_text("# in the old one\n")
    watching.nothing()
    (tmp_path / "releases/2/routes/b.route").symlink_to("shared/b.txt")
    assert watching.change().names == {"b.route"}
    write({"releases/2/routes/shared/b.txt": "# what a link leads to\n"})
    assert watching.change().names == {"b.route"}
    watching.watcher.close()


def git(folder: Path, *command: str) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", *names, *command], cwd=folder, env=environ, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_a_slow_checkout_is_one_change(tmp_path: Path, write: Write) -> None:
    """A hundred files, with a filter that takes its time for each: longer than a save may rest."""
    git(tmp_path, "init", "-q", "-b", "main")
    write({f"routes/{number:03}.route": GOOD for number in range(100)})
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "checkout", "-qb", "other")
    write({f"routes/{number:03}.route": "# other\n" for number in range(100)})
    write({".gitattributes": "*.route filter=slow\n"})
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "two")
    git(tmp_path, "checkout", "-q", "main")
    git(tmp_path, "config", "filter.slow.smudge", "sleep 0.02; cat")
    watching = Watching(tmp_path)
    thread = meanwhile(lambda: git(tmp_path, "checkout", "-q", "other"))
    assert len(watching.change().names) == 100
    thread.join()
    watching.nothing()
    watching.watcher.close()


def test_files_that_keep_coming_are_few_changes(watching: Watching) -> None:
    """Without git to ask, the first file is a save like another; the rest is one change, or hardly more."""

    def deploy() -> None:
        for number in range(50):
            (watching.root / f"routes/{number}.route").write_text(GOOD)
            time.sleep(0.01)

    thread = meanwhile(deploy)
    seen: set[str] = set()
    changes = 0
    while len(seen) < 50:
        seen |= watching.change().names
        changes += 1
    thread.join()
    assert changes <= 4


def test_what_never_rests_is_taken_all_the_same(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST_SECONDS", 0.5)
    end = threading.Event()

    def write_on() -> None:
        for number in range(10_000):
            for name in ("a", "b"):
                (watching.root / f"routes/{name}.route").write_text(f"# {number}\n")
            if end.wait(0.05):
                return

    thread = meanwhile(write_on)
    assert watching.change().names >= {"a.route"}
    end.set()
    thread.join()


def test_a_lock_that_a_dead_git_left_holds_up_once(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST_CHECKOUT_SECONDS", 0.3)
    (watching.root / ".git").mkdir()
    (watching.root / ".git/index.lock").write_text("")
    (watching.root / "routes/a.route").write_text("# one\n")
    assert watching.change().names == {"a.route"}
    monkeypatch.setattr(watch, "LONGEST_CHECKOUT_SECONDS", 1_000)
    (watching.root / "routes/a.route").write_text("# two\n")
    assert watching.change().names == {"a.route"}


def test_the_lock_of_a_further_work_tree(tmp_path: Path, write: Write) -> None:
    write({"git/worktrees/w/x": "", "w/.git": f"gitdir: {tmp_path}/git/worktrees/w\n", "w/routes/a.route": GOOD})
    assert not Checkout().is_going_on(tmp_path / "w/routes")
    write({"git/worktrees/w/index.lock": ""})
    assert Checkout().is_going_on(tmp_path / "w/routes")


@pytest.mark.parametrize("error", [OSError("OS file watch limit reached"), RuntimeError("a bug of the library's")])
def test_a_system_that_tells_of_nothing(watching: Watching, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as limited:
        limited.setattr("routec.apply.watching.watch.RustNotify", refuse)
        slow = Watching(watching.root)
        assert len(slow.said) == 1
        assert str(error) in slow.said[0]
        (watching.root / "routes/a.route").write_text("# one\n")
        assert slow.change().names == {"a.route"}
        assert len(slow.said) == 1
    monkeypatch.setattr(slow.watcher, "_arm_again", 0.0)
    (watching.root / "routes/a.route").write_text("# two\n")
    assert slow.change().names == {"a.route"}
    assert slow.said[1:] == ["the system tells of changes again"]
    slow.watcher.close()


def test_a_wait_is_interrupted(watching: Watching) -> None:
    threading.Timer(0.05, watching.stop.set).start()
    began = time.monotonic()
    assert watching.watcher.wait(LONG) is None
    assert time.monotonic() - began < LONG


def test_a_folder_that_is_closed_to_us_is_a_change_when_it_opens(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.scandir

    def refuse(folder: str) -> object:
        if folder.endswith("deep"):
            raise PermissionError
        return look(folder)

    with monkeypatch.context() as closed:
        closed.setattr("routec.apply.watching.tree.os.scandir", refuse)
        assert watching.change().names == {"deep/c.route", "deep/."}
    assert watching.change().names == {"deep/c.route", "deep/."}


def test_patience(write: Write, tmp_path: Path) -> None:
    write({"routes/a.route": GOOD, "routes/b.route": GOOD})
    before = scan(tmp_path / "routes")
    write({"routes/a.route": "# changed\n"})
    one = scan(tmp_path / "routes")
    write({"routes/b.route": ""})
    two = scan(tmp_path / "routes")
    assert patience(before, one) == 0
    assert {patience(*pair) for pair in ((one, two), (before, two), (None, one), (one, None))} == {0.25}

"""The real watcher. A change is written again until it is seen: what a test waits for is the build, never a clock."""

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from routec.apply.build import Built
from routec.apply.watch import Watch
from tests.unit.conftest import Write

Seen = tuple[Built, list[str]]


class Watching:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.stop = threading.Event()
        self.failures: list[Exception] = []
        self._seen: queue.Queue[Seen] = queue.Queue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        Watch(self.root, self.stop, lambda *seen: self._seen.put(seen), self.failures.append).run()

    def first(self) -> Seen:
        return self._seen.get(timeout=10)

    def change(self, text: str, until: Callable[[Built], bool]) -> Seen:
        """Write a route file until a build of it comes."""
        for attempt in range(100):
            (self.root / "routes/a.route").write_text(f"{text}# {attempt}\n")
            try:
                while True:
                    seen = self._seen.get(timeout=0.2)
                    if until(seen[0]):
                        return seen
            except queue.Empty:
                continue
        raise AssertionError("the change was never seen")

    def end(self) -> None:
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def watching(write: Write, tmp_path: Path) -> Iterator[Watching]:
    write({"routes/a.route": "route a { on extension 600; hangup }\n"})
    running = Watching(tmp_path)
    yield running
    running.end()


def test_a_change_is_built_a_fault_is_not_the_next_good_one_is(watching: Watching) -> None:
    dialplan = watching.root / "generated/extensions.conf"
    built, changed = watching.first()
    assert not built.failed
    assert "extensions.conf" in changed
    built, _ = watching.change("route a { on extension 700; hangup }\n", lambda built: "700" in text_of(built))
    assert "exten => 700," in dialplan.read_text()
    good = dialplan.read_bytes()
    built, changed = watching.change("route a { on extension 800; hangup\n", lambda built: built.failed)
    assert changed == []
    assert [fault.code.code for fault in built.compilation.diagnostics] == ["RT103"]
    assert dialplan.read_bytes() == good
    watching.change("route a { on extension 900; hangup }\n", lambda built: "900" in text_of(built))
    assert "exten => 900," in dialplan.read_text()


def text_of(built: Built) -> str:
    return built.files.get("extensions.conf", b"").decode()


def test_a_change_right_after_the_first_build_is_not_lost(write: Write, tmp_path: Path) -> None:
    write({"routes/a.route": "route a { on extension 600; hangup }\n"})
    stop = threading.Event()
    found: list[Built] = []

    def on_build(built: Built, _changed: list[str]) -> None:
        found.append(built)
        if len(found) == 1:
            write({"routes/a.route": "route a { on extension 700; hangup }\n"})
        else:
            stop.set()

    limit = threading.Timer(10, stop.set)
    limit.start()
    Watch(tmp_path, stop, on_build, lambda error: pytest.fail(str(error))).run()
    limit.cancel()
    assert "700" in text_of(found[-1])


def test_a_change_of_a_file_of_users_is_built(watching: Watching, write: Write) -> None:
    """It takes effect without a change of any route: the checker reads what was built."""
    text = 'auth b { login ask "x" digits 4; users from "staff.users" }\nroute a { on extension 600; hangup }\n'
    write({"routes/staff.users": "user anna login 1001\n"})
    watching.change(text, lambda built: "1001" in modules_of(built))
    pause = threading.Event()
    modules = watching.root / "generated/signin.json"
    for attempt in range(100):
        write({"routes/staff.users": f"user anna login 2002  # {attempt}\n"})
        if pause.wait(0.1) or "2002" in modules.read_text():
            break
    assert "2002" in modules.read_text()


def modules_of(built: Built) -> str:
    return built.files.get("signin.json", b"").decode()


def test_a_build_that_fails_is_not_the_last(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    watching.first()
    with monkeypatch.context() as broken:
        broken.setattr("routec.apply.watch.build", lambda *_: int("a bug of ours"))
        write_until(watching, lambda: bool(watching.failures))
    watching.change("route a { on extension 900; hangup }\n", lambda built: "900" in text_of(built))


def write_until(watching: Watching, condition: Callable[[], bool]) -> None:
    """Write a route file again and again, until something has come of it."""
    pause = threading.Event()
    for attempt in range(100):
        (watching.root / "routes/a.route").write_text(f"route a {{ on extension 700; hangup }}# {attempt}\n")
        if condition() or (pause.wait(0.1) or condition()):
            return
    raise AssertionError("nothing came of it")

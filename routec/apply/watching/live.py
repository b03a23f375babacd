"""Routes kept live: every change is built, and what is good is put in force; the last good dialplan stays otherwise.

One thread does everything, so nothing here happens twice at once. Whatever goes wrong is said once, and the next save
or the next try is a new chance.
"""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from routec.apply.applier import Applier
from routec.apply.build import Builder
from routec.apply.watching.events import Broken, Checked, Event, Gone, Note
from routec.apply.watching.pauses import Pauses
from routec.apply.watching.upkeep import Standing, Upkeep
from routec.apply.watching.watch import Watcher

BUILD_FAILED = "the last build failed"


class Live:
    """The routes of one project on one PBX, until `stop` is set. Without `[ami]`, or with `out`, it only writes files.

    `tell` is told all that happens, in the thread that calls `run`.
    """

    def __init__(
        self,
        root: Path,
        tell: Callable[[Event], None],
        stop: threading.Event,
        *,
        target: str | None = None,
        out: Path | None = None,
        environ: Mapping[str, str] = os.environ,
        make_applier: Callable[[], Applier] | None = None,
    ) -> None:
        self._root = root
        self._tell = tell
        self._stop = stop
        self._target = target
        self._again = threading.Event()
        self._builder = Builder(root, target)
        self._pauses = Pauses()
        make = make_applier or (lambda: Applier(root, target, environ=environ, say=self._note, resident=True))
        self._watcher: Watcher | None = None
        self._upkeep = Upkeep(root, tell, make, out, self._pauses, self._is_current)
        self._faults = ""
        self.rounds = 0
        """How many builds have come to an end, with whatever end."""

    @property
    def faults(self) -> str:
        """What keeps the routes as they stand from being built; empty where nothing does."""
        return self._faults

    @property
    def standing(self) -> Standing:
        """How things are now; may be asked from any thread."""
        faults, state = self._faults, self._upkeep.state
        return (
            Standing(is_live=False, text=f"{faults}, the last good dialplan stays; {state.text}") if faults else state
        )

    def again(self) -> None:
        """Read everything anew, as if it were the first time; may be called from any thread."""
        self._again.set()

    def is_set(self) -> bool:
        """Whether the watcher is to come back at once."""
        return self._stop.is_set() or self._again.is_set()

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Watch; `ready` is called after the first round, whatever came of it."""
        watcher = self._watcher = Watcher(self._root, self, self._note)
        try:
            self._round(None, is_gone=watcher.is_gone)
            ready()
            while not self._stop.is_set():
                change = watcher.wait(self._upkeep.next_pause)
                if self._again.is_set():
                    self._again.clear()
                    self._forget()
                    self._round(None, is_gone=watcher.is_gone)
                elif change is not None:
                    self._round(change.seen, is_gone=change.is_gone)
                elif self._pauses.is_build_due():
                    self._round(None, is_gone=watcher.is_gone)
                elif not self._stop.is_set():
                    self._upkeep.duties()
        finally:
            watcher.close()
            self._forget()

    def _round(self, seen: float | None, *, is_gone: bool) -> None:
        """Build what stands there now, and put it in force if it is good."""
        try:
            self._build(seen, is_gone=is_gone)
        finally:
            self.rounds += 1

    def _build(self, seen: float | None, *, is_gone: bool) -> None:
        if is_gone:
            self._faults = "routes/ is gone"
            self._tell(Gone())
            return
        try:
            built = self._builder.build()
        except Exception as error:  # noqa: BLE001 (whatever it is, the next save may be good)
            self._builder = Builder(self._root, self._target)
            is_news = seen is not None or self._faults != BUILD_FAILED
            self._faults = BUILD_FAILED
            self._pauses.retry_build()
            if is_news:
                self._tell(Broken(error))
            return
        self._pauses.built()
        self._faults = "the routes have faults" if built.failed else ""
        self._tell(Checked(built))
        if not built.failed:
            self._upkeep.put(built, seen)

    def _is_current(self) -> bool:
        return self._watcher is None or self._watcher.is_as_told()

    def _forget(self) -> None:
        self._builder = Builder(self._root, self._target)
        self._upkeep.forget()

    def _note(self, text: str) -> None:
        self._tell(Note(text))

"""What changed below routes/, told once it has come to rest: a save at once, a checkout of a hundred files as one.

Notifications only wake; what counts is how the files stand (`tree`). So what notifications miss, such as another folder
behind the link `routes`, an overflow, or a network's file system, is seen by the look that is due twice a second.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from routec.apply.watching.tree import TEXT_SUFFIXES, Checkout, Tree, differing, scan
from routec.project import ROUTES

STEP_MILLISECONDS = 10
"""How long notifications must pause to be handed over; with it a save is seen 10 to 20 ms after it."""

BURST_MILLISECONDS = 50
LOOK_SECONDS = 0.5
"""How often the files are looked at without being told to."""

PATIENCE_SECONDS = 0.25
"""How long all must rest where more than a save is going on: several files, one that is gone or empty, a sound."""

LONGEST_SECONDS = 5.0
"""After so long, what stands there is taken although it still changes."""

LONGEST_CHECKOUT_SECONDS = 60.0
AGAIN_SECONDS = 60.0
"""How soon notifications are tried again where the system had none to give."""


class Interrupt(Protocol):
    """What ends a wait early: an event, or anything that can be asked like one."""

    def is_set(self) -> bool:
        """Whether to come back at once."""


class Change(NamedTuple):
    """A change that has come to rest: which files, as paths from routes/, and when it was first seen (monotonic s)."""

    names: frozenset[str]
    seen: float
    is_gone: bool
    """There is no routes/ any more."""


class Watcher:
    """Watches the routes of a project; one thread uses it. `say` is told, once, of what makes it slower."""

    def __init__(self, root: Path, interrupt: Interrupt, say: Callable[[str], None] = lambda _: None) -> None:
        self._root = root
        self._folder = root / ROUTES
        self._interrupt = interrupt
        self._say = say
        self._checkout = Checkout()
        self._notify: RustNotify | None = None
        self._armed: tuple[tuple[str, int], ...] = ()
        self._arm_again = 0.0
        self._said = ""
        self._taken = self._look()

    @property
    def is_gone(self) -> bool:
        """Whether there was no routes/ at the last look."""
        return self._taken is None

    def is_as_told(self) -> bool:
        """Whether the files stand as they did at the last change that was told; may be asked at any time."""
        return _is_same(scan(self._folder), self._taken)

    def wait(self, seconds: float) -> Change | None:
        """The next change since the last one that was told, or None after so long and when interrupted."""
        until = time.monotonic() + seconds
        while not self._interrupt.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return None
            self._sleep(min(left, LOOK_SECONDS))
            tree = self._look()
            if tree != self._taken and not _is_same(tree, self._taken):
                if change := self._settled(tree):
                    return change
            else:
                self._taken = tree
        return None

    def close(self) -> None:
        """Give the notifications back to the system."""
        if self._notify is not None:
            self._notify.close()
            self._notify = None

    def _settled(self, tree: Tree | None) -> Change | None:
        """Wait until the files rest; None where they came back to how they were."""
        began = rested = time.monotonic()
        while not self._interrupt.is_set():
            now = time.monotonic()
            if self._checkout.is_going_on(self._folder):
                rested = now
                if now - began > LONGEST_CHECKOUT_SECONDS:
                    self._checkout.pass_over()
            elif now - rested >= patience(self._taken, tree) or now - began > LONGEST_SECONDS:
                break
            self._sleep(PATIENCE_SECONDS / 5)
            latest = self._look()
            if not _is_same(latest, tree):
                tree, rested = latest, time.monotonic()
        names = differing(self._taken, tree)
        is_told = bool(names) or (tree is None) != (self._taken is None)
        self._taken = tree
        return Change(frozenset(names), began, tree is None) if is_told else None

    def _sleep(self, seconds: float) -> None:
        """Wait for a notification, at most so long."""
        milliseconds = max(1, int(seconds * 1_000))
        if self._notify is None:
            until = time.monotonic() + seconds
            while time.monotonic() < until and not self._interrupt.is_set():
                time.sleep(min(0.05, seconds))
            return
        try:
            self._notify.watch(BURST_MILLISECONDS, STEP_MILLISECONDS, milliseconds, self._interrupt)
        except (WatchfilesRustInternalError, RuntimeError, OSError) as error:
            self._disarm(str(error))

    def _look(self) -> Tree | None:
        """How the files stand.

        What is watched is renewed first where folders came or went, so that nothing is missed between the two.
        """
        tree = scan(self._folder)
        wanted = ((str(self._root.absolute()), 0), *(tree.folders if tree else ()))
        if wanted != self._armed and (self._notify is not None or time.monotonic() >= self._arm_again):
            self._arm(wanted)
            tree = scan(self._folder)
        return tree

    def _arm(self, folders: tuple[tuple[str, int], ...]) -> None:
        self.close()
        self._armed = folders
        try:
            # Folder by folder: the library's own recursion follows links, wherever they lead.
            self._notify = RustNotify([folder for folder, _ in folders], False, False, 0, False, True)
        except FileNotFoundError:
            self._armed = ()  # one went meanwhile; the next look finds the rest
        except (WatchfilesRustInternalError, RuntimeError, OSError) as error:
            self._disarm(str(error))
        else:
            if self._said:
                self._say("the system tells of changes again")
            self._said = ""

    def _disarm(self, why: str) -> None:
        """Go on by looking alone."""
        with contextlib.suppress(RuntimeError, OSError):
            self.close()
        self._notify = None
        self._armed = ()
        self._arm_again = time.monotonic() + AGAIN_SECONDS
        if not self._said:
            self._say(
                f"the system tells of no changes ({why}): looking every {LOOK_SECONDS:g} s instead; where the limit is "
                "reached, `sysctl fs.inotify.max_user_watches` and `max_user_instances` raise it"
            )
        self._said = why


def patience(before: Tree | None, now: Tree | None) -> float:
    """How long files must rest until a change is taken for whole, in seconds; 0 for a save.

    A save is one file of text that is there and not empty: an editor that writes in place empties the file first, one
    that renames lets it be gone for a moment, and git removes a file before it writes it anew.
    """
    names = differing(before, now)
    if before is None or now is None or len(names) != 1:
        return PATIENCE_SECONDS
    (name,) = names
    is_save = name in now.files and name.endswith(TEXT_SUFFIXES) and now.size(name) > 0
    return 0.0 if is_save else PATIENCE_SECONDS


def _is_same(one: Tree | None, other: Tree | None) -> bool:
    """Whether a build would read the same; folders without files of ours do not matter."""
    if one is None or other is None:
        return one is other
    return one.files == other.files

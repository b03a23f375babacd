"""What stands below routes/ at one moment: which files a build would read, and a stamp of each, without reading any."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from routec.frontend.syntax import USERS_SUFFIX
from routec.model.sound_files import SUFFIXES
from routec.project import PROMPTS, SUFFIX
from routec.settings import SETTINGS_FILE

TEXT_SUFFIXES = (SUFFIX, USERS_SUFFIX, ".toml")

Stamp = tuple[int, int, int, int]
"""Of a file: time of its content and of its inode (ns), number of the inode, size; of what cannot be asked: zeros."""

_UNKNOWN: Stamp = (0, 0, 0, 0)
_SIZE = 3


class Tree(NamedTuple):
    """The files of a project by their path from routes/; and all folders, as they are really called.

    A folder is told from one that was put in its place by its inode.
    """

    files: dict[str, Stamp]
    folders: tuple[tuple[str, int], ...]

    def size(self, name: str) -> int:
        """The size of a file that is there, in bytes."""
        return self.files[name][_SIZE]


def scan(folder: Path) -> Tree | None:
    """Look at a folder of routes, which may be a link; None where there is none. Raises nothing.

    Links to folders inside are not followed, as a build does not follow them, but for the prompts' folder.
    """
    top = os.path.realpath(folder)
    if not os.path.isdir(top):  # noqa: PTH112 (of a string, as all below: this is done twice a second)
        return None
    files: dict[str, Stamp] = {}
    folders: list[tuple[str, int]] = []
    _walk(top, "", files, folders)
    return Tree(files, tuple(folders))


def differing(before: Tree | None, now: Tree | None) -> set[str]:
    """The names of the files that came, went or changed."""
    old, new = (tree.files if tree else {} for tree in (before, now))
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _walk(folder: str, shown: str, files: dict[str, Stamp], folders: list[tuple[str, int]]) -> None:
    try:
        folders.append((folder, os.stat(folder).st_ino))  # noqa: PTH116
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        files[f"{shown}."] = _UNKNOWN  # a folder that is closed to us is a fault, and mending it is a change
        return
    for entry in entries:
        name = f"{shown}{entry.name}"
        if entry.name.startswith(".") and shown.startswith(f"{PROMPTS}/"):
            continue  # what was replaced, and what an editor or a recording lays beside its place
        if _is_folder(entry, at_top=not shown):
            _walk(os.path.realpath(entry.path) if entry.is_symlink() else entry.path, f"{name}/", files, folders)
        elif _is_ours(entry.name, shown):
            files[name] = _stamp(entry)


def _is_folder(entry: os.DirEntry[str], *, at_top: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=at_top and entry.name == PROMPTS)
    except OSError:
        return False


def _is_ours(name: str, folder: str) -> bool:
    if name.startswith("."):
        return False  # an editor's own
    if name.endswith(SUFFIXES):
        return folder.startswith(f"{PROMPTS}/")
    return name.endswith((SUFFIX, USERS_SUFFIX)) or (name == SETTINGS_FILE and not folder)


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    try:
        status = entry.stat()
    except OSError:
        return _UNKNOWN
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size


class Checkout:
    """Whether git is changing files of a folder: it holds `index.lock` from before the first until after the last."""

    def __init__(self) -> None:
        self._asked = ""
        self._lock: str | None = None
        self._passed_over: tuple[int, int] | None = None

    def is_going_on(self, folder: Path) -> bool:
        """Ask, for a folder inside a work tree or outside of any."""
        top = os.path.realpath(folder)
        if top != self._asked or self._lock is None:
            self._asked, self._lock = top, _lock_of(Path(top))
        return (seen := self._look()) is not None and seen != self._passed_over

    def pass_over(self) -> None:
        """The lock that is there now was left behind by a git that died: it means nothing."""
        self._passed_over = self._look()

    def _look(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._lock) if self._lock else None  # noqa: PTH116
        except OSError:
            return None
        return (status.st_ino, status.st_ctime_ns) if status else None


def _lock_of(folder: Path) -> str | None:
    """Where git's lock of the work tree around a folder is, while there is one."""
    for git in _gits(folder):
        try:
            if stat.S_ISDIR(git.stat().st_mode):
                return str(git / "index.lock")
            # A further work tree and a submodule have a file here, which names their folder.
            _, _, named = git.read_text().strip().partition("gitdir: ")
            return str(git.parent / named / "index.lock") if named else None
        except (OSError, ValueError):
            continue
    return None


def _gits(folder: Path) -> Iterator[Path]:
    return (each / ".git" for each in (folder, *folder.parents))

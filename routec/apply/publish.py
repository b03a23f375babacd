"""Generated files on disk: written whole or not at all, and only where they differ."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from routec.contract import SCRIPT_FILE

MAIN_FILE = "extensions.conf"
"""Written last: what it refers to is there before it."""

MARK = b"; Made by routec"
"""How every extensions.conf of ours begins."""

MANIFEST_FILE = "manifest.json"
SOUNDS = "sounds"


class PublishError(Exception):
    """A generated file could not be written; the files before it are new, it and those behind it are as they were."""


def stale(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """The names of the files that differ from what stands in a folder, those too many among them. Raises OSError."""
    differing = [name for name, data in files.items() if not _same(folder / name, data)]
    return sorted(differing + _surplus(files, folder))


def publish(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Make a folder hold just these files, and say which changed. Raises `PublishError`.

    Files that are none of ours stay. Each file is replaced by a rename, so that a reader finds it whole, whenever it
    looks and whatever kills us.
    """
    names = sorted(files, key=lambda name: (name == MAIN_FILE, name))
    _refuse_foreign(folder / MAIN_FILE)
    changed = []
    surplus = _surplus(files, folder)
    name = ""
    try:
        for name in names:
            if not _same(folder / name, files[name]):
                _replace(folder / name, files[name], 0o755 if name == SCRIPT_FILE else 0o644)
                changed.append(name)
        for name in surplus:
            (folder / name).unlink()
            changed.append(name)
    except OSError as error:
        raise PublishError(f"cannot write {folder / name}: {error.strerror or type(error).__name__}") from error
    return changed


def _refuse_foreign(path: Path) -> None:
    """Leave an extensions.conf alone that is not routec's, but an admin's own."""
    try:
        with path.open("rb") as file:
            is_ours = file.read(len(MARK)) in (MARK, b"")
    except OSError:
        return
    if not is_ours:
        raise PublishError(f"{path} is not routec's: it does not begin with `{MARK.decode()}`; write to another folder")


def _surplus(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Sounds that the build before this one wrote, and that no prompt has any more. Those of others stay."""
    try:
        before = json.loads((folder / MANIFEST_FILE).read_bytes())["sounds"]
        names = [f"{SOUNDS}/{name}" for name in before if ".." not in name.split("/")]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
    return sorted(name for name in names if name not in files and (folder / name).is_file())


def _same(path: Path, data: bytes) -> bool:
    try:
        if path.stat().st_size != len(data) or (path.name == SCRIPT_FILE and not os.access(path, os.X_OK)):
            return False
        return path.read_bytes() == data
    except (FileNotFoundError, NotADirectoryError):
        return False


def _replace(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

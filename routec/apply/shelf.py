"""What a published folder holds, as one process knows it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from routec.contract import SCRIPT_FILE

MAIN_FILE = "extensions.conf"
"""Written last: what it refers to is there before it."""

RETIRED_FILE = "retired.conf"
"""The contexts that no route needs any more and that calls are still in; only `apply` writes it."""

MARK = b"; Made by routec"
"""How every extensions.conf of ours begins."""

MANIFEST_FILE = "manifest.json"
SOUNDS = "sounds"


def is_sound(name: object) -> bool:
    """Whether this names a file below the folder of the sounds, and cannot name any other."""
    if not isinstance(name, str) or "\0" in name:
        return False
    folder, *parts = name.split("/")
    return folder == SOUNDS and bool(parts) and not any(part in ("", ".", "..") for part in parts)


def shortened(names: Sequence[str], most: int = 0) -> list[str]:
    """Files as people are told of them: sounds as one, behind the others, where there are more than `most`."""
    sounds = sum(name.startswith(f"{SOUNDS}/") for name in names)
    if sounds <= most:
        return list(names)
    others = [name for name in names if not name.startswith(f"{SOUNDS}/")]
    return [*others, f"{sounds} sound{'' if sounds == 1 else 's'}"]


class Signature(NamedTuple):
    """What tells that a file is the one that was written: its stat, which changes with whatever is done to it."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int
    mode: int

    @classmethod
    def of(cls, path: Path) -> "Signature | None":
        """The signature of what stands there, None for nothing. Raises OSError."""
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)


class Shelf:
    """A published folder as one process knows it: what it has read or written there is not read again.

    The bytes are those of the last build, which are held in any case.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[Signature, bytes]] = {}

    def read(self, name: str) -> bytes | None:
        """What a file holds, None where there is none. Raises OSError."""
        path = self.folder / name
        signature = Signature.of(path)
        if signature is None:
            self._known.pop(name, None)
            return None
        known = self._known.get(name)
        if known is not None and known[0] == signature:
            return known[1]
        data = path.read_bytes()
        self._known[name] = (signature, data)
        return data

    def holds(self, name: str, data: bytes) -> bool:
        """Whether a file holds just this, in the way that it should. Raises OSError."""
        path = self.folder / name
        signature = Signature.of(path)
        if signature is None:
            return False
        if name == SCRIPT_FILE and not os.access(path, os.X_OK):
            return False
        known = self._known.get(name)
        if known is None or known[0] != signature:
            if signature.size != len(data):
                return False
            known = (signature, path.read_bytes())
        if known[1] != data:
            self._known[name] = known
            return False
        self._known[name] = (signature, data)  # the same bytes, and one copy of them
        return True

    def wrote(self, name: str, data: bytes) -> None:
        """Remember what was just written."""
        signature = Signature.of(self.folder / name)
        if signature is not None:
            self._known[name] = (signature, data)

    def forget(self, name: str) -> None:
        """Look anew next time."""
        self._known.pop(name, None)

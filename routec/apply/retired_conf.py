"""retired.conf, and the line of an extensions.conf that includes it: what no route needs, for calls that are in it."""

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path

from routec.apply.held import Held, as_text, held_of
from routec.apply.shelf import MARK, RETIRED_FILE, is_sound

_TAIL = b"\n; Calls are still in contexts that no route needs any more:\n"
_INCLUDE = re.compile(rb'#tryinclude "[^"\n]+/' + re.escape(RETIRED_FILE.encode()) + rb'"\n')
_LONGEST_TAIL = 8_192
_SOUNDS = "; sounds: "
_SOUNDS_A_LINE = 4
"""Asterisk takes what is beyond 8,190 bytes of a line for another line; a path with all escaped may have 1,500."""
_PLAIN_PATH = re.compile(r"[A-Za-z0-9 _./+@:,=-]+")


class RetireError(Exception):
    """A context cannot be kept for the calls that are in it. `what` is the context, or the folder."""

    def __init__(self, message: str, what: str) -> None:
        super().__init__(message)
        self.what = what


def tail(seen_as: Path) -> bytes:
    """What has an extensions.conf include the retired contexts; `seen_as` is its folder, absolute, as Asterisk sees it.

    Asterisk takes a name without a folder for one of its own, and looks for wildcards in it. Raises `RetireError`.
    """
    text = str(seen_as)
    if not _PLAIN_PATH.fullmatch(text):
        raise RetireError("Asterisk cannot include from a folder with such a name", text)
    return _TAIL + f'#tryinclude "{text}/{RETIRED_FILE}"\n'.encode()


def without_tail(main: bytes) -> bytes:
    """An extensions.conf as it was built."""
    at = main.rfind(_TAIL, max(0, len(main) - _LONGEST_TAIL))
    return main[:at] if at >= 0 and _INCLUDE.fullmatch(main, at + len(_TAIL)) else main


def retired_file(held: Held, sounds: Collection[str]) -> bytes:
    """The bytes of retired.conf; `sounds` are files that these contexts may still play, and no other does.

    What comes out of Asterisk's memory may be anybody's: what cannot be written so that it is read back the same is
    refused. Raises `RetireError`.
    """
    head = f"{MARK.decode()}: contexts that calls are still in. `routec apply` takes them out when these are over.\n"
    names = sorted(sounds)
    listed = "".join(
        f"{_SOUNDS}{json.dumps(names[at : at + _SOUNDS_A_LINE])}\n" for at in range(0, len(names), _SOUNDS_A_LINE)
    )
    try:
        body = f"{listed}\n{as_text(held)}".encode()
    except ValueError as error:
        raise RetireError(str(error), next(filter(lambda name: _is_unwritable(name, held), held), "")) from None
    return head.encode() + _digest(body) + body


def is_as_written(data: bytes) -> bool:
    """Whether a retired.conf is one of ours, to the byte: it has its own digest in it."""
    parts = data.split(b"\n", 2)
    return len(parts) == 3 and parts[1] + b"\n" == _digest(parts[2])


def listed(data: bytes | None) -> Held:
    """The contexts of a retired.conf; none, where somebody wrote in it."""
    return held_of([data]) if data and is_as_written(data) else {}


def published(main: bytes | None, retired: bytes | None) -> Held:
    """What an extensions.conf and its retired.conf hold; nothing, or not the latter, where somebody wrote in it."""
    held = held_of([main]) if main else {}
    return {**held, **listed(retired)} if held else {}


def retired_sounds(data: bytes) -> list[str]:
    """The sounds that a retired.conf names; none, where somebody wrote in it."""
    if not is_as_written(data):
        return []
    found: list[str] = []
    for line in data.decode("utf-8", "replace").split("\n")[2:]:
        if not line.startswith(_SOUNDS):
            break
        found += filter(is_sound, json.loads(line[len(_SOUNDS) :]))
    return found


def _digest(body: bytes) -> bytes:
    return f"; sha256: {hashlib.sha256(body).hexdigest()}\n".encode()


def _is_unwritable(name: str, held: Held) -> bool:
    try:
        as_text({name: held[name]})
    except ValueError:
        return True
    return False

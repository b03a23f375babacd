"""retired.conf, and the line of an extensions.conf that includes it: what no route needs, for calls that are in it."""

import json
import re
from collections.abc import Collection
from pathlib import Path

from routec.apply.held import Held, as_text
from routec.apply.shelf import MARK, RETIRED_FILE

_TAIL = b"\n; Calls are still in contexts that no route needs any more:\n"
_INCLUDE = re.compile(rb'#tryinclude "[^"\n]+/' + re.escape(RETIRED_FILE.encode()) + rb'"\n')
_LONGEST_TAIL = 8_192
_SOUNDS = "; sounds: "
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
    listed = f"{_SOUNDS}{json.dumps(sorted(sounds))}\n" if sounds else ""
    head = f"{MARK.decode()}: contexts that calls are still in. `routec apply` takes them out when these are over.\n"
    try:
        return f"{head}{listed}\n{as_text(held)}".encode()
    except ValueError as error:
        raise RetireError(str(error), next(filter(lambda name: _is_unwritable(name, held), held), "")) from None


def retired_sounds(data: bytes) -> list[str]:
    """The sounds that a retired.conf names."""
    for line in data.decode("utf-8", "replace").split("\n", 3)[:3]:
        if line.startswith(_SOUNDS):
            try:
                return [name for name in json.loads(line[len(_SOUNDS) :]) if ".." not in name.split("/")]
            except (ValueError, TypeError, AttributeError):
                break
    return []


def _is_unwritable(name: str, held: Held) -> bool:
    try:
        as_text({name: held[name]})
    except ValueError:
        return True
    return False

"""What stands otherwise than routec left it: in the published folder, and in Asterisk's memory."""

import hashlib
from collections.abc import Mapping

from routec.apply.held import Held, differences
from routec.apply.manifest import digests
from routec.apply.plan import Drift
from routec.apply.refusal import place_of, shown
from routec.apply.retired_conf import is_as_written, without_tail
from routec.apply.retired_modules import are_as_written
from routec.apply.shelf import MAIN_FILE, MANIFEST_FILE, RETIRED_FILE, Shelf
from routec.backend.dialplan import SEAL
from routec.contract import RETIRED_MODULES_FILE

MOST = 200
"""Lines of Asterisk's memory that are told one by one."""


def of_files(shelf: Shelf, trusted: Mapping[str, bytes]) -> list[Drift]:
    """Published files that are not as they were written; `trusted` are bytes that are known to be ours.

    The manifest that was written with them has their digests; those for retired contexts have their own in them. Raises
    OSError.
    """
    found = []
    for name, digest in digests(shelf.read(MANIFEST_FILE)).items():
        data = shelf.read(name)
        if data is None:
            found.append(Drift("file", name, f"{shelf.folder / name} was taken away"))
        elif data is not trusted.get(name):
            plain = without_tail(data) if name == MAIN_FILE else data
            if hashlib.sha256(plain).hexdigest() != digest:
                found.append(Drift("file", name, f"{shelf.folder / name} was edited by hand"))
    for name, is_ours in ((RETIRED_FILE, is_as_written), (RETIRED_MODULES_FILE, are_as_written)):
        data = shelf.read(name)
        if data is not None and data is not trusted.get(name) and not is_ours(data):
            found.append(Drift("file", name, f"{shelf.folder / name} was edited by hand"))
    return found


def of_pbx(running: Held, published: Held) -> list[Drift]:
    """Where Asterisk's memory is not what the published files say, and no apply can have made it so."""
    if not running and not published:
        return []
    if running.get(SEAL) != published.get(SEAL):
        if not running:
            return [Drift("pbx", "", "Asterisk holds nothing of what is published")]
        found = (
            [Drift("pbx", SEAL, "Asterisk runs another dialplan than the one that is published")] if published else []
        )
        # Names come from contents: what has the same name and is not the same was put there by hand.
        both = {name: published[name] for name in running.keys() & published.keys() if "-" in name.partition("-")[2]}
        return found + _edited(both, {name: running[name] for name in both})
    return _edited(published, running)


def _edited(published: Held, running: Held) -> list[Drift]:
    found = []
    every = differences(published, running)
    for difference in every[:MOST]:
        context, exten, priority, wanted, there = difference
        place = place_of(difference)
        if there is None:
            text = f"{place}: `{shown(wanted)}` was taken out of Asterisk's memory"
        elif wanted is None:
            text = f"{place}: `{shown(there)}` was put into Asterisk's memory by hand"
        else:
            text = f"{place}: `{shown(there)}` stands in Asterisk's memory in place of `{shown(wanted)}`"
        found.append(Drift("pbx", context, text, exten, priority))
    if len(every) > MOST:
        found.append(Drift("pbx", "", f"{len(every) - MOST} more priorities of Asterisk's memory are not as published"))
    return found


def of_stranger(name: str) -> Drift:
    """A context with a name of routec's that routec did not make."""
    return Drift("pbx", name, f"[{name}] is not of routec's making: names that begin with `routec-` are routec's")

"""What stands otherwise than routec left it: in the published folder, and in Asterisk's memory."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from routec.apply.held import Extensions, Held, HeldError, differences, of_text
from routec.apply.plan import Drift
from routec.apply.refusal import shown
from routec.apply.retired_conf import without_tail
from routec.apply.shelf import MAIN_FILE, MANIFEST_FILE, Shelf
from routec.backend.dialplan import SEAL

MOST = 200
"""Lines of Asterisk's memory that are told one by one."""


def of_files(shelf: Shelf, trusted: Mapping[str, bytes]) -> list[Drift]:
    """Published files that are not as they were written; `trusted` are bytes that are known to be ours.

    The manifest that was written with them has their digests. Raises OSError.
    """
    digests = _digests(shelf.read(MANIFEST_FILE) or b"")
    found = []
    for name, digest in digests.items():
        data = shelf.read(name)
        if data is None:
            found.append(Drift("file", name, f"{shelf.folder / name} was taken away"))
        elif data is not trusted.get(name):
            plain = without_tail(data) if name == MAIN_FILE else data
            if hashlib.sha256(plain).hexdigest() != digest:
                found.append(Drift("file", name, f"{shelf.folder / name} was edited by hand"))
    return found


def _digests(manifest: bytes) -> dict[str, str]:
    """What a manifest says of its files; not the whole of it is read, which may be megabytes."""
    match = re.search(rb'"digests"\s*:\s*(\{[^{}]*\})', manifest)
    try:
        found = json.loads(match[1]) if match else {}
    except ValueError:
        return {}
    return {name: digest for name, digest in found.items() if isinstance(digest, str) and "/" not in name}


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
    for context, exten, priority, wanted, there in every[:MOST]:
        place = f"{exten}@{context}, priority {priority}"
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


def held_of(texts: Iterable[bytes]) -> Held:
    """What published files hold together; nothing, where somebody wrote in them what routec would not."""
    held: dict[str, Extensions] = {}
    try:
        for text in texts:
            held |= of_text(text.decode("utf-8", "backslashreplace"))
    except HeldError:
        return {}
    return held

"""Do calls come into routec's entry contexts: those that the admin's own contexts include, or send calls to."""

from collections.abc import Collection
from pathlib import Path

from routec.apply.held import Held
from routec.backend.dialplan import CONTEXT_PREFIX, DIDS, EXTENSIONS, SEAL

KINDS = {DIDS: "DIDs", EXTENSIONS: "extensions"}
"""The entry contexts, and what their numbers are called."""


def entered(held: Held) -> frozenset[str]:
    """The entry contexts that an admin's context includes or names in a priority, out of all that Asterisk holds."""
    missing = set(KINDS)
    for context, extensions in held.items():
        if missing and not context.startswith(CONTEXT_PREFIX):
            said = "\n".join(one.data for priorities in extensions.values() for one in priorities.values())
            missing -= {name for name in missing if name in said}
    return frozenset(KINDS.keys() - missing)


def unseen(running: Held, wanted: Held, main_file: Path, *, is_first: bool) -> tuple[str, ...]:
    """What to say where reading back cannot show that Asterisk includes a file, which `is_first` in its folder.

    AMI does not tell of which file a context is: what Asterisk holds already may be of the folder of before.
    """
    if not is_first or SEAL not in running or running[SEAL] != wanted.get(SEAL):
        return ()
    held = f"{main_file} is new, and Asterisk held this very dialplan before"
    return (f"{held}: so it is not seen which file it includes; its own extensions.conf must name this one",)


def notes(held: Held, led_to: Collection[str]) -> tuple[str, ...]:
    """What to say of a dialplan's numbers that no call gets to; `led_to` is what `entered` gave."""
    return tuple(
        f"no context of Asterisk's includes {name}, so no call gets to its {kind}; `routec doctor` says what to write"
        for name, kind in KINDS.items()
        if held.get(name) and name not in led_to
    )

"""Sign-in modules that are in no route any more, and that a call in a retired context may still come to.

They stand in a file beside the modules of the build, which stays as it was built: a call that waits before its `auth`
while the module goes with the route is asked as it would have been, and not sent away.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from routec.apply.held import Held
from routec.apply.manifest import digests
from routec.apply.shelf import MANIFEST_FILE, Shelf
from routec.contract import AGI_FOLDER, MODULES_FILE, MODULES_FORMAT, RETIRED_MODULES_FILE

_FAST_AGI = re.compile(rf"agi://[^/]+/{AGI_FOLDER}/([A-Za-z0-9_-]+)")


def retired_modules(built: bytes, retired: Held, shelf: Shelf, more: bytes = b"") -> bytes | None:
    """The file of modules that these contexts name and `built`, a `MODULES_FILE`, has not; None where there are none.

    They come from what is published now, and else from `more`, which is such a file, too; what was edited where it is
    published is as if it were not. Raises OSError.
    """
    names = asked(retired)
    if not names:
        return None
    try:
        whole = json.loads(built)
        names -= {module["name"] for module in whole["modules"]}
    except (ValueError, TypeError, KeyError):
        before = shelf.read(RETIRED_MODULES_FILE)  # somebody edited what is published; an apply will mend it
        return before if are_as_written(before or b"") else None
    if not names:
        return None
    found = _modules(more) | _published(shelf)
    kept = [found[name] for name in sorted(names & found.keys())]
    return _file(whole | {"modules": kept}) if kept else None


def are_as_written(data: bytes) -> bool:
    """Whether a file of retired modules is one of ours, to the byte: it has its own digest in it."""
    try:
        whole = json.loads(data)
        return whole.pop("digest", None) is not None and _file(whole) == data
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False


def _file(whole: dict[str, Any]) -> bytes:
    digest = hashlib.sha256(json.dumps(whole).encode()).hexdigest()
    return (json.dumps(whole | {"digest": digest}, indent=1) + "\n").encode()


def _published(shelf: Shelf) -> dict[str, Any]:
    """The modules that are published, by name; none of a file that somebody edited."""
    retired, modules = shelf.read(RETIRED_MODULES_FILE) or b"", shelf.read(MODULES_FILE) or b""
    digest = digests(shelf.read(MANIFEST_FILE)).get(MODULES_FILE)
    is_edited = digest is not None and hashlib.sha256(modules).hexdigest() != digest
    return (_modules(retired) if are_as_written(retired) else {}) | ({} if is_edited else _modules(modules))


def modules_change(built: bytes, retired: Held, shelf: Shelf, more: bytes = b"") -> tuple[dict[str, bytes], list[str]]:
    """That file where it is to be there, and its name where it goes. Raises OSError."""
    modules = retired_modules(built, retired, shelf, more)
    if modules is not None:
        return {RETIRED_MODULES_FILE: modules}, []
    return {}, [RETIRED_MODULES_FILE] if shelf.read(RETIRED_MODULES_FILE) is not None else []


def asked(contexts: Held) -> set[str]:
    """The names of the modules that the checker is asked for from these contexts."""
    steps = (step for extensions in contexts.values() for lines in extensions.values() for step in lines.values())
    matches = (_FAST_AGI.fullmatch(step.data) for step in steps if step.app == "AGI")
    return {match[1] for match in matches if match}


def _modules(data: bytes | None) -> dict[str, Any]:
    """The modules of a file by name, as JSON; of another layout than ours nothing is taken."""
    try:
        whole = json.loads(data or b"")
        if whole["format"] != MODULES_FORMAT:
            return {}
        return dict(_named(whole["modules"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _named(modules: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    return ((module["name"], module) for module in modules)

"""Sign-in modules that are in no route any more, and that a call in a retired context may still come to.

They stand in a file beside the modules of the build, which stays as it was built: a call that waits before its `auth`
while the module goes with the route is asked as it would have been, and not sent away.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from routec.apply.held import Held
from routec.apply.shelf import Shelf
from routec.contract import AGI_FOLDER, MODULES_FILE, MODULES_FORMAT, RETIRED_MODULES_FILE

_FAST_AGI = re.compile(rf"agi://[^/]+/{AGI_FOLDER}/([A-Za-z0-9_-]+)")


def retired_modules(built: bytes, retired: Held, shelf: Shelf) -> bytes | None:
    """The file of modules that these contexts name and `built`, a `MODULES_FILE`, has not; None where there are none.

    They come from what is published now; what cannot be read there is as if it were not. Raises OSError.
    """
    names = asked(retired)
    if not names:
        return None
    try:
        whole = json.loads(built)
        names -= {module["name"] for module in whole["modules"]}
    except (ValueError, TypeError, KeyError):
        return shelf.read(RETIRED_MODULES_FILE)  # somebody edited what is published; an apply will mend it
    if not names:
        return None
    found = _modules(shelf.read(RETIRED_MODULES_FILE)) | _modules(shelf.read(MODULES_FILE))
    kept = [found[name] for name in sorted(names & found.keys())]
    return (json.dumps(whole | {"modules": kept}, indent=1) + "\n").encode() if kept else None


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

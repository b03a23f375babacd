"""What changes in the sign-in modules between two builds, in sentences, from what the checker reads (signin.json).

Logins and hashes are never told: the one may be all that a caller needs to pass, the other is nobody's business.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from routec.apply.words.changes import Change
from routec.apply.words.met import bounded, counted
from routec.diagnostics.render_text import safe

MOST_USERS = 20
"""Users that are named one by one; of more, the number is told."""

_NOTHING: dict[str, Any] = {}
_CREDENTIALS = ("login", "password")


def module_changes(old: bytes | None, new: bytes) -> list[Change]:
    """What changes for those who sign in; nothing where there is no old file, or none that can be read."""
    before, after = _modules(old), _modules(new)
    if before is None or after is None:
        return []
    found: list[Change] = []
    for name, module in after.items():
        if name not in before:
            found.append(
                _change(name, f"is a new sign-in module with {counted(len(_users(module)), 'user')}", colon="")
            )
        elif before[name] != module:
            found += _of_module(name, before[name], module)
    found += [_change(name, "is no longer a sign-in module", colon="") for name in before if name not in after]
    return found


def _modules(data: bytes | None) -> dict[str, Mapping[str, Any]] | None:
    """The modules by name, as far as the file is one of ours; None for what is none."""
    try:
        modules = json.loads(data or b"")["modules"]
        return {str(module["name"]): module for module in modules if isinstance(module, dict)}
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _change(module: str, text: str, *, gate: bool = False, kind: str = "module", colon: str = ":") -> Change:
    return Change(kind, "module", safe(module), safe(bounded(f"{module}{colon} {text}", 300)), gate)


def _of_module(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if old.get("verify", True) and not new.get("verify", True):
        yield _change(name, "anybody passes now, whatever they key in", gate=True)
    if new.get("offline") == "grant" != old.get("offline"):
        yield _change(name, "callers pass while the log cannot be reached", gate=True)
    elif old.get("offline") != new.get("offline"):
        yield _change(name, "nobody passes while the log cannot be reached")
    yield from _fields(name, _by(old, "fields", "kind"), _by(new, "fields", "kind"))
    for key, what, told in _VALUES:
        was, now = old.get(key), new.get(key)
        if was != now:
            yield _change(name, f"{what} {told(now)} instead of {told(was)}", gate=_is_loosened(key, was, now))
    for key, what in _OTHERS.items():
        if old.get(key) != new.get(key):
            yield _change(name, f"{what} differs")
    yield from _people(name, _users(old), _users(new))


# ---- users


def _users(module: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return _by(module, "users", "name")


def _people(
    module: str, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    both = [name for name in new if name in old]
    for names, one, many in (
        ([name for name in new if name not in old], "is new", "are new"),
        ([name for name in old if name not in new], "is no user any more", "are no users any more"),
        ([name for name in both if old[name].get("password") != new[name].get("password")],
         "has another PIN", "have other PINs"),
        ([name for name in both if old[name].get("login") != new[name].get("login")],
         "has another login", "have other logins"),
        ([name for name in both if old[name].get("title") != new[name].get("title")],
         "has another title", "have other titles"),
    ):  # fmt: skip
        if len(names) > MOST_USERS:
            yield _change(module, f"{len(names):,} users {many}", kind="user")
        else:
            yield from (
                _change(module, f"{'user ' if one == 'is new' else ''}{name} {one}", kind="user") for name in names
            )


# ---- fields and values


def _fields(
    module: str, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    for kind in old:
        if kind not in new:
            is_loosened = kind in _CREDENTIALS or bool(old[kind].get("codes"))
            yield _change(module, f"no longer asks for the {_word(kind, old[kind])}", gate=is_loosened)
    for kind, field in new.items():
        word = _word(kind, field)
        was = old.get(kind)
        if was is None:
            yield _change(module, f"asks for the {word}, too")
            continue
        if was.get("sound") != field.get("sound"):
            yield _change(module, f"asks for the {word} by {field.get('sound')} instead of {was.get('sound')}")
        if _digits(was) != _digits(field):
            is_fewer = _is_less(field.get("least"), was.get("least"))
            yield _change(module, f"the {word} has {_digits(field)} digits instead of {_digits(was)}", gate=is_fewer)
        if was.get("optional") != field.get("optional"):
            may = "may" if field.get("optional") else "may not"
            yield _change(module, f"the {word} {may} be left empty", gate=bool(field.get("optional")))
        if was.get("codes") != field.get("codes"):
            is_wider = _is_wider(was.get("codes"), field.get("codes"))
            text = f"more codes of {word} are taken" if is_wider else f"the codes of {word} differ"
            yield _change(module, text, gate=is_wider)


def _is_loosened(key: str, old: object, new: object) -> bool:
    """Whether a limit lets somebody guess more, or sooner."""
    if key == "tries":
        return _is_less(old, new)
    if key != "lockout" or not isinstance(old, dict):
        return False
    table = new if isinstance(new, dict) else _NOTHING
    is_later, is_shorter = (
        _is_less(old.get("after"), table.get("after")),
        _is_less(table.get("seconds"), old.get("seconds")),
    )
    return not table or is_later or is_shorter


def _is_less(one: object, other: object) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one < other


def _is_wider(old: object, new: object) -> bool:
    """Whether a code is taken that was not: without a table every one is."""
    before, after = _ranges(old), _ranges(new)
    if not before or not after:
        return bool(before)
    return not all(any(low <= first and last <= high for low, high in before) for first, last in after)


def _ranges(codes: object) -> list[tuple[str, str]]:
    """The codes from and to, those that follow each other as one; of one length each, which comes first in them."""
    table = [code for code in codes if isinstance(code, dict)] if isinstance(codes, list) else []
    ends = [(str(code.get("first")), str(code.get("last"))) for code in table]
    found: list[tuple[str, str]] = []
    for first, last in sorted((f"{len(first):04}{first}", f"{len(last):04}{last}") for first, last in ends):
        if found and first.isdecimal() and found[-1][1].isdecimal() and int(first) <= int(found[-1][1]) + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def _word(kind: str, field: Mapping[str, Any]) -> str:
    return str(field.get("alias") or ("PIN" if kind == "password" else kind))


def _digits(field: Mapping[str, Any]) -> str:
    least, most = field.get("least"), field.get("most")
    return f"{least}" if least == most else f"{least} to {most}"


def _by(module: Mapping[str, Any], key: str, name: str) -> dict[str, Mapping[str, Any]]:
    found = module.get(key) or []
    return {str(one.get(name)): one for one in found if isinstance(one, dict)} if isinstance(found, list) else {}


def _time(seconds: object) -> str:
    """`90s` as `90s`, `600` as `10m`: the largest unit that leaves nothing over."""
    if not isinstance(seconds, int):
        return "for good" if seconds is None else "?"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _lockout(value: object) -> str:
    table = value if isinstance(value, dict) else _NOTHING
    return f"after {table.get('after')} failures for {_time(table.get('seconds', 0))}"


def _listed(value: object) -> str:
    return (", ".join(map(str, value)) or "nothing") if isinstance(value, Iterable) else "nothing"


def _webhook(value: object) -> str:
    """Where a webhook goes, without what may be secret in its address."""
    if not isinstance(value, dict):
        return "nowhere"
    try:
        parts = urlsplit(str(value.get("url")))
        host = parts.hostname or "?"
    except ValueError:
        return "?"
    marks = [word for word in ("private", "ordered") if value.get(word)]
    secret = f"secret {value.get('secret_env')}"
    return f"{parts.scheme}://{host}{parts.path} ({', '.join([secret, *marks])})"


def _plain(value: object) -> str:
    return str(value)


_VALUES = (
    ("purpose", "its purpose is", _plain),
    ("tries", "the number of tries is", _plain),
    ("seconds", "a sign-in may take", _time),
    ("lockout", "locks out", _lockout),
    ("log", "the log keeps", _listed),
    ("keep", "rows are kept", _time),
    ("webhook", "sign-ins are sent to", _webhook),
)

_OTHERS = {
    "title": "its title",
    "clock": "its clock",
    "confirm": "what it asks to confirm",
    "again": "how it asks for another item",
    "tells": "what it tells callers",
}

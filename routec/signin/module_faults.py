"""What may stand in a sign-in module, whoever wrote it. `modules` reads the file; this is what it refuses.

The bounds are wider than those of the language: a file is refused for what would harm or mislead, not for its taste.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from routec.contract import (
    ACTIONS,
    EVENTS,
    FIELDS,
    PURPOSES,
    Again,
    Clock,
    Field,
    Module,
    User,
    Webhook,
    is_password_hash,
)

NAME = re.compile(r"[a-z][a-z0-9_-]{0,78}")
"""What a module or a user may be called."""

SOUND = re.compile(r"[A-Za-z0-9_./+-]{1,200}")
"""What a sound may be called, so that it is one word of an AGI command."""

MOST_DIGITS = 64
MOST_TRIES = 100
MOST_SECONDS = 86_400
MOST_FAILURES = 1_000_000
SHORTEST_KEEP, LONGEST_KEEP = 3600, 100 * 366 * 86_400
LONGEST_SHIFT = 366 * 86_400
KEYS = "0123456789*"
OFFLINE = ("deny", "grant")

_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]!$&'()*+,;=%@-]{1,2000}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def module_fault(module: Module) -> str | None:
    """Why this module cannot be used, or None; no hash is in it."""
    return next(_faults(module), None)


def _faults(module: Module) -> Iterator[str]:
    kinds = [field.kind for field in module.fields]
    credentials = {"login", "password"} & set(kinds) if module.verify else set()
    faults = {
        "it asks for nothing": not kinds,
        "it asks for one code twice": _has_twins(kinds),
        f"`purpose` must be one of {', '.join(PURPOSES)}": module.purpose not in PURPOSES,
        "it would let everybody pass": module.purpose != "register" and not credentials,
        "it has credentials and verifies nobody": not module.verify and bool(module.users or "password" in kinds),
        f"`tries` must be from 1 to {MOST_TRIES}": not 1 <= module.tries <= MOST_TRIES,
        f"`seconds` must be from 1 to {MOST_SECONDS}": not 1 <= module.seconds <= MOST_SECONDS,
        f"`lockout` must be after 1 to {MOST_FAILURES}, for 1 to {MOST_SECONDS} seconds": not (
            1 <= module.lockout.after <= MOST_FAILURES and 1 <= module.lockout.seconds <= MOST_SECONDS
        ),
        f"`log` may name {', '.join(FIELDS)}": not set(module.log) <= set(FIELDS),
        f"`offline` must be one of {', '.join(OFFLINE)}": module.offline not in OFFLINE,
        "a time clock cannot grant offline": module.offline == "grant" and module.purpose == "timeclock",
        f"`keep` must be from {SHORTEST_KEEP} to {LONGEST_KEEP}": module.keep is not None
        and not SHORTEST_KEEP <= module.keep <= LONGEST_KEEP,
        "a time clock has `clock`, and nothing else has": (module.purpose == "timeclock") != (module.clock is not None),
        "two users have one name": _has_twins([user.name for user in module.users]),
        "two users have one login": _has_twins([user.login for user in module.users if user.login is not None]),
    }
    yield from (fault for fault, is_so in faults.items() if is_so)
    for field in module.fields:
        yield from _field_faults(field, is_credential=field.kind in credentials)
    for user in module.users:
        yield from _user_faults(user)
    yield from _talk_faults(module, {*kinds} - credentials)
    if module.clock is not None:
        yield from _clock_faults(module.clock)
    if module.webhook is not None:
        yield from _webhook_faults(module.webhook)


def _has_twins(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _field_faults(field: Field, *, is_credential: bool) -> Iterator[str]:
    if field.kind not in FIELDS:
        yield f"`kind` must be one of {', '.join(FIELDS)}"
    if not 1 <= field.least <= field.most <= MOST_DIGITS:
        yield f"the digits of {field.kind} must be from 1 to {MOST_DIGITS}, the least before the most"
    if not SOUND.fullmatch(field.sound):
        yield f"{field.kind} has no usable sound name"
    if is_credential and field.optional:
        yield f"{field.kind} is verified, and cannot be optional"
    if is_credential and field.codes:
        yield f"{field.kind} is verified, and cannot have codes"
    for code in field.codes:
        sound = all(re.fullmatch(r"[0-9]+", end) for end in (code.first, code.last))
        lengths = {len(code.first), len(code.last)}
        if not sound or len(lengths) > 1 or not field.least <= min(lengths) <= field.most or code.first > code.last:
            yield f"{field.kind} has a code that cannot be keyed"
        if code.text is not None and _CONTROL.search(code.text):
            yield f"{field.kind} has a code with control characters in its text"


def _user_faults(user: User) -> Iterator[str]:
    if not NAME.fullmatch(user.name):
        yield f"{user.name!r:.90} is no name for a user"
    if user.login is not None and not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", user.login):
        yield f"the login of {user.name} must be digits"
    if user.password is not None and not is_password_hash(user.password):
        yield f"the password of {user.name} is no argon2id hash; `routec users hash` makes one"


def _talk_faults(module: Module, data: set[str]) -> Iterator[str]:
    """What is asked and told beside the fields; `data` are the kinds that are not verified."""
    events = [event for event, _ in module.tells]
    if not set(events) <= set(EVENTS) or _has_twins(events):
        yield f"`tells` may have {', '.join(EVENTS)}, each once"
    asked = [sound for _, sound in module.tells]
    if module.confirm is not None:
        asked.append(module.confirm)
    if module.again is not None:
        asked.append(module.again.sound)
    if not all(map(SOUND.fullmatch, asked)):
        yield "a question or a tell has no usable sound name"
    yield from _register_faults(module, module.again, data)


def _register_faults(module: Module, again: Again | None, data: set[str]) -> Iterator[str]:
    if (module.confirm is not None or again is not None) and (module.purpose != "register" or not data):
        yield "`confirm` and `again` are for registers that ask for what is not verified"
    if again is not None and again.kind not in data:
        yield "`again` must name a field that is asked for and not verified"


def _clock_faults(clock: Clock) -> Iterator[str]:
    keys = [key for key, _ in clock.keys]
    actions = {action for _, action in clock.keys}
    if not all(len(key) == 1 and key in KEYS for key in keys) or _has_twins(keys):
        yield f"the keys of a time clock are single, one of {KEYS}, each once"
    if not actions <= set(ACTIONS):
        yield f"the actions of a time clock are {', '.join(ACTIONS)}"
    if keys and (not {"in", "out"} <= actions or len(actions & {"break", "back"}) == 1):
        yield "a time clock with keys has `in` and `out`, and `break` and `back` both or neither"
    if (clock.sound is not None) != bool(keys):
        yield "a time clock asks where it has keys, and nowhere else"
    if clock.sound is not None and not SOUND.fullmatch(clock.sound):
        yield "the time clock has no usable sound name"
    if clock.close is not None and not 1 <= clock.close <= LONGEST_SHIFT:
        yield f"`close` must be from 1 to {LONGEST_SHIFT}"


def _webhook_faults(webhook: Webhook) -> Iterator[str]:
    if not _is_url(webhook.url):
        yield "the webhook has no usable URL"
    elif webhook.url.startswith("http:") and not webhook.private:
        yield "the webhook has no TLS, and is not `private`"
    if not _VARIABLE.fullmatch(webhook.secret_env):
        yield "the secret of the webhook is no variable of the environment"


def _is_url(url: str) -> bool:
    """Whether this is an address with a host, and without a user."""
    if not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc and port != 0

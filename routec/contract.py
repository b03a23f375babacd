"""What the dialplan and the checker agree on; this module imports nothing of routec's.

The compiler writes dialplan that calls the checker, the checker answers with channel variables, and both read
the same description of a sign-in module. Whatever either side could get wrong alone stands here once.
"""

import re
from dataclasses import dataclass

AGI_PORT = 4573
"""The FastAGI port that Asterisk itself assumes when an `agi://` address names none."""

AGI_FOLDER = "signin"
"""The first part of the FastAGI path: `agi://HOST:PORT/signin/MODULE`."""

DOCTOR_PATH = "doctor"
"""The FastAGI path by which `routec doctor` sees that Asterisk reaches the checker: `agi://HOST:PORT/doctor`."""

DOCTOR = "ROUTEC_DOCTOR"
"""The channel variable that the checker sets then, and nothing else."""

DOCTOR_OK = "ok"

SCRIPT_FILE = "signin.agi"
"""The generated plain AGI script, the way in when the FastAGI server is down."""

MODULES_FILE = "signin.json"
"""The generated description of all sign-in modules; the checker reads it, the dialplan never holds it."""

RETIRED_MODULES_FILE = "signin_retired.json"
"""Modules that are not in `MODULES_FILE` any more, for calls in retired contexts; only `apply` writes it."""

MODULES_FORMAT = 2
"""The layout of `MODULES_FILE`; a checker refuses a number that it does not know."""

RECORD_FOLDER = "record"
"""The first part of the FastAGI path of the recorder: `agi://HOST:PORT/record/NAME`, or `/record/NAME/en`."""

RECORDER_FILE = "recorder.json"
"""The generated description of the prompts that can be spoken in by phone; the recorder reads it."""

RECORDER_FORMAT = 1
"""The layout of `RECORDER_FILE`; a recorder refuses a number that it does not know."""

RECORDER_SECONDS = 3600
"""The longest that a call may stay with the recorder: some takes of the longest recording, each heard again."""

RECORDER_PROMPTS = {
    "start": ("recorder_start", ()),
    "menu": (
        "recorder_menu",
        (
            "vm-press",
            "digits/1",
            "to-listen-to-it",
            "if-correct-press",
            "digits/2",
            "vm-press",
            "digits/3",
            "to-rerecord-it",
        ),
    ),
    "kept": ("recorder_kept", ("vm-msgsaved",)),
    "short": ("recorder_short", ("vm-tooshort",)),
    "failed": ("recorder_failed", ("something-terribly-wrong",)),
}
"""What the recorder says when: the prompt by whose name an admin says it otherwise, and the sounds of Asterisk's own
that are played without one: before the tone; what 1, 2 and 3 do then; kept; too short; not kept."""

LANGUAGE = re.compile(r"[a-z]{2}(?:_[a-z]{2})?")
"""A language as routes and folders name it: `nl`, `en_gb`."""


def asterisk_language(language: str) -> str:
    """A `LANGUAGE` as Asterisk names it: `nl`, `en_GB`."""
    first, _, country = language.partition("_")
    return f"{first}_{country.upper()}" if country else first


def meant_language(text: str) -> str:
    """The `LANGUAGE` that is meant where it is written otherwise, such as `nl-BE`; empty where none is."""
    meant = text.lower().replace("-", "_")
    return meant if LANGUAGE.fullmatch(meant) else ""


VERDICT = "ROUTEC_VERDICT"
USER = "ROUTEC_USER"
LOGIN = "ROUTEC_LOGIN"
EXTRA1 = "ROUTEC_EXTRA1"
EXTRA2 = "ROUTEC_EXTRA2"

VARIABLES = (VERDICT, USER, LOGIN, EXTRA1, EXTRA2)
"""Every channel variable that a sign-in sets; the password is not among them, on purpose."""

GRANTED = "granted"
DENIED = "denied"
LOCKED = "locked"
ERROR = "error"

VERDICTS = (GRANTED, DENIED, LOCKED, ERROR)
"""The only values of `VERDICT`. The dialplan goes on past a sign-in for `granted` and for nothing else."""

FIELDS = ("login", "password", "extra1", "extra2")
"""The codes that a caller can be asked for, in the order in which they are asked."""

PURPOSES = ("gate", "timeclock", "register")

PASSWORD_HASH = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,6}),t=([0-9]{1,2}),p=([0-9]{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}"
)
"""An argon2id hash as `routec users hash` prints it; the numbers are memory in KiB, passes and lanes. The bounds keep
a hash from asking for more than 1 GB."""


def is_password_hash(text: str) -> bool:
    """Whether argon2 can work with a text at all: of the right form, with costs and lengths that it takes."""
    match = PASSWORD_HASH.fullmatch(text)
    if match is None:
        return False
    memory, passes, lanes = (int(match[number]) for number in (1, 2, 3))
    parts = text.split("$")[-2:]
    return passes >= 1 and lanes >= 1 and memory >= 8 * lanes and all(len(part) % 4 != 1 for part in parts)


DIGIT_SECONDS = 5
"""How long the checker waits for the first digit and between digits, in seconds."""

GRACE_SECONDS = 5
"""How much longer, in seconds, the dialplan waits for the checker than the module's own limit, so that the
checker can write its row and say its verdict before Asterisk cuts it off."""


ACTIONS = ("in", "out", "break", "back")
"""What a caller can do at a time clock: begin a shift, end it, begin a break in it, end that."""

CLOSED = "closed"
"""What is done for a caller who forgot to clock out: the shift is ended when the module's `close` time is over."""

EVENTS = {
    "wrong": None,
    "unknown": None,
    "clash": None,
    "in": "agent-loginok",
    "out": "agent-loggedoff",
    "break": "beep",
    "back": "beep",
    "error": "something-terribly-wrong",
}
"""What a module can `tell` its callers, with the sound of Asterisk's own that is played where the module names none:
a wrong login or password; a code that is in no table; a key of the time clock that does not fit (in, who is in
already); what was clocked; and that the sign-in could not be kept."""


@dataclass(frozen=True, slots=True)
class Code:
    """An entry of a code table: one code, or all of one length from `first` to `last`; `text` is what it means."""

    first: str
    last: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One code that the caller keys in.

    `kind` is one of `FIELDS`; `sound` is what Asterisk plays to ask for it; `least` and `most` bound the number of
    digits; `alias` is the admin's own word for it; an `optional` field may be left empty. Where there are `codes`, no
    other is taken.
    """

    kind: str
    sound: str
    least: int
    most: int
    alias: str | None = None
    optional: bool = False
    codes: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """One who may sign in. `password` is an argon2id hash over the keyed PIN, never the PIN."""

    name: str
    title: str | None = None
    login: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Lockout:
    """After so many failures, no more for `seconds`, and twice as long after each further one (`signin.lockout`)."""

    after: int
    seconds: int


DEFAULT_LOCKOUT = Lockout(10, 900)
"""What holds where a module does not say."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time clock. With `keys` (key, action) the caller is asked by `sound`; without, each sign-in toggles.

    A shift of more than `close` seconds was forgotten and is closed; None leaves it open.
    """

    sound: str | None = None
    keys: tuple[tuple[str, str], ...] = ()
    close: int | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """Ask by `sound` whether there is another item; for `1`, what is asked from the field `kind` on is asked anew."""

    sound: str
    kind: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where each sign-in is sent. The secret that signs it is in the environment variable `secret_env`.

    `private`: loopback and private addresses are allowed, and plain HTTP. `ordered`: one waits for the one before.
    """

    url: str
    secret_env: str
    private: bool = False
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """A sign-in module as the checker needs it.

    `tries` counts attempts in one conversation; `seconds` is the longest that a conversation may take; `log` names
    the `FIELDS` whose values the sign-in log keeps. Where it does not `verify`, whoever calls passes and the login is
    a code like others. `confirm` is the sound that asks whether what was keyed is right. `tells` are pairs of an event
    and a sound. `offline` is `deny` or `grant`: what happens when the log cannot be reached. Rows are kept for `keep`
    seconds, or for good.
    """

    name: str
    title: str | None
    purpose: str
    fields: tuple[Field, ...]
    tries: int
    seconds: int
    log: tuple[str, ...]
    users: tuple[User, ...]
    verify: bool = True
    lockout: Lockout = DEFAULT_LOCKOUT
    clock: Clock | None = None
    confirm: str | None = None
    again: Again | None = None
    tells: tuple[tuple[str, str], ...] = ()
    webhook: Webhook | None = None
    offline: str = "deny"
    keep: int | None = None

    def tell(self, event: str) -> str | None:
        """The sound for one of `EVENTS`, or None for silence."""
        return dict(self.tells).get(event, EVENTS[event])

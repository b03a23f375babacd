"""Sign-in modules: fields, settings and users, read from the syntax tree into the model's shape, value by value."""

from typing import Any

from routec.contract import FIELDS, PURPOSES, is_password_hash
from routec.diagnostics import codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.scope import Scope, span_of
from routec.frontend.sounds import resolve_sound
from routec.frontend.syntax import Duration, Text, Word
from routec.frontend.texts import unescape
from routec.source import Span

MOST_DIGITS = 20
MOST_TRIES = 10
DEFAULT_TRIES = 3
SHORTEST, LONGEST, DEFAULT_SECONDS = 5, 3600, 180
"""Bounds of `within`, in seconds; three minutes are four codes asked three times."""


def resolve_module(scope: Scope, path: str, auth: syntax.Auth) -> dict[str, Any]:
    """The module as a dict of the model's shape."""
    fields = _fields(scope, path, auth)
    settings = _settings(scope, path, auth)
    credentials = [field for field in fields if field["kind"] in ("login", "password")]
    purpose = _purpose(scope, path, settings)
    name_span = span_of(path, auth.name)
    if not auth.broken and not credentials and (not fields or purpose != "register"):
        what = f"a {purpose} asks for a login, a password, or both" if fields else "nothing is asked for"
        scope.fault(codes.MODULE_ASKS_NOTHING, f"module `{auth.name.text}` lets everybody pass", name_span, what)
    if not auth.broken and credentials and not auth.users:
        scope.fault(
            codes.NO_USERS,
            f"nobody can sign in at `{auth.name.text}`",
            name_span,
            "it has no users",
            'user NAME "Title" login 1001 password "…", the hash from `routec users hash`',
        )
    return {
        "span": name_span,
        "name": auth.name.text,
        "title": unescape(path, auth.title, scope.report) if auth.title else None,
        "purpose": purpose,
        "fields": fields,
        "tries": _tries(scope, path, settings),
        "seconds": _within(scope, path, settings),
        "log": _log(scope, path, auth, settings.get("log"), fields),
        "users": _users(scope, path, auth, {field["kind"]: field for field in fields}),
    }


# ---- fields


def _fields(scope: Scope, path: str, auth: syntax.Auth) -> list[dict[str, Any]]:
    seen: dict[str, syntax.Field] = {}
    words: dict[str, Span] = {}
    for field in auth.fields:
        if field.kind in seen:
            scope.repeated(
                f"`{field.kind}` is asked for twice",
                span_of(path, field),
                span_of(path, seen[field.kind]),
                codes.DUPLICATE_SETTING,
            )
            continue
        seen[field.kind] = field
        if field.alias is not None:
            span = span_of(path, field.alias)
            if field.alias.text in words:
                scope.repeated(f"the word `{field.alias.text}` stands for two fields", span, words[field.alias.text])
            elif field.alias.text in FIELDS and field.alias.text != field.kind:
                note = f"`{field.alias.text}` is a field of its own"
                scope.fault(codes.DUPLICATE_NAME, f"`{field.alias.text}` cannot stand for another field", span, note)
            words[field.alias.text] = span
        if field.optional and field.kind in ("login", "password"):
            note = "whoever leaves it empty would pass without it"
            scope.fault(codes.OPTIONAL_CREDENTIAL, f"a {field.kind} cannot be optional", span_of(path, field), note)
    return [_field(scope, path, seen[kind]) for kind in FIELDS if kind in seen]


def _field(scope: Scope, path: str, field: syntax.Field) -> dict[str, Any]:
    word, sound = resolve_sound(scope, path, field.sound)
    least, most = 1, MOST_DIGITS
    if field.digits is not None:
        low, high = _whole(field.digits.least), _whole(field.digits.most)
        if low is None or high is None or not 1 <= low <= high <= MOST_DIGITS:
            note = f"a code has 1 to {MOST_DIGITS} digits, the smaller number first"
            scope.fault(codes.BAD_RANGE, "these digits cannot be keyed", span_of(path, field.digits), note)
        else:
            least, most = low, high
    return {
        "span": span_of(path, field),
        "kind": field.kind,
        "sound": sound,
        "word": word,
        "least": least,
        "most": most,
        "alias": field.alias.text if field.alias else None,
        "optional": field.optional,
    }


# ---- settings


def _settings(scope: Scope, path: str, auth: syntax.Auth) -> dict[str, syntax.Setting]:
    settings: dict[str, syntax.Setting] = {}
    for setting in auth.settings:
        if setting.kind in settings:
            first = span_of(path, settings[setting.kind])
            scope.repeated(f"`{setting.kind}` is set twice", span_of(path, setting), first, codes.DUPLICATE_SETTING)
        else:
            settings[setting.kind] = setting
    return settings


def _purpose(scope: Scope, path: str, settings: dict[str, syntax.Setting]) -> str:
    if "purpose" not in settings:
        return PURPOSES[0]
    value = settings["purpose"].values[0]
    if not isinstance(value, Word) or value.text in PURPOSES:
        return value.text if isinstance(value, Word) else PURPOSES[0]
    help = did_you_mean(value.text, PURPOSES)
    scope.fault(
        codes.UNKNOWN_VALUE,
        f"unknown purpose `{value.text}`",
        span_of(path, value),
        "gate, timeclock or register",
        help,
    )
    return PURPOSES[0]


def _tries(scope: Scope, path: str, settings: dict[str, syntax.Setting]) -> int:
    if "tries" not in settings:
        return DEFAULT_TRIES
    value = settings["tries"].values[0]
    tries = _whole(value) if isinstance(value, Word) else None
    if tries is not None and 1 <= tries <= MOST_TRIES:
        return tries
    scope.fault(codes.BAD_RANGE, "this number is out of range", span_of(path, value), f"1 to {MOST_TRIES} tries")
    return DEFAULT_TRIES


def _within(scope: Scope, path: str, settings: dict[str, syntax.Setting]) -> int:
    if "within" not in settings:
        return DEFAULT_SECONDS
    value = settings["within"].values[0]
    if isinstance(value, Duration) and SHORTEST <= value.seconds <= LONGEST:
        return value.seconds
    note = f"a sign-in may take {SHORTEST}s to 1h"
    scope.fault(codes.BAD_RANGE, "this duration is out of range", span_of(path, value), note)
    return DEFAULT_SECONDS


def _log(
    scope: Scope, path: str, auth: syntax.Auth, line: syntax.Setting | None, fields: list[dict[str, Any]]
) -> list[str]:
    """The kinds of the fields that the log keeps: those named, or without a `log` line all but the password."""
    if line is None:
        return [field["kind"] for field in fields if field["kind"] != "password"]
    kinds = {field["kind"]: field["kind"] for field in fields}
    kinds |= {field["alias"]: field["kind"] for field in fields if field["alias"]}
    kept: dict[str, Word] = {}
    for word in line.values:
        if not isinstance(word, Word):
            continue
        kind = kinds.get(word.text)
        if kind is None and auth.broken:
            continue
        if kind is None:
            note = "this module asks for no such field"
            help = did_you_mean(word.text, kinds)
            scope.fault(codes.UNKNOWN_FIELD, f"unknown field `{word.text}`", span_of(path, word), note, help)
        elif kind in kept:
            first = span_of(path, kept[kind])
            scope.repeated(f"`{word.text}` is in the log twice", span_of(path, word), first, codes.DUPLICATE_SETTING)
        else:
            kept[kind] = word
    if "password" in kept:
        note = "whoever reads the log can sign in as these users"
        scope.fault(codes.PASSWORD_LOGGED, "the log keeps the password", span_of(path, kept["password"]), note)
    return [kind for kind in FIELDS if kind in kept]


# ---- users


def _users(scope: Scope, path: str, auth: syntax.Auth, fields: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    names: dict[str, Span] = {}
    logins: dict[str, Span] = {}
    table = []
    for user in auth.users:
        span = span_of(path, user.name)
        if user.name.text in names:
            scope.repeated(f"user `{user.name.text}` is declared twice", span, names[user.name.text])
            continue
        names[user.name.text] = span
        if not auth.broken:
            _check_fit(scope, path, user, fields)
        login = user.login.text if user.login else None
        if user.login and login in logins:
            place = span_of(path, user.login)
            scope.repeated(f"two users have the login `{login}`", place, logins[user.login.text], codes.DUPLICATE_LOGIN)
        elif user.login:
            logins[user.login.text] = span_of(path, user.login)
        table.append(
            {
                "span": span,
                "name": user.name.text,
                "title": unescape(path, user.title, scope.report) if user.title else None,
                "login": login,
                "password": _password(scope, path, user),
            }
        )
    return sorted(table, key=lambda user: str(user["name"]))


def _check_fit(scope: Scope, path: str, user: syntax.User, fields: dict[str, dict[str, Any]]) -> None:
    """A user has just what the module asks for: what is missing would shut them out, what is too much misleads."""
    name = user.name.text
    for kind, value in (("login", user.login), ("password", user.password)):
        if kind in fields and value is None:
            note = f"the module asks for a {kind}: `{name}` can never sign in"
            scope.fault(codes.USER_MISMATCH, f"user `{name}` has no {kind}", span_of(path, user.name), note)
        elif kind not in fields and value is not None:
            note = f"the module asks for no {kind}"
            scope.fault(codes.USER_MISMATCH, f"user `{name}` has a {kind}", span_of(path, value), note)
    if user.login and "login" in fields:
        login, field = user.login.text, fields["login"]
        if not login.isdecimal() or not login.isascii():
            scope.fault(codes.USER_MISMATCH, f"`{login}` cannot be keyed in", span_of(path, user.login), "digits only")
        elif not field["least"] <= len(login) <= field["most"]:
            note = f"the module reads {field['least']} to {field['most']} digits: `{name}` can never sign in"
            message = f"the login `{login}` has {len(login)} digits"
            scope.fault(codes.USER_MISMATCH, message, span_of(path, user.login), note)


def _password(scope: Scope, path: str, user: syntax.User) -> str | None:
    if user.password is None:
        return None
    span = span_of(path, user.password)
    text = user.password.raw if isinstance(user.password, Text) else user.password.text
    if is_password_hash(text):
        return text
    if text.isdigit() or isinstance(user.password, Word):
        scope.fault(
            codes.CLEAR_PASSWORD,
            f"the password of `{user.name.text}` stands in the clear",
            span,
            "whoever reads the repository can sign in, now and in its history",
            "change it, and write the hash that `routec users hash` prints",
        )
    else:
        note = "an argon2id hash, as `routec users hash` prints it"
        scope.fault(codes.NOT_A_HASH, f"the password of `{user.name.text}` is no hash", span, note)
    return None


def _whole(word: Word) -> int | None:
    return int(word.text) if word.text.isdecimal() and len(word.text) < 10 else None

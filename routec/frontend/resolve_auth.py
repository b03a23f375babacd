"""Sign-in modules, read from the syntax tree into the model's shape. What they are made of has modules beside this one.

`resolve_fields` reads the fields and their codes, `resolve_users` the users, `resolve_talk` what is asked and told
beside them, `resolve_record` what becomes of a sign-in.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from routec.contract import DEFAULT_LOCKOUT, PURPOSES
from routec.diagnostics import codes
from routec.frontend import syntax
from routec.frontend.module_scope import ModuleScope
from routec.frontend.resolve_fields import resolve_codes, resolve_fields
from routec.frontend.resolve_record import resolve_keep, resolve_log, resolve_offline, resolve_webhook
from routec.frontend.resolve_talk import resolve_again, resolve_clock, resolve_confirm, resolve_tells
from routec.frontend.resolve_users import read_files, report_misfits, report_unused, resolve_users
from routec.frontend.scope import Scope
from routec.frontend.syntax import Duration, Word
from routec.frontend.texts import unescape

MOST_TRIES = 10
DEFAULT_TRIES = 3
SHORTEST, LONGEST, DEFAULT_SECONDS = 5, 3600, 180
"""Bounds of `within`, in seconds; three minutes are four codes asked three times."""

MOST_FAILURES, LONGEST_LOCK = 1000, 86_400


def resolve_modules(scope: Scope, users: Mapping[str, syntax.UsersFile | None]) -> list[dict[str, Any]]:
    """All modules as dicts of the model's shape; `users` are all files of users, None for one that cannot be read."""
    read_files(scope, users)
    declared = [(path, auth) for _, path, auth in scope.modules if isinstance(auth, syntax.Auth)]
    modules = [resolve_module(scope, path, auth) for path, auth in declared]
    report_misfits(scope)
    if not scope.names_lost and not any(auth.broken for _, auth in declared):
        report_unused(scope)
    return modules


def resolve_module(scope: Scope, path: str, auth: syntax.Auth) -> dict[str, Any]:
    """One module."""
    module = ModuleScope(scope, path, auth)
    _read_settings(module)
    module.purpose = _purpose(module)
    anybody = module.settings.get("users any")
    module.verify = anybody is None or not module.fits("register", anybody, "users any")
    module.fields = resolve_fields(module)
    resolve_codes(module)
    _check_asks(module)
    return {
        "span": module.name_span,
        "name": auth.name.text,
        "title": unescape(path, auth.title, scope.report) if auth.title else None,
        "purpose": module.purpose or PURPOSES[0],
        "verify": module.verify,
        "fields": module.fields,
        "tries": _tries(module),
        "seconds": _within(module),
        "lockout": _lockout(module),
        "clock": resolve_clock(module),
        "confirm": resolve_confirm(module),
        "again": resolve_again(module),
        "tells": resolve_tells(module),
        "log": resolve_log(module),
        "keep": resolve_keep(module),
        "offline": resolve_offline(module),
        "webhook": resolve_webhook(module),
        "users": resolve_users(module),
    }


def _read_settings(module: ModuleScope) -> None:
    for setting in module.auth.settings:
        if setting.kind in module.settings:
            module.repeated(f"`{setting.kind}` is set twice", setting, module.settings[setting.kind])
        else:
            module.settings[setting.kind] = setting


def _purpose(module: ModuleScope) -> str | None:
    if "purpose" not in module.settings:
        return None if module.auth.broken else PURPOSES[0]
    value = module.settings["purpose"].values[0]
    return module.choice(value, PURPOSES, "purpose") if isinstance(value, Word) else None


def _check_asks(module: ModuleScope) -> None:
    """A module that lets everybody pass is a register, and says so."""
    fields = module.fields
    anybody = "users any" in module.settings
    if module.auth.broken or module.credentials or (fields and (anybody or module.purpose in (None, "register"))):
        return
    what = f"a {module.purpose} asks for a login, a password, or both" if fields else "nothing is asked for"
    message = f"module `{module.auth.name.text}` lets everybody pass"
    module.scope.fault(codes.MODULE_ASKS_NOTHING, message, module.name_span, what)


def _tries(module: ModuleScope) -> int:
    setting = module.settings.get("tries")
    if setting is None or not isinstance(setting.values[0], Word):
        return DEFAULT_TRIES
    return module.number(setting.values[0], 1, MOST_TRIES, f"1 to {MOST_TRIES} tries") or DEFAULT_TRIES


def _within(module: ModuleScope) -> int:
    setting = module.settings.get("within")
    if setting is None or not isinstance(setting.values[0], Duration):
        return DEFAULT_SECONDS
    note = f"a sign-in may take {SHORTEST}s to 1h"
    return module.duration(setting.values[0], SHORTEST, LONGEST, note) or DEFAULT_SECONDS


def _lockout(module: ModuleScope) -> dict[str, Any]:
    setting = module.settings.get("lockout")
    if setting is None:
        return {"span": module.name_span, **asdict(DEFAULT_LOCKOUT)}
    after, seconds = setting.values
    node: dict[str, Any] = {"span": module.span(setting), **asdict(DEFAULT_LOCKOUT)}
    if isinstance(after, Word) and isinstance(seconds, Duration):
        node["after"] = module.number(after, 1, MOST_FAILURES, f"1 to {MOST_FAILURES} failures") or node["after"]
        node["seconds"] = module.duration(seconds, 1, LONGEST_LOCK, "a lockout lasts 1s to 24h") or node["seconds"]
    return node

"""What a sign-in module asks and tells beside its codes: `confirm`, `again`, `tell`, and the keys of a time clock."""

from typing import Any

from routec.contract import ACTIONS, EVENTS
from routec.diagnostics import codes
from routec.frontend import syntax
from routec.frontend.module_scope import ModuleScope
from routec.frontend.sounds import resolve_sound
from routec.frontend.syntax import Duration, Text, Word
from routec.source import Span

KEYS = "1234567890*"
"""The keys of a phone that can be keyed alone; `#` ends the input."""

SHORTEST_SHIFT, LONGEST_SHIFT = 60, 7 * 86_400


# ---- registers


def resolve_confirm(module: ModuleScope) -> dict[str, Any] | None:
    """`confirm ask PROMPT`."""
    setting = module.settings.get("confirm")
    if setting is None or not module.fits("register", setting, "confirm") or not _has_data(module, setting):
        return None
    return _asked(module, setting.values[0], module.span(setting))


def resolve_again(module: ModuleScope) -> dict[str, Any] | None:
    """`again ask PROMPT [from FIELD]`; without a field it is the first one that is not verified."""
    setting = module.settings.get("again")
    if setting is None or not module.fits("register", setting, "again") or not _has_data(module, setting):
        return None
    kind: str | None = next(iter(module.data_fields), None)
    if len(setting.values) > 1 and isinstance(setting.values[1], Word):
        kind = module.data_field(setting.values[1], "it is asked once in a call") or kind
    asked = _asked(module, setting.values[0], module.span(setting))
    return None if asked is None or kind is None else asked | {"kind": kind}


def _has_data(module: ModuleScope, setting: syntax.Setting) -> bool:
    """Whether something is asked for that is not verified."""
    if module.data_fields or module.auth.broken:
        return True
    note = "all that this module asks for is verified"
    message = f"there is nothing to {'confirm' if setting.kind == 'confirm' else 'ask again'}"
    module.fault(codes.NOT_A_DATA_FIELD, message, setting, note, "extra1 ask PROMPT digits 3 as room")
    return False


def _asked(module: ModuleScope, prompt: Word | Text | Duration, span: Span) -> dict[str, Any] | None:
    if isinstance(prompt, Duration):
        return None
    word, sound = resolve_sound(module.scope, module.path, prompt)
    return {"span": span, "word": word, "sound": sound}


# ---- time clocks


def resolve_clock(module: ModuleScope) -> dict[str, Any] | None:
    """What every time clock has, said or not: its keys, and when it closes a shift that was forgotten."""
    clock, close = module.settings.get("clock"), module.settings.get("close")
    here = [setting for setting in (clock, close) if setting and module.fits("timeclock", setting, setting.kind)]
    if module.purpose != "timeclock":
        return None
    node: dict[str, Any] = {"span": module.span(here[0]) if here else module.name_span}
    if isinstance(clock, syntax.Clock):
        node |= _asked(module, clock.values[0], module.span(clock)) or {}
        node["keys"] = _keys(module, clock)
    if close is not None and isinstance(close.values[0], Duration):
        note = "a shift is closed after 1m to 7d"
        node["close"] = module.duration(close.values[0], SHORTEST_SHIFT, LONGEST_SHIFT, note)
    return node


def _keys(module: ModuleScope, clock: syntax.Clock) -> list[tuple[str, str]]:
    seen: dict[str, Word] = {}
    keys: list[tuple[str, str]] = []
    sound = not clock.broken
    for key, word in clock.keys:
        action = module.choice(word, ACTIONS, "action of a time clock")
        sound &= action is not None
        if len(key.text) != 1 or key.text not in KEYS:
            module.fault(codes.BAD_RANGE, f"`{key.text}` is no key", key, "one key: 1 to 9, 0 or `*`")
        elif key.text in seen:
            module.repeated(f"the key `{key.text}` is there twice", key, seen[key.text])
        elif action is not None:
            keys.append((key.text, action))
        seen.setdefault(key.text, key)
    if sound:
        _check_complete(module, clock, {word.text for _, word in clock.keys})
    return keys


def _check_complete(module: ModuleScope, clock: syntax.Clock, actions: set[str]) -> None:
    needed = ["in", "out"] + (["break", "back"] if actions & {"break", "back"} else [])
    missing = [action for action in needed if action not in actions]
    if missing:
        names = " and ".join(f"`{action}`" for action in missing)
        note = "who is in must get out" if missing[0] in ("in", "out") else "`break` and `back` go together"
        module.fault(codes.INCOMPLETE_CLOCK, f"this clock has no key for {names}", clock, note)


# ---- what is told


def resolve_tells(module: ModuleScope) -> list[dict[str, Any]]:
    """`tell EVENT PROMPT`, once an event."""
    seen: dict[str, syntax.Tell] = {}
    tells = []
    for tell in module.auth.tells:
        event = module.choice(tell.event, tuple(EVENTS), "event")
        if event is not None and event in seen:
            module.repeated(f"`tell {event}` is there twice", tell, seen[event])
        elif event is not None:
            seen[event] = tell
            _check_is_told(module, tell)
            asked = _asked(module, tell.sound, module.span(tell))
            tells += [asked | {"event": event}] if asked else []
    return tells


def _check_is_told(module: ModuleScope, tell: syntax.Tell) -> None:
    """An event that this module never has would only mislead."""
    event = tell.event.text
    if event in ("clash", *ACTIONS):
        if module.fits("timeclock", tell, f"tell {event}") and module.purpose and not _happens(module, event):
            note = "no key of this clock comes to it" if "clock" in module.settings else "this clock has no keys"
            help = "clock ask PROMPT { 1 in; 2 out; 3 break; 4 back }"
            module.fault(codes.SETTING_OUT_OF_PLACE, f"`tell {event}` is never told", tell, note, help)
    elif module.purpose is None or module.auth.broken:
        return
    elif event == "wrong" and not module.credentials:
        note = "nothing that this module asks for is verified"
        module.fault(codes.SETTING_OUT_OF_PLACE, "`tell wrong` is never told", tell, note)
    elif event == "unknown" and not module.auth.codes and "clock" not in module.settings:
        note = "it is told of a code that is in no table, and this module has none"
        module.fault(codes.SETTING_OUT_OF_PLACE, "`tell unknown` is never told", tell, note)


def _happens(module: ModuleScope, action: str) -> bool:
    """Whether a time clock comes to a clash, or to an action."""
    clock = module.settings.get("clock")
    if isinstance(clock, syntax.Clock):
        return action == "clash" or clock.broken or action in (word.text for _, word in clock.keys)
    return module.auth.broken or action in ("in", "out")

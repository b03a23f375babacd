"""What the checker reads: the sign-in modules as JSON. The users' hashes are in it; the PINs and the pepper are not."""

import json
from dataclasses import asdict
from itertools import chain

from routec import contract
from routec.kept import Memory
from routec.model import Module, Route, System
from routec.model.numbers import did_forms
from routec.model.signin import Clock, Field
from routec.settings import Settings


def modules_file(system: System, settings: Settings, memory: Memory) -> bytes:
    """The text of `contract.MODULES_FILE`."""
    modules = sorted(system.modules, key=lambda module: module.name)
    of_settings = {
        "listen": settings.agi.listen,
        "pepper_file": settings.signin.pepper_file,
        "state": settings.signin.state,
    }
    parts = {
        "format": str(contract.MODULES_FORMAT),
        "settings": _text(of_settings, 1),
        "extensions": _listed([f'"{number}"' for number in inside_numbers(system, memory)]),
        "modules": _listed(memory.each("signin.json").of(modules, lambda module: _text(asdict(_module(module)), 2))),
    }
    return ("{\n" + ",\n".join(f' "{name}": {text}' for name, text in parts.items()) + "\n}\n").encode()


def _text(value: object, depth: int) -> str:
    """JSON that can stand so deep in more of it; no text in it has an end of a line."""
    return json.dumps(value, indent=1, ensure_ascii=False).replace("\n", "\n" + " " * depth)


def _listed(texts: list[str]) -> str:
    return "[\n  " + ",\n  ".join(texts) + "\n ]" if texts else "[]"


def inside_numbers(system: System, memory: Memory) -> list[str]:
    """The extensions that no caller from outside can have dialled: a call to one of these is from inside."""
    numbers = memory.each("inside").of(system.routes, _numbers)
    inside = chain.from_iterable(extensions for extensions, _ in numbers)
    return sorted(set(inside).difference(chain.from_iterable(forms for _, forms in numbers)))


def _numbers(route: Route) -> tuple[list[str], list[str]]:
    """The extensions of a route, and all forms of its DIDs."""
    extensions = [entry.number for entry in route.entries if entry.kind == "extension"]
    return extensions, [form for entry in route.entries if entry.kind == "did" for form in did_forms(entry.number)]


def _module(module: Module) -> contract.Module:
    again, webhook = module.again, module.webhook
    return contract.Module(
        name=module.name,
        title=module.title,
        purpose=module.purpose,
        fields=tuple(map(_field, module.fields)),
        tries=module.tries,
        seconds=module.seconds,
        log=module.log,
        users=tuple(contract.User(user.name, user.title, user.login, user.password) for user in module.users),
        verify=module.verify,
        lockout=contract.Lockout(module.lockout.after, module.lockout.seconds),
        clock=_clock(module.clock) if module.clock else None,
        confirm=module.confirm.sound if module.confirm else None,
        again=contract.Again(again.sound, again.kind) if again else None,
        tells=tuple((tell.event, tell.sound) for tell in module.tells),
        webhook=contract.Webhook(webhook.url, webhook.secret_env, webhook.private, webhook.ordered)
        if webhook
        else None,
        offline=module.offline,
        keep=module.keep,
    )


def _field(field: Field) -> contract.Field:
    codes = tuple(contract.Code(code.first, code.last, code.text) for code in field.codes)
    return contract.Field(field.kind, field.sound, field.least, field.most, field.alias, field.optional, codes)


def _clock(clock: Clock) -> contract.Clock:
    return contract.Clock(clock.sound, clock.keys, clock.close)

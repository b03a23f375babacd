"""What the checker reads: the sign-in modules as JSON. The users' hashes are in it; the PINs and the pepper are not."""

import json
from dataclasses import asdict

from routec import contract
from routec.model import Module, System
from routec.model.numbers import did_forms
from routec.model.signin import Clock, Field
from routec.settings import Settings


def modules_file(system: System, settings: Settings) -> bytes:
    """The text of `contract.MODULES_FILE`."""
    table = {
        "format": contract.MODULES_FORMAT,
        "settings": {
            "listen": settings.agi.listen,
            "pepper_file": settings.signin.pepper_file,
            "state": settings.signin.state,
        },
        "extensions": inside_numbers(system),
        "modules": [asdict(_module(module)) for module in sorted(system.modules, key=lambda module: module.name)],
    }
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode()


def inside_numbers(system: System) -> list[str]:
    """The extensions that no caller from outside can have dialled: a call to one of these is from inside."""
    entries = [entry for route in system.routes for entry in route.entries]
    outside = {form for entry in entries if entry.kind == "did" for form in did_forms(entry.number)}
    return sorted({entry.number for entry in entries if entry.kind == "extension"} - outside)


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

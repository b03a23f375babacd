"""What the checker reads: the sign-in modules as JSON. The users' hashes are in it; the PINs and the pepper are not."""

import json
from dataclasses import asdict

from routec import contract
from routec.model import Module, System
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
        "modules": [asdict(_module(module)) for module in sorted(system.modules, key=lambda module: module.name)],
    }
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode()


def _module(module: Module) -> contract.Module:
    return contract.Module(
        name=module.name,
        title=module.title,
        purpose=module.purpose,
        fields=tuple(
            contract.Field(field.kind, field.sound, field.least, field.most, field.alias, field.optional)
            for field in module.fields
        ),
        tries=module.tries,
        seconds=module.seconds,
        log=module.log,
        users=tuple(contract.User(user.name, user.title, user.login, user.password) for user in module.users),
    )

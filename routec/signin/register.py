"""The register: item after item, each read back where the module wants it, each kept before the next is asked for."""

from collections.abc import Callable

from routec.contract import Field, Module
from routec.signin.asking import Asking, Refused
from routec.signin.outcome import UNCONFIRMED

YES = "1"


def register(
    module: Module,
    fields: tuple[Field, ...],
    asking: Asking,
    store: Callable[[], object],
    begin: Callable[[], object],
) -> None:
    """Take items until the caller has no more. `store` keeps one, durable when it returns; `begin` opens the next.

    `fields` are the data fields, in the order in which they are asked. Raises `Refused` and what the caller raises;
    what was stored by then stays stored.
    """
    asked = fields
    while True:
        _take_item(module, fields, asked, asking)
        store()
        if module.again is None or not fields or asking.key(module.again.sound) != YES:
            return
        asked = _from(module.again.kind, fields)
        asking.forget(asked)
        begin()


def _take_item(module: Module, fields: tuple[Field, ...], asked: tuple[Field, ...], asking: Asking) -> None:
    """Ask for an item; where it must be confirmed, all of it is asked anew until the caller says that it is right."""
    for round_ in range(module.tries):
        if round_:
            asked = fields
            asking.forget(fields)
        for field in asked:
            asking.take(field)
        if module.confirm is None or not fields:
            return
        for field in fields:
            asking.read_back(field)
        if asking.key(module.confirm) == YES:
            return
    raise Refused(UNCONFIRMED)


def _from(kind: str, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields from one on; all of them if it is not there."""
    kinds = [field.kind for field in fields]
    return fields[kinds.index(kind) :] if kind in kinds else fields

"""Dialplans out of route text, for tests that compare or follow them."""

from collections.abc import Iterable

from routec.apply.held import of_context
from routec.apply.priority import Held, Priority
from routec.backend.dialplan import Dialplan
from routec.pipeline import Compilation, Input, compile_routes

MODULES = """
auth staff { login ask "x" digits 4; user a login 1001 }
auth guests { login ask "x" digits 4; user a login 1001 }
"""


def compiled(routes: str, settings: str = "") -> Compilation:
    """What comes of routes beside two modules; they must have no errors."""
    toml = ("routes/routec.toml", settings.encode()) if settings else None
    done = compile_routes(Input({"routes/m.route": MODULES.encode(), "routes/r.route": routes.encode()}, toml))
    assert [fault.message for fault in done.diagnostics if fault.severity == "error"] == []
    return done


def held(routes: str, settings: str = "") -> Held:
    """The dialplan of it."""
    dialplan = compiled(routes, settings).dialplan
    assert dialplan is not None
    return of_dialplan(dialplan)


def of_dialplan(dialplan: Dialplan) -> Held:
    """What Asterisk is to hold of a compiled dialplan."""
    return {context.name: of_context(context) for context in dialplan.contexts}


def edited(dialplan: Held, context: str, exten: str, lines: dict[int, Priority | None]) -> Held:
    """A dialplan after somebody changed, added or removed priorities by hand; `context` may be the beginning of one."""
    (name,) = [name for name in dialplan if name == context or name.startswith(f"{context}-")] or [context]
    extensions = dict(dialplan.get(name, {}))
    priorities: dict[int, Priority] = dict(extensions.get(exten, {}))
    for number, line in lines.items():
        if line is None:
            del priorities[number]
        else:
            priorities[number] = line
    return {**dialplan, name: {**extensions, exten: priorities}}


def app(name: str, data: str = "", label: str = "") -> Priority:
    """A priority."""
    return Priority(label, name, data)


def printed(found: Iterable[object]) -> list[str]:
    """Each as it is printed."""
    return [str(one) for one in found]

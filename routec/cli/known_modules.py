"""Names of modules as they are typed: one that nobody knows is a slip, and must not pass for an empty log."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli.here import ROUTES, project_settings
from routec.cli.main import fail
from routec.contract import MODULES_FILE, Module

if TYPE_CHECKING:
    from routec.signin.modules import ModulesError
    from routec.signin.store import Log

_CLOCK = "timeclock"


def compiled() -> "dict[str, Module] | ModulesError":
    """The modules of the routes that were built last, as `serve` has them; of several PBXs, the first that is built."""
    from routec.apply.build import published_folder
    from routec.signin.modules import ModulesError, read_modules

    settings = project_settings()
    faults = []
    for target in settings.target_names or (None,):
        try:
            return read_modules(published_folder(Path(), settings.for_target(target)) / MODULES_FILE).modules
        except ModulesError as error:
            faults.append(error)
    return faults[0]


def refuse_unknown(store: "Log", name: str | None) -> None:
    """Wrong usage where neither the project nor the log knows a module of this name."""
    help = _help_if_unknown(store, name)
    if help is not None:
        fail(f"there is no module `{name}`", help)


def note_unknown(store: "Log", name: str | None) -> None:
    """Say so, where that is why nothing was found."""
    help = _help_if_unknown(store, name)
    if help is not None:
        _note(f"there is no module `{name}`", help)


def note_no_clock(store: "Log", name: str | None) -> None:
    """Say so where a time sheet is empty because its module is none, or no time clock."""
    from routec.signin.store import Filters

    if name is None or any(True for _ in store.read(Filters(module=name, purpose=_CLOCK, limit=1))):
        return
    known = _known(compiled())
    if known is None or known.get(name) == _CLOCK:
        return
    if name in known:
        clocks = _listed([other for other in known if known[other] == _CLOCK])
        _note(f"module `{name}` is no time clock", f"time clocks are {clocks}" if clocks else "no module is one")
    else:
        note_unknown(store, name)


def _help_if_unknown(store: "Log", name: str | None) -> str | None:
    """What may have been meant; None where the module is known, or nobody can say."""
    if name is None:
        return None
    built = compiled()
    if (isinstance(built, dict) and name in built) or _has_left_something(store, name):
        return None
    known = _known(built)
    if known is None or name in known:
        return None
    from routec.diagnostics import did_you_mean

    modules = f"the modules are {_listed(known)}" if known else "the project has no modules"
    return " ".join(filter(None, (did_you_mean(name, known), modules)))


def _known(built: "dict[str, Module] | ModulesError") -> dict[str, str] | None:
    """The modules of the project, those built last and those of the routes, with their purpose; None: nobody can say.

    A route file with a fault may have a module that the compiler does not see.
    """
    known = {name: module.purpose for name, module in built.items()} if isinstance(built, dict) else {}
    if not ROUTES.is_dir():
        return known if isinstance(built, dict) else None
    from routec.diagnostics import has_errors
    from routec.pipeline import compile_routes
    from routec.project import load

    compilation = compile_routes(load(Path()), dialplan=False)
    if has_errors(compilation.diagnostics) and not isinstance(built, dict):
        return None
    return known | {module.name: module.purpose for module in compilation.system.modules}


def _has_left_something(store: "Log", name: str) -> bool:
    """Whether the log has anything of a module, which may be one that was taken out of the routes."""
    from routec.signin.store import Filters

    if any(True for _ in store.read(Filters(module=name, limit=1))) or store.locks(name):
        return True
    return any(True for _ in store.outbox.list(None, name, 1))


def _listed(names: "list[str] | dict[str, str]") -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _note(message: str, help: str) -> None:
    from routec.diagnostics.render_text import safe

    click.echo(f"Note: {safe(message)}\n   = help: {safe(help)}", err=True)

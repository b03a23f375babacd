"""What `serve` looks at before it says that it is ready: what is off, and what makes a start pointless."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from routec.contract import MODULES_FILE
from routec.project import ROUTES
from routec.serve.http import HttpServer, Pages
from routec.settings import SETTINGS_FILE, Runtime, Settings, SettingsError, parse_address, read_settings_file
from routec.signin.credentials import CredentialsError, read_pepper
from routec.signin.modules import ModulesError, ModuleStore
from routec.signin.store import Log, LogError, UnreachableError

_logger = logging.getLogger("routec.serve")


class ServeError(Exception):
    """A part cannot start. `help` is a way out."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class ListenError(ServeError):
    """An address cannot be had now: it is taken, or not this machine's."""


def read_settings(root: Path, target: str | None, environ: Mapping[str, str]) -> tuple[Settings, Runtime]:
    """What routec.toml and the machine say now. Raises `SettingsError`, also where there is no routes/ at all."""
    folder = root / ROUTES
    file = folder / SETTINGS_FILE
    try:
        settings = read_settings_file(file).for_target(target)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error.message}", help=error.help) from None
    if not os.path.lexists(file) and not os.path.isdir(folder):  # noqa: PTH112 (it raises nothing)
        raise SettingsError(f"{folder} is gone")
    return settings, Runtime.of(environ, settings)


def offs(settings: Settings, runtime: Runtime) -> list[str]:
    """What is not done with these settings, and why."""
    found = []
    if settings.ami is None:
        found.append(
            "reloading Asterisk is off: there is no [ami] in routes/routec.toml; run `dialplan reload` yourself"
        )
    if runtime.metrics is None:
        found.append("health and metrics are off: there is no [metrics] in routes/routec.toml")
    if not settings.prompts.records:
        found.append(
            "recording prompts by phone is off: [prompts] in routes/routec.toml has neither a module nor a pin"
        )
    agi = settings.agi
    if agi.connect is None and parse_address(agi.listen) != runtime.listen:
        host, port = settings.connect
        found.append(
            f"Asterisk does not reach this checker: the dialplan calls {host}:{port}. What ROUTEC_AGI_LISTEN says "
            "must stand in routes/routec.toml, too: [agi] listen"
        )
    return found


def has_modules(modules: ModuleStore, folder: Path) -> bool:
    """Whether there is anything in a published folder that the checker could ask. Raises `ServeError`."""
    if not is_published(folder):
        return False  # the store would complain of what is no fault yet
    try:
        modules.compiled()
    except ModulesError:
        return False
    return True


def is_published(folder: Path) -> bool:
    """Whether modules stand in a folder. Raises `ServeError` where this user cannot look."""
    try:
        return (folder / MODULES_FILE).exists()
    except OSError as error:
        help = "[publish] to in routes/routec.toml names it; all folders above it must let this user in"
        raise ServeError(f"cannot look into {folder}: {error.strerror or type(error).__name__}", help) from None


def fixed_changes(before: Runtime, now: Runtime) -> list[str]:
    """Which settings have changed that only a restart takes over."""
    pairs = {"[agi] listen": (before.listen, now.listen), "[metrics] listen": (before.metrics, now.metrics)}
    return [name for name, (old, new) in pairs.items() if old != new]


def begin_metrics(listen: tuple[str, int], shown: Pages) -> HttpServer:
    """Show the pages for machines. Raises `ListenError`."""
    server = HttpServer(listen, shown)
    try:
        server.start()
    except OSError as error:
        host, port = listen
        # Python's own words repeat the address.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        help = "[metrics] listen in routes/routec.toml moves it"
        raise ListenError(f"cannot listen on {host}:{port}: {why or error}", help) from None
    _logger.info("health and metrics: http://%s:%d/readyz and /metrics", *server.address)
    return server


def check_log(log: Log, on_off: Callable[[str], None]) -> None:
    """Refuse to start on a log that can never be used; one that cannot be reached now may come back."""
    try:
        log.look()
    except UnreachableError as error:
        on_off(f"nobody is signed in for now: {error}")
    except LogError as error:
        raise ServeError(str(error), "ROUTEC_DATABASE or the state folder names another") from None


def check_pepper(modules: ModuleStore, runtime: Runtime, *, has_faults: bool) -> None:
    """Refuse to start where nobody with a password could ever sign in, or where there is nothing to serve."""
    try:
        asks = any(field.kind == "password" for one in modules.compiled().modules.values() for field in one.fields)
    except ModulesError as error:
        if has_faults:
            raise ServeError(str(error), "mend the routes: nothing has ever been built here") from None
        return  # nothing is published before Asterisk can be reached for the first time
    try:
        if asks:
            read_pepper(runtime)
    except CredentialsError as error:
        raise ServeError(str(error), error.help) from None

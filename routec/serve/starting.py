"""What `serve` looks at before it says that it is ready: what is off, and what makes a start pointless."""

from collections.abc import Callable, Mapping
from pathlib import Path

from routec.project import ROUTES
from routec.settings import SETTINGS_FILE, Runtime, Settings, SettingsError, parse_address
from routec.signin.credentials import CredentialsError, read_pepper
from routec.signin.modules import ModulesError, ModuleStore
from routec.signin.store import Filters, Log, LogError, UnreachableError


class ServeError(Exception):
    """A part cannot start. `help` is a way out."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def read_settings(root: Path, target: str | None, environ: Mapping[str, str]) -> tuple[Settings, Runtime]:
    """What routec.toml and the machine say now. Raises `SettingsError`."""
    file = root / ROUTES / SETTINGS_FILE
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "it is not UTF-8"
        raise SettingsError(f"{file} cannot be read: {why}") from None
    settings = Settings.parse(text, str(file)).for_target(target)
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
    agi = settings.agi
    if agi.connect is None and parse_address(agi.listen) != runtime.listen:
        host, port = settings.connect
        found.append(
            f"Asterisk does not reach this checker: the dialplan calls {host}:{port}. What ROUTEC_AGI_LISTEN says "
            "must stand in routes/routec.toml, too: [agi] listen"
        )
    return found


def fixed_changes(before: Runtime, now: Runtime) -> list[str]:
    """Which settings have changed that only a restart takes over."""
    pairs = {"[agi] listen": (before.listen, now.listen), "[metrics] listen": (before.metrics, now.metrics)}
    return [name for name, (old, new) in pairs.items() if old != new]


def check_log(log: Log, on_off: Callable[[str], None]) -> None:
    """Refuse to start on a log that can never be used; one that cannot be reached now may come back."""
    try:
        for _ in log.read(Filters(limit=1)):
            pass
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

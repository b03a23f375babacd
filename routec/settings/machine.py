"""What differs from machine to machine, and every secret: the environment, which never reaches a generated file."""

import itertools
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from routec.contract import AGI_PORT
from routec.settings.faults import SettingsError
from routec.settings.project import Settings
from routec.settings.tables import METRICS_PORT, parse_address

DATABASE_FILE = "database"
"""The file in the state folder that holds the log's URL: the plain AGI process has no environment but Asterisk's."""

SECRET_FILE = "ami_secret"  # noqa: S105 (a name, no secret)
"""The file in the state folder that holds the AMI's secret; `ami_secret.NAME` is that of one target."""

_CLOSED_BYTES = 4_096


class Runtime(BaseModel):
    """What this machine's environment says to the checker and to the log. Its repr shows no secret."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    listen: tuple[str, int]
    database: Annotated[str, Field(repr=False)]
    state: Path
    pepper: Annotated[str | None, Field(repr=False)]
    pepper_file: Path
    metrics: tuple[str, int] | None = None
    """Where health and metrics are shown; None: nowhere."""

    @property
    def spool(self) -> Path:
        """Where rows wait, for modules with `offline grant`, while the database cannot be reached."""
        return self.state / "spool.db"

    @classmethod
    def of(cls, environ: Mapping[str, str], settings: Settings | None = None) -> Self:
        """Join the environment with the settings; the environment wins. Raises `SettingsError`."""
        settings = settings or Settings()
        listen = _address(environ, "ROUTEC_AGI_LISTEN", settings.agi.listen, AGI_PORT)
        metrics = environ.get("ROUTEC_METRICS_LISTEN") or (settings.metrics.listen if settings.metrics else "")
        state = Path(environ.get("ROUTEC_STATE") or settings.signin.state or _default_state(environ)).absolute()
        own = f"sqlite:///{quote(_utf8(state / 'signin.db'))}"
        return cls(
            listen=listen,
            database=environ.get("ROUTEC_DATABASE") or _read_database(state) or own,
            state=state,
            pepper=environ.get("ROUTEC_PEPPER") or None,
            pepper_file=Path(environ.get("ROUTEC_PEPPER_FILE") or settings.signin.pepper_file or state / "pepper"),
            metrics=_address(environ, "ROUTEC_METRICS_LISTEN", metrics, METRICS_PORT) if metrics else None,
        )


def ami_secret(environ: Mapping[str, str], state: Path, target: str | None = None) -> tuple[str, str]:
    """The secret of the AMI user, and where it was found: in a variable, or in a closed file in the state folder.

    A target's own comes first: ROUTEC_AMI_SECRET_NAME (in capitals, `-` as `_`) before ROUTEC_AMI_SECRET, and
    `ami_secret.NAME` before `ami_secret`. Raises `SettingsError`, also where there is none.
    """
    own = [f"ROUTEC_AMI_SECRET_{target.upper().replace('-', '_')}"] if target else []
    variables = [*own, "ROUTEC_AMI_SECRET"]
    files = [state / name for name in ([f"{SECRET_FILE}.{target}"] if target else []) + [SECRET_FILE]]
    found = ((name, environ.get(name)) for name in variables)
    read = ((str(file), read_closed(file, "the AMI secret's file")) for file in files)
    for place, secret in itertools.chain(found, read):
        if secret and not secret.isprintable():
            raise SettingsError(
                f"the secret in {place} holds a character that does not print, such as the end of a line"
            )
        if secret:
            return secret, place
    raise SettingsError(
        f"there is no secret for the AMI: neither {' nor '.join(variables)} is set, nor is there "
        f"{' or '.join(map(str, files))}",
        help="it is the `secret` of the user in Asterisk's manager.conf; in a file, close it: chmod 600",
    )


def read_closed(path: Path, what: str) -> str | None:
    """The text of a file that holds a secret, without blanks around it, or None if there is no such file.

    `what` names it in messages, which have nothing of its content. Raises `SettingsError`, also for a file that others
    can read or write, and for an empty one.
    """
    try:
        # Not blocking, so that a pipe in the file's place cannot hold a call up.
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115 (below)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        is_closed = not os.access(path.parent, os.X_OK, effective_ids=True)
        why = f"cannot be looked for: the folder {path.parent} is closed to this user" if is_closed else ""
        why = why or "cannot be read by this user"
        raise SettingsError(f"{what} {path} {why}", help="run as the user that `routec serve` runs as") from None
    except OSError as error:
        raise SettingsError(f"{what} {path} cannot be read: {error.strerror}") from None
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(f"{what} {path} is not a file")
        if status.st_mode & (stat.S_IWGRP | stat.S_IRWXO):
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise SettingsError(f"{what} {path} is open to others (mode {mode})", help=f"close it: chmod 600 {path}")
        content = file.read(_CLOSED_BYTES + 1)
    if len(content) > _CLOSED_BYTES:
        raise SettingsError(f"{what} {path} is longer than {_CLOSED_BYTES} bytes")
    text = content.decode(errors="replace").strip()
    if not text or "\N{REPLACEMENT CHARACTER}" in text:
        raise SettingsError(f"{what} {path} " + ("is not text" if text else "is empty"))
    return text


def _address(environ: Mapping[str, str], variable: str, text: str, port: int) -> tuple[str, int]:
    """An address, the environment's where it has one. Raises `SettingsError`."""
    try:
        return parse_address(environ.get(variable) or text, port)
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None


def _utf8(path: Path) -> str:
    """A path as text that has a place in a URL. Raises `SettingsError`."""
    try:
        return os.fsencode(path).decode()
    except UnicodeDecodeError:
        shown = os.fsencode(path.parent).decode(errors="backslashreplace")
        raise SettingsError(f"the state folder {shown} has a name that is not UTF-8") from None


def _read_database(state: Path) -> str | None:
    url = read_closed(state / DATABASE_FILE, "the database's file")
    if url is not None and not url.isprintable():
        raise SettingsError(f"the database's file {state / DATABASE_FILE} holds more than one line")
    return url


def _default_state(environ: Mapping[str, str]) -> Path:
    system = Path("/var/lib/routec")
    if os.geteuid() == 0 or os.access(system, os.W_OK):
        return system
    home = environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path(environ.get("HOME") or "/") / ".local/state") / "routec"

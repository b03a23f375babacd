"""What differs from machine to machine, and every secret: the environment, which never reaches a generated file."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from routec.settings.project import Settings, SettingsError, parse_address

DATABASE_FILE = "database"
"""The file in the state folder that holds the log's URL: the plain AGI process has no environment but Asterisk's."""

_CLOSED_BYTES = 4_096


class Runtime(BaseModel):
    """What this machine's environment says to the checker and to the log. Its repr shows no secret."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    listen: tuple[str, int]
    database: Annotated[str, Field(repr=False)]
    state: Path
    pepper: Annotated[str | None, Field(repr=False)]
    pepper_file: Path

    @property
    def spool(self) -> Path:
        """Where rows wait, for modules with `offline grant`, while the database cannot be reached."""
        return self.state / "spool.db"

    @classmethod
    def of(cls, environ: Mapping[str, str], settings: Settings | None = None) -> Self:
        """Join the environment with the settings; the environment wins. Raises `SettingsError`."""
        settings = settings or Settings()
        try:
            listen = parse_address(environ.get("ROUTEC_AGI_LISTEN") or settings.agi.listen)
        except ValueError as error:
            raise SettingsError(f"ROUTEC_AGI_LISTEN: {error}") from None
        state = Path(environ.get("ROUTEC_STATE") or settings.signin.state or _default_state(environ)).absolute()
        own = f"sqlite:///{quote(str(state / 'signin.db'))}"
        return cls(
            listen=listen,
            database=environ.get("ROUTEC_DATABASE") or _read_database(state) or own,
            state=state,
            pepper=environ.get("ROUTEC_PEPPER") or None,
            pepper_file=Path(environ.get("ROUTEC_PEPPER_FILE") or settings.signin.pepper_file or state / "pepper"),
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

"""The project that the command line stands in, and the machine it runs on."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from routec.cli.main import fail

if TYPE_CHECKING:
    from routec.settings import Runtime, Settings

ROUTES = Path("routes")


def project_root() -> Path:
    """The present folder, which must hold routes/."""
    if not ROUTES.is_dir():
        fail("there is no routes/ here", "run routec in the folder that holds routes/")
    return Path()


def project_settings() -> "Settings":
    """What routes/routec.toml says; all defaults where there is none."""
    from routec.settings import SETTINGS_FILE, Settings, SettingsError

    file = ROUTES / SETTINGS_FILE
    try:
        return Settings.parse(file.read_text("utf-8"), str(file)) if file.exists() else Settings()
    except SettingsError as error:
        fail(f"{file}: {error.message}", error.help or "`routec check` shows the place")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8")
    except OSError as error:
        fail(f"{file}: {error.strerror}")


def runtime() -> "Runtime":
    """What the environment says on this machine, on top of the project's settings."""
    from routec.settings import Runtime, SettingsError

    try:
        return Runtime.of(os.environ, project_settings())
    except SettingsError as error:
        fail(error.message, error.help)

"""The file of the settings, read with care: whatever stands in its place cannot hold a process up."""

import os
import stat
from pathlib import Path

from routec.settings.faults import SettingsError
from routec.settings.project import Settings

MOST_BYTES = 4_000_000
"""A longer file is no routec.toml."""


def read_settings_file(file: Path) -> Settings:
    """What a routec.toml says, for all targets; all defaults where there is none. Raises `SettingsError`."""
    try:
        # Not blocking: a pipe in the file's place would be waited for without an end.
        with open(file, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise SettingsError("cannot be read: it is no file")
            data = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise SettingsError(f"cannot be read: {(error.strerror or type(error).__name__).lower()}") from None
    if len(data) > MOST_BYTES:
        raise SettingsError(f"cannot be read: it is longer than {MOST_BYTES} bytes")
    try:
        return Settings.parse(data.decode(), str(file))
    except UnicodeDecodeError:
        raise SettingsError("is not UTF-8") from None

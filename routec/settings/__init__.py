"""The settings: `project` is the same on every machine, `machine` is not."""

from routec.settings.machine import Runtime, read_closed
from routec.settings.project import (
    SETTINGS_FILE,
    Address,
    AgiSettings,
    PlainPath,
    Settings,
    SettingsError,
    SigninSettings,
    parse_address,
)

__all__ = [
    "SETTINGS_FILE",
    "Address",
    "AgiSettings",
    "PlainPath",
    "Runtime",
    "Settings",
    "SettingsError",
    "SigninSettings",
    "parse_address",
    "read_closed",
]

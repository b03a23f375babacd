"""The settings: `project` is the same on every machine, `machine` is not."""

from routec.settings.faults import SettingsError
from routec.settings.machine import Runtime, ami_secret, read_closed
from routec.settings.project import SETTINGS_FILE, Settings
from routec.settings.reading import read_settings_file
from routec.settings.tables import (
    VERSIONS,
    Address,
    AgiSettings,
    AmiSettings,
    MetricsSettings,
    PlainPath,
    PromptsSettings,
    SigninSettings,
    parse_address,
)
from routec.settings.targets import Entries, Entry

__all__ = [
    "SETTINGS_FILE",
    "VERSIONS",
    "Address",
    "AgiSettings",
    "AmiSettings",
    "Entries",
    "Entry",
    "MetricsSettings",
    "PlainPath",
    "PromptsSettings",
    "Runtime",
    "Settings",
    "SettingsError",
    "SigninSettings",
    "ami_secret",
    "parse_address",
    "read_closed",
    "read_settings_file",
]

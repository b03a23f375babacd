"""What is wrong in a routes/routec.toml: in our words, each fault at its place."""

import re
from collections.abc import Mapping
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from routec.settings.places import Path, Place, place_of
from routec.suggest import did_you_mean

MOST_FAULTS = 100
"""A file with more faults than this is no routec.toml."""


class SettingsError(Exception):
    """The settings cannot be used. `offset` and `length` are the place in the file's text; no offset, no place.

    Where a file has several faults, this is the first, and `others` are those behind it.
    """

    def __init__(
        self, message: str, *, file: str | None = None, offset: int | None = None, length: int = 1, help: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.offset = offset
        self.length = length
        self.help = help
        self.others: tuple[SettingsError, ...] = ()


class Faults:
    """The faults of one file, as they are found."""

    def __init__(self, file: str, places: Mapping[Path, Place]) -> None:
        self.file = file
        self.places = places
        self.found: list[SettingsError] = []
        self.paths: list[Path] = []

    def add(self, path: Path, message: str, help: str = "") -> None:
        """Keep a fault at a key, or at the nearest key above it."""
        offset, length = place_of(self.places, path)
        self.paths.append(path)
        self.found.append(SettingsError(message, file=self.file, offset=offset, length=length, help=help))

    def refuse(self) -> None:
        """Raise all faults as one `SettingsError`, in the order of the file, if there are any."""
        if self.found:
            first, *others = sorted(self.found, key=lambda fault: fault.offset or 0)[:MOST_FAULTS]
            first.others = tuple(others)
            raise first


def in_words(model: type[BaseModel], error: ErrorDetails, path: Path) -> tuple[str, str]:
    """Message and help for what pydantic found, where it stands at `path` in the file."""
    keys = [str(part) for part in error["loc"]]
    dotted = ".".join(map(str, path))
    match error["type"]:
        case "extra_forbidden":
            known = [*_keys_beside(model, keys), *(["targets"] if len(keys) == 1 else [])]
            return f"unknown key `{dotted}`", did_you_mean(keys[-1], known)
        case "missing":
            return f"`{dotted}` is missing", ""
        case "literal_error":
            return f"`{dotted}`: it must be {error['ctx']['expected']}", ""
        case "model_type":
            return f"`{dotted}` is a table", f"write it as [{dotted}]"
    what = error["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")
    return f"`{dotted}`: {what}", ""


def toml_offset(text: str, message: str) -> int:
    """Where in a text tomllib's message says that a fault is."""
    match = re.search(r"line (\d+), column (\d+)", message)
    if match is None:
        return len(text)
    lines = text.splitlines(keepends=True)
    return min(len(text), sum(map(len, lines[: int(match[1]) - 1])) + int(match[2]) - 1)


def _keys_beside(model: type[BaseModel], keys: list[str]) -> list[str]:
    """The keys that could stand where the last of some keys stands."""
    for key in keys[:-1]:
        inner = model.model_fields[key].annotation
        model = next(one for one in (inner, *get_args(inner)) if isinstance(one, type) and issubclass(one, BaseModel))
    return list(model.model_fields)

"""`[targets.NAME]` of routes/routec.toml: several PBXs from one set of files, each with what differs on it."""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from routec.settings.faults import Faults
from routec.suggest import did_you_mean

TARGETS = "targets"
ON = "on"
TABLES = ("asterisk", "publish", "ami", "agi", "signin", "metrics", "prompts")
"""The tables that a target may have; their keys stand in place of those at the top."""

PROMPTS = "prompts"
DOORS = ("module", "pin")
"""The keys of [prompts] of which there is one: a target that has one has no use for the other of the top."""

GENERATED = "generated"
"""Below it a target is published that names no folder, where the file names none."""

LONGEST_NAME = 32

_ON_LINE = re.compile(r"(did|extension)[ \t]+([^\s;{}\"#]+)")


class Entry(NamedTuple):
    """A number that leads to a route on one PBX; `start` and `end` are its place in routec.toml."""

    kind: Literal["did", "extension"]
    number: str
    start: int
    end: int


class Entries(NamedTuple):
    """What stands in place of the `on` lines of one route; `start` and `end` are the place of the route's name."""

    route: str
    entries: tuple[Entry, ...]
    start: int
    end: int


def own_tables(targets: object, faults: Faults) -> dict[str, dict[str, Any]]:
    """The targets by name, in the order of the file; what is no target is a fault, and left out."""
    found: dict[str, dict[str, Any]] = {}
    if not isinstance(targets, dict):
        faults.add((TARGETS,), f"`{TARGETS}` is a table of tables", "write each target as [targets.NAME]")
        return found
    for name, own in targets.items():
        path = (TARGETS, name)
        if not isinstance(own, dict):
            help = did_you_mean(name, TABLES)
            faults.add(path, f"`targets.{name}` is a table", help or f"write it as [targets.{name}]")
        elif name in TABLES or name == ON:
            faults.add(path, f"`{name}` is no name for a target: a table of a target is named so", "name the PBX")
        elif len(name) > LONGEST_NAME or not re.fullmatch("[a-z][a-z0-9_-]*", name):
            help = f"small letters, digits, `-` and `_`, a letter first, {LONGEST_NAME} at the most"
            faults.add(path, f"`{name}` is no name for a target", help)
        else:
            _alike(name, found, faults)
            found[name] = {key: value for key, value in own.items() if _known(name, key, value, faults)}
    return found


def merged(name: str, top: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a target: its own keys, and those at the top for what it does not say.

    A table that is none, at the top or here, stays as it is: it is a fault.
    """
    table: dict[str, Any] = dict(top)
    for key in TABLES:
        if key in own:
            beneath = top.get(key)
            beneath = beneath if isinstance(beneath, dict) else {}
            if key == PROMPTS and not own[key].keys().isdisjoint(DOORS):
                beneath = {name: value for name, value in beneath.items() if name not in DOORS}
            table[key] = {**beneath, **own[key]}
    publish = table.get("publish", {})
    if isinstance(publish, dict):
        table["publish"] = _below(name, publish, own.get("publish", {}))
    return table


def _below(name: str, publish: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """[publish] of a target: where it names no folder itself, the one at the top with its name below."""
    table = dict(publish)
    if "to" in own:
        table["seen_as"] = own.get("seen_as")
        return table
    for key, beginning in {"to": GENERATED, "seen_as": None}.items():
        folder = table.get(key, beginning)
        if key not in own and isinstance(folder, str) and folder:
            table[key] = f"{folder.rstrip('/')}/{name}"
    return table


def entries(name: str, own: Mapping[str, Any], faults: Faults) -> tuple[Entries, ...]:
    """What `[targets.NAME.on]` says, route by route. Whether the numbers can be is not judged here."""
    found = []
    for route, lines in own.get(ON, {}).items():
        path = (TARGETS, name, ON, route)
        if not isinstance(lines, list):
            help = f'{route} = ["did +3225551234", "extension 600"]'
            faults.add(path, f"`{'.'.join(path)}` is a list of what leads to the route on this PBX", help)
            continue
        read = [_entry((*path, index), line, faults) for index, line in enumerate(lines)]
        start, length = faults.places[path]
        found.append(Entries(route, tuple(entry for entry in read if entry), start, start + length))
    return tuple(found)


def shared(whole: Mapping[str, tuple[str, tuple[str, int] | None]], faults: Faults) -> None:
    """Two targets do not write to one folder, nor reload one PBX. `whole`: the folder and the AMI of each target."""
    folders: dict[str, str] = {GENERATED: ""}
    managers: dict[tuple[str, int], str] = {}
    for name, (folder, manager) in whole.items():
        other = folders.setdefault(posixpath.normpath(folder), name)
        if not other:
            message = f"target `{name}` is published to {folder}/, which is what `routec build` writes"
            faults.add((TARGETS, name, "publish", "to"), message, "give it a folder of its own")
        elif other != name:
            message = f"targets `{other}` and `{name}` are published to one folder, {folder}"
            faults.add((TARGETS, name, "publish", "to"), message, f"[targets.{name}.publish] to = …")
        if manager is None:
            continue
        host, port = manager
        plain = host.lower()
        other = managers.setdefault(("127.0.0.1" if plain in ("localhost", "::1") else plain, port), name)
        if other != name:
            message = f"targets `{other}` and `{name}` have one AMI, {host}:{port}"
            faults.add((TARGETS, name, "ami", "host"), message, f"a target is one PBX: [targets.{name}.ami] host = …")


def _alike(name: str, others: Iterable[str], faults: Faults) -> None:
    """Two names that one variable of the environment would stand for are a fault."""
    for other in others:
        if other.replace("-", "_") == name.replace("-", "_"):
            help = "ROUTEC_AMI_SECRET_NAME would be the same variable for both"
            faults.add((TARGETS, name), f"targets `{other}` and `{name}` differ only by `-` and `_`", help)


def _known(name: str, key: str, value: object, faults: Faults) -> bool:
    path = (TARGETS, name, key)
    if key not in (*TABLES, ON):
        faults.add(path, f"unknown key `targets.{name}.{key}`", did_you_mean(key, (*TABLES, ON)))
        return False
    if not isinstance(value, dict):
        faults.add(path, f"`targets.{name}.{key}` is a table", f"write it as [targets.{name}.{key}]")
        return False
    return True


def _entry(path: tuple[str | int, ...], line: object, faults: Faults) -> Entry | None:
    match = _ON_LINE.fullmatch(line.strip()) if isinstance(line, str) else None
    if match is None:
        shown = f"`{line}`" if isinstance(line, str) and line.isprintable() and len(line) < 80 else "this"
        faults.add(path, f"{shown} leads to no route", "write it as in a route: `did +3225551234` or `extension 600`")
        return None
    start, length = faults.places[path]
    return Entry("did" if match[1] == "did" else "extension", match[2], start, start + length)

"""A dialplan read as Asterisk reads it (pbx_config.c, config.c), but strictly: what it would skip is an error."""

import re
from typing import NamedTuple

LONGEST_LINE = 8191
LONGEST_NAME = 79


class DialplanError(Exception):
    """Asterisk would skip something here, or take it for something else."""


class Priority(NamedTuple):
    """One priority of an extension; the first in its list is priority 1."""

    label: str
    app: str
    data: str


Extensions = dict[str, list[Priority]]
Plan = dict[str, Extensions]

_CONTEXT = re.compile(r"\[([^\]]+)\]")
_EXTEN = re.compile(r"(exten|same)\s*=>?\s*(.*)", re.DOTALL)
_STEP = re.compile(r"(1|n)(?:\(([^()]+)\))?,([A-Za-z]+)\((.*)\)", re.DOTALL)


def read(text: str) -> Plan:
    """The contexts of a dialplan with their extensions and priorities. Raises `DialplanError`."""
    plan: Plan = {}
    extensions: Extensions | None = None
    steps: list[Priority] | None = None
    for raw in text.split("\n"):
        if len(raw.encode()) > LONGEST_LINE:
            raise DialplanError(f"a line of {len(raw.encode())} bytes")
        line = _without_comment(raw).strip()
        if not line:
            continue
        if found := _CONTEXT.fullmatch(line):
            name = found[1]
            if name in plan or len(name) > LONGEST_NAME:
                raise DialplanError(f"a second context, or a name that is cut: {name}")
            plan[name] = extensions = {}
            steps = None
            continue
        entry = _EXTEN.fullmatch(line)
        if entry is None or extensions is None:
            raise DialplanError(f"not a line of a dialplan: {raw!r}")
        rest = entry[2]
        if entry[1] == "exten":
            exten, comma, rest = rest.partition(",")
            if not comma or not exten or exten in extensions or len(exten) > LONGEST_NAME:
                raise DialplanError(f"no extension, or a second one: {raw!r}")
            extensions[exten] = steps = []
        if steps is None:
            raise DialplanError(f"`same` before any `exten`: {raw!r}")
        _append(steps, rest, raw)
    return plan


def _append(steps: list[Priority], rest: str, raw: str) -> None:
    step = _STEP.fullmatch(rest)
    if step is None or (step[1] == "1") != (not steps):
        raise DialplanError(f"no priority: {raw!r}")
    label = step[2] or ""
    if label and any(label == other.label for other in steps):
        raise DialplanError(f"a second label {label}")
    if step[4].count("(") != step[4].count(")"):
        raise DialplanError(f"brackets that do not match: {raw!r}")
    steps.append(Priority(label, step[3], step[4]))


def _without_comment(line: str) -> str:
    """Cut at the first `;` that no backslash escapes; a `;--` would open a comment of many lines."""
    kept, at = "", 0
    while at < len(line):
        if line.startswith("\\;", at):
            kept, at = kept + ";", at + 2
        elif line.startswith(";--", at):
            raise DialplanError(f"a block comment: {line!r}")
        elif line[at] == ";":
            break
        else:
            kept, at = kept + line[at], at + 1
    if kept.lstrip().startswith("#"):
        raise DialplanError(f"a directive: {line!r}")
    return kept


def matching(extensions: Extensions, number: str) -> str | None:
    """The extension of a context that a number meets: the very one, or a pattern that routec writes."""
    if number in extensions:
        return number
    if "_[+*0-9]!" in extensions and re.fullmatch(r"[+*0-9].*", number):
        return "_[+*0-9]!"
    return None

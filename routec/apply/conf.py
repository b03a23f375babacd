r"""The text of an extensions.conf, read as Asterisk reads it, and written so that it is read back the same.

Only the notation that routec writes is known here; what else a hand may have put into a published file is a
`HeldError`, since what Asterisk makes of it is not certain. Measured on Asterisk 22.10 and 16.28:

- A `;` ends the line, unless a `\` stands before it, which goes. `;--` begins a comment of many lines.
- The data of an application is what stands between the first `(` and the last `)`, blanks, commas and quotes included.
- A label that stands in an extension already is dropped; a priority that does is skipped with its line.
- A line may have 8,191 bytes.
"""

import re
from collections.abc import Iterable

from routec.apply.priority import Extensions, Held, Priority, is_marked

MOST_LINE_BYTES = 8_190
MOST_NAME = 79
"""AST_MAX_CONTEXT and AST_MAX_EXTENSION, less the NUL."""

_BLANKS = "".join(map(chr, range(33)))
_CONTEXT = re.compile(rf"\[([A-Za-z0-9_.@+*:/!#-]{{1,{MOST_NAME}}})\]")
_LINE = re.compile(
    rf"(?:exten[ \t]*=>?[ \t]*(?P<exten>[A-Za-z0-9_+*#.!:^\[\]-]{{1,{MOST_NAME}}})|same[ \t]*=>?[ \t]*)"
    r"(?(exten),)(?P<priority>n|[1-9][0-9]{0,5})(?:\((?P<label>[A-Za-z0-9_.:@+*/-]+)\))?"
    r",[ \t]*(?P<app>[A-Za-z][A-Za-z0-9_]{0,31})(?:\((?P<data>[^\x00-\x08\x0a-\x1f\x7f]*)\))?"
)
_COMMENT = re.compile(r"(?<!\\);")
_INCLUDED = re.compile(r'#tryinclude "[^"]*/retired\.conf"')
_SHORT = 2_000
"""In characters: no line of so many is too long in bytes."""

_NO_CONTEXT = ("general", "globals")

_Found = dict[str, dict[str, dict[int, Priority]]]


class HeldError(Exception):
    """A line that is not of routec's making. `line` counts from 1; the message has no line number in it."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def of_text(text: str) -> Held:
    """What Asterisk holds after it has read a published extensions.conf or retired.conf. Raises `HeldError`.

    The line that includes retired.conf is passed over: that file is read for itself.
    """
    held: _Found = {}
    extensions: dict[str, dict[int, Priority]] | None = None
    priorities: dict[int, Priority] | None = None
    exten, last = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(_BLANKS) if len(raw) < _SHORT and ";" not in raw else _plain(raw, number)
        if not line or (line[0] == "#" and _INCLUDED.fullmatch(line)):
            continue
        if line[0] == "[":
            extensions = held.setdefault(_name(line, number), {})
            priorities = None
            continue
        match = _LINE.fullmatch(line)
        if match is None or extensions is None:
            raise HeldError("this line is none that routec writes", number)
        found, priority, label, app, data = match.group("exten", "priority", "label", "app", "data")
        if found is not None and (found != exten or priorities is None):
            if priority == "n":
                raise HeldError("`n` has no priority of the same extension above it", number)
            exten = found
            priorities = extensions.setdefault(exten, {})
        if priorities is None:
            raise HeldError("`same` has no extension above it", number)
        last = last + 1 if priority == "n" else int(priority)
        if last in priorities:
            raise HeldError(f"priority {last} of {exten} is there twice", number)
        if label and any(label == other.label for other in priorities.values()):
            raise HeldError(f"the label {label} of {exten} is there twice", number)
        priorities[last] = Priority(label or "", app, data.replace("\\;", ";") if data else "")
    return held


def held_of(texts: Iterable[bytes]) -> Held:
    """What published files hold together; nothing, where somebody wrote in them what routec would not."""
    held: dict[str, Extensions] = {}
    try:
        for text in texts:
            held |= of_text(text.decode("utf-8", "backslashreplace"))
    except HeldError:
        return {}
    return held


def _plain(raw: str, number: int) -> str:
    """A line without its comment and the blanks around it."""
    if len(raw) >= _SHORT and len(raw.encode("utf-8", "replace")) > MOST_LINE_BYTES:
        raise HeldError(f"this line has more than {MOST_LINE_BYTES} bytes: Asterisk does not read it whole", number)
    if ";" in raw and (comment := _COMMENT.search(raw)):
        if raw.startswith(";--", comment.start()) and not raw.startswith(";---", comment.start()):
            raise HeldError("`;--` begins a comment that may go on for many lines", number)
        raw = raw[: comment.start()]
    return raw.strip(_BLANKS)


def _name(line: str, number: int) -> str:
    match = _CONTEXT.fullmatch(line)
    if match is None or match[1] in _NO_CONTEXT:
        raise HeldError("this is no context of routec's", number)
    return match[1]


def as_text(held: Held) -> str:
    """Text that reads back to the same, for retired.conf. Raises ValueError for what cannot be written."""
    lines: list[str] = []
    for context, extensions in held.items():
        if foreign := next(filter(is_marked, extensions), None):
            raise ValueError(f"`{foreign}` of {context[:80]!r} cannot be written: it is not of routec's making")
        written = [f"[{context}]", *_lines(extensions)]
        text = "\n".join(written)
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise ValueError(f"the context {context[:80]!r} holds what cannot be written: half a character")
        try:
            is_same = of_text(text) == {context: extensions} and "\r" not in text
        except HeldError as error:
            raise ValueError(
                f"{text.split(chr(10))[error.line - 1][:80]!r} cannot stand in a dialplan: {error}"
            ) from None
        if not is_same:
            raise ValueError(f"the context {context[:80]!r} cannot be written so that it is read back the same")
        lines += [*written, ""]
    return "\n".join(lines)


def _lines(extensions: Extensions) -> list[str]:
    lines = []
    for exten, priorities in extensions.items():
        for number, (label, app, data) in priorities.items():
            marked = f"{number}({label})" if label else f"{number}"
            lines.append(f"exten => {exten},{marked},{app}({data.replace(';', chr(92) + ';')})")
    return lines

"""Bytes to text. What you read must be what is there: bytes that are no text, and characters that hide, are faults."""

import re

from routec.diagnostics import Diagnostic, codes
from routec.source import Source, Span

MOST_BYTES = 8 * 1024 * 1024
"""A route file of more than 8 MiB is taken for a mistake (10,000 routes are 2 MiB)."""

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\u2800\u3164\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
    r"|\r(?!\n)"
)
"""Control characters, and those of Unicode that take no room or turn the direction of writing ("Trojan Source")."""


def read(path: str, data: bytes) -> tuple[Source, list[Diagnostic]]:
    """The text of a file and what is wrong with it as text. With faults the text is empty or to be shown only."""
    if len(data) > MOST_BYTES:
        message = f"this file has more than {MOST_BYTES} bytes, which no route file has"
        return Source(path, ""), [Diagnostic(codes.FILE_TOO_LARGE, message, file=path)]
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        source = Source(path, data.decode("utf-8", "replace"))
        offset = len(data[: error.start].decode("utf-8", "replace"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        fault = Diagnostic(
            codes.NOT_UTF8, message, Span(path, offset, offset + 1), help="save the file in the encoding UTF-8"
        )
        return source, [fault]
    source = Source(path, text)
    return source, [
        Diagnostic(
            codes.HIDDEN_CHARACTER,
            f"hidden character U+{ord(match[0]):04X}",
            Span(path, match.start(), match.end()),
            note="it is not shown, or changes how the text around it is shown",
            help="delete it",
        )
        for match in list(_HIDDEN.finditer(text))[:20]
    ]

"""Text to syntax tree. A sound file takes lark's fast way; one with a fault is read again by the way that recovers."""

import re

from lark import UnexpectedInput

from routec.diagnostics import Diagnostic
from routec.frontend.grammar import parser
from routec.frontend.recovery import Recovery
from routec.frontend.syntax import Broken, File
from routec.source import Source

_LIKE_A_DECLARATION = re.compile(r'.*\{|\S+[ \t]+[a-z]\S*[ \t]+(?:"|record|text)')


def parse(source: Source) -> tuple[File, list[Diagnostic]]:
    """The tree of one file and its syntax errors; with errors the tree holds what could be read around them."""
    try:
        file: File = parser().parse(source.text)  # type: ignore[assignment]  # TreeBuilder makes Files, not lark Trees
    except UnexpectedInput:
        file, diagnostics = Recovery(parser(), source).run()
        file.lost_declarations |= any(
            _LIKE_A_DECLARATION.match(source.line_text(source.line(step.start)))
            for step in file.steps
            if isinstance(step, Broken)
        )
    else:
        diagnostics = []
    file.path = source.path
    return file, diagnostics

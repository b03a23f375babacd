"""Text to syntax tree. A sound file takes lark's fast way; one with a fault is read again by the way that recovers."""

import re

from lark import UnexpectedInput

from routec.diagnostics import Diagnostic
from routec.frontend.grammar import ROUTES, USERS, parser
from routec.frontend.recovery import Recovery
from routec.frontend.syntax import Broken, File, UsersFile
from routec.source import Source

_LIKE_A_DECLARATION = re.compile(r'.*\{|\S+[ \t]+[a-z]\S*[ \t]+(?:"|record|text)')


def parse(source: Source) -> tuple[File, list[Diagnostic]]:
    """The tree of one route file and its syntax errors; with errors the tree holds what could be read around them."""
    try:
        file: File = parser().parse(source.text, ROUTES)  # type: ignore[assignment]  # our nodes, not lark's Trees
    except UnexpectedInput:
        file, diagnostics = Recovery(parser(), source, ROUTES).run(File(lost_declarations=True))
        file.lost_declarations |= any(
            _LIKE_A_DECLARATION.match(source.line_text(source.line(step.start)))
            for step in file.steps
            if isinstance(step, Broken)
        )
    else:
        diagnostics = []
    file.path = source.path
    return file, diagnostics


def parse_users(source: Source) -> tuple[UsersFile, list[Diagnostic]]:
    """The users of one file of users, and its syntax errors."""
    try:
        file: UsersFile = parser().parse(source.text, USERS)  # type: ignore[assignment]  # as above
    except UnexpectedInput:
        file, diagnostics = Recovery(parser(), source, USERS).run(UsersFile())
        file.broken = True
    else:
        diagnostics = []
    file.path = source.path
    return file, diagnostics

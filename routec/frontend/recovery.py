"""Reading on behind a syntax error: one fault, one diagnostic, and all faults of a file in one run.

The way is yacc's: give up the entry that cannot be read, put a BAD entry in its place, and go on at the next separator
or `}`. Three slips get a way of their own, because giving up one entry would make the rest of the file look wrong: a
block that is never closed, a block whose `{` is missing, and a `}` too many.
"""

import re
from typing import Any

from lark import Lark, UnexpectedCharacters, UnexpectedToken

from routec.diagnostics import Diagnostic, codes
from routec.frontend import syntax
from routec.frontend.expectations import Expectations
from routec.frontend.lexer import Token
from routec.source import Source, Span

MOST_ERRORS = 100
"""A file with more syntax errors than this is no route file; the rest would only scroll."""

_DECLARATION = re.compile(r'route[ \t]|(?:auth|prompt)[ \t]+\S+[ \t]+["{]')
_LANDMARK = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|(?:(?<=[ \t\r\n])|\A)#[^\n]*|[{};\n]')


class Recovery:
    """One reading of one faulty file."""

    def __init__(self, lark: Lark, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._parser: Any = lark.parse_interactive(source.text)
        """lark's InteractiveParser, which has no types."""
        self._diagnostics: list[Diagnostic] = []

    def run(self) -> tuple[syntax.File, list[Diagnostic]]:
        """Read to the end. The tree has `Broken` entries where a fault was."""
        while True:
            try:
                return self._read_on(), self._diagnostics
            except UnexpectedToken as error:
                self._mend(error.token.type, error.token.start_pos or 0)
            except UnexpectedCharacters as error:
                self._mend("", error.pos_in_stream or 0)
            if len(self._diagnostics) >= MOST_ERRORS:
                return syntax.File(lost_declarations=True), self._diagnostics

    def _read_on(self) -> syntax.File:
        thread = self._parser.lexer_thread
        for token in thread.lex(self._parser.parser_state):
            self._parser.feed_token(token)
        end = len(self._text)
        file: syntax.File = self._parser.feed_token(Token("$END", "", end, end))
        return file

    # ---- one fault

    def _mend(self, kind: str, offset: int) -> None:
        accepted = self._parser.accepts()
        open_blocks = self._open_blocks()
        line_start = self._text.rfind("\n", 0, offset) + 1
        if kind == "$END" and open_blocks:
            self._report_unclosed(open_blocks[-1], "the file ends before it is")
            self._close(len(open_blocks), offset)
        elif open_blocks and open_blocks[-1].start_pos < line_start and self._is_declaration(line_start):
            self._report_unclosed(open_blocks[-1], "a new declaration begins before it is", line_start)
            self._drop_from(line_start)
            self._close(len(open_blocks), line_start)
            self._feed("_SEP", line_start)
            self._go_to(line_start)
        elif kind == "_SEP" and "LBRACE" in accepted and not self._top_is("ELSE") and self._body_follows(offset):
            self._report(codes.UNEXPECTED, "the `{` of this block is missing", offset, help="put `{` at the line's end")
            self._feed("LBRACE", offset)
            self._go_to(offset)
        elif kind == "RBRACE" and not open_blocks:
            self._report(codes.STRAY_BRACE, "a `}` too many", offset, note="no block is open here")
            if "_SEP" in accepted:
                self._feed("_SEP", offset)
            self._give_up_entry(offset, offset + 1)
            self._go_to(offset + 1)
        else:
            self._report_unexpected(kind, offset, accepted)
            target = self._next_landmark(kind, offset)
            self._give_up_entry(offset, target)
            self._go_to(target)

    def _next_landmark(self, kind: str, offset: int) -> int:
        """The separator, or the `}`, at which reading can go on."""
        if kind in ("_SEP", "RBRACE", "$END"):
            return offset
        if self._text.startswith('"', offset) and kind == "":  # text that is never closed takes the line with it
            end = self._text.find("\n", offset)
            line = self._text[offset : end if end >= 0 else len(self._text)].rstrip()
            return offset + len(line) - (1 if line.endswith("}") else 0)
        depth = 0
        for match in _LANDMARK.finditer(self._text, offset):
            mark = match[0]
            if mark == "{":
                depth += 1
            elif mark == "}" and depth:
                depth -= 1
            elif mark in ("}", ";", "\n") and not depth:
                return match.start()
        return len(self._text)

    # ---- the parser's stack

    @property
    def _stack(self) -> list[Any]:
        stack: list[Any] = self._parser.parser_state.value_stack
        return stack

    def _open_blocks(self) -> list[Token]:
        """The `{` of the blocks that are not closed yet, the innermost last."""
        braces: list[Token] = []
        for value in self._stack:
            if isinstance(value, Token) and value.type == "LBRACE":
                braces.append(value)
            elif isinstance(value, Token) and value.type == "RBRACE":
                braces.pop()
        return braces

    def _top_is(self, kind: str) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1], Token) and self._stack[-1].type == kind

    def _pop(self) -> None:
        self._parser.parser_state.state_stack.pop()
        self._stack.pop()

    def _give_up_entry(self, start: int, end: int) -> None:
        """Throw away what was read of the present entry and put BAD in its place."""
        while self._stack and "BAD" not in self._parser.choices():
            self._pop()
        self._feed("BAD", start, end)

    def _drop_from(self, offset: int) -> None:
        """Throw away the tokens from an offset on."""
        while self._stack and (place := getattr(self._stack[-1], "start_pos", None) or _start(self._stack[-1])):
            if place < offset:
                break
            self._pop()

    def _close(self, blocks: int, offset: int) -> None:
        for _ in range(blocks):
            if "RBRACE" not in self._parser.accepts():
                self._give_up_entry(offset, offset)
            self._feed("RBRACE", offset)

    def _feed(self, kind: str, start: int, end: int | None = None) -> None:
        self._parser.feed_token(Token(kind, "", start, start if end is None else end))

    def _go_to(self, offset: int) -> None:
        self._parser.lexer_thread.state.line_ctr.char_pos = offset

    # ---- what follows

    def _is_declaration(self, offset: int) -> bool:
        """Whether the line at an offset, not indented, begins a declaration and not a step of the same word."""
        return bool(_DECLARATION.match(self._text, offset))

    def _body_follows(self, offset: int) -> bool:
        """Whether the next line that holds something is indented, as the body of a block is."""
        return bool(re.compile(r"[;\n\s]*\n[ \t]+[^\s}]").match(self._text, offset))

    # ---- what is said

    def _report_unclosed(self, brace: Token, note: str, reached: int | None = None) -> None:
        start = brace.start_pos
        labels = () if reached is None else (Expectations.label(self._source, reached, "this one"),)
        span = Span(self._source.path, start, start + 1)
        self._diagnostics.append(
            Diagnostic(
                codes.UNCLOSED_BLOCK,
                "this block is never closed",
                span,
                note=note,
                labels=labels,
                help="close it with `}`",
            )
        )

    def _report_unexpected(self, kind: str, offset: int, accepted: set[str]) -> None:
        self._diagnostics.append(Expectations(self._source, accepted).describe(kind, offset))

    def _report(self, code: codes.Code, message: str, offset: int, *, note: str = "", help: str = "") -> None:
        span = Span(self._source.path, offset, offset + 1)
        self._diagnostics.append(Diagnostic(code, message, span, note=note, help=help))


def _start(value: Any) -> int:
    start = getattr(value, "start", 0)
    return start if isinstance(start, int) else 0

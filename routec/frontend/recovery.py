"""Reading on behind a syntax error: one fault, one diagnostic, and all faults of a file in one run.

The way is yacc's: give up the entry that cannot be read, put a BAD entry in its place, and go on at the next separator
or `}`. Three slips get a way of their own, because giving up one entry would make the rest of the file look wrong: a
block that is never closed, a block whose `{` is missing, and a `}` too many.
"""

import re
from typing import Any, TypeVar

from lark import Lark, UnexpectedCharacters, UnexpectedToken

from routec.diagnostics import Diagnostic, codes
from routec.frontend import syntax
from routec.frontend.expectations import CASE_HEAD, CASES, MISPLACED, MODULE_WORDS, STEP_WORDS, Expectations
from routec.frontend.lexer import Token
from routec.source import Source, Span

MOST_ERRORS = 100
"""A file with more syntax errors than this is no route file; the rest would only scroll."""

_DECLARATION = re.compile(r'route[ \t]|(?:auth|prompt)[ \t]+\S+[ \t]+["{]')
_SETTINGS = frozenset(word.upper() for word in MODULE_WORDS)
_ENTRY_WORDS = _SETTINGS | {"ON"} | {word.upper() for word in STEP_WORDS}
"""Words that begin an entry: of a sign-in module, and of any block."""

_HEAD = re.compile(r"^(auth[ \t]+[a-z][a-z0-9_-]*)[ \t]*(?:#.*)?\n\s*\Z", re.MULTILINE)
"""The head of a module whose `{` is missing, as the last line before a place; alone it would be a step."""

_BLANK = re.compile(r"[;\s]*")
_LANDMARK = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|(?:(?<=[ \t\r\n])|\A)#[^\n]*|[{};\n]')


_Tree = TypeVar("_Tree", syntax.File, syntax.UsersFile)


class Recovery:
    """One reading of one faulty file."""

    def __init__(self, lark: Lark, source: Source, start: str) -> None:
        self._source = source
        self._text = source.text
        self._parser: Any = lark.parse_interactive(source.text, start)
        """lark's InteractiveParser, which has no types."""
        self._diagnostics: list[Diagnostic] = []
        self._lost = False
        """A block began or ended where it should not have: what the file declares is not to be relied on."""

    def run(self, given_up: _Tree) -> tuple[_Tree, list[Diagnostic]]:
        """Read to the end. The tree has `Broken` entries where a fault was; with too many faults it is `given_up`."""
        while True:
            try:
                return self._read_on(), self._diagnostics
            except UnexpectedToken as error:
                self._mend(error.token.type, error.token.start_pos or 0)
            except UnexpectedCharacters as error:
                self._mend("", error.pos_in_stream or 0)
            if len(self._diagnostics) >= MOST_ERRORS:
                return given_up, self._diagnostics

    def _read_on(self) -> Any:
        thread = self._parser.lexer_thread
        for token in thread.lex(self._parser.parser_state):
            self._parser.feed_token(token)
        end = len(self._text)
        file = self._parser.feed_token(Token("$END", "", end, end))
        if isinstance(file, syntax.File):
            file.lost_declarations = self._lost
        return file

    # ---- one fault

    def _mend(self, kind: str, offset: int) -> None:
        """Say what is wrong with the token at an offset, and bring the parser to where it can go on."""
        accepted = self._parser.accepts()
        if accepted == CASE_HEAD and self._stack[-1].text not in CASES:  # no case: a step whose first word is misspelt
            kind, offset = "NAME", self._stack[-1].start
            self._pop()
            accepted = self._parser.accepts()
        open_blocks = self._open_blocks()
        if not self._mend_block(kind, offset, accepted, open_blocks):
            self._mend_entry(kind, offset, accepted, is_outside=not open_blocks)

    def _mend_block(self, kind: str, offset: int, accepted: set[str], open_blocks: list[Token]) -> bool:
        """Mend a brace that is missing or one too many; False where that is not the fault."""
        line_start = self._text.rfind("\n", 0, offset) + 1
        if kind == "$END" and open_blocks:
            self._report_unclosed(open_blocks[-1], "the file ends before it is")
            self._close(len(open_blocks), offset)
            self._go_to(offset)
        elif open_blocks and open_blocks[-1].start_pos < line_start and _DECLARATION.match(self._text, line_start):
            self._report_unclosed(open_blocks[-1], "a new declaration begins before it is", line_start)
            self._drop_from(line_start)
            self._close(len(open_blocks), line_start)
            self._feed("_SEP", line_start)
            self._go_to(line_start)
        elif kind in _SETTINGS and {"NUMBER", "BAD"} <= accepted:
            self._report_unclosed(open_blocks[-1], "a new setting begins before it is", offset)
            self._close(1, offset)
            self._feed("_SEP", offset)
            self._go_to(offset)
        elif "LBRACE" in accepted and self._lacks_brace(kind, offset, accepted):
            self._supply_brace(kind, offset)
        elif kind == "RBRACE" and not open_blocks:
            self._report(codes.STRAY_BRACE, "a `}` too many", offset, note="no block is open here")
            self._forgive_what_followed_a_block()
            if "_SEP" in accepted:
                self._feed("_SEP", offset)
            self._give_up_entry(offset, offset + 1)
            self._go_to(offset + 1)
        else:
            return False
        return True

    def _mend_entry(self, kind: str, offset: int, accepted: set[str], *, is_outside: bool) -> None:
        """Mend an entry that cannot be read: pass over what does not fit, or give the entry up."""
        if kind == "LBRACE" and self._text[:offset].rstrip(" \t").endswith("{"):
            self._report_unexpected(kind, offset, accepted)
            self._go_to(offset + 1)
        elif kind == "" and self._text.startswith('"', offset):
            self._report_unexpected(kind, offset, accepted)
            self._pass_over_open_text(offset, accepted)
        elif kind == "_SEP" and self._goes_on_behind(offset, accepted):
            self._report_unexpected(kind, offset, accepted)
            self._go_to(self._behind_blanks(offset))
        elif "_SEP" in accepted and "BAD" not in accepted and kind in {"ROUTE"} | _ENTRY_WORDS:
            self._report_unexpected(kind, offset, accepted)
            for missing in ("_SEP", "BAD", "_SEP"):
                self._feed(missing, offset)
            self._go_to(offset)
        elif is_outside and (head := _HEAD.search(self._text, 0, offset)):
            self._report_missing_brace(head.end(1))
            self._lost = True
            end = self._text.find("\n}", offset)
            target = end + 2 if end >= 0 else len(self._text)
            self._give_up_entry(offset, target)
            self._go_to(target)
        else:
            self._report_unexpected(kind, offset, accepted)
            if self._top_is("RBRACE") and "_SEP" in accepted:
                self._feed("_SEP", offset)
            target = offset if kind in ("_SEP", "RBRACE", "$END") else self._next_landmark(offset)
            self._give_up_entry(offset, target)
            self._go_to(target)

    def _next_landmark(self, offset: int) -> int:
        """The separator, or the `}`, at which reading can go on; blocks on the way are passed over."""
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

    def _lacks_brace(self, kind: str, offset: int, accepted: set[str]) -> bool:
        """Whether a `{` is what is missing: behind the head of a declaration, or an `else` with a body below it."""
        if self._top_is("ELSE") or accepted == CASE_HEAD:
            return kind == "_SEP" and self._is_closed_below(offset)
        return "_SEP" not in accepted and (kind == "_SEP" or kind in _ENTRY_WORDS)

    def _supply_brace(self, kind: str, offset: int) -> None:
        following = self._behind_blanks(offset)
        is_below = self._text.startswith("{", following)
        place = offset - 1 if kind == "_SEP" and self._text[:offset].endswith("\r") else offset
        self._report_missing_brace(place)
        if not is_below:
            self._feed("LBRACE", offset)
        self._go_to(following if is_below else offset)

    def _pass_over_open_text(self, offset: int, accepted: set[str]) -> None:
        """Text that is never closed takes the rest of its line with it, but for the braces that others need."""
        end = self._text.find("\n", offset)
        line = self._text[offset : end if end >= 0 else len(self._text)].rstrip()
        balance = line.count("{") - line.count("}")
        if balance > 0 and "LBRACE" in accepted:
            self._go_to(offset + line.rindex("{"))
            return
        target = offset + (line.rindex("}") if balance < 0 else len(line))
        self._give_up_entry(offset, target)
        self._go_to(target)

    def _goes_on_behind(self, offset: int, accepted: set[str]) -> bool:
        """Whether the next line begins with what is missing here."""
        following = self._behind_blanks(offset)
        kind = self._parser.lexer_thread.lexer.kind_at(self._text, following)
        is_bare = self._top_is("ELSE") or self._top_is("_COLON")
        return kind in accepted and (is_bare or kind not in ("RBRACE", "_SEP", *_ENTRY_WORDS))

    def _forgive_what_followed_a_block(self) -> None:
        """A `}` too many closed a block too early: what then seemed to be in the wrong place was not."""
        self._diagnostics = [one for one in self._diagnostics if not one.message.endswith(MISPLACED)]
        self._lost = True

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
        """Throw away what was read of the present entry, whole blocks with it, and put BAD in its place."""
        inside = 0
        while self._stack and (inside or "BAD" not in self._parser.choices()):
            inside += self._top_is("RBRACE") - (self._top_is("LBRACE") and inside > 0)
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

    def _behind_blanks(self, offset: int) -> int:
        """Where the next thing stands."""
        found = _BLANK.match(self._text, offset)
        return found.end() if found else offset

    def _is_closed_below(self, offset: int) -> bool:
        """Whether the lines below, as long as they are indented more than this one, are followed by a `}`."""
        start = self._text.rfind("\n", 0, offset) + 1
        this, *below = (line for line in self._text[start:].splitlines() if line.strip())
        indent = len(this) - len(this.lstrip())
        after = next((line for line in below if len(line) - len(line.lstrip()) <= indent), "")
        return bool(below) and below[0] is not after and after.lstrip().startswith("}") and after[:indent].isspace()

    # ---- what is said

    def _report_unclosed(self, brace: Token, note: str, reached: int | None = None) -> None:
        self._lost = True
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

    def _report_missing_brace(self, offset: int) -> None:
        self._report(codes.UNEXPECTED, "the `{` of this block is missing", offset, help="put `{` at the line's end")

    def _report_unexpected(self, kind: str, offset: int, accepted: set[str]) -> None:
        self._diagnostics.append(Expectations(self._source, accepted).describe(kind, offset))

    def _report(self, code: codes.Code, message: str, offset: int, *, note: str = "", help: str = "") -> None:
        span = Span(self._source.path, offset, offset + 1)
        self._diagnostics.append(Diagnostic(code, message, span, note=note, help=help))


def _start(value: Any) -> int:
    start = getattr(value, "start", 0)
    return start if isinstance(start, int) else 0

"""Rows as people and programs read them: aligned tables, CSV, and a reader that leaves before the end."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (what a spreadsheet takes for them)
"""How a cell begins that a spreadsheet would compute."""

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_FORMULA_WITHIN = re.compile(r"""([;,\t][\s"]*)(?=[=+@＝＋－＠-])""")  # noqa: RUF001 (as above)
"""Where a cell would be cut, by a spreadsheet that takes semicolons or tabs for the ends of cells, and computed."""

_TO_QUOTE = re.compile(r'[",;\t\r\n]')


def plain(text: str) -> str:
    """The text without what could drive the terminal of whoever reads it: callers chose some of it."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def csv_line(cells: Iterable[str | None]) -> str:
    """A line of RFC 4180. No cell is a formula, wherever a spreadsheet cuts it, and none drives a terminal."""
    return ",".join(_quoted(_cell(cell)) for cell in cells) + "\r\n"


def _cell(text: str | None) -> str:
    if not text:
        return ""
    rest = text.lstrip()
    is_formula = (text.startswith(FORMULA) or rest.startswith(FORMULA)) and not _NUMBER.fullmatch(text)
    blanks = text[: len(text) - len(rest)]
    return ("'" if is_formula else "") + plain(blanks + _FORMULA_WITHIN.sub(r"\1'", rest))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _TO_QUOTE.search(text) else text


def table(head: Sequence[str], batches: Iterable[Iterable[Sequence[str | None]]]) -> Iterator[str]:
    """Aligned lines, a batch at a time, as the batches come: columns grow with what they hold, and never shrink."""
    titles = [title.upper() for title in head]
    widths = [0] * len(head)
    is_first = True
    for batch in batches:
        rows = [[plain(cell) if cell else "-" for cell in row] for row in batch]
        if is_first and rows:
            rows.insert(0, titles)
            is_first = False
        for row in rows:
            widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
        yield "".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
            for row in rows
        )


@contextmanager
def for_a_reader_who_may_leave() -> Iterator[None]:
    """End quietly where whoever reads the output has read enough, as `head` has."""
    try:
        yield
        put("", flush=True)
    except BrokenPipeError:
        # What is still buffered must not be tried again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def has_terminal() -> bool:
    """Whether there is somebody to ask. Python has no standard input at all where it was closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def put(text: str, *, flush: bool = False) -> None:
    """Print text as it is. Not click.echo: that hands on every line by itself, and a log may have a million."""
    if sys.stdout is not None:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()

"""Rows as people and programs read them: aligned tables, CSV, and a reader that leaves before the end."""

import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (what a spreadsheet takes for them)
"""How a cell begins that a spreadsheet would compute."""

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


class _Line:
    """What csv.writer writes to: it gives the line back."""

    def write(self, text: str) -> str:
        return text


_csv = csv.writer(_Line(), lineterminator="\r\n")


def plain(text: str) -> str:
    """The text without what could drive the terminal of whoever reads it: callers chose some of it."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def csv_line(cells: Iterable[str | None]) -> str:
    """A line of RFC 4180. No cell is a formula, and none drives a terminal."""
    line: str = _csv.writerow([_cell(cell) for cell in cells])
    return line


def _cell(text: str | None) -> str:
    if not text:
        return ""
    is_formula = text.startswith(FORMULA) and not _NUMBER.fullmatch(text)
    return ("'" if is_formula else "") + plain(text)


def table(head: Sequence[str], batches: Iterable[Iterable[Sequence[str | None]]]) -> Iterator[str]:
    """Aligned lines, a batch at a time, as the batches come: columns grow with what they hold, and never shrink."""
    titles = [title.upper().replace("_", " ") for title in head]
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


def put(text: str, *, flush: bool = False) -> None:
    """Print text as it is. Not click.echo: that hands on every line by itself, and a log may have a million."""
    if sys.stdout is not None:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()

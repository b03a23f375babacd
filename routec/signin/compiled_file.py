"""Files that the compiler wrote and the runtime reads: whole or not at all, whatever stands in their place.

Each has its own exception, `failed` below, which is made of a message that names the file and holds nothing of it.
"""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

T = TypeVar("T")


def read_compiled(path: Path, most: int, parse: Callable[[bytes], T], failed: type[Exception]) -> T:
    """What `parse` makes of a file of `most` bytes at the most. Raises `failed`, as `parse` does."""
    try:
        # Not blocking: a pipe in the file's place would be waited for without an end.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise failed(f"{path}: it is no file")
            content = file.read(most + 1)
    except OSError as error:
        raise failed(f"{path}: {error.strerror or type(error).__name__}") from None
    if len(content) > most:
        raise failed(f"{path}: longer than {most} bytes")
    try:
        return parse(content)
    except failed as error:
        raise failed(f"{path}: {error}") from None


def check_format(content: bytes, format: int, failed: type[Exception]) -> None:
    """Whether it is JSON of this layout. Raises `failed`."""
    try:
        head = json.loads(content)
    except (ValueError, RecursionError):
        raise failed("this is not JSON; the file may be half written") from None
    if not isinstance(head, dict) or head.get("format") != format:
        raise failed(f"not of format {format}: this routec and the one that compiled it differ")


def words_of(error: ValidationError) -> str:
    """The first fault, without what stood there."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"

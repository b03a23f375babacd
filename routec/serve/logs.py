"""The process log: as lines for people, or as an object a line for machines, with the call that a line belongs to.

What a caller sends (names, numbers) may hold anything: a record is one line in both, and no control character of it
reaches a terminal. An exception is its type and place; its message may hold what somebody typed.
"""

import json
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from routec.diagnostics.render_text import safe
from routec.serve.lines import Lines
from routec.signin.session import described

CALL: ContextVar[str] = ContextVar("call", default="")
"""The unique ID of the call whose conversation this thread holds; empty in all other threads."""


class TextFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = f"{self.formatTime(record)} {record.levelname} {_message(record)}"
        return safe(line).replace("\n", " ")


class JsonFormatter(logging.Formatter):
    """An object: `time` (ISO 8601 with zone), `level`, `logger`, `message`, `call_id` of a call, and what it adds.

    A record adds with `extra={"fields": {…}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON, in ASCII."""
        when = datetime.fromtimestamp(record.created).astimezone()
        told: dict[str, Any] = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if call := getattr(record, "call_id", ""):
            told["call_id"] = call
        told |= {key: value for key, value in getattr(record, "fields", {}).items() if key not in told}
        return json.dumps(told)


def mark_call(record: logging.LogRecord) -> bool:
    """A filter that lets everything through, and notes the call that a record belongs to."""
    if call := CALL.get():
        record.call_id = call
    return True


class _Handler(logging.Handler):
    """Has each record written to standard error, whenever that takes it."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put(sys.stderr, self.format(record) + "\n")


def set_up(format: str, lines: Lines) -> None:
    """Have everything that this process logs written to its standard error in a format."""
    handler = _Handler(lines)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    handler.addFilter(mark_call)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    threading.excepthook = _thread_died
    logging.raiseExceptions = False  # a log that cannot be written is no reason to fail, and no place for a traceback


def _thread_died(what: threading.ExceptHookArgs) -> None:
    """In place of a traceback on standard error."""
    if what.exc_value is not None and what.exc_type is not SystemExit:
        name = what.thread.name if what.thread else "?"
        logging.getLogger("routec.serve").error("the thread %s ended: %s", name, described(what.exc_value))


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if record.exc_info and record.exc_info[1]:
        message += f" ({described(record.exc_info[1])})"
    return message

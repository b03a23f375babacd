"""The command line in tests: a log with rows, and what a verb prints."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from routec.cli.main import routec
from routec.settings import Runtime
from routec.signin import rows
from routec.signin.database import Database
from routec.signin.store import Entry, Log

ROOT: Final = Path(__file__).parents[2]
START: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def entry(minutes: float = 0, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "time": START + timedelta(minutes=minutes), "module": "hotel_staff", "purpose": "register",
        "caller": "+32475000001", "called": "3225551234", "login": "1001", "user": "floor1", "password": None,
        "extra1": "204", "extra2": None, "verdict": "granted", "call_id": "1790000000.7", "attempts": 1, "reason": "ok",
    }  # fmt: skip
    return Entry(**(values | changes))


def write(environ: dict[str, str], entries: Iterable[Entry]) -> None:
    store = Log(Runtime.of(environ).database)
    for one in entries:
        store.write(one)
    store.close()


def write_many(environ: dict[str, str], entries: Iterable[Entry]) -> None:
    """The same in one transaction: a disk takes its time for each."""
    database = Database(Runtime.of(environ).database)
    database.run(lambda connection: [rows.insert(connection, [one]) for one in entries])
    database.close()


def run(environ: dict[str, str], *args: str, stdin: bytes | None = None) -> Result:
    return CliRunner(env=environ).invoke(routec, args, input=stdin)


def objects(environ: dict[str, str], *args: str) -> list[dict[str, Any]]:
    """What a verb prints as json, an object a line."""
    result = run(environ, *args, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


@contextmanager
def started(environ: dict[str, str], *args: str, **options: Any) -> "Iterator[subprocess.Popen[str]]":
    """A verb in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "routec", *args],
        text=True,
        env=environ | {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "TZ": "Europe/Brussels"},
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
    ) as process:
        try:
            yield process
        finally:
            process.kill()

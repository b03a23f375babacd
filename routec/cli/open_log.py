"""The sign-in log of this machine, for the verbs that read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from routec.cli import FAULTS
from routec.cli.here import runtime
from routec.cli.main import fail

if TYPE_CHECKING:
    from routec.signin.store import Log


@contextmanager
def opened_log() -> "Iterator[Log]":
    """The log; what is wrong with it ends the command with a message."""
    from routec.signin.store import Log, LogError

    machine = runtime()
    store = Log(machine.database, machine.spool)
    try:
        yield store
    except LogError as error:
        fail(str(error), code=FAULTS)
    finally:
        store.close()

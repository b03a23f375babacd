"""The database's clock, as `routec doctor` compares it with ours."""

import time

from routec.signin.store import Log
from routec.signin.their_clock import clock_of
from tests.signin.stores import entry, module


def test_what_time_the_database_has(log: Log, database_url: str) -> None:
    assert clock_of(database_url) is None, "there is no log yet"
    log.write(entry(), module())
    theirs = clock_of(database_url)
    if database_url.startswith("sqlite"):
        assert theirs is None
    else:
        assert theirs is not None
        assert abs(theirs - time.time()) < 5

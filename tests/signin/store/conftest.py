from collections.abc import Iterator

import pytest

from routec.signin.store import Log

from ..stores import Time


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def log(database_url: str, clock: Time) -> Iterator[Log]:
    log = Log(database_url, now=clock)
    yield log
    log.close()

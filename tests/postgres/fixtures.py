"""What a test with a real PostgreSQL asks for: `postgres`, or `postgres_server`, or `durable_postgres`."""

import os
from collections.abc import Iterator

import pytest

from tests.postgres.bring import CannotBringError, bring
from tests.postgres.server import Postgres

REQUIRED = "ROUTEC_REQUIRE_POSTGRES"
# Read at once: the tests of the runtime take all settings of this machine away.
_IS_REQUIRED = os.environ.get(REQUIRED) == "1"


def _started(*, durable: bool) -> Postgres:
    try:
        return Postgres(bring(), durable=durable)
    except CannotBringError as error:
        if _IS_REQUIRED:
            pytest.fail(f"{REQUIRED}=1, and there is no PostgreSQL: {error}", pytrace=False)
        pytest.skip(f"no PostgreSQL: {error}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The server that all tests share. Whoever stops it starts it again."""
    with _started(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def _database(postgres_server: Postgres) -> str:
    return postgres_server.new_database()


@pytest.fixture
def postgres(postgres_server: Postgres, _database: str) -> Iterator[str]:
    """The URL of an empty database of that server."""
    yield _database
    postgres_server.resume()
    postgres_server.start()
    postgres_server.empty(_database)


@pytest.fixture(scope="session")
def _durable_server() -> Iterator[Postgres]:
    with _started(durable=True) as server:
        yield server


@pytest.fixture
def durable_postgres(_durable_server: Postgres) -> Iterator[Postgres]:
    """A server that keeps what it says it has, for tests that kill it; it is running, and is again after the test."""
    _durable_server.resume()
    _durable_server.start()
    yield _durable_server
    _durable_server.resume()
    _durable_server.start()

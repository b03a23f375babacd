"""Fixtures for tests of more than one folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.espeak.fixtures import espeak, fake_espeak
from tests.postgres.fixtures import _database, _durable_server, durable_postgres, postgres, postgres_server
from tests.workers import (
    pytest_cmdline_main,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_xdist_make_scheduler,
)

__all__ = [
    "_database", "_durable_server", "durable_postgres", "espeak", "fake_espeak", "postgres", "postgres_server",
    "pytest_cmdline_main", "pytest_collection_modifyitems", "pytest_configure",
    "pytest_xdist_make_scheduler",
]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: the test runs once with each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'signin.db'}"
    else:
        yield request.getfixturevalue("postgres")

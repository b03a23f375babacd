"""Small storms, in every run of the tests; `python -m tests.storm` has the large ones."""

from pathlib import Path

from tests.postgres.server import Postgres
from tests.storm import storms


def last(figures: list[str]) -> str:
    print(*figures, sep="\n")
    return figures[-1]


def test_serve_is_killed_and_no_sign_in_is_lost(tmp_path: Path) -> None:
    assert "none lost" in last(list(storms.kills(tmp_path / "project", 5, 7)))


def test_five_hundred_conversations_at_once(tmp_path: Path) -> None:
    assert "500 at once" in last(list(storms.crowd(tmp_path / "project", 500, 1)))


def test_two_nodes_on_a_database_that_is_restarted_and_killed(tmp_path: Path, durable_postgres: Postgres) -> None:
    assert "none lost" in last(list(storms.nodes(tmp_path, durable_postgres, 2)))

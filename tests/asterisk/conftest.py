"""What a test with a real Asterisk asks for: `pbx`, `new_pbx`, `shared_pbx`. Every test here is marked `asterisk`."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.asterisk.bring import CannotBringError, bring
from tests.asterisk.pbx import Pbx

REQUIRED = "ROUTEC_REQUIRE_ASTERISK"
HERE = Path(__file__).parent

NewPbx = Callable[..., Pbx]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("asterisk")


@pytest.fixture(scope="session")
def asterisk_root() -> Path:
    """The Asterisk, brought if need be. The test is skipped without one, or fails if one is required."""
    try:
        return bring()
    except CannotBringError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, and there is no Asterisk: {error}", pytrace=False)
        pytest.skip(f"no Asterisk: {error}")


@pytest.fixture
def new_pbx(asterisk_root: Path, tmp_path: Path) -> Iterator[NewPbx]:
    """Starts a PBX with the arguments of `Pbx` (`env`, `globals`, …); it is stopped after the test."""
    with contextlib.ExitStack() as stack:
        count = 0

        def start(**options: Any) -> Pbx:
            nonlocal count
            count += 1
            return stack.enter_context(Pbx(asterisk_root, tmp_path / f"pbx{count}", **options))

        yield start


@pytest.fixture
def pbx(new_pbx: NewPbx) -> Pbx:
    """A running PBX with nothing of its own."""
    return new_pbx()


@pytest.fixture(scope="session")
def shared_pbx(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """One PBX for all tests that only load a dialplan and call it; its console and call records are everybody's."""
    with Pbx(asterisk_root, tmp_path_factory.mktemp("shared") / "pbx") as running:
        yield running

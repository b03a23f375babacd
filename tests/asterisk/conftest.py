"""What a test with a real Asterisk asks for: `pbx`, `new_pbx`, `shared_pbx`. Every test here is marked `asterisk`.

They are of the newest version. `pytestmark = both_versions` runs all tests of a file on the oldest as well; a test that
needs the two side by side asks for `asterisk_root` and `old_asterisk_root`.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.asterisk.bring import NEWEST, OLDEST, CannotBringError, bring_all
from tests.asterisk.pbx import Pbx

REQUIRED = "ROUTEC_REQUIRE_ASTERISK"
HERE = Path(__file__).parent

NewPbx = Callable[..., Pbx]

both_versions = pytest.mark.parametrize("asterisk_root", [NEWEST, OLDEST], indirect=True)
newest_version = pytest.mark.parametrize("asterisk_root", [NEWEST], indirect=True)
"""For the tests of one file that has others on both versions: so these share what is made for the newest of those."""

wanted: set[int] = set()
"""The versions that the tests of this run need."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder, and sees which versions they need."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("asterisk")
            fixtures = getattr(item, "fixturenames", ())
            if "asterisk_root" in fixtures:
                callspec = getattr(item, "callspec", None)
                wanted.add(callspec.params.get("asterisk_root", NEWEST) if callspec else NEWEST)
            if "old_asterisk_root" in fixtures:
                wanted.add(OLDEST)


@pytest.fixture(scope="session")
def brought() -> dict[int, Future[Path]]:
    """The Asterisks that this run needs, which are all brought at once when the first is asked for."""
    return bring_all(sorted(wanted))


@pytest.fixture(scope="session")
def asterisk_root(request: pytest.FixtureRequest, brought: dict[int, Future[Path]]) -> Path:
    """The Asterisk, brought if need be. The test is skipped without one, or fails if one is required."""
    return _root(brought, getattr(request, "param", NEWEST))


@pytest.fixture(scope="session")
def old_asterisk_root(brought: dict[int, Future[Path]]) -> Path:
    """The oldest Asterisk that we make dialplans for, likewise."""
    return _root(brought, OLDEST)


def _root(brought: dict[int, Future[Path]], version: int) -> Path:
    try:
        return brought[version].result()
    except CannotBringError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, and there is no Asterisk {version}: {error}", pytrace=False)
        pytest.skip(f"no Asterisk {version}: {error}")


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

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from routec.settings import Runtime
from routec.signin.modules import ModuleStore
from routec.signin.server import Server
from routec.signin.session import Checker
from routec.signin.store import Log

from .fake import PEPPER, module, write_modules


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ROUTEC_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime.of({"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER})


@pytest.fixture
def modules_file(tmp_path: Path) -> Path:
    return write_modules(tmp_path / "signin.json", module())


@pytest.fixture
def log(runtime: Runtime) -> Iterator[Log]:
    log = Log(runtime.database, spool=runtime.state / "spool.db")
    yield log
    log.close()


@pytest.fixture
def checker(runtime: Runtime, modules_file: Path, log: Log) -> Checker:
    return Checker(ModuleStore(modules_file), log, runtime)


@pytest.fixture
def server(checker: Checker) -> Iterator[Server]:
    with Server(checker, ("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_late_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that could not be written is tried again for a minute; tests that are not about that need not wait."""
    monkeypatch.setattr("routec.signin.session.LATE_SECONDS", ())

"""How many processes run the tests, and which test goes to which.

The whole suite is run by several workers (pytest-xdist), two to a core, because half of it waits for real calls. One
test or one file is run as if there were none. `-n0` or `-p no:xdist` runs all of it in one process, `-n3` in three.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

MOST = 8
WAITING = ("tests/asterisk/", "tests/storm/")
"""Folders whose tests wait for calls and for processes more than they compute."""
LONG = ("tests/storm/", "tests/properties/test_systems.py", "tests/unit/test_serve.py", "tests/house/")
"""What takes longer than the length of its file would have it."""


COMPUTING = 5
"""How much more of a core those who wait may have, as `nice` counts it: a phone that comes too late is not heard."""


def _waits(worker: str) -> bool:
    """Whether a worker is one of those that begin with tests that wait."""
    return int(worker.removeprefix("gw")) % 2 == 0


class TwoEnds(LoadFileScheduling):  # type: ignore[misc]
    """Gives every other worker files from the front of the queue, where they wait, the rest from its back.

    So at any time some wait while others compute; both begin with long files, and they meet at short ones. A file stays
    together, for what its tests share.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(
            next(iter(self.workqueue) if _waits(node.gateway.id) else reversed(self.workqueue)), False
        )
        super()._assign_work_unit(node)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Chooses the number of workers where the command line does not, and more than one file is asked for."""
    option = config.option
    if not config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput"):
        return
    by_hand = option.numprocesses is not None or option.dist != "no" or option.tx
    alone = option.usepdb or option.capture == "no" or option.collectonly
    if not by_hand and not alone and any(Path(argument).is_dir() for argument in config.args):
        option.numprocesses = min(MOST, 2 * len(os.sched_getaffinity(0)))
    if option.numprocesses and option.dist == "no":
        option.dist = "loadfile"
    option.loadscopereorder = False


def pytest_configure(config: pytest.Config) -> None:
    """Lets workers that compute stand back where there is more to do than cores."""
    if hasattr(config, "workerinput") and not _waits(config.workerinput["workerid"]):
        os.nice(COMPUTING)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoEnds | None:
    """The order of files is ours."""
    return TwoEnds(config, log) if config.option.dist == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For workers: lays waiting files to the front, the longest first, and the others behind, the longest last."""
    if not hasattr(config, "workerinput"):
        return
    length = {path: path.stat().st_size for path in {item.path for item in items}}

    def place(item: pytest.Item) -> int:
        weight = length[item.path] * (10 if item.nodeid.startswith(LONG) else 1)
        return -weight if item.nodeid.startswith(WAITING) else weight

    items.sort(key=place)

"""What a change costs a resident builder, against what a build from nothing costs, both in one process.

A process of its own, `python -m tests.bench.rebuild FOLDER ROUNDS`, so that the one that measures others stays small.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import measure
from .measure import UnmeasuredError

WAIT = "wait 2s"
"""The step that is changed: about every sixth route has one."""

_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Builds:
    """Seconds of the builds from nothing, and of those after one step in one file was changed."""

    cold: tuple[float, ...]
    warm: tuple[float, ...]

    @property
    def fraction(self) -> float:
        """The median rebuild over the median build."""
        return statistics.median(self.warm) / statistics.median(self.cold)

    def __str__(self) -> str:
        cold, warm = (f"{statistics.median(one):.3f} s (least {min(one):.3f})" for one in (self.cold, self.warm))
        return f"rebuild {warm}; build {cold}"


def measured(project: Path, rounds: int) -> Builds:
    """Measure a project in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.rebuild", str(project), str(rounds)]
    environ = measure.environment(measure.warm_cache(project))
    try:
        done = subprocess.run(
            command, cwd=measure.REPOSITORY, env=environ, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise UnmeasuredError(f"the rebuilds ended: {str(error.stderr or error)[-600:]}") from None
    cold, warm = json.loads(done.stdout)
    return Builds(tuple(cold), tuple(warm))


def _main(project: Path, rounds: int) -> None:
    from routec.apply.build import Builder

    def seconds(builder: Builder) -> float:
        begin = time.perf_counter()
        built = builder.build()
        taken = time.perf_counter() - begin
        if built.failed:
            raise SystemExit(f"the corpus has faults: {built.compilation.diagnostics[:3]}")
        return taken

    seconds(Builder(project))  # what a process does once, such as reading the grammar, is in neither
    cold, warm = [], []
    for _ in range(rounds):
        builder = Builder(project)
        cold.append(seconds(builder))
        warm += [seconds(builder) for _ in _changes(project)]
    json.dump((cold, warm), sys.stdout)


def _changes(project: Path) -> Iterator[None]:
    """One step in one file, then in another; all is as it was at the end."""
    files = [file for file in sorted((project / "routes").glob("part*.route")) if WAIT in file.read_text("utf-8")]
    for file in files[:: max(1, len(files) // 5)]:
        text = file.read_text("utf-8")
        file.write_text(text.replace(WAIT, "wait 3s", 1), "utf-8")
        yield
        file.write_text(text, "utf-8")
        yield


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))

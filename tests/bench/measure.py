"""How a process is measured, and how aelparse is found and run."""

import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

LOG = ".bench.log"
"""Holds what the last run in a folder said."""


class UnmeasuredError(Exception):
    """Something that should have run did not; the message says what."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a process: seconds on the clock, seconds of CPU with its children's, and its peak of memory in MiB.

    The peak is that of the largest process, not a sum: forked workers share most of theirs. It is never below this
    process's own, some 20 MiB.
    """

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Runs:
    """Some runs of one command."""

    runs: tuple[Run, ...]

    @property
    def median(self) -> float:
        """The median time."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def least(self) -> float:
        """The shortest time: what the machine can do when nobody else is on it."""
        return min(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """The median CPU time."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self) -> float:
        """The largest memory of any run."""
        return max(run.peak for run in self.runs)

    def __str__(self) -> str:
        return f"{self.median:.3f} s (least {self.least:.3f}, cpu {self.cpu:.3f}, {self.peak:.0f} MiB)"


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run in a folder. A `cold` one finds nothing there that an earlier run of it left."""

    command: Sequence[str]
    folder: Path
    cold: bool = False


def environment(cache: Path) -> dict[str, str]:
    """The environment of a measured process: this one's, with the repository importable and a cache of the bench's."""
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(cache)}


def warm_cache(folder: Path) -> Path:
    """The cache that jobs in this folder share: what a first run on any routes leaves, such as the grammar's tables."""
    return folder.parent / "cache-warm"


def _cold_cache(folder: Path) -> Path:
    cache = folder.parent / f"cache-{folder.name}"
    shutil.rmtree(cache, ignore_errors=True)
    warm = warm_cache(folder)
    if warm.exists():
        shutil.copytree(warm, cache)
    for kept in folder.iterdir():
        if kept.name == "routes":
            continue
        if kept.is_dir():
            shutil.rmtree(kept)
        else:
            kept.unlink()
    return cache


def run(job: Job) -> Run:
    """Run a command to its end and measure it; a command that fails was not measured."""
    environ = environment(_cold_cache(job.folder) if job.cold else warm_cache(job.folder))
    log = job.folder / LOG
    with log.open("wb") as out:
        begin = time.perf_counter()
        process = subprocess.Popen(
            job.command, cwd=job.folder, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip()[-600:]
        raise UnmeasuredError(f"`{' '.join(job.command)}` ended with {process.returncode}: {last}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def alternate(jobs: Sequence[Job], rounds: int) -> list[Runs]:
    """Run jobs in turn, round after round, so that a busy moment of the machine meets them all alike."""
    kept: list[list[Run]] = [[] for _ in jobs]
    for _ in range(rounds):
        for runs, job in zip(kept, jobs, strict=True):
            runs.append(run(job))
    return [Runs(tuple(runs)) for runs in kept]


def apart(work: Callable[[], None]) -> None:
    """Do something in a forked process. Linux counts a parent's memory into the peak of the children it starts, so the
    process that measures has to stay small: it never holds a corpus.
    """
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    if child.exitcode:
        raise UnmeasuredError(f"the corpus could not be written (exit code {child.exitcode})")


def routec(*arguments: str) -> list[str]:
    """The command line of routec, as a user runs it, with this Python."""
    return [sys.executable, "-m", "routec", *arguments]


def bare_python() -> list[str]:
    """What start-up is measured over."""
    return [sys.executable, "-c", "pass"]


def find_asterisk() -> Path | None:
    """The root of Asterisk's tree: `ROUTEC_TEST_ASTERISK`, or where the tests keep it; `/` if aelparse is installed."""
    named = os.environ.get("ROUTEC_TEST_ASTERISK")
    for root in (Path(named),) if named else (REPOSITORY / ".cache" / "asterisk-22", Path("/")):
        if (root / "usr/sbin/aelparse").is_file():
            return root
    return None


def aelparse(root: Path, *arguments: str) -> list[str]:
    """The command line of aelparse: it reads `extensions.ael` in the folder it is run in.

    A tree beside the system brings its own C library, so it is started by its own loader and not by a chroot.
    """
    program = str(root / "usr/sbin/aelparse")
    loader = next(root.glob("lib*/**/ld-linux*.so.*"), None) if root != Path("/") else None
    if loader is None:
        return [program, "-d", "-q", *arguments]
    folders = [*sorted(root.glob("usr/lib/*-linux-gnu")), *sorted(root.glob("lib/*-linux-gnu")), root / "usr/lib"]
    library_path = ":".join(map(str, folders))
    return [str(loader), "--library-path", library_path, program, "-d", "-q", *arguments]


def aelparse_summary(command: Sequence[str], folder: Path) -> str:
    """What aelparse made of a folder's file: its own count, or why there is none. It exits 0 whatever it met."""
    run(Job(command, folder))
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        if "lev:4 " not in line and ("rror" in line or "arning" in line):
            return line
    return lines[-1].partition("main  ")[2] if lines else "nothing"

"""From a save to the dialplan verified in force: a real `routec watch`, a real Asterisk, a stopwatch outside."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.asterisk.config import PRODUCT
from tests.asterisk.pbx import Pbx, PbxError

from . import measure
from .measure import UnmeasuredError

QUIET_SECONDS = 4
"""How long `routec watch` must have next to nothing to do before a save, as it has when a person saves. Two seconds
after an apply it reads everything back, 2 s for 10,000 routes, and a save that falls into that waits for its end."""

MOST_SECONDS = 90
IDLE_TICKS = 6
"""So many hundredths of a second of CPU in a second are nothing to do."""


@dataclass(frozen=True, slots=True)
class Saves:
    """Some saves: the time from each to the line that says that it is live."""

    seconds: tuple[float, ...]
    first: float
    """From the start of `routec watch` to the first time live, cold."""

    @property
    def median(self) -> float:
        """The median time of a save."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return (
            f"median {self.median:.3f} s of {len(self.seconds)} saves (least {min(self.seconds):.3f}, most "
            f"{max(self.seconds):.3f}); from a cold start {self.first:.1f} s"
        )


def saves(root: Path, folder: Path, rounds: int) -> Saves:
    """Save one file of a project's routes so often, with an Asterisk of the tree `root` that has nothing else to do."""
    try:
        with Pbx(root, folder / "pbx", verbose=0, debug=0) as pbx:
            (folder / "routes/routec.toml").write_text(f'[ami]\nport = {pbx.ami_port}\nusername = "{PRODUCT}"\n')
            pbx.include(folder / "generated/extensions.conf")
            return _watched(folder, pbx.secret, rounds)
    except PbxError as error:
        raise UnmeasuredError(str(error)) from error
    finally:
        (folder / "routes/routec.toml").unlink(missing_ok=True)


def _watched(folder: Path, secret: str, rounds: int) -> Saves:
    environ = {**measure.environment(measure.warm_cache(folder)), "ROUTEC_AMI_SECRET": secret}
    began = time.perf_counter()
    with (folder / "watch.err").open("w+") as errors:
        process = subprocess.Popen(
            measure.routec("watch"), cwd=folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            _wait_live(process, folder)
            first = time.perf_counter() - began
            return Saves(tuple(_save(process, folder, number) for number in range(rounds)), first)
        finally:
            process.terminate()
            process.communicate()


def _save(process: "subprocess.Popen[str]", folder: Path, number: int) -> float:
    """Change how long the last route of a file in the middle waits, by a file renamed over the old one.

    Other routes may lead to that route, and change with it.
    """
    files = sorted((folder / "routes").glob("part*.route"))
    path = files[len(files) // 2]
    lines = path.read_text(encoding="utf-8").splitlines()
    at = max(index for index, line in enumerate(lines) if line.startswith("  on extension "))
    if number:
        del lines[at + 1]
    lines.insert(at + 1, f"  wait {number + 1}s")
    temporary = path.with_suffix(".tmp")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _wait_idle(process.pid)
    began = time.perf_counter()
    os.replace(temporary, path)  # noqa: PTH105
    _wait_live(process, folder)
    return time.perf_counter() - began


def _wait_idle(pid: int) -> None:
    quiet = 0
    before = _ticks(pid)
    for _ in range(MOST_SECONDS):
        time.sleep(1)
        before, used = (now := _ticks(pid)), now - before
        quiet = quiet + 1 if used <= IDLE_TICKS else 0
        if quiet == QUIET_SECONDS:
            return
    raise UnmeasuredError("`routec watch` is never idle")


def _ticks(pid: int) -> int:
    """The CPU that a process has used up to now, in hundredths of a second (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _wait_live(process: "subprocess.Popen[str]", folder: Path) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("live"):
            return
    said = (folder / "watch.err").read_text(encoding="utf-8")[-600:]
    raise UnmeasuredError(f"`routec watch` ended: {said}")

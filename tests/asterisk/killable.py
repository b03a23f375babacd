"""Runs `routec apply` at a word, again and again, each in a process that can be killed at any moment.

A process that has everything imported, and the grammar read, forks one for each line that it reads: so that a kill
falls into the work and not into Python's start. It prints the id; after a second line, the exit code.
"""

import os
import sys
from pathlib import Path

from routec.apply import applier, sweeping  # noqa: F401 (imported before the fork)
from routec.apply.build import compile_project
from routec.apply.words import plan_text  # noqa: F401 (as above)
from routec.cli import apply  # noqa: F401 (as above)
from routec.cli.main import routec


def main() -> None:
    assert not compile_project(Path()).failed
    # nobody calls here, and a kill in mid-sleep shows nothing
    sweeping.GAP_SECONDS = 0.02  # type: ignore[attr-defined]
    while sys.stdin.readline():
        child = os.fork()
        if child == 0:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            routec(["apply"])
        print(child, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


main()

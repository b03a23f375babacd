"""Where the time of a cold build goes."""

import contextlib
import cProfile
import importlib
import io
import pstats
from pathlib import Path


def print_profile(project: Path, lines: int = 25) -> int:
    """Build a project in this process, as the command line does, and print what took longest.

    A build that works in forked children shows only its own share here.
    """
    main = importlib.import_module("routec.cli.main").main
    profile = cProfile.Profile()
    said = io.StringIO()
    code: object = 0
    with contextlib.chdir(project), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        profile.enable()
        try:
            main(["build", "--out", "out"])
        except SystemExit as end:
            code = end.code
        finally:
            profile.disable()
    if code:
        print(f"the build ended with {code}:\n{said.getvalue().strip()[-2000:]}")
        return 1
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(lines)
    return 0

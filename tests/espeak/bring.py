"""Brings espeak-ng onto the machine: `python tests/espeak/bring.py` prints the path of the program.

An installed one is used as it is. On Debian, root gets it with apt-get, from the mirror of the machine's own apt.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = "espeak-ng"

SECONDS = 1200
"""How long one command may take, in seconds; a mirror can be slow."""

_LOCK = Path(tempfile.gettempdir()) / "routec-apt.lock"
"""Whoever uses the machine's own apt holds it, tests/asterisk/bring.py as well: workers bring side by side."""


class CannotBringError(Exception):
    """espeak-ng cannot be brought onto this machine; the message says why, and what would help."""


def bring() -> Path:
    """The program, installed if need be. Raises `CannotBringError`."""
    if found := shutil.which(PROGRAM):
        return Path(found)
    if os.geteuid() != 0:
        raise CannotBringError(f"only root can install {PROGRAM}")
    if not (shutil.which("apt-get") and Path("/etc/debian_version").exists()):
        raise CannotBringError(f"this machine is no Debian; install {PROGRAM} by hand")
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shutil.which(PROGRAM) is None:
            _install()
    if found := shutil.which(PROGRAM):
        return Path(found)
    raise CannotBringError(f"the packages came, but no {PROGRAM} with them")


def _install() -> None:
    command = ("apt-get", "install", "--yes", "--no-install-recommends", PROGRAM)
    try:
        _run(*command)
    except CannotBringError:
        _run("apt-get", "update")
        _run(*command)


def _run(*command: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=True, text=True,
            timeout=SECONDS,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        tail = "\n".join(error.stdout.splitlines()[-15:])
        raise CannotBringError(f"{error}\n{tail}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotBringError(str(error)) from error


def main() -> int:
    """The command line: prints the program; 1 and the reason if it cannot be brought."""
    try:
        print(bring())
    except CannotBringError as error:
        print(f"cannot bring {PROGRAM}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

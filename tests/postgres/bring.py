"""Brings a real PostgreSQL onto the machine: `python tests/postgres/bring.py` prints the folder of its programs.

An installed one is used as it is: of Debian's folders the newest, or what is on the path. On Debian, root gets it with
apt-get; no service is started, and no address stands here: the packages come from the mirror that the machine's own apt
uses.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VARIABLE = "ROUTEC_TEST_POSTGRES_BIN"
"""Names the folder of `initdb` and `postgres`, where they are in none of the usual ones."""

SECONDS = 1200
"""How long one command may take, in seconds; a mirror can be slow."""

_LOCK = Path(tempfile.gettempdir()) / "routec-apt.lock"
"""Whoever uses the machine's own apt holds it, tests/asterisk/bring.py as well: workers bring side by side."""


class CannotBringError(Exception):
    """PostgreSQL cannot be brought onto this machine; the message says why, and what would help."""


def installed() -> Path | None:
    """The folder of an installed PostgreSQL's programs, the newest if there are several."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("initdb")
    folders = [Path(os.environ[VARIABLE])] if VARIABLE in os.environ else debian
    folders += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def bring() -> Path:
    """The folder of the programs, installed if need be. Raises `CannotBringError`."""
    folder = installed()
    if folder is not None:
        return folder
    if os.geteuid() != 0:
        raise CannotBringError(f"only root can install PostgreSQL; or set {VARIABLE} to the folder of an installed one")
    if not (shutil.which("apt-get") and Path("/etc/debian_version").exists()):
        raise CannotBringError(f"this machine is no Debian; set {VARIABLE} to the folder of an installed PostgreSQL")
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed() is None:
            _install()
    folder = installed()
    if folder is None:
        raise CannotBringError("the packages came, but no PostgreSQL with them")
    return folder


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.parent.name))


def _install() -> None:
    # Debian's own way to say that installing makes no cluster and starts no service.
    common = Path("/etc/postgresql-common")
    settings = common / "createcluster.conf"
    if not settings.exists():
        common.mkdir(parents=True, exist_ok=True)
        settings.write_text("create_main_cluster = false\n", "utf-8")
    try:
        _run("apt-get", "install", "--yes", "--no-install-recommends", "postgresql")
    except CannotBringError:
        _run("apt-get", "update")
        _run("apt-get", "install", "--yes", "--no-install-recommends", "postgresql")


def _run(*command: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    options = ("-o", "Dpkg::Options::=--force-confold")
    try:
        subprocess.run(
            [command[0], *options, *command[1:]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=True, text=True,
            timeout=SECONDS,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        tail = "\n".join(error.stdout.splitlines()[-15:])
        raise CannotBringError(f"{error}\n{tail}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotBringError(str(error)) from error


def main() -> int:
    """The command line: prints the folder; 1 and the reason if PostgreSQL cannot be brought."""
    try:
        print(bring())
    except CannotBringError as error:
        print(f"cannot bring PostgreSQL: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Brings real Asterisks onto the machine, each into a folder of its own: `python tests/asterisk/bring.py [22|16]…`.

Debian's unstable suite has version 22, its bullseye 16. debootstrap lays a minimal Debian into the folder and apt adds
Asterisk to that; nothing of it is run by the machine itself but for debootstrap, which is installed if missing. The
Asterisk is then started without any chroot (see `config.Layout.command`). It takes about a minute and 500 MB, once;
both are brought at the same time.

The packages come from the mirror that the machine's own apt uses; no address stands here.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav")


class Release(NamedTuple):
    """Where a version of Asterisk comes from: the Debian that has it, and the variable that names a folder with it."""

    suite: str
    variable: str


NEWEST, OLDEST = 22, 16
RELEASES = {NEWEST: Release("sid", "ROUTEC_TEST_ASTERISK"), OLDEST: Release("bullseye", "ROUTEC_TEST_ASTERISK_16")}
CACHE = Path(__file__).resolve().parents[2] / ".cache"
SECONDS = 1200
"""How long one command may take, in seconds; a mirror can be slow."""

NO_SERVICES = "#!/bin/sh\nexit 101\n"
"""Debian's way to say that no package may start a service."""


class CannotBringError(Exception):
    """Asterisk cannot be brought onto this machine; the message says why, and what would help."""


def is_asterisk(folder: Path) -> bool:
    """Whether the folder holds an Asterisk that can be started."""
    return (folder / "usr/sbin/asterisk").is_file()


def chosen(version: int = NEWEST) -> Path:
    """The folder that the environment names, or the repository's own."""
    return Path(os.environ.get(RELEASES[version].variable) or CACHE / f"asterisk-{version}")


def bring_all(versions: Sequence[int]) -> dict[int, "Future[Path]"]:
    """Begins to bring several versions at once; each future gives a folder, or raises `CannotBringError`."""
    pool = ThreadPoolExecutor(len(RELEASES), "bring")
    brought = {version: pool.submit(bring, chosen(version), RELEASES[version].suite) for version in versions}
    pool.shutdown(wait=False)
    return brought


def bring(folder: Path | None = None, suite: str = RELEASES[NEWEST].suite) -> Path:
    """Makes sure that `folder` (`chosen()` if None) holds an Asterisk, and gives it.

    What is there already is used as it is. Two that bring at once wait for each other; what was begun and not finished
    is never seen in `folder`. Raises `CannotBringError`.
    """
    folder = (folder or chosen()).absolute()
    if is_asterisk(folder):
        return folder
    if folder.exists() and any(folder.iterdir()):
        raise CannotBringError(f"{folder} is not empty and holds no Asterisk; give another folder, or empty it")
    _require_machine()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.with_name(f".{folder.name}.lock")):
        if not is_asterisk(folder):
            _remove_leftovers(folder)
            building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.building-", dir=folder.parent))
            try:
                building.chmod(0o755)
                _build(building, suite, folder.with_name(f"{folder.name}.log"))
                with contextlib.suppress(FileNotFoundError):
                    folder.rmdir()
                building.rename(folder)
            except BaseException:
                _remove(building)
                raise
    return folder


_NAME_ONE = f"set {' or '.join(release.variable for release in RELEASES.values())} to a folder that holds one"


def _require_machine() -> None:
    if os.geteuid() != 0:
        raise CannotBringError(f"only root can lay out an Asterisk; or {_NAME_ONE}")
    if not (shutil.which("apt-get") and Path("/etc/debian_version").exists()):
        raise CannotBringError(f"this machine is no Debian; {_NAME_ONE}")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_leftovers(folder: Path) -> None:
    """Removes what a bring that was killed has left; the lock says that none is at work."""
    for leftover in folder.parent.glob(f".{folder.name}.building-*"):
        _remove(leftover)


def _remove(building: Path) -> None:
    """Removes a half-built system, once nothing of the machine's own is mounted in it."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    for mount in sorted((each for each in mounts if Path(each).is_relative_to(building)), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, timeout=SECONDS)
    shutil.rmtree(building, ignore_errors=not mounts)


def _build(building: Path, suite: str, log: Path) -> None:
    """Lays the system out in `building`. What the commands print goes to `log`."""
    log.write_text("", encoding="utf-8")
    with _lock(Path(tempfile.gettempdir()) / "routec-apt.lock"):
        if not shutil.which("debootstrap"):
            _run(["apt-get", "update"], log)
            _run(["apt-get", "install", "--yes", "--no-install-recommends", "debootstrap"], log)
    program = shutil.which("debootstrap") or "/usr/sbin/debootstrap"
    _run([program, "--variant=minbase", suite, str(building), _mirror()], log)
    policy = building / "usr/sbin/policy-rc.d"
    policy.write_text(NO_SERVICES, encoding="utf-8")
    policy.chmod(0o755)
    # no `apt-get update` in there: debootstrap has just laid the lists, and checked their signature
    _run(["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES], log, root=building)
    _run(["apt-get", "clean"], log, root=building)
    if not is_asterisk(building):
        raise CannotBringError(f"the packages came, but no Asterisk with them; see {log}")


def _mirror() -> str:
    """The machine's own Debian mirror: the first of its apt sources that holds all of Debian."""
    layout = "$(SITE) $(ORIGIN) $(COMPONENT) $(SUITE) $(CODENAME)"
    command = ["apt-get", "indextargets", "--format", layout, "Created-By: Packages"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    for line in result.stdout.splitlines():
        site, *words = line.split()
        if words[:2] == ["Debian", "main"] and not any("security" in word for word in (site, *words)):
            return site
    raise CannotBringError("apt knows no Debian mirror; run `apt-get update` and look at /etc/apt/sources.list.d")


def _run(command: Sequence[str], log: Path, root: Path | None = None) -> None:
    """Runs one command, in `root` as its whole world if that is given. Raises `CannotBringError` if it fails."""
    if root is not None:
        command = ["chroot", str(root), *command]
    env = {
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        "LC_ALL": "C",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    with log.open("ab") as out:
        try:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, check=True, timeout=SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
            raise CannotBringError(f"{error}\n{tail}\nall of it: {log}") from error


def main(arguments: Sequence[str]) -> int:
    """The command line: brings these versions, or all, and prints their folders; 1 and the reason if one cannot be."""
    if unknown := [each for each in arguments if each not in map(str, RELEASES)]:
        print(f"no version to bring: {unknown[0]}; there are {', '.join(map(str, RELEASES))}", file=sys.stderr)
        return 1
    failed = 0
    for version, brought in bring_all([int(each) for each in arguments] or list(RELEASES)).items():
        try:
            print(brought.result())
        except CannotBringError as error:
            failed = 1
            print(f"cannot bring Asterisk {version}: {error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Runs a command in the project's own environment, which it makes and keeps up to date. Needs Python 3.11, no more.

    python3 .ci/env.py routec build          what routec itself needs
    python3 .ci/env.py --dev pytest          and what its tests need

Everything is installed from the lock files, by hash, into .venv/; nothing outside of the checkout is touched.
`python3 .ci/env.py --lock` makes the lock files anew from pyproject.toml.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
LOCKS = {False: ROOT / "requirements.lock", True: ROOT / "requirements-dev.lock"}


def main(arguments: list[str]) -> int:
    """Do what the command line says; gives the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever runs this may have an older one)
        print("routec needs Python 3.11 or newer; this is", sys.version.split()[0], file=sys.stderr)
        return 2
    if arguments == ["--lock"]:
        return lock()
    dev = arguments[:1] == ["--dev"]
    command = arguments[1:] if dev else arguments
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    prepare(dev=dev)
    programs = FOLDER / "bin"
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ["VIRTUAL_ENV"] = str(FOLDER)
    os.environ.pop("PYTHONHOME", None)
    os.chdir(ROOT)
    return subprocess.run(command, check=False).returncode


def prepare(*, dev: bool) -> None:
    """Make the environment, or do nothing where it is what the lock files and pyproject.toml say."""
    python = FOLDER / "bin" / "python"
    wanted = stamp(dev=dev)
    marks = [FOLDER / f".routec-{'dev' if each else 'run'}" for each in ({True} if dev else {True, False})]
    if python.exists() and any(
        mark.exists() and mark.read_text() == stamp(dev=mark.name.endswith("dev")) for mark in marks
    ):
        return
    print(f"setting up {FOLDER.name}/ …", file=sys.stderr)
    if not python.exists():
        venv.create(FOLDER, with_pip=True, clear=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q"]
    run([*pip, "install", "--require-hashes", "-r", str(LOCKS[dev])])
    run([*pip, "install", "--no-deps", "-e", str(ROOT)])
    (FOLDER / f".routec-{'dev' if dev else 'run'}").write_text(wanted)


def stamp(*, dev: bool) -> str:
    """What an environment is made of."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (LOCKS[dev], ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def lock() -> int:
    """Resolve pyproject.toml into the lock files, for all Pythons that are supported."""
    prepare(dev=True)
    uv = [str(FOLDER / "bin" / "uv"), "pip", "compile", "pyproject.toml", "--universal", "--generate-hashes"]
    common = ["--python-version", "3.11", "--no-header", "--no-annotate", "-q", "--upgrade"]
    run([*uv, *common, "-o", LOCKS[False].name])
    run([*uv, *common, "--group", "dev", "-o", LOCKS[True].name])
    return 0


def run(command: list[str]) -> None:
    """Run a step of the set-up, and end with its words where it fails."""
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"the set-up failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The checker: does it run here, does Asterisk reach it, and does the plain AGI script stand in for it."""

import os
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from routec.apply.ami.manager import AmiError, NotPermittedError
from routec.apply.doctor.files import Project
from routec.apply.doctor.findings import Finding, fault, ok, skipped, warn
from routec.apply.doctor.host import Host
from routec.apply.doctor.pbx import Pbx
from routec.apply.doctor.runtime import Machine
from routec.backend.dialplan import DOCTOR
from routec.backend.proof import AGI_EXTEN, DOCTOR_SECONDS
from routec.contract import DOCTOR as VARIABLE
from routec.contract import DOCTOR_PATH, SCRIPT_FILE

_KNOCK_SECONDS = 3.0
_PYTHON_SECONDS = 20.0
_SERVE = "run `routec serve`, and look at what it says; until then the plain AGI script stands in for it"


def checker(project: Project, pbx: Pbx, machine: Machine) -> Iterator[Finding]:
    """Told apart: nobody listens on this machine, and Asterisk does not reach who listens."""
    here = machine.runtime.listen if machine.runtime else project.settings.connect
    said = knock(*here)
    place = f"{here[0]}:{here[1]}"
    host, port = project.settings.connect
    called = f"agi://{host}:{port}"
    reached: bool | None = None
    why = ""
    if pbx.ami is None:
        why = pbx.why
    else:
        try:
            if pbx.ami.holds(DOCTOR, AGI_EXTEN):
                reached = pbx.ami.originate_check(DOCTOR, AGI_EXTEN, DOCTOR_SECONDS)
            else:
                why = f"Asterisk has no context {DOCTOR}"
        except NotPermittedError:
            why = "the AMI user has no `write` privilege `originate`"
        except AmiError as error:
            why = str(error)
    if not said:
        yield ok("checker", f"`routec serve` answers on this machine at {place}")
    elif not reached:
        yield fault("checker", f"`routec serve` does not answer on this machine at {place}: {said}", _SERVE)
    if reached is None:
        yield skipped("checker", f"whether Asterisk reaches it at {called} is not seen: {why}")
    elif reached:
        yield ok("checker", f"Asterisk reaches the checker at {called}")
    elif not said:
        yield fault(
            "checker",
            f"Asterisk does not reach the checker at {called}, though it answers on this machine at {place}",
            "routes/routec.toml, [agi]: `connect` is the checker's address as Asterisk reaches it, `listen` where it "
            "listens; is a firewall between them, and does Asterisk have res_agi?",
        )


def knock(host: str, port: int) -> str:
    """Ask who listens there whether it is routec's checker, as Asterisk would; what is wrong, empty for nothing."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    try:
        with socket.create_connection((host, port), timeout=_KNOCK_SECONDS) as link:
            link.sendall(f"agi_network: yes\nagi_network_script: {DOCTOR_PATH}\n\n".encode())
            said = b""
            while b"\n" not in said and len(said) < 200 and (data := link.recv(200)):
                said += data
            if said.startswith(b"SET VARIABLE " + VARIABLE.encode()):
                link.sendall(b"200 result=1\n")
                return ""
    except TimeoutError:
        return "it takes the connection, and says nothing"
    except OSError as error:
        return error.strerror or type(error).__name__
    return "what listens there is not routec's checker, or an earlier one"


def script(project: Project, host: Host) -> Iterator[Finding]:
    """Is the plain AGI script where Asterisk looks for it, may it be run, and does its Python have routec."""
    called = project.settings.script
    ours = project.folder / SCRIPT_FILE
    if not host.is_here and not called.startswith("/"):
        yield skipped("script", f"{host.why}, so whether it finds {called} is not seen")
    elif host.is_here or Path(called).exists():
        found = Path(called) if called.startswith("/") else host.folders["astagidir"] / called
        if not found.exists():
            help = f"ln -s {ours} {found}"
            yield fault("script", f"Asterisk has no {found}, so nobody signs in while `routec serve` is down", help)
        elif ours.exists() and found.read_bytes() != ours.read_bytes():
            yield fault("script", f"{found} is not the one that is published, {ours}", f"ln -sf {ours} {found}")
        elif host.account and (closed := host.account.closed(found, os.R_OK | os.X_OK)):
            who = host.account.name
            yield fault("script", f"Asterisk, which runs as {who}, cannot run {found}", f"open {closed}: chmod o+rx")
        elif not host.account and not os.access(found, os.X_OK):
            yield fault("script", f"{found} cannot be run", f"chmod 755 {found}")
        else:
            yield ok("script", f"Asterisk finds {found}")
    if host.is_here:
        yield from _python(project.settings.agi.python, host)


def _python(python: str, host: Host) -> Iterator[Finding]:
    """Start it as Asterisk would, with Asterisk's environment."""
    known = {name: host.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in host.environ}
    environ = {"PATH": os.environ.get("PATH", os.defpath), **known}
    mend = "routes/routec.toml, [agi]: `python` names the Python of the environment that routec is installed in"
    try:
        done = subprocess.run(  # noqa: S603 (what the project's own settings name)
            [*shlex.split(python), "-c", "import routec.signin.process"],
            cwd="/", env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PYTHON_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        yield warn("script", f"{python} took more than {_PYTHON_SECONDS:.0f} s to start", mend)
    except OSError as error:
        yield fault("script", f"the script's Python {python} cannot be run: {error.strerror}", mend)
    else:
        if done.returncode:
            yield fault("script", f"the script's Python {python} has no routec", mend)
        else:
            yield ok("script", f"its Python {python} has routec")

"""What is wrong with a PBX's set-up, and what mends it: all checks, in order, each of which says what it found.

A check never raises and never waits for long, whatever is broken; what it cannot look at it says that it skipped.
Nothing is changed by looking, but that a log's database of an earlier routec is brought up to date, as any verb that
reads it does. No finding holds a secret.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from routec.apply.ami.errors import AmiError
from routec.apply.doctor import dialplan as doctor_dialplan
from routec.apply.doctor import files as doctor_files
from routec.apply.doctor import pbx as doctor_pbx
from routec.apply.doctor import prompts as doctor_prompts
from routec.apply.doctor import reach as doctor_reach
from routec.apply.doctor import runtime as doctor_runtime
from routec.apply.doctor.findings import FAULT, Finding, fault
from routec.apply.doctor.host import Host, find_host
from routec.settings import Settings

GOOD, FAULTS, UNREACHED = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings, in order; `is_unreached` where the PBX could not be asked at all."""

    findings: tuple[Finding, ...]
    is_unreached: bool

    @property
    def exit_code(self) -> int:
        """0 where there is no fault, 3 where the PBX cannot be reached, else 1."""
        if self.is_unreached:
            return UNREACHED
        return FAULTS if any(finding.level == FAULT for finding in self.findings) else GOOD


def examine(
    root: Path, settings: Settings, environ: Mapping[str, str], *, target: str | None = None, user: str | None = None
) -> Examination:
    """Look at everything. `user` is whom Asterisk runs as, where that cannot be seen on this machine."""
    found: list[Finding] = []

    def check(name: str, work: Callable[[], Iterable[Finding]]) -> None:
        try:
            found.extend(work())
        except AmiError as error:
            found.append(pbx.lost(error))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            found.append(fault(name, f"{where}{error.strerror}", "run as the user that `routec serve` runs as"))
        except Exception as error:  # noqa: BLE001 (one check's bug must not hide what the others find)
            found.append(fault(name, f"this check failed itself: {type(error).__name__}", "this is a bug of routec's"))

    with ExitStack() as held:
        machine = doctor_runtime.Machine.of(settings, environ)
        pbx = doctor_pbx.Pbx.of(settings, environ, machine.runtime, target)
        held.callback(pbx.close)
        check("settings", machine.check)
        project = doctor_files.Project.of(root, settings, target)
        check("routes", project.check)
        host = _host(settings, user)
        check("AMI", pbx.check)
        check("published", lambda: doctor_files.published(project, host))
        check("dialplan", lambda: doctor_dialplan.check(project, pbx))
        check("sounds", lambda: doctor_files.sounds(project, host))
        check("languages", lambda: doctor_prompts.languages(project, host))
        check("recordings", lambda: doctor_prompts.recordings(project, host))
        check("checker", lambda: _signin(project, lambda: doctor_reach.checker(project, pbx, machine)))
        check("script", lambda: _signin(project, lambda: doctor_reach.script(project, host)))
        check("pepper", lambda: _signin(project, lambda: machine.pepper(project.modules, host)))
        check("database", lambda: _signin(project, lambda: machine.database(host)))
        check("webhooks", lambda: machine.webhooks(project.modules))
        check("clock", lambda: machine.clock(pbx.ami))
    return Examination(tuple(found), pbx.is_unreached)


def _signin(project: doctor_files.Project, work: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    if project.modules:
        yield from work()


def _host(settings: Settings, user: str | None) -> Host:
    try:
        return find_host(
            settings.ami.host if settings.ami else "127.0.0.1", settings.ami.port if settings.ami else 0, user
        )
    except (OSError, LookupError, ValueError) as error:
        return Host(f"Asterisk's process cannot be looked at ({type(error).__name__})")

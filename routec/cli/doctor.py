"""`routec doctor`."""

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from routec.cli.here import one_target, project_root, project_settings, target_option
from routec.cli.main import fail
from routec.cli.show import counted

if TYPE_CHECKING:
    from routec.apply.doctor.examine import Examination


@click.command()
@target_option
@click.option("--user", metavar="NAME", help="Whom Asterisk runs as, where that cannot be seen on this machine.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How findings are printed.")
def doctor(target: str | None, user: str | None, form: str) -> None:
    """Find what is wrong with a PBX's set-up, and say how to mend it.

    Looks at the routes, the published files, Asterisk over AMI, the checker, the sounds, the pepper, the database and
    the clocks. Exit codes: 0 no fault, 1 faults, 3 the PBX cannot be reached.
    """
    from routec.apply.doctor.examine import examine
    from routec.apply.doctor.host import account_named

    root = project_root()
    target = one_target(target)
    settings = project_settings(target)
    if user is not None:
        try:
            account_named(user)
        except KeyError:
            fail(f"there is no user `{user}` on this machine", "--user is whom Asterisk runs as")
    examination = examine(root, settings, os.environ, target=target, user=user)
    click.echo(_json(examination) if form == "json" else _text(examination))
    sys.exit(examination.exit_code)


def _json(examination: "Examination") -> str:
    return json.dumps([finding._asdict() for finding in examination.findings], indent=1, ensure_ascii=False)


def _text(examination: "Examination") -> str:
    from routec.diagnostics.render_text import safe

    lines = []
    for finding in examination.findings:
        lines.append(f"{finding.level:<7}  {finding.check}: {safe(finding.text)}")
        if finding.help:
            lines.append(f"         = help: {safe(finding.help)}")
    levels = [finding.level for finding in examination.findings]
    lines.append(f"{counted(levels.count('fault'), 'fault')}, {counted(levels.count('warn'), 'warning')}")
    return "\n".join(lines)

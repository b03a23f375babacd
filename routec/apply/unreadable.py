"""Before a reload: can Asterisk, where it runs on this machine, read what is published."""

import os

from routec.apply.ami.link import Site
from routec.apply.doctor.host import find_host
from routec.apply.plan import ApplyError
from routec.apply.refusal import closed_to_asterisk
from routec.apply.shelf import MAIN_FILE
from routec.diagnostics import Diagnostic


def refuse_closed(site: Site) -> None:
    """Raise `ApplyError` where the published folder is closed to Asterisk's user: a reload would take all of it away.

    Nothing is raised where that cannot be seen. The files in the folder are open to all: they are written so.
    """
    if (fault := _fault(site)) is not None:
        raise ApplyError("nothing was changed", (fault,))


def _fault(site: Site) -> Diagnostic | None:
    ami = site.settings.ami
    if ami is None or site.settings.publish.seen_as is not None:
        return None
    try:
        account = find_host(ami.host, ami.port).account
        closed = account.closed(site.seen_as, os.X_OK) if account else None
    except (OSError, LookupError, ValueError):
        return None
    return closed_to_asterisk(site.seen_as / MAIN_FILE, account.name, closed) if account and closed else None

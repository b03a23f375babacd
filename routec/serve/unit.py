"""A systemd unit for `routec serve` in one project: it may write what it publishes, its state and recorded prompts.

Each setting is one of systemd.exec(5); what stands in the way of a stricter one is said beside it.
"""

import re
from pathlib import Path
from typing import NamedTuple

from routec.serve.parts import STOP_SECONDS

STATES = Path("/var/lib")
HOMES = ("/home", "/root", "/run/user")
ENVIRONMENT_FILE = "/etc/routec/routec.env"

_PLAIN = re.compile(r"[A-Za-z0-9_./+:@,-]+")

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""As systemd takes it without a warning (`valid_user_group_name`)."""

_TEMPLATE = """\
# {title}: answers Asterisk's sign-ins, keeps the dialplan in force, sends webhooks.
# Made by `routec serve --unit`. As root: write it to /etc/systemd/system/{name}.service, then
# systemctl daemon-reload && systemctl enable --now {name}
# What it may write must be there before, and be its user's:
# {folders}

[Unit]
Description=routec serve for {root}{of_target}
After=network.target asterisk.service postgresql.service
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=notify
User={user}
WorkingDirectory={root}
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
# Secrets, a line each, such as ROUTEC_AMI_SECRET=…; its owner root, its mode 0600.
EnvironmentFile=-{environment_file}
Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME=/var/cache{state_variable}
Restart=on-failure
RestartSec=2
TimeoutStartSec=180
TimeoutStopSec={stop_seconds:.0f}
WatchdogSec=90
LimitNOFILE=8192

# What it may write: its state, its cache, the published folder{and_prompts}.
{state_lines}
CacheDirectory=routec
ReadWritePaths={published}{prompts_line}
UMask=0027
ProtectSystem=strict
ProtectHome={protect_home}
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
RemoveIPC=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Names are looked up and webhooks are sent, so the network itself cannot be closed.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6

[Install]
WantedBy=multi-user.target
"""


class UnitError(Exception):
    """No unit can be written for this project."""


class Place(NamedTuple):
    """Where everything is; all paths are absolute. `python` is the interpreter that has routec.

    `prompts` is where prompts are recorded into, None where nobody may record any.
    """

    root: Path
    published: Path
    state: Path
    python: Path
    user: str
    target: str | None
    pepper_file: Path | None = None
    prompts: Path | None = None


def unit(place: Place) -> str:
    """The unit's text. Raises `UnitError` for a path or a user that cannot stand in one."""
    needed = (place.root, place.published, place.state, place.python)
    paths = needed if place.prompts is None else (*needed, place.prompts)
    for text in (*map(str, paths), place.user):
        if not _PLAIN.fullmatch(text):
            raise UnitError(
                f"`{text}` cannot stand in a systemd unit: it holds more than letters, digits and `_./+:@,-`"
            )
    if not _USER.fullmatch(place.user):
        raise UnitError(f"`{place.user}` is no name of a user")
    for path in paths:
        if ".." in path.parts:
            raise UnitError(f"`{path}` cannot stand in a systemd unit: write it without `..`")
    read = [path for path in (*paths, place.pepper_file) if path is not None]
    home = any(str(path).startswith(f"{each}/") for path in read for each in HOMES)
    command = f"{place.python} -m routec serve --log-format json"
    folders = [f"install -d -o {place.user} {place.published}"]
    if is_ours := place.state.parent == STATES:
        state_lines = f"StateDirectory={place.state.name}\nStateDirectoryMode=0700"
    else:
        state_lines = f"ReadWritePaths={place.state}"
        folders.append(f"install -d -o {place.user} -m 700 {place.state}")
    if place.prompts is not None:
        folders.append(f"install -d -o {place.user} {place.prompts} && chown -R {place.user} {place.prompts}")
    return _TEMPLATE.format(
        title=f"routec{f' ({place.target})' if place.target else ''}",
        name=f"routec-{place.target}" if place.target else "routec",
        root=place.root,
        of_target=f" ({place.target})" if place.target else "",
        folders=" && ".join(folders),
        user=place.user,
        command=command + (f" --target {place.target}" if place.target else ""),
        environment_file=ENVIRONMENT_FILE,
        state_variable="" if is_ours and place.state.name == "routec" else f" ROUTEC_STATE={place.state}",
        stop_seconds=STOP_SECONDS + 5,
        state_lines=state_lines,
        published=place.published,
        prompts_line="" if place.prompts is None else f"\nReadWritePaths={place.prompts}",
        and_prompts="" if place.prompts is None else ", and the prompts that are recorded",
        protect_home="read-only" if home else "yes",
    )

"""Asterisk on this machine, as /proc shows it: whom it runs as, where its folders are, and what it may read."""

import contextlib
import os
import pwd
import re
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from routec.apply.ami.stream import addresses

DEFAULT_CONF = "/etc/asterisk/asterisk.conf"
DEFAULTS = {
    "astdatadir": "/usr/share/asterisk",
    "astagidir": "/usr/share/asterisk/agi-bin",
    "astetcdir": "/etc/asterisk",
}
"""Debian's, for what asterisk.conf does not say."""

_LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a process runs as."""

    name: str
    uid: int
    gids: frozenset[int]

    def closed(self, path: Path, wanted: int) -> Path | None:
        """The first folder on the way to a file, or the file itself, that is closed to this account, or not there.

        `wanted` is `os.R_OK`, `os.W_OK` or `os.X_OK`, or several. What has an access list counts as open.
        """
        path = path.absolute()
        for folder in reversed(path.parents):
            if not self._may(folder, os.X_OK):
                return folder
        if not self._may(path, wanted):
            return path
        if path.is_symlink():
            return self.closed(path.resolve(), wanted)
        return None

    def _may(self, path: Path, wanted: int) -> bool:
        try:
            status = path.stat()
        except OSError:
            return False
        if self.uid == 0:
            return wanted != os.X_OK or stat.S_ISDIR(status.st_mode) or bool(status.st_mode & 0o111)
        with contextlib.suppress(OSError, AttributeError):
            if "system.posix_acl_access" in os.listxattr(path):
                return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.gids else 0
        return (status.st_mode >> shift) & wanted == wanted


@dataclass(frozen=True, slots=True)
class Host:
    """What is known of the PBX's machine. `why` says why nothing is; then `pid` and `account` are None."""

    why: str = ""
    pid: int | None = None
    account: Account | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_here(self) -> bool:
        """Whether Asterisk runs on this machine and is seen."""
        return self.pid is not None


def account_named(name: str) -> Account:
    """The account of a user of this machine. Raises KeyError."""
    found = pwd.getpwnam(name)
    return Account(name, found.pw_uid, frozenset(os.getgrouplist(name, found.pw_gid)))


def find_host(host: str, port: int, user: str | None = None) -> Host:
    """The Asterisk whose manager listens at an address; `user` is whom it runs as, where that cannot be seen."""
    given = account_named(user) if user else None
    if not _is_here(host, port):
        return Host(f"Asterisk runs on another machine ({host})", account=given)
    every = list(_processes())
    # Of one in a container the port is seen only from within.
    found = [pid for pid in every if not port or _listens(pid, port) or _net(pid) != _net("self")]
    found = [pid for pid in found if _net(pid) == _net("self")] or found
    if len(found) != 1:
        why = "several Asterisks run here, and none is known as ours"
        if not found:
            why = "no Asterisk is seen running here"
            why += f" that listens at port {port}; another one does not count" if every else ""
        return Host(why, account=given)
    pid = found[0]
    if Path("/proc/self/root").resolve() != Path(f"/proc/{pid}/root").resolve() or _space(pid) != _space("self"):
        return Host("Asterisk runs in a container, whose files have other names", account=given)
    return Host("", pid, given or _account(pid), _folders(pid), _environ(pid))


def _is_here(host: str, port: int) -> bool:
    try:
        found = addresses(host, port, time.monotonic() + _LOOK_SECONDS)
    except OSError:
        return False
    for family, address in found:
        with socket.socket(family, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.bind((address[0], 0))
            return True
    return False


def _processes() -> Iterator[int]:
    """Those whose program is `asterisk`, also where a loader starts it."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            names = [Path(argument).name for argument in _arguments(int(entry.name))]
            is_one = names[:1] == ["asterisk"] or (names and names[0].startswith("ld-") and "asterisk" in names)
            if is_one and _account(int(entry.name)) is not None:
                yield int(entry.name)


def _arguments(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    return []


def _account(pid: int) -> Account | None:
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = dict(re.findall(r"(?m)^(\w+):[ \t]*(.*)$", text))
    uid = int(fields["Uid"].split()[1])
    gids = frozenset({int(fields["Gid"].split()[1]), *map(int, fields.get("Groups", "").split())})
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"number {uid}"
    return Account(name, uid, gids)


def _listens(pid: int, port: int) -> bool:
    """Whether a process listens at a port; where its handles are closed to us, whether one of its user does."""
    nodes, owners = set(), set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    nodes.add(f"socket:[{fields[9]}]")
                    owners.add(int(fields[7]))
    with contextlib.suppress(OSError):
        return any(_link(entry) in nodes for entry in Path(f"/proc/{pid}/fd").iterdir())
    account = _account(pid)
    return account is not None and account.uid in owners


def _link(path: Path) -> str:
    with contextlib.suppress(OSError):
        return str(path.readlink())
    return ""


def _space(pid: int | str) -> str:
    return _link(Path(f"/proc/{pid}/ns/mnt"))


def _net(pid: int | str) -> str:
    return _link(Path(f"/proc/{pid}/ns/net"))


def _folders(pid: int) -> dict[str, Path]:
    """What its asterisk.conf says in [directories]."""
    arguments = _arguments(pid)
    at = arguments.index("-C") + 1 if "-C" in arguments else len(arguments)
    conf = Path(f"/proc/{pid}/cwd").resolve() / (arguments[at] if at < len(arguments) else DEFAULT_CONF)
    found = dict(DEFAULTS)
    with contextlib.suppress(OSError):
        _, _, text = conf.read_text("utf-8", "replace").partition("[directories]")
        for key, value in re.findall(r"(?m)^\s*(ast\w+dir)\s*=>?\s*([^;\s]+)", text):
            found[key] = value
            if key == "astdatadir" and "astagidir" not in text:
                found["astagidir"] = f"{value}/agi-bin"
    return {key: Path(value) for key, value in found.items()}


def _environ(pid: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "surrogateescape")
        return dict(pair.partition("=")[::2] for pair in text.split("\0") if "=" in pair)
    return {}

"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a free port of loopback."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import psycopg

USER = "routec"
PASSWORD = "hush-database"
START_SECONDS = 30.0
_ACCOUNTS = ("postgres", "nobody")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "256MB"}
_REAPER = """
import os, shutil, signal, sys
sys.stdin.read()
try:
    os.kill(int(open(sys.argv[1] + "/data/postmaster.pid").readline()), signal.SIGQUIT)
except (OSError, ValueError):
    pass
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""
"""A process that waits for the end of the tests' process, however it comes, and stops the server then."""


class Postgres:
    """A running server. `url` is that of its database `postgres`; `new_database` makes others.

    It is `durable` as in production, or fast. It is stopped, and its folder removed, when the block ends or this
    process does.
    """

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self._programs = programs
        account = _account()
        self._user = account.pw_uid if account else None
        self._group = account.pw_gid if account else None
        self._groups: list[int] | None = [] if account else None
        self._folder = Path(tempfile.mkdtemp(prefix="routec-postgres-"))
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._reaper = subprocess.Popen(
            [sys.executable, "-c", _REAPER, self._folder], stdin=subprocess.PIPE, start_new_session=True
        )
        self.port = _free_port()
        try:
            self._init(durable=durable)
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database `postgres`."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database, and give its URL."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url_of(name)

    def empty(self, url: str) -> None:
        """Break the connections of a database, and remove all that is in it: faster than making another."""
        name = url.rpartition("/")[2]
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", database=name)

    def execute(self, command: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a command as the superuser; its rows, if it has any."""
        with psycopg.connect(self.url_of(database), autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(command.encode())
            return cursor.fetchall() if cursor.description else []

    @property
    def is_running(self) -> bool:
        """Whether the server's first process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.is_running:
            return
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, start_new_session=True,
                user=self._user, group=self._group, extra_groups=self._groups,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it as an admin does: connections are broken, nothing is lost."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Kill all its processes at once, as a power cut does."""
        if self.is_running and self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(30)
            # A new server refuses to start while a process of the old one lives.
            deadline = time.monotonic() + START_SECONDS
            while self._processes() and time.monotonic() < deadline:
                time.sleep(0.01)

    def hang(self) -> None:
        """Let all its processes stand still: it takes connections, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `hang`."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """What it has said."""
        file = self._folder / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._reaper.communicate()

    def _init(self, *, durable: bool) -> None:
        self._folder.chmod(0o755)
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if self._user is not None and self._group is not None:
            for path in (self._folder, secret):
                os.chown(path, self._user, self._group)
        subprocess.run(
            [
                self._programs / "initdb", "--pgdata", self._folder / "data", "--username", USER, "--auth",
                "scram-sha-256", "--pwfile", secret, "--encoding", "UTF8", "--locale", "C", "--no-sync",
            ],
            cwd=self._folder, env=_environment(), check=True, capture_output=True, timeout=120,
            user=self._user, group=self._group, extra_groups=self._groups,
        )  # fmt: skip
        settings = _SETTINGS | ({} if durable else _FAST) | {"port": str(self.port)}
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        if self.is_running and self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)

    def _signal(self, number: signal.Signals) -> None:
        """To all its processes: each backend is the leader of a session of its own, so a group is not enough."""
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def _processes(self) -> list[int]:
        """The first process, and its children, which stay in its folder when it is gone."""
        own = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (path / "cwd").readlink() == self._folder / "data":
                    own.append(int(path.name))
        return sorted(own)


def _account() -> pwd.struct_passwd | None:
    """Whom it runs as: PostgreSQL refuses to be root's. None: as we are."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(f"PostgreSQL does not run as root, and this machine has none of the users {_ACCOUNTS}")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

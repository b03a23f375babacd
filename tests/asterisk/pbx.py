"""A real Asterisk for one test: started in a folder of its own, on ports of its own, and surely stopped."""

import contextlib
import csv
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tests.asterisk.ami import Ami, AmiError, Message
from tests.asterisk.config import DIALPLAN, Layout, write
from tests.asterisk.machine import free_port, until, write_silence

USERNAME = "test"
CDR_FIELDS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start",
    "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip


class PbxError(Exception):
    """Asterisk did not start, did not stop, or did not take a dialplan; the message holds the end of its log."""


class Step(NamedTuple):
    """One priority as Asterisk holds it. `label` is empty where there is none; `priority` counts from 1."""

    exten: str
    priority: int
    label: str
    app: str
    data: str


class Pbx:
    """A running Asterisk; a context manager.

    `root` is what `bring` gave, `folder` the test's own (it must not hold another PBX). `globals` go into the
    dialplan's `[globals]`. `env` is added to the environment that AGI scripts see; the folder of the running Python
    is the first in their PATH. Raises `PbxError` when Asterisk is not fully booted after `timeout` seconds.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        globals: Mapping[str, str] | None = None,
        verbose: int = 5,
        debug: int = 1,
        timeout: float = 30.0,
    ) -> None:
        self.globals = dict(globals or {})
        self.ami_port = self.sip_port = 0
        self.secret = secrets.token_hex(12)
        self._run = Path(tempfile.mkdtemp(prefix="ast-"))  # a Unix socket's path must be short
        self.layout = Layout(root.resolve(), folder.resolve(), self._run)
        self._env = {**os.environ, **(env or {})}
        self._env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), self._env.get("PATH", os.defpath)])
        self._levels = {"verbose": verbose, "debug": debug}
        self._timeout = timeout
        self._attempts = self._serial = 0
        self._included = self.layout.etc / "routec.conf"
        self._before = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._ami: Ami | None = None

    # -- life -----------------------------------------------------------------------------------------------

    def __enter__(self) -> "Pbx":
        try:
            self._lay_out()
            # between asking for a free port and taking it, another may have taken it: hence three attempts
            while not self._start(last=self._attempts == 2):
                self._attempts += 1
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends Asterisk and everything that it started; after `timeout` seconds by force. May be called again."""
        if self._ami is not None:
            self._ami.close()
            self._ami = None
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
            self._end(timeout)
        shutil.rmtree(self._run, ignore_errors=True)

    def kill(self) -> None:
        """Ends Asterisk as a crash would; `start_again` brings it back."""
        if self._ami is not None:
            self._ami.close()
            self._ami = None
        self._end(5.0)

    def start_again(self) -> None:
        """Starts what was killed: the same ports, the same files. Raises `PbxError`."""
        self._start(last=True, ports=(self.ami_port, self.sip_port))

    def _end(self, timeout: float) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout)
            self._process = None

    def _lay_out(self) -> None:
        self.sounds.mkdir(parents=True, exist_ok=True)
        self.agi_bin.mkdir(parents=True, exist_ok=True)
        write_silence(self.layout.data / "moh" / "silence.wav", 1.0)
        shared = self.layout.root / "usr/share/asterisk"
        links = {self.layout.data / name: shared / name for name in ("documentation", "rest-api")}
        voices = sorted(shared.glob("sounds/en_*/hello-world.*")) or sorted(shared.glob("sounds/en/hello-world.*"))
        if voices:
            (self.sounds / "en").mkdir(exist_ok=True)  # a folder, so that a test can lay sounds of its own into it
            links |= {self.sounds / "en" / sound.name: sound for sound in voices[0].parent.iterdir()}
        for link, target in links.items():
            if not link.is_symlink():
                link.symlink_to(target)

    def _start(self, *, last: bool, ports: tuple[int, int] | None = None) -> bool:
        self.ami_port, self.sip_port = ports or (free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM))
        names = write(self.layout, ami_port=self.ami_port, sip_port=self.sip_port, secret=self.secret, **self._levels)
        self._write_dialplan()
        command = self.layout.command()
        if shutil.which("setpriv"):  # if the test's process is killed, so is Asterisk
            command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with (self.layout.log / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._env, start_new_session=True
            )
        if not until(lambda: self._connected() or self._died(), self._timeout):
            raise PbxError(f"Asterisk was not up after {self._timeout} s\n{self._tail()}")
        if self._ami is None:
            if last:
                raise PbxError(f"Asterisk ended at its start\n{self._tail()}")
            self._process.wait()
            self._process = None
            return False
        self.cli("core waitfullybooted")
        self._check_modules(names)
        return True

    def _connected(self) -> bool:
        try:
            self._ami = Ami(self.ami_port, USERNAME, self.secret, timeout=2)
        except (OSError, AmiError):
            return False
        return True

    def _died(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _check_modules(self, names: list[str]) -> None:
        running = self.cli("module show")
        missing = [name for name in names if f"{name}.so" not in running]
        if missing:
            raise PbxError(f"modules that did not load: {', '.join(missing)}\n{self._tail()}")

    def _tail(self) -> str:
        texts = [path.read_text("utf-8", "replace") for path in self.layout.log.glob("*.txt")]
        return "\n".join("\n".join(text.splitlines()[-40:]) for text in texts)

    # -- places -----------------------------------------------------------------------------------------------

    @property
    def sounds(self) -> Path:
        """The folder of sounds: `Playback(routec/welcome)` plays `routec/welcome.wav` in it."""
        return self.layout.data / "sounds"

    @property
    def agi_bin(self) -> Path:
        """The folder that `AGI(signin.agi)` looks in."""
        return self.layout.data / "agi-bin"

    def add_sound(self, name: str, seconds: float = 0.1) -> Path:
        """Lays a silent sound of that length under `sounds`, and gives its file."""
        path = self.sounds / f"{name}.wav"
        write_silence(path, seconds)
        return path

    # -- the manager ------------------------------------------------------------------------------------------

    @property
    def ami(self) -> Ami:
        """The manager connection. Raises `PbxError` when the PBX does not run."""
        if self._ami is None:
            raise PbxError("the PBX does not run")
        return self._ami

    def cli(self, command: str, timeout: float = 10.0) -> str:
        """What a console command prints. Raises `AmiError` when Asterisk does not know it."""
        return "\n".join(self.ami.act("Command", [("Command", command)], timeout).all("Output"))

    def set_global(self, name: str, value: str) -> None:
        """Sets a global variable now; it stands until the next start."""
        self.ami.act("SetVar", [("Variable", name), ("Value", value)])

    # -- the dialplan -------------------------------------------------------------------------------------------

    def reload(self, dialplan: str | Path, timeout: float = 60.0) -> None:
        """Puts a dialplan in force: text, or a file that is included where it stands.

        Raises `PbxError` if Asterisk does not hold, afterwards, the new top file and every context of the dialplan.
        """
        if isinstance(dialplan, Path):
            self._included, text = dialplan.resolve(), dialplan.read_text("utf-8")
        else:
            self._included, text = self.layout.etc / "routec.conf", dialplan
            self._included.write_text(text, encoding="utf-8")
        self._serial += 1
        self._write_dialplan()
        self.ami.act("Reload", [("Module", "pbx_config.so")], timeout)
        wanted = [line[1 : line.index("]")] for line in text.splitlines() if line.startswith("[") and "]" in line]
        names = [name for name in wanted if name not in ("general", "globals")]
        missing = [name for name in (f"harness-loaded-{self._serial}", *names) if not self.has_context(name)]
        if missing:
            raise PbxError(f"not in force after the reload: {', '.join(missing)}\n{self._tail()}")

    def include(self, file: Path, before: str = "") -> None:
        """Has the admin's extensions.conf include a file from now on, be it there or not, behind the text `before`."""
        self._included, self._before = file.resolve(), before
        self._serial += 1
        self._write_dialplan()
        self.ami.act("Reload", [("Module", "pbx_config.so")])
        if not self.has_context(f"harness-loaded-{self._serial}"):
            raise PbxError(f"not in force after the reload\n{self._tail()}")

    def _write_dialplan(self) -> None:
        globals_text = "".join(f"{name} = {value}\n" for name, value in self.globals.items())
        text = DIALPLAN.format(globals=globals_text, included=self._included, serial=self._serial, before=self._before)
        (self.layout.etc / "extensions.conf").write_text(text, encoding="utf-8")

    def has_context(self, context: str) -> bool:
        """Whether the dialplan in force has that context."""
        return self._dialplan(context) is not None

    def show(self, context: str) -> list[Step]:
        """The steps of a context as Asterisk holds them, includes not followed; empty when there is no such one."""
        events = self._dialplan(context) or []
        return [
            Step(
                event["Extension"],
                int(event["Priority"]),
                event["ExtensionLabel"],
                event["Application"],
                event["AppData"],
            )
            for event in events
            if event["Context"] == context and event["Priority"]
        ]

    def _dialplan(self, context: str) -> list[Message] | None:
        try:
            return self.ami.ask("ShowDialPlan", [("Context", context)])
        except AmiError as error:
            if "Did not find context" in str(error):
                return None
            raise

    # -- records ----------------------------------------------------------------------------------------------

    @property
    def console(self) -> str:
        """Everything that Asterisk has logged up to now (verbose, debug, notices, warnings, errors)."""
        self._serial += 1
        mark = f"HARNESS_MARK_{self._serial}"
        self.set_global(mark, "1")  # the log is written by a thread of its own, in order: this line comes last
        path = self.layout.log / "console.txt"
        if not until(lambda: mark in path.read_text("utf-8", "replace"), 5):
            raise PbxError("the console log does not go on")
        return path.read_text("utf-8", "replace")

    @property
    def cdr(self) -> str:
        """The call detail records up to now, as Asterisk writes them: CSV without a head."""
        path = self.layout.log / "cdr-csv" / "Master.csv"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def cdr_rows(self, at_least: int = 1, timeout: float = 5.0) -> list[dict[str, str]]:
        """The call detail records once there are that many. Raises `PbxError` if they do not come."""
        if not until(lambda: self.cdr.count("\n") >= at_least, timeout):
            raise PbxError(f"fewer than {at_least} call records after {timeout} s:\n{self.cdr}")
        return [dict(zip(CDR_FIELDS, row, strict=False)) for row in csv.reader(self.cdr.splitlines())]

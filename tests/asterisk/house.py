"""A project of routes under a real Asterisk: written, built, reloaded, and answered by a real `routec serve`."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from routec.signin.record import as_object
from routec.signin.store import Log
from tests.asterisk.config import PRODUCT
from tests.asterisk.machine import free_port, until
from tests.asterisk.pbx import Pbx

PEPPER = "house-of-tests"

PINS = {"floor1": "2468", "floor2": "1357"}

PROMPTS = ("welcome", "ok", "enter_login", "enter_pin", "enter_room", "enter_minibar", "refused")

ROUTES = """
auth hotel_staff "Hotel staff" {{
  purpose register
  login    ask enter_login   digits 4
  password ask enter_pin     digits 4..8
  extra1   ask enter_room    digits 3    as room
  extra2   ask enter_minibar digits 1..2 as minibar optional
  tries 3
  log login, room, minibar
  user floor1 "Floor 1" login 1001 password "{floor1}"
  user floor2 "Floor 2" login 1002 password "{floor2}"
}}
auth gate {{
  login ask enter_login digits 4
  tries 2
  within 5s
  user anna login 2001
}}
{prompts}
route housekeeping "Housekeeping line" {{
  on did +3225551234
  on extension 600
  prompt welcome
  auth hotel_staff else {{ prompt refused; hangup busy }}
  prompt ok
  dial 101
}}
route guarded "A gate, and what it guards" {{
  on extension 610
  auth gate else {{ prompt refused; dial 102 for 2s else hangup }}
  prompt ok
  goto behind
}}
route behind "Behind the gate" {{
  dial 103, 104 for 1s else {{ wait 1s; prompt refused }}
  hangup congestion
}}
"""


class House:
    """One project in `root`, with a database, a pepper and a port for the checker of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.prompts: Sequence[str] = ()
        self.port = free_port(socket.SOCK_STREAM)
        self.database = root / "state" / "signin.db"
        self.tables = ""
        here = Path(__file__).resolve().parents[2]
        self.env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(here),
            "HOME": str(root),
            "ROUTEC_PEPPER": PEPPER,
            "ROUTEC_STATE": str(root / "state"),
        }

    def write(self, routes: str = ROUTES, prompts: Sequence[str] = PROMPTS) -> None:
        """Writes the project: settings, prompts, and routes with the users' hashes in them."""
        self.prompts = prompts
        folder = self.root / "routes"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "routec.toml").write_text(
            f'[asterisk]\ndial = "Local/{{extension}}@phones/n"\n[agi]\nlisten = "127.0.0.1:{self.port}"\n{self.tables}'
        )
        declared = "\n".join(f'prompt {name} "routec/{name}"' for name in prompts)
        hashes = {name: self.routec("users", "hash", typed=f"{pin}\n").strip() for name, pin in PINS.items()}
        (folder / "house.route").write_text(routes.format(prompts=declared, **hashes))

    def routec(self, *arguments: str, typed: str = "") -> str:
        """Runs routec in the project, and gives its output. Raises CalledProcessError."""
        return subprocess.run(
            [sys.executable, "-m", "routec", *arguments],
            cwd=self.root, env=self.env, input=typed, check=True, text=True, stdout=subprocess.PIPE, timeout=60,
        ).stdout  # fmt: skip

    def connect(self, pbx: Pbx, to: str = "", *, port: int = 0, before: str = "") -> Path:
        """Has the project, from the next `write` on, apply to a PBX: `[ami]`, `[publish] to`, and the secret.

        The PBX includes from there, behind the text `before` of the admin's, and finds sounds and script. `port`
        is that of a go-between in front of the manager. Gives the published folder.
        """
        self.tables = f'[ami]\nport = {port or pbx.ami_port}\nusername = "{PRODUCT}"\n' + (
            f'[publish]\nto = "{to}"\n' if to else ""
        )
        self.env["ROUTEC_AMI_SECRET"] = pbx.secret
        folder = self.root / (to or "generated")
        self._link_script(pbx, folder)
        pbx.include(folder / "extensions.conf", before)
        return folder

    def apply(self, *arguments: str, code: int = 0, timeout: float = 60) -> str:
        """Runs `routec apply`, which must exit with `code`, and gives all that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "routec", "apply", *arguments], check=False, timeout=timeout,
            cwd=self.root, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == code, f"exit code {done.returncode}:\n{done.stdout}"
        return done.stdout

    def _link_script(self, pbx: Pbx, folder: Path) -> None:
        for name in self.prompts or PROMPTS:
            pbx.add_sound(f"routec/{name}")
        script = pbx.agi_bin / "signin.agi"
        if not script.is_symlink():
            script.symlink_to(folder / "signin.agi")

    def ship(self, pbx: Pbx) -> None:
        """Builds, and brings the result to Asterisk as an admin does: dialplan included, script in the AGI folder."""
        self.routec("build")
        self._link_script(pbx, self.root / "generated")
        pbx.reload(self.root / "generated" / "extensions.conf")

    @contextlib.contextmanager
    def serving(self) -> Iterator["Checker"]:
        """Runs `routec serve` until the end of the block."""
        checker = Checker(self)
        try:
            yield checker
        finally:
            checker.end()

    @contextlib.contextmanager
    def watching(self) -> Iterator[Path]:
        """Runs `routec watch` until the end of the block; gives the file with all that it prints."""
        path = self.root / "watch.log"
        with path.open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "routec", "watch"], cwd=self.root, env=self.env, stdout=said, stderr=said
            )
            try:
                yield path
            finally:
                process.terminate()
                process.wait(40)

    def log(self) -> list[dict[str, Any]]:
        """The sign-in log, newest first, as `routec log --format json` prints it (`printed_log`), and sooner."""
        log = Log(f"sqlite:///{self.database}")
        try:
            return [as_object(entry) for entry in log.read()]
        finally:
            log.close()

    def printed_log(self) -> list[dict[str, Any]]:
        """The sign-in log by the command itself."""
        return [json.loads(line) for line in self.routec("log", "--format", "json").splitlines()]

    def wait_log(self, rows: int) -> list[dict[str, Any]]:
        """The log as soon as it has so many rows."""
        assert until(lambda: len(self.log()) >= rows, 10), f"the log never had {rows} rows"
        return self.log()


class Checker:
    """A running `routec serve`, which can be killed or made to hang."""

    def __init__(self, house: House) -> None:
        self._said = (house.root / "serve.log").open("w+")
        # a file: a pipe that nobody reads is full one day, and holds serve up
        self._printed = (house.root / "serve.out").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "routec", "serve"],
            cwd=house.root, env=house.env, text=True, stdout=self._printed, stderr=self._said,
        )  # fmt: skip
        self._wait_printed("checker: listening", 1)
        self._builds = self._lines("built: ")

    def wait_build(self) -> None:
        """Waits until it has built anew after a change, once more than at the last call."""
        self._builds += 1
        self._wait_printed("built: ", self._builds)

    def _wait_printed(self, start: str, times: int) -> None:
        assert until(lambda: self._lines(start) >= times or self.process.poll() is not None, 60), self.said()
        assert self._lines(start) >= times, f"serve ended: {self.said()}"

    def _lines(self, start: str) -> int:
        return sum(line.startswith(start) for line in Path(self._printed.name).read_text().splitlines())

    def said(self) -> str:
        """All that serve wrote to its standard error."""
        return Path(self._said.name).read_text()

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        """Makes it hang: its socket still accepts, and nothing ever answers."""
        self.process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Ends it as a service manager does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()
        self._printed.close()
        self._said.close()

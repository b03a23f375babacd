"""A project with one register module, and `routec serve` processes on it that can be killed."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.asterisk.machine import free_port
from tests.signin.fake import weak_hash
from tests.storm.receiver import SECRET

ROOT = Path(__file__).resolve().parents[2]
USERS = 20
PIN = "480913"
WRONG_PIN = "480914"

ROUTES = """
auth rooms "Rooms" {{
  purpose  register
  login    ask "enter_login" digits 4
  password ask "enter_pin"   digits 6
  extra1   ask "enter_item"  digits 8
  lockout after 1000 for 1s
  log login, extra1
  {webhook}
{users}
}}
route front {{ on did +3225551234; auth rooms else hangup; hangup }}
"""


class Project:
    """A folder with routes, a state folder, a pepper and a port; `database` is an SQLAlchemy URL, or SQLite."""

    def __init__(self, folder: Path, hook: str | None = None, database: str | None = None, port: int = 0) -> None:
        self.folder = folder
        self.address = ("127.0.0.1", port or free_port(socket.SOCK_STREAM))
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "ROUTEC_PEPPER": "pepper of the storm",
            "ROUTEC_STATE": str(folder / "state"),
            "ROUTEC_AGI_LISTEN": f"127.0.0.1:{self.address[1]}",
            "STORM_SECRET": SECRET,
        }
        if database:
            self.env["ROUTEC_DATABASE"] = database
        (folder / "routes").mkdir(parents=True)
        users = "\n".join(
            f'  user u{n} login {1000 + n} password "{weak_hash(PIN, "pepper of the storm")}"' for n in range(USERS)
        )
        webhook = f'webhook "{hook}" secret env STORM_SECRET allow private' if hook else ""
        (folder / "routes" / "front.route").write_text(ROUTES.format(webhook=webhook, users=users))

    def keys(self, number: int, *, right: bool = True) -> dict[str, str]:
        """What the caller of a number presses: a user's login and PIN, and the number itself as the item."""
        pin = PIN if right else WRONG_PIN
        return {"enter_login": str(1000 + number % USERS), "enter_pin": pin, "enter_item": f"{number:08d}"}

    def routec(self, *arguments: str) -> str:
        """Run a verb; gives what it printed. Raises CalledProcessError."""
        return subprocess.run(
            [sys.executable, "-m", "routec", *arguments],
            cwd=self.folder, env=self.env, check=True, text=True, stdout=subprocess.PIPE, timeout=120,
        ).stdout  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """The log."""
        return [json.loads(line) for line in self.routec("log", "--format", "json").splitlines()]

    @contextlib.contextmanager
    def serving(self) -> Iterator[subprocess.Popen[str]]:
        """A `routec serve` that listens, until the end of the block; it may be killed before."""
        with (self.folder / "serve.log").open("a") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "routec", "serve"],
                cwd=self.folder, env=self.env, text=True, stdout=subprocess.PIPE, stderr=said,
            )  # fmt: skip
            assert process.stdout is not None
            try:
                if not any("listening" in line for line in process.stdout):
                    raise AssertionError(f"serve ended: {(self.folder / 'serve.log').read_text()[-2000:]}")
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait(60)
                process.stdout.close()

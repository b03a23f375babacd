"""Two real PBXs under one set of files: Brussels has the newest Asterisk, Ghent the oldest, each its own settings."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.asterisk.config import PRODUCT
from tests.asterisk.house import PEPPER
from tests.asterisk.machine import free_port
from tests.asterisk.pbx import Pbx
from tests.signin.fake import weak_hash

PIN = "2468"

SOUNDS = ("welcome", "enter_login", "enter_pin", "ok", "refused")

ROUTES = """
auth staff "Staff of both houses" {
  login    ask "routec/enter_login" digits 4
  password ask "routec/enter_pin"   digits 4..8
  tries 3
  lockout after 4 for 15m
  log login
  user anna login 1001 password "HASH"
}
route front "Front desk" {
  on extension 600
  prompt "routec/welcome"
  auth staff else { locked: hangup busy; denied { prompt "routec/refused"; hangup rejected } }
  prompt "routec/ok"
  dial 101
}
route night { on extension 610; hangup congestion }
"""

SETTINGS = """
[asterisk]
dial = "Local/{{extension}}@phones/n"
[ami]
username = "{user}"
[targets.brussels]
ami = {{ port = {brussels.ami_port} }}
agi = {{ listen = "127.0.0.1:{checkers[brussels]}" }}
signin = {{ state = "{root}/state/brussels" }}
[targets.brussels.on]
front = ["extension 600", "did +3225551234"]

[targets.ghent.asterisk]
target = 16
dial = "Local/{{extension}}@from-phones/n"
[targets.ghent.ami]
port = {ghent.ami_port}
[targets.ghent.publish]
to = "pbx-of-ghent"
[targets.ghent.agi]
listen = "127.0.0.1:{checkers[ghent]}"
[targets.ghent.signin]
state = "{root}/state/ghent"
[targets.ghent.on]
front = ["extension 700", "did +3292223344"]
"""

FOLDERS = {"brussels": "generated/brussels", "ghent": "pbx-of-ghent"}


class Towns:
    """One project in `root`, and the two PBXs that include what is published for each."""

    def __init__(self, root: Path, brussels: Pbx, ghent: Pbx) -> None:
        self.root = root
        self.brussels, self.ghent = brussels, ghent
        self._hash = weak_hash(PIN, PEPPER)
        self.checkers = {name: free_port(socket.SOCK_STREAM) for name in FOLDERS}
        self.env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            "HOME": str(root),
            "ROUTEC_PEPPER": PEPPER,
            "ROUTEC_AMI_SECRET_BRUSSELS": brussels.secret,
            "ROUTEC_AMI_SECRET_GHENT": ghent.secret,
        }
        (root / "routes").mkdir()
        for name, pbx in (("brussels", brussels), ("ghent", ghent)):
            pbx.include(root / FOLDERS[name] / "extensions.conf")
            for sound in SOUNDS:
                pbx.add_sound(f"routec/{sound}")
        self.write()

    @property
    def settings(self) -> str:
        """What routec.toml says."""
        return SETTINGS.format(
            user=PRODUCT, root=self.root, brussels=self.brussels, ghent=self.ghent, checkers=self.checkers
        )

    def write(self, routes: str = ROUTES, settings: str = "") -> None:
        """Writes the files of both."""
        (self.root / "routes" / "towns.route").write_text(routes.replace("HASH", self._hash))
        (self.root / "routes" / "routec.toml").write_text(settings or self.settings)

    def routec(self, *arguments: str, code: int = 0, env: Mapping[str, str] = {}) -> str:
        """Runs routec, which must end with `code`, and gives all that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "routec", *arguments], check=False, timeout=60, cwd=self.root,
            env=self.env | {**env}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == code, f"exit code {done.returncode}:\n{done.stdout}"
        return done.stdout

    @contextlib.contextmanager
    def serving(self, target: str, env: Mapping[str, str]) -> Iterator[None]:
        """Runs `routec serve --target` until the end of the block, from when its checker answers."""
        said = self.root / f"serve-{target}.log"
        with said.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "routec", "serve", "--target", target],
                cwd=self.root, env=self.env | {**env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file,
                text=True,
            )  # fmt: skip
            try:
                assert process.stdout is not None
                if not any("listening" in line for line in process.stdout):
                    raise AssertionError(f"serve ended: {said.read_text()}")
                yield
            finally:
                process.terminate()
                try:
                    process.communicate(timeout=40)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()


@contextlib.contextmanager
def two_towns(root: Path, new: Path, old: Path) -> Iterator[Towns]:
    """Starts the two PBXs, of the newest Asterisk and of the oldest, and lays the project out."""
    with Pbx(new, root / "pbx-brussels", debug=0) as brussels, Pbx(old, root / "pbx-ghent", debug=0) as ghent:
        yield Towns(root, brussels, ghent)

"""A small project on a real Asterisk that includes what it publishes; applies run in this process."""

from collections.abc import Callable
from pathlib import Path

from routec.apply.ami.link import Patience
from routec.apply.ami.manager import Ami
from routec.apply.applier import Applied, Applier
from routec.apply.build import Built, compile_project
from routec.apply.held import Held, ours
from tests.asterisk.config import PRODUCT
from tests.asterisk.house import House
from tests.asterisk.pbx import Pbx

ROUTES = """\
route desk "The desk" {{
  on did +3225551234
  on extension 600
  wait {wait}s
  dial 102 for 1s
  hangup busy
}}
route stays "What nobody touches" {{ on extension 601; wait 30s }}
"""


class Desk:
    """One project in `root`. `port` is that of a go-between in front of the manager."""

    def __init__(self, root: Path, pbx: Pbx, *, to: str = "", port: int = 0, before: str = "") -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.pbx = pbx
        self.port = port or pbx.ami_port
        self.house = House(root)
        self.folder = self.house.connect(pbx, to, port=port, before=before)

    def write(self, wait: int = 1, routes: str = ROUTES) -> Built:
        """Writes the routes, with another wait in the first, and gives what they compile to."""
        folder = self.root / "routes"
        folder.mkdir(exist_ok=True)
        (folder / "routec.toml").write_text(
            f'[asterisk]\ndial = "Local/{{extension}}@phones/n"\n[agi]\nlisten = "127.0.0.1:{self.house.port}"\n'
            + self.house.tables
        )
        (folder / "desk.route").write_text(routes.format(wait=wait))
        built = compile_project(self.root)
        assert not built.failed, built.compilation.diagnostics
        return built

    def applier(
        self,
        at: Callable[[str], None] = lambda _: None,
        *,
        patience: Patience = Patience(),  # noqa: B008 (immutable)
        timeout: float = 5,
        secret: str = "",
        resident: bool = False,
    ) -> Applier:
        """What applies, with as much patience as a test has."""

        def connect(_settings: object) -> Ami:
            return Ami("127.0.0.1", self.port, PRODUCT, secret or self.pbx.secret, timeout=timeout)

        return Applier(self.root, connect=connect, at=at, patience=patience, resident=resident)

    def bring(self, built: Built) -> Applied:
        """Applies, and lets retired contexts go."""
        applier = self.applier()
        try:
            applied = applier.bring(built)
            applier.sweep(wait=True)
            return applied
        finally:
            applier.close()

    def holds(self) -> Held:
        """All that Asterisk holds of routec's now."""
        with Ami("127.0.0.1", self.pbx.ami_port, PRODUCT, self.pbx.secret) as ami:
            return ours(ami.holds())

    def files(self) -> dict[str, bytes]:
        """All that is in the published folder, but for the lock."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != ".routec.lock"
        }

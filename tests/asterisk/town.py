"""A project under a real Asterisk that is changed while calls stand in it: the applier, a checker, and two generations.

Unlike `House.serving` the checker runs here, beside the applier, so that a test says itself when what goes live.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from routec.apply.applier import Applier
from routec.apply.build import Builder
from routec.settings import Runtime
from routec.signin.modules import ModuleStore
from routec.signin.server import Server
from routec.signin.session import Checker
from routec.signin.store import Log
from tests.asterisk.generations import INCLUDE, generation, in_memory
from tests.asterisk.house import House
from tests.asterisk.machine import until
from tests.asterisk.pbx import Pbx
from tests.properties.reader import Plan


class Town:
    """What a test changes: `put` brings a text of routes to the PBX, all the way."""

    def __init__(self, house: House, pbx: Pbx, applier: Applier) -> None:
        self.house = house
        self.pbx = pbx
        self.applier = applier
        self.folder = house.root / "generated"
        self.is_served = False
        self._builder = Builder(house.root)

    def put(self, routes: str) -> float:
        """Writes the routes and applies them, or waits until `serve` has; gives the seconds that it took."""
        begun = time.monotonic()
        self.write(routes)
        if self.is_served:
            self.wait_live()
        else:
            self.apply()
        return time.monotonic() - begun

    def wait_live(self, timeout: float = 20) -> None:
        """Waits until the PBX runs what is written, to its last context, whoever applies it."""
        built = self._builder.build()
        assert not built.failed, [fault.message for fault in built.compilation.diagnostics]
        (seal,) = generation(built.files["extensions.conf"].decode())[SEAL]["seal"]
        if not until(lambda: [step.data for step in self.pbx.show(SEAL)] == [seal.data], timeout):
            raise AssertionError(f"it never went live: {(self.house.root / 'serve.log').read_text()[-2000:]}")

    def write(self, routes: str) -> None:
        """Writes the routes, no more."""
        (self.house.root / "routes" / "house.route").write_text(routes)

    def apply(self) -> None:
        """Applies what is written. Raises `ApplyError`, and `AssertionError` for routes with a fault."""
        built = self._builder.build()
        assert not built.failed, [fault.message for fault in built.compilation.diagnostics]
        self.applier.bring(built)

    def plan(self) -> Plan:
        """The generation in force, as its file has it."""
        return generation((self.folder / "extensions.conf").read_text())

    def retired(self) -> str:
        """The text of retired.conf, where there is one."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "retired.conf").read_text()
        return ""

    def settle(self, condition: Callable[[], bool] | None = None, timeout: float = 5) -> bool:
        """Sweeps, as `watch` does now and then, until nothing of an older generation is left, or as is said here.

        Gives whether it came to that.
        """

        def swept() -> bool:
            self.applier.sweep()
            return (condition or self.is_clean)()

        return until(swept, timeout, pause=0.1)

    def is_clean(self) -> bool:
        """Whether nothing of any older generation is left, in the files or in the PBX's memory."""
        leads = INCLUDE in (self.folder / "extensions.conf").read_text()
        return not leads and "[" not in self.retired() and in_memory(self.pbx) == set(self.plan())


SEAL = "routec-seal"


@contextlib.contextmanager
def town(root: Path, asterisk: Path, routes: str, *, served: bool = False) -> Iterator[Town]:
    """A project of these routes, applied to a PBX of its own, and answered by a checker, until the end of the block.

    The applier and the checker are in this process, or those of a `routec serve`.
    """
    house = House(root)
    with Pbx(asterisk, root / "pbx", env=house.env, debug=0) as pbx, contextlib.ExitStack() as stack:
        house.connect(pbx)
        house.write("")
        applier = Applier(root, resident=True, environ=house.env)
        stack.callback(applier.close)
        place = Town(house, pbx, applier)
        place.put(routes)
        if served:
            stack.enter_context(house.serving())
            place.is_served = True
            yield place
            return
        runtime = Runtime.of(house.env)
        log = Log(runtime.database, spool=runtime.spool)
        stack.callback(log.close)
        checker = Checker(ModuleStore(place.folder / "signin.json"), log, runtime)
        stack.enter_context(Server(checker, ("127.0.0.1", house.port)))
        yield place

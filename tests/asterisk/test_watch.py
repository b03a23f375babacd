"""`routec watch` with a real Asterisk: it is not there yet, it is killed, it is reloaded by hand; faults, checkouts."""

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.ami import Message
from tests.asterisk.conftest import NewPbx
from tests.asterisk.house import House
from tests.asterisk.machine import until
from tests.asterisk.pbx import Pbx

ROUTE = 'route {name} "{name}" {{ on extension {number}; dial {phone} for 5s }}\n'


def route(number: int, phone: int = 101, name: str = "") -> str:
    return ROUTE.format(name=name or f"r{number}", number=number, phone=phone)


class Watched:
    """A project of small routes under `routec watch`."""

    def __init__(self, house: House, pbx: Pbx, said: Path) -> None:
        self.house = house
        self.pbx = pbx
        self._said = said
        self._read = 0

    def save(self, text: str, name: str = "house.route") -> None:
        (self.house.root / "routes" / name).write_text(text)

    def wait(self, text: str, timeout: float = 40) -> str:
        """Waits until it says something more that holds a text, and gives all that it said up to there."""

        def said() -> int:
            return self._said.read_text().find(text, self._read)

        assert until(lambda: said() >= 0, timeout), self.said()
        at = self._said.read_text().find("\n", said()) + 1
        told, self._read = self._said.read_text()[self._read : at], at
        return told

    def said(self) -> str:
        return self._said.read_text()

    def numbers(self) -> list[str]:
        return [step.exten for step in self.pbx.show("routec-extensions")]


@contextlib.contextmanager
def watched(pbx: Pbx, root: Path, *, first: str = "", kills: bool = False) -> Iterator[Watched]:
    house = House(root)
    house.connect(pbx)
    house.write("", prompts=())
    (root / "routes/house.route").write_text(first or route(600))
    if kills:
        pbx.kill()
    with house.watching() as said:
        yield Watched(house, pbx, said)


def test_a_save_a_fault_and_a_good_save(new_pbx: NewPbx, tmp_path: Path) -> None:
    with watched(new_pbx(), tmp_path) as one:
        one.wait("live: 1 route, 1 number changed")
        assert one.numbers() == ["600"]
        one.save(route(600, 102))
        told = one.wait("live after ")
        told += one.wait("600 ")
        assert "600 now rings 102 for 5s instead of 101 for 5s" in told
        one.save(route(700) + "route {")
        one.wait("the last good files stay")
        assert one.numbers() == ["600"]
        one.save(route(700))
        one.wait("live after ")
        assert one.numbers() == ["700"]
        (one.house.root / "routes").rename(tmp_path / "away")
        one.wait("routes/ is gone")
        assert one.numbers() == ["700"]
        (tmp_path / "away").rename(one.house.root / "routes")
        one.save(route(800))
        one.wait("live after ")
        assert one.numbers() == ["800"]


def test_asterisk_comes_later_is_killed_and_comes_back(new_pbx: NewPbx, tmp_path: Path) -> None:
    pbx = new_pbx()
    with watched(pbx, tmp_path, kills=True) as one:
        one.wait("waiting for Asterisk: ")
        pbx.start_again()
        one.wait("Asterisk is back after ")
        one.wait("live")
        assert one.numbers() == ["600"]
        pbx.kill()
        one.wait("waiting for Asterisk: ")
        one.save(route(700))
        pbx.start_again()
        one.wait("Asterisk is back after ")
        one.wait("live")
        assert one.numbers() == ["700"]
        assert one.said().count("waiting for Asterisk") == 2


def test_what_somebody_changes_in_the_pbx_is_said_and_put_right(new_pbx: NewPbx, tmp_path: Path) -> None:
    pbx = new_pbx()
    with watched(pbx, tmp_path) as one:
        one.wait("live: ")
        published = tmp_path / "generated/extensions.conf"
        good = published.read_bytes()
        published.write_bytes(good.replace(b"600", b"666"))
        pbx.ami.act("Reload", [("Module", "pbx_config.so")])
        one.wait("DRIFT: Asterisk does not run what it was left with, in routec-")
        one.wait("live: ")
        assert one.numbers() == ["600"]
        assert until(lambda: published.read_bytes() == good, 10), one.said()


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_a_checkout_of_a_hundred_files_is_one_reload(new_pbx: NewPbx, tmp_path: Path) -> None:
    reloads: list[Message] = []
    pbx = new_pbx()
    with watched(pbx, tmp_path, first=route(599)) as one:
        one.wait("live: ")

        def git(*command: str) -> None:
            names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
            subprocess.run(["git", *names, *command], cwd=tmp_path, check=True, env=one.house.env, capture_output=True)

        git("init", "-q", "-b", "main")
        git("add", "routes")
        git("commit", "-qm", "one")
        git("checkout", "-qb", "other")
        for number in range(600, 700):
            one.save(route(number), f"r{number}.route")
        one.wait("live after ")
        git("add", "routes")
        git("commit", "-qm", "hundred")
        pbx.ami.listen(lambda event: reloads.append(event) if event["Event"] == "Reload" else None)
        git("checkout", "-q", "main")
        one.wait("100 numbers changed")
        assert one.numbers() == ["599"]
        git("config", "filter.slow.smudge", "sleep 0.02; cat")
        (tmp_path / ".git/info/attributes").write_text("*.route filter=slow\n")
        checkout = threading.Thread(target=git, args=("checkout", "-q", "other"))
        checkout.start()
        one.wait("100 numbers changed")
        checkout.join()
        assert len(one.numbers()) == 101
        assert len(reloads) == 2

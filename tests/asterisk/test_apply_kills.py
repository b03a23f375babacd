"""kill -9 of `routec apply` at random moments: the PBX runs a whole dialplan, the old one or the new one."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from routec.apply.build import Built
from routec.apply.held import Held
from routec.backend.dialplan import FIXED
from tests.asterisk.conftest import NewPbx
from tests.asterisk.desk import Desk

KILLS = 100


def whole(held: Held) -> Held:
    """What new calls can come to: the entries, and what has a name of its content; retired contexts apart."""
    return {name: each for name, each in held.items() if each}


def is_whole(held: Held, built: Built) -> bool:
    """Whether a PBX runs a build: all of it, with nothing but retired contexts beside it."""
    wanted = whole(built.held)
    beside = held.keys() - wanted.keys()
    return all(held.get(name) == each for name, each in wanted.items()) and not beside & set(FIXED)


def mends(desk: Desk, built: Built) -> None:
    """The next apply puts all right."""
    desk.bring(built)
    assert desk.holds() == built.held
    assert desk.files() == built.files


class Killable:
    """`routec apply`, as often as wanted, each in a process of its own."""

    def __init__(self, desk: Desk) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.asterisk.killable"],
            cwd=desk.root, env=desk.house.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1,
        )  # fmt: skip

    def apply(self, after: float | None) -> tuple[int, float]:
        """One apply, killed so many seconds after its start; gives its exit code and how long it lived."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        started = time.monotonic()
        child = int(self.process.stdout.readline())
        if after is not None:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        self.process.stdin.write("over\n")
        code = int(self.process.stdout.readline())
        return code, time.monotonic() - started

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def desk(new_pbx: NewPbx, tmp_path: Path) -> Desk:
    """A project with its first routes in force."""
    found = Desk(tmp_path / "desk", new_pbx(verbose=0, debug=0))
    found.bring(found.write(1))
    return found


def test_killed_at_any_moment(desk: Desk) -> None:
    """kill -9 at random moments of its life. What Asterisk holds, and what it would read, is the old or the new."""
    chance = random.Random(4)
    killable = Killable(desk)
    try:
        assert killable.apply(None)[0] == 0  # the first one warms up
        now = desk.write(2)
        code, lived = killable.apply(None)
        assert code == 0
        assert is_whole(desk.holds(), now)
        outcomes = {"old": 0, "new": 0, "mixed files": 0, "not killed": 0}
        number = 0
        while number - outcomes["not killed"] < KILLS:
            number += 1
            old, now = now, desk.write(3 + number)
            code, _ = killable.apply(chance.uniform(0, 0.8 * lived))
            held = desk.holds()
            is_old, is_new = is_whole(held, old), is_whole(held, now)
            assert is_old or is_new, f"kill {number}: what it holds is neither"
            if code != -signal.SIGKILL:
                assert code == 0
                outcomes["not killed"] += 1
            files = desk.files()
            outcomes["mixed files"] += files["extensions.conf"] != now.files["extensions.conf"] and (
                files["manifest.json"] == now.files["manifest.json"]
            )
            desk.pbx.cli("dialplan reload")
            read = desk.holds()
            assert is_whole(read, old) or is_whole(read, now), f"kill {number}: what it reads is neither"
            assert not is_new or is_whole(read, now), "what is in force stays in force"
            outcomes["new" if is_new else "old"] += 1
            # the machine may be slower now than at the first apply: a kill must go on to fall anywhere
            lived *= 0.96 if is_new else 1.04
            if number % 10 == 0:
                mends(desk, now)
            else:  # a killed one in the place of a killed one
                now = now if is_whole(read, now) else old
        mends(desk, desk.write(1))
        print(f"\n{number} applies, {KILLS} of them killed: {outcomes}")
        assert outcomes["old"] > KILLS / 20
        assert outcomes["new"] > KILLS / 20
    finally:
        killable.close()

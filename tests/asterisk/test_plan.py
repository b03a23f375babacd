"""`routec plan` against what a real Asterisk runs, hand edits in its memory included."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.asterisk.conftest import NewPbx
from tests.asterisk.house import ROUTES, House
from tests.asterisk.pbx import Pbx

CHANGED = ROUTES.replace("auth gate else {{", "wait 1s; auth gate else {{").replace("  on extension 600\n", "")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


@pytest.fixture
def live(house: House, new_pbx: NewPbx) -> Pbx:
    """A PBX that includes what the house publishes; nothing is published yet."""
    pbx = new_pbx()
    house.connect(pbx)
    house.write()
    return pbx


def routec(house: House, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "routec", *arguments],
        cwd=house.root, env=house.env, check=False, text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def planned(house: House) -> tuple[int, dict[str, Any]]:
    code, said = routec(house, "plan", "--detailed-exitcode", "--format", "json")
    table: dict[str, Any] = json.loads(said)
    return code, table


def texts(table: dict[str, Any]) -> list[str]:
    return [change["text"] for change in table["changes"]]


def named(pbx: Pbx, beginning: str) -> str:
    """The one context whose name begins so."""
    lines = pbx.cli("dialplan show").splitlines()
    (name,) = {line.split("'")[1] for line in lines if line.startswith(f"[ Context '{beginning}")}
    return name


def published(house: House) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((house.root / "generated").glob("*")) if path.is_file()}


def test_from_the_first_plan_to_the_next(house: House, live: Pbx) -> None:
    code, table = planned(house)
    assert code == 2
    assert table["against"] == "pbx"
    assert table["drift"] == []
    assert "600 is answered: plays welcome, asks for hotel_staff (else plays refused, hangs up (busy)), plays ok, " in (
        next(text for text in texts(table) if text.startswith("600"))
    )
    assert not (house.root / "generated").exists()

    house.apply()
    code, said = routec(house, "plan", "--detailed-exitcode")
    assert (code, said) == (0, "against what the PBX runs:\n\nnothing to change\n")

    house.write(CHANGED)
    before = published(house)
    code, table = planned(house)
    assert code == 2
    numbers = [change["text"] for change in table["changes"] if "number" in change]
    assert sorted(numbers) == ["600 is no longer answered", "610 now waits 1s before asking for gate"]
    assert published(house) == before
    (pair,) = [pair for pair in table["contexts"]["changed"] if "guarded" in pair["new"]]
    assert live.has_context(pair["old"])
    assert not live.has_context(pair["new"])

    house.apply()
    assert live.has_context(pair["new"])
    assert planned(house)[0] == 0


def test_a_hand_edit_in_the_memory(house: House, live: Pbx) -> None:
    house.apply()
    before = published(house)
    live.cli("dialplan add extension 610,1,Dial,PJSIP/999 into routec-extensions replace")
    live.cli("dialplan add extension 666,1,Hangup into routec-extensions")
    context = named(live, "routec-housekeeping-")
    live.cli(f"dialplan add extension 600,1,Dial,Local/101@phones into {context}")
    code, table = planned(house)
    assert code == 2
    assert "666 is no longer answered" in texts(table)
    assert "600 now asks for hotel_staff before 101" in texts(table)
    assert [text for text in texts(table) if text.startswith("610 ")]
    assert not [change for change in table["changes"] if change["gate"]], "putting back opens nothing"
    drift = {(one["where"], one["what"], one["exten"], one["priority"]) for one in table["drift"]}
    assert {
        ("pbx", "routec-extensions", "610", 1),
        ("pbx", "routec-extensions", "666", 1),
        ("pbx", context, "600", 1),
    } <= (drift)
    code, said = routec(house, "plan")
    assert code == 0
    assert "drift, which an apply puts right:\n  the PBX's memory: " in said
    assert "`Dial(PJSIP/999)`" in said
    code, said = routec(house, "plan", "--offline", "--detailed-exitcode")
    assert (code, said) == (0, "against the published files in generated:\n\nnothing to change\n")
    assert published(house) == before

    house.apply()
    assert planned(house)[0] == 0


def test_a_sign_in_that_somebody_opened(house: House, live: Pbx) -> None:
    """What runs has no sign-in any more, although the files and the name of the context say that it has."""
    house.apply()
    name = named(live, "routec-signin.gate-")
    live.cli(f"dialplan add extension T,1,Set,ROUTEC_VERDICT=granted into {name} replace")
    code, table = planned(house)
    assert code == 2
    assert "gate: its sign-in is routec's again; what ran was edited by hand" in texts(table)
    code, said = routec(house, "trace", "610")
    assert code == 0
    assert "runs a sign-in to gate that is not as routec makes it (not routec's)" in said


def test_a_pbx_that_is_not_there(house: House, live: Pbx) -> None:
    live.kill()
    assert routec(house, "plan") == (3, "")
    assert routec(house, "plan", "--detailed-exitcode") == (1, "")
    assert routec(house, "trace", "600") == (3, "")
    house.env["ROUTEC_AMI_SECRET"] = "wrong"
    live.start_again()
    assert routec(house, "plan") == (3, "")
    assert routec(house, "trace", "600") == (3, "")

"""`routec trace` through what a real Asterisk runs."""

from pathlib import Path

from tests.asterisk.conftest import NewPbx
from tests.asterisk.house import ROUTES, House
from tests.asterisk.test_plan import named, routec


def test_a_number_through_what_runs(tmp_path: Path, new_pbx: NewPbx) -> None:
    house = House(tmp_path / "house")
    pbx = new_pbx()
    house.connect(pbx)
    house.write()
    assert routec(house, "trace", "610")[0] == 1, "nothing is in force yet"
    house.apply()
    lines = (house.root / "routes/house.route").read_text().splitlines()
    place = f"routes/house.route:{lines.index('  goto behind') + 1}:3"

    code, said = routec(house, "trace", "610")
    assert code == 0
    assert said.startswith("in what the PBX runs:\n\n610, an extension\n")
    assert f"{place}  goto behind" in said
    assert "rings 103, 104 for 1s" in said
    assert "not routec's" not in said
    for form in ("+32 2 555 12 34", "025551234"):
        assert "+3225551234, a DID\n" in routec(house, "trace", form)[1]

    # The files go on; the PBX still runs what it runs.
    house.write(ROUTES.replace("dial 103, 104 for 1s", "dial 105"))
    code, said = routec(house, "trace", "610")
    assert code == 0
    assert "rings 103, 104 for 1s" in said
    assert (
        "the routes say otherwise now, which `routec plan` shows:\n    it now rings 105 instead of 103, 104 for 1s"
        in (said)
    )
    house.routec("build")
    assert "rings 105" in routec(house, "trace", "610", "--offline")[1]

    # A hand edit goes before the pattern of the route, as it does for calls.
    context = named(pbx, "routec-behind-")
    pbx.cli(f"dialplan add extension 610,1,Verbose,hello into {context}")
    code, said = routec(house, "trace", "610")
    assert code == 0
    assert "    runs Verbose(hello) (not routec's)" in said
    assert f"  {context} 610,1\n" in said
    assert routec(house, "trace", "611")[0] == 1

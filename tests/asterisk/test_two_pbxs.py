"""Two real Asterisks, the newest and the oldest, side by side from one set of files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.meeting import Met
from tests.asterisk.pair import PIN, ROUTES, Towns, two_towns
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Call

LOGIN, PASSWORD = "routec/enter_login", "routec/enter_pin"
RIGHT = [(LOGIN, "1001#"), (PASSWORD, f"{PIN}#")]
CALLER = "+32475000001"
CONGESTION = Met("hangup", "34")


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Path, old_asterisk_root: Path) -> Iterator[Towns]:
    with two_towns(tmp_path_factory.mktemp("towns"), asterisk_root, old_asterisk_root) as towns:
        yield towns


@pytest.fixture
def towns(_running: Towns) -> Towns:
    """Both PBXs run what the files say."""
    _running.write()
    _running.routec("apply")
    return _running


def meets(pbx: Pbx, number: str, context: str = "from-phones") -> list[Met]:
    """What a caller meets in a call that takes no key and ends by itself."""
    with Call(pbx.ami, number, context) as call:
        return call.wait_end()


def answered(pbx: Pbx) -> set[str]:
    """The extensions of ours that a PBX answers."""
    return {step.exten for step in pbx.show("routec-extensions")}


def test_each_runs_its_own_of_the_one_set_of_files(towns: Towns) -> None:
    assert answered(towns.brussels) == {"600", "610"}
    assert answered(towns.ghent) == {"700", "610"}
    assert {step.exten for step in towns.ghent.show("routec-dids")} == {
        "3292223344", "+3292223344", "003292223344", "092223344",
    }  # fmt: skip
    for pbx in (towns.brussels, towns.ghent):
        assert meets(pbx, "610")[-1] == CONGESTION
    assert towns.brussels.cli("core show version").startswith("Asterisk 22.")
    assert towns.ghent.cli("core show version").startswith("Asterisk 16.")
    assert "nothing to change" in towns.routec("plan", "--detailed-exitcode").lower()


def test_a_change_is_planned_for_all_and_applied_one_by_one(towns: Towns) -> None:
    towns.write(ROUTES.replace("hangup congestion", "hangup busy"))
    planned = towns.routec("plan", "--detailed-exitcode", code=2)
    assert planned.index("brussels") < planned.index("ghent")
    towns.routec("apply", "--target", "ghent")
    assert meets(towns.ghent, "610")[-1] == Met("hangup", "17")
    assert meets(towns.brussels, "610")[-1] == CONGESTION
    towns.routec("plan", "--target", "ghent", "--detailed-exitcode")
    towns.routec("plan", "--target", "brussels", "--detailed-exitcode", code=2)
    towns.routec("plan", "--detailed-exitcode", code=2)
    towns.routec("apply")
    assert meets(towns.brussels, "610")[-1] == Met("hangup", "17")
    towns.routec("plan", "--detailed-exitcode")


def test_an_on_line_of_one_changes_that_one_only(towns: Towns) -> None:
    towns.write(settings=towns.settings.replace('"extension 700"', '"extension 701"'))
    planned = towns.routec("plan", "--target", "ghent", "--detailed-exitcode", code=2)
    assert "700" in planned
    assert "701" in planned
    towns.routec("plan", "--target", "brussels", "--detailed-exitcode")
    towns.routec("apply")
    assert (answered(towns.brussels), answered(towns.ghent)) == ({"600", "610"}, {"701", "610"})


def test_the_first_that_refuses_stops_the_rest(towns: Towns) -> None:
    towns.write(ROUTES.replace("hangup congestion", "hangup busy"))
    said = towns.routec("apply", code=3, env={"ROUTEC_AMI_SECRET_BRUSSELS": "wrong"})
    assert "RT602" in said
    assert "brussels" in said
    assert "ghent" in said.splitlines()[-1]
    assert "not" in said.splitlines()[-1]
    for pbx in (towns.brussels, towns.ghent):
        assert meets(pbx, "610")[-1] == CONGESTION
    said = towns.routec("apply", code=3, env={"ROUTEC_AMI_SECRET_GHENT": "wrong"})
    assert "RT602" in said
    assert meets(towns.brussels, "610")[-1] == Met("hangup", "17")
    assert meets(towns.ghent, "610")[-1] == CONGESTION


def test_a_fault_that_one_has_keeps_all_as_they_are(towns: Towns) -> None:
    towns.write(
        ROUTES.replace("hangup congestion", "hangup busy"), towns.settings.replace('"extension 700"', '"extension 610"')
    )
    said = towns.routec("check", code=1)
    assert "RT401" in said
    assert "target: ghent" in said
    assert "RT401" in towns.routec("apply", code=1)
    assert (answered(towns.brussels), answered(towns.ghent)) == ({"600", "610"}, {"700", "610"})
    assert meets(towns.brussels, "610")[-1] == CONGESTION


def test_drift_is_reported_for_the_one_that_has_it(towns: Towns) -> None:
    towns.ghent.cli("dialplan remove extension 700@routec-extensions")
    whole = [json.loads(line) for line in towns.routec("plan", "--format", "json").splitlines()]
    drifted = {one["target"]: bool(one["drift"]) for one in whole}
    assert drifted == {"brussels": False, "ghent": True}
    towns.routec("apply")
    assert answered(towns.ghent) == {"700", "610"}


def test_sign_ins_of_both_in_one_postgresql(towns: Towns, postgres: str) -> None:
    """A caller who guesses at both is locked out of both; the log has all, whichever PBX it is read for."""
    wrong = [(LOGIN, "1001#"), (PASSWORD, "1357#")]
    env = {"ROUTEC_DATABASE": postgres}
    with towns.serving("brussels", env), towns.serving("ghent", env):
        for pbx, number, dialled in (
            (towns.brussels, "600", "Local/101@phones/n"),
            (towns.ghent, "700", "Local/101@from-phones/n"),
        ):
            with Call(pbx.ami, number, caller=CALLER) as call:
                call.follow(RIGHT)
                call.wait_met("dial", dialled)
                call.wait_met("dialled", "ANSWER")
        with Call(towns.brussels.ami, "600", caller="+32475000002") as call:
            call.follow(wrong * 3)
            assert call.wait_end()[-1] == Met("hangup", "21")
        with Call(towns.ghent.ami, "700", caller="+32475000003") as call:
            call.follow(wrong + RIGHT)
            assert call.wait_end()[-1] == Met("hangup", "17")
        for pbx, number in ((towns.brussels, "600"), (towns.ghent, "700")):
            with Call(pbx.ami, number, caller="+32475000004") as call:
                call.follow(RIGHT)
                assert call.wait_end()[-1] == Met("hangup", "17")
    rows = [json.loads(line) for line in towns.routec("log", "--format", "json", env=env).splitlines()]
    assert [(row["called"], row["verdict"]) for row in reversed(rows)] == [
        ("600", "granted"), ("700", "granted"), ("600", "denied"), ("700", "locked"), ("600", "locked"),
        ("700", "locked"),
    ]  # fmt: skip

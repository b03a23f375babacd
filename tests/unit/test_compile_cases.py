"""The whole of the present language, case by case. `ROUTEC_UPDATE_GOLDEN=1` writes what comes; read the difference."""

import os
from itertools import cycle, product

import pytest

from routec.pipeline import render
from tests.properties.guards import unguarded
from tests.properties.meets import meant, run
from tests.properties.reader import read
from tests.properties.walker import enter
from tests.unit.compile_cases import CASES, NAMES, compile_case, model_json


def golden(case: str, file: str, text: str) -> None:
    path = CASES / case / file
    if os.environ.get("ROUTEC_UPDATE_GOLDEN") == "1":
        if os.environ.get("CI") == "true":
            pytest.fail("what must come is not rewritten in CI", pytrace=False)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_there_are_cases() -> None:
    assert len(NAMES) >= 8


@pytest.mark.parametrize("case", NAMES)
def test_model(case: str) -> None:
    golden(case, "model.json", model_json(compile_case(case)))


@pytest.mark.parametrize("case", NAMES)
def test_dialplan(case: str) -> None:
    golden(case, "extensions.conf", render(compile_case(case))["extensions.conf"].decode())


@pytest.mark.parametrize("case", NAMES)
def test_nobody_gets_past_a_sign_in(case: str) -> None:
    done = compile_case(case)
    files = render(done)
    plan = read(files["extensions.conf"].decode())
    assert unguarded(plan, files["manifest.json"], done.system, done.sources) == []


@pytest.mark.parametrize("case", NAMES)
def test_callers_meet_what_is_written(case: str) -> None:
    """All ways to four sign-ins or calls deep, and further on the same ones over again."""
    done = compile_case(case)
    plan = read(render(done)["extensions.conf"].decode())
    dial = done.settings.asterisk.dial
    before, after = dial.split("{extension}")
    for route in done.system.routes:
        for entry in route.entries:
            state = enter(plan, f"routec-{entry.kind}s", entry.number)
            for choices in product(range(10), range(10), range(2), range(2)):
                met = run(plan, state, cycle(choices), 30, dial=(before, after))
                assert met == meant(done.system, route, cycle(choices), 30, done.language), (entry.number, choices)


def test_the_walk_finds_a_way_past() -> None:
    """What the walk is worth: it finds each way to open the door that a bug could leave."""
    done = compile_case("auth_else_block")
    files = render(done)
    sound = files["extensions.conf"].decode()
    for right, wrong in (
        ('${REGEX("^granted$" ${ROUTEC_VERDICT})}?', '$["${ROUTEC_VERDICT}" != "denied"]?'),
        ('${REGEX("^granted$" ${ROUTEC_VERDICT})}?', '$["${ROUTEC_VERDICT}" != ""]?'),
        (" same => n,Hangup(21)\n", " same => n,Wait(1)\n"),
        ("exten => T,1,Set(ROUTEC_VERDICT=)", "exten => T,1,Set(ROUTEC_VERDICT=granted)"),
        ("exten => end,1,Set(TIMEOUT(absolute)=0)", "exten => end,1,Set(AGIEXITONHANGUP=yes)"),
    ):
        broken = sound.replace(right, wrong)
        assert broken != sound
        assert unguarded(read(broken), files["manifest.json"], done.system, done.sources), wrong
    forgetful = sound.replace("Set(ROUTEC_VERDICT=)", "Set(ROUTEC_USER=)")
    assert unguarded(read(forgetful), files["manifest.json"], done.system, done.sources)

"""What the walk through a dialplan is worth: each slip in the jumps to the cases, and in what is said, is found."""

import pytest

from routec.pipeline import render
from tests.properties.guards import unguarded
from tests.properties.reader import DialplanError, read
from tests.unit.compile_cases import compile_case


def found(case: str, right: str, wrong: str) -> list[str]:
    """What the walk finds where the dialplan of a case has something else in it."""
    done = compile_case(case)
    files = render(done)
    sound = files["extensions.conf"].decode()
    broken = sound.replace(right, wrong)
    assert broken != sound, right
    return unguarded(read(broken), files["manifest.json"], done.system, done.sources)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"^granted$"', '"^denied$"'),
        ('"^locked$"', '"^denied$"'),
        ('"^locked$"', '"^granted$"'),
        ('"^denied$"', '"^error$"'),
        ("?locked-staff)", "?error-staff)"),
        ("?denied-staff)", "?granted-staff)"),
        (" same => n,Hangup(17)\n", " same => n,Wait(1)\n"),
        ("n(denied-staff),Hangup(21)", "n(denied-staff),Wait(1)"),
    ],
)
def test_a_wrong_case_is_found(right: str, wrong: str) -> None:
    assert found("auth_cases", right, wrong)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("SayDigits(${FILTER(0-9,${ROUTEC_EXTRA1})})", "SayDigits(${ROUTEC_EXTRA1})"),
        ('GotoIf($["${FILTER(0-9,${ROUTEC_EXTRA2})}" = ""]?after-minibar)', "Wait(1)"),
        ("SayNumber(-999999999)", "SayNumber(-9999999999)"),
        ("SayAlpha(Room", "SayAlpha(${SHELL(id)}Room"),
        ("exten => _[+*0-9]!,1,Answer()\n", "exten => _[+*0-9]!,1,Wait(1)\n"),
    ],
)
def test_what_cannot_be_said_is_found(right: str, wrong: str) -> None:
    with pytest.raises(DialplanError):
        found("say", right, wrong)

"""Which extension takes a number."""

import pytest

from routec.apply.patterns import matches, matching
from routec.backend.dialplan import ANY_NUMBER


@pytest.mark.parametrize(
    ("exten", "number", "takes"),
    [
        ("600", "600", True),
        ("6-00", "600", True),
        ("600", "6000", False),
        ("_6XX", "600", True),
        ("_6xx", "699", True),
        ("_6XX", "6000", False),
        ("_Z.", "0", False),
        ("_Z.", "12", True),
        ("_Z.", "1", False),
        ("_N!", "2", True),
        ("_N!", "1", False),
        ("_[1-46]X", "65", True),
        ("_[1-46]X", "55", False),
        ("_+.", "+3225551234", True),
        ("_.", "600", True),
        ("_X-X", "12", True),
        ("_[+*0-9]!", "*0", True),
        ("_[a^]1", "^1", True),
        ("_[", "1", False),
        ("_[]1", "1", True),
        ("_(1)", "1", False),
        ("_6.0", "611", True),
        ("_6!0", "6", True),
    ],
)
def test_what_a_pattern_takes(exten: str, number: str, takes: bool) -> None:
    assert matches(exten, number) == takes


@pytest.mark.parametrize(
    ("extensions", "number", "taken"),
    [
        (["600", "_6XX"], "600", "600"),
        (["_6XX", "_X."], "601", "_6XX"),
        (["_X.", ANY_NUMBER], "601", "_X."),
        (["_NXX", "_ZXX"], "155", "_ZXX"),
        (["_NXX"], "155", None),
        (["_[1-3]0"], "20", "_[1-3]0"),
        (["_X."], "1", None),
        (["_X!"], "1", "_X!"),
        (["_[", "_[]", "_[z-a]"], "1", None),
        (["_1-2"], "12", "_1-2"),
        (["_6.0"], "611", "_6.0"),
    ],
)
def test_which_extension_takes_a_number(extensions: list[str], number: str, taken: str | None) -> None:
    assert matching({exten: {} for exten in extensions}, number) == taken

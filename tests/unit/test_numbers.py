import pytest

from routec.model.numbers import DID, EXTENSION, did_doubt, did_fault, did_forms


@pytest.mark.parametrize(
    ("did", "forms"),
    [
        ("+3225551234", ("3225551234", "+3225551234", "003225551234", "025551234")),
        ("+31201234567", ("31201234567", "+31201234567", "0031201234567", "0201234567")),
        ("+390612345678", ("390612345678", "+390612345678", "00390612345678", "0612345678")),
        ("+34912345678", ("34912345678", "+34912345678", "0034912345678", "912345678")),
        ("+12125550123", ("12125550123", "+12125550123", "0012125550123", "2125550123")),
        ("+74951234567", ("74951234567", "+74951234567", "0074951234567", "84951234567")),
        ("+80012345678", ("80012345678", "+80012345678", "0080012345678", "12345678")),
    ],
)
def test_forms(did: str, forms: tuple[str, ...]) -> None:
    assert did_forms(did) == forms
    assert (did_fault(did), did_doubt(did)) == ("", "")


@pytest.mark.parametrize(
    "did",
    ["3225551234", "+", "+0225551234", "+32", "+32 2 555", "+3225551234567890", "+٣٢٢٥٥٥١٢٣٤", "+32255512a", "+999123"],
)
def test_no_did(did: str) -> None:
    assert did_fault(did)


def test_a_length_that_the_country_does_not_have() -> None:
    assert "`+32`" in did_doubt("+32255512")
    assert did_fault("+32255512") == ""


def test_patterns_take_ascii_only() -> None:
    assert EXTENSION.fullmatch("*100*")
    for text in ("", "1" * 41, "10a", "\u0661", "1-0", "+1", "1\n"):
        assert not EXTENSION.fullmatch(text)
    assert not DID.fullmatch("+3225551234\n")

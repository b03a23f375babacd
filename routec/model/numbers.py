"""Telephone numbers: what a DID may be, and in which forms a trunk may send it. Metadata from `phonenumbers`."""

import re
from functools import cache

DID = re.compile(r"\+[1-9][0-9]{3,14}")
"""E.164: a `+` and at most 15 digits."""

EXTENSION = re.compile(r"[0-9*]{1,40}")
"""What is dialled inside: digits and stars."""


@cache
def _country(code: int) -> tuple[str, tuple[int, ...]] | None:
    """The national prefix (may be empty) and the possible lengths of national numbers, or None: no such country."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE.get(code)
    if not regions:
        return None
    metadata = (
        PhoneMetadata.metadata_for_nongeo_region(code)
        if regions[0] == "001"
        else PhoneMetadata.metadata_for_region(regions[0])
    )
    if metadata is None:
        return None
    lengths = metadata.general_desc.possible_length if metadata.general_desc else ()
    return metadata.national_prefix or "", tuple(lengths)


def _split(did: str) -> tuple[int, str, str, tuple[int, ...]] | None:
    """Country code, national number, national prefix and possible lengths of a DID."""
    for digits in (1, 2, 3):
        country = _country(int(did[1 : 1 + digits]))
        if country is not None:
            return int(did[1 : 1 + digits]), did[1 + digits :], *country
    return None


def did_fault(did: str) -> str:
    """Why this cannot be a DID, or an empty string."""
    if not DID.fullmatch(did):
        return "a DID is written in full, as `+` and digits: `+3225551234`"
    return "" if _split(did) else "no country has this code"


def did_doubt(did: str) -> str:
    """Why this is hardly a DID, though it has the form of one, or an empty string."""
    parts = _split(did)
    if parts is None or len(parts[1]) in parts[3]:
        return ""
    *shorter, longest = map(str, parts[3])
    lengths = f"{', '.join(shorter)} or {longest}" if shorter else longest
    return f"after `+{parts[0]}` a number has {lengths} digits, not {len(parts[1])}"


@cache
def did_forms(did: str) -> tuple[str, ...]:
    """The forms in which a trunk may send a sound DID: E.164 with and without `+`, with `00`, and the national one.

    The national form is the national prefix and number (`025551234` for `+3225551234`), or the bare number where the
    country has no prefix, or where the prefix is the country code itself (`+1`).
    """
    digits = did[1:]
    parts = _split(did)
    if parts is None:
        return digits, did, f"00{digits}"
    code, number, prefix, _ = parts
    national = number if prefix in ("", str(code)) else prefix + number
    return digits, did, f"00{digits}", national

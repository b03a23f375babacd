"""Which PINs are guessed first, and why; pure.

A caller has a handful of guesses before the lockout, and whoever guesses begins with these. The reason is told in words
and never holds the PIN itself, so that it may stand in an output.
"""

import re
from collections.abc import Callable
from datetime import date
from itertools import pairwise

from routec.signin.outcome import Secret

SHORTEST = 4
"""A PIN of fewer digits falls to a few hundred guesses."""

COMMON = frozenset(
    re.findall(
        "[0-9]+",
        "0007 0070 0911 1004 1122 1221 1379 1397 2112 5150 5683 9731 010203 102030 112233 112358 121314 142536 "
        "01020304 10203040 11223344 12344321 14725836 31415926",
    )
)
"""The most common PINs of the published lists that have no rule of their own below."""

_KEYPAD_LINES = ("123", "456", "789", "147", "258", "369", "159", "357")
_EITHER_WAY = "|".join(sorted({way for line in _KEYPAD_LINES for way in (line, line[::-1])}))
_KEYPAD = re.compile(rf"0?(?:{_EITHER_WAY})+0?")
"""Rows, columns and diagonals of a telephone's keys, one or several, with the 0 that lies below them."""

_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_DATES = ((0, 2, 4), (2, 0, 4), (6, 4, 0))
"""Where day, month and year begin in a date of eight digits, as people write it."""

_SHORTEST_PART = 3
"""A login, or a part of one, of fewer digits stands in many a PIN by chance."""


def why_weak(pin: Secret, login: str | None = None) -> str | None:
    """Why a PIN is among the first to be guessed, as the end of a sentence ("…: its digits are all equal"), or None.

    `login` is the login of whoever has the PIN; anybody may know it.
    """
    digits = pin.reveal()
    if login and (reason := _like_the_login(digits, login)):
        return reason
    if len(digits) < SHORTEST:
        return f"it has fewer than {SHORTEST} digits"
    return next((reason for reason, applies in _PATTERNS if applies(digits)), None)


def _like_the_login(digits: str, login: str) -> str | None:
    if digits == login:
        return "it is the login"
    if digits == login[::-1]:
        return "it is the login backwards"
    if len(login) >= _SHORTEST_PART and (login in digits or login[::-1] in digits):
        return "it holds the login"
    if len(digits) >= _SHORTEST_PART and (digits in login or digits[::-1] in login):
        return "it is a part of the login"
    return None


def _steps_evenly(digits: str) -> bool:
    """1234, 4321, 2468, and over the end of the row: 7890, 8901."""
    return len({(int(after) - int(before)) % 10 for before, after in pairwise(digits)}) == 1


def _repeats(digits: str) -> bool:
    """1212, 123123; whatever is a shorter PIN said twice or more often. Found where it lies in itself twice over."""
    return digits in (digits + digits)[1:-1]


def _is_date(digits: str) -> bool:
    if len(digits) != 8:
        return False
    for day, month, year in _DATES:
        if not _YEAR.fullmatch(digits[year : year + 4]):
            continue
        try:
            date(int(digits[year : year + 4]), int(digits[month : month + 2]), int(digits[day : day + 2]))
        except ValueError:
            continue
        return True
    return False


_PATTERNS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("its digits are all equal", lambda digits: len(set(digits)) == 1),
    ("its digits go up or down in equal steps", _steps_evenly),
    ("it repeats itself", _repeats),
    ("it is a line on the keypad", _KEYPAD.fullmatch),
    ("it is a year", _YEAR.fullmatch),
    ("it is a date", _is_date),
    ("it is one of the most common PINs", COMMON.__contains__),
)
"""Each with the reason that is told; the first that applies is."""

"""PINs on the command line: read unseen, hashed, and never printed."""

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from routec.cli.here import runtime
from routec.cli.layout import has_terminal
from routec.cli.main import fail

if TYPE_CHECKING:
    from routec.signin.outcome import Secret

MOST_PIN_DIGITS = 20
"""A field of a sign-in has no more: what is longer could never be keyed."""


def read_pin(least: int = 1, most: int = MOST_PIN_DIGITS) -> "Secret":
    """A PIN: from a terminal twice and unseen, otherwise a line of standard input."""
    from routec.signin.outcome import Secret

    if sys.stdin is None:
        fail("there is no standard input to read the PIN from")
    if has_terminal():
        text: str = click.prompt("PIN", hide_input=True, confirmation_prompt="PIN again", err=True)
    else:
        # Bytes, so that what is no text is told in our words and not echoed in a decoding error.
        line = sys.stdin.buffer.readline(MOST_PIN_DIGITS + 3)
        text = line.decode("ascii", "replace").removesuffix("\n").removesuffix("\r")
    if not is_pin(text, least, most):
        if (least, most) == (1, MOST_PIN_DIGITS):
            fail(f"a PIN is {digits(least, most)}", "what is longer could never be keyed" if len(text) > most else "")
        fail(f"a PIN of this module is {digits(least, most)}")
    return Secret(text)


def is_pin(text: str, least: int = 1, most: int = MOST_PIN_DIGITS) -> bool:
    """Whether a text can be keyed in as a PIN."""
    return re.fullmatch(r"[0-9]+", text) is not None and least <= len(text) <= most


def digits(least: int, most: int) -> str:
    """`4 digits`, `4 to 8 digits`."""
    if least == most:
        return f"{least} digit{'' if least == 1 else 's'}"
    return f"{least} to {most} digits"


def warn_if_weak(pin: "Secret", login: str | None) -> None:
    """Say why a PIN is weak, if it is."""
    from routec.signin.weak_pins import why_weak

    if reason := why_weak(pin, login):
        click.echo(f"Warning: this PIN is weak: {reason}", err=True)


def pepper() -> "Secret":
    """The pepper of this machine."""
    from routec.signin.credentials import CredentialsError, read_pepper

    try:
        return read_pepper(runtime())
    except CredentialsError as error:
        fail(str(error), error.help)


def is_taken(pin: "Secret", hashes: Iterable[str], key: "Secret") -> bool:
    """Whether a PIN is behind one of these hashes; each is computed. Raises `CredentialsError`."""
    from routec.contract import Field, Module, User
    from routec.signin.credentials import Verifier

    users = tuple(User(str(number), password=hash) for number, hash in enumerate(hashes))
    asked = (Field("password", "", 1, MOST_PIN_DIGITS),)
    module = Module("", None, "gate", asked, tries=1, seconds=1, log=(), users=users)
    return bool(users) and bool(Verifier(module, key).verify(None, pin))

"""`routec users`: credentials for route files."""

import re
import sys
from typing import TYPE_CHECKING

import click

from routec.cli.here import runtime
from routec.cli.main import fail

if TYPE_CHECKING:
    from routec.signin.conversation import Secret

MOST_PIN_DIGITS = 32


@click.group()
def users() -> None:
    """Make and keep the credentials of those who sign in."""


@users.command("hash")
def hash_() -> None:
    """Read a PIN and print its hash.

    On a terminal the PIN is asked for twice and not shown; otherwise it is one line of standard input. The hash goes
    into a route file, as in: user floor1 login 1001 password "$argon2id$…". It holds only with this machine's pepper,
    which is ROUTEC_PEPPER or the file that ROUTEC_PEPPER_FILE names.
    """
    from routec.signin.credentials import CredentialsError, hash_pin, read_pepper

    try:
        pepper = read_pepper(runtime())
        click.echo(hash_pin(_read_pin(), pepper))
    except CredentialsError as error:
        fail(str(error), error.help)


def _read_pin() -> "Secret":
    from routec.signin.conversation import Secret

    if sys.stdin.isatty():
        text: str = click.prompt("PIN", hide_input=True, confirmation_prompt="PIN again", err=True)
    else:
        # Bytes, so that what is no text is told in our words and not echoed in a decoding error.
        line = sys.stdin.buffer.readline(MOST_PIN_DIGITS + 3)
        text = line.decode("ascii", "replace").removesuffix("\n").removesuffix("\r")
    if not re.fullmatch(rf"[0-9]{{1,{MOST_PIN_DIGITS}}}", text):
        fail(f"a PIN is 1 to {MOST_PIN_DIGITS} digits")
    return Secret(text)

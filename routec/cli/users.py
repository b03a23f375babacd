"""`routec users`: credentials for route files."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from routec.settings import Runtime
    from routec.signin.conversation import Secret

MOST_PIN_DIGITS = 32


class WrongUse(click.ClickException):
    """Said as `Error: …` on standard error; exit status 2."""

    exit_code = 2


def runtime() -> "Runtime":
    """What this project's `routes/routec.toml`, if there is one, and the environment say. Raises `WrongUse`."""
    from routec.settings import SETTINGS_FILE, Runtime, Settings, SettingsError

    file = Path("routes") / SETTINGS_FILE
    try:
        settings = Settings.parse(file.read_text("utf-8"), str(file)) if file.exists() else Settings()
        return Runtime.of(os.environ, settings)
    except SettingsError as error:
        raise WrongUse(f"{error.file}: {error.message}" if error.file else error.message) from None
    except UnicodeDecodeError:
        raise WrongUse(f"{file} is not UTF-8") from None
    except OSError as error:
        raise WrongUse(f"{file}: {error.strerror}") from None


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
        raise WrongUse(f"{error}\n{error.help}".rstrip()) from None


def _read_pin() -> "Secret":
    from routec.signin.conversation import Secret

    if sys.stdin.isatty():
        text: str = click.prompt("PIN", hide_input=True, confirmation_prompt="PIN again", err=True)
    else:
        # Bytes, so that what is no text is told in our words and not echoed in a decoding error.
        line = sys.stdin.buffer.readline(MOST_PIN_DIGITS + 3)
        text = line.decode("ascii", "replace").removesuffix("\n").removesuffix("\r")
    if not re.fullmatch(rf"[0-9]{{1,{MOST_PIN_DIGITS}}}", text):
        raise WrongUse(f"a PIN is 1 to {MOST_PIN_DIGITS} digits")
    return Secret(text)

"""PINs: how they are hashed, how they are compared, and the pepper that keys them.

A four-digit PIN has ten thousand values, so no hash alone protects it: whoever holds the hashes tries them all. The
PIN is therefore keyed first, HMAC-SHA256 with a pepper that is not in the repository, and the result is what argon2id
hashes. With the hashes and without the pepper there is nothing to try.

Guessing over the phone must learn nothing from time: a login that does not exist costs what a wrong PIN costs, and
of several users who might match, none is skipped.
"""

import base64
import hashlib
import hmac
import os
import secrets
import threading
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

from routec.contract import PASSWORD_HASH, Module, User
from routec.settings import Runtime, SettingsError, read_closed
from routec.signin.outcome import Secret

MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
"""OWASP's second recommendation for argon2id: 19 MiB, two passes, one lane; about 20 ms."""

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)

_cores = threading.BoundedSemaphore(os.cpu_count() or 1)
"""No more hashes at once than there are cores: more would only make each slower, at 19 MiB each."""


class CredentialsError(Exception):
    """Credentials cannot be checked or made. The message names a file or a cause, no secret; `help` is a way out."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def hash_pin(pin: Secret, pepper: Secret) -> str:
    """Hash a PIN for a route file."""
    with _cores:
        return _hasher.hash(_keyed(pin, pepper))


class Verifier:
    """Whose credentials these are, among the users of one module.

    `pepper` may be None for a module that asks for no password. What the module asks for, and not what happens to be
    handed in, decides what must be right: a password that the module asks for and that is missing matches nobody.
    """

    def __init__(self, module: Module, pepper: Secret | None) -> None:
        kinds = {field.kind for field in module.fields}
        self._users = module.users
        self._pepper = pepper
        self._asks_login = "login" in kinds
        self._asks_password = "password" in kinds
        if self._asks_password and pepper is None:
            raise CredentialsError(f"module {module.name} asks for a password, and there is no pepper to check it with")

    def verify(self, login: str | None, password: Secret | None) -> tuple[str, ...]:
        """Return the names of the users whose credentials these are. Raises `CredentialsError`.

        Without a login, the password may be any user's, and that of several: all hashes are computed, whichever match.
        With one, the hash of the user who has it, or, if nobody has, a made-up hash of the same cost.
        """
        users = list(self._users)
        if self._asks_login:
            if login is None:
                return ()
            wanted = login.encode()
            users = [user for user in users if user.login and hmac.compare_digest(user.login.encode(), wanted)]
        if self._asks_password:
            if password is None or self._pepper is None:
                return ()
            users = self._who_match(users, _keyed(password, self._pepper))
        if not (self._asks_login or self._asks_password):
            return ()
        return tuple(user.name for user in users)

    def _who_match(self, users: list[User], keyed: bytes) -> list[User]:
        """Those whose password it is; every hash is computed, and at least one."""
        users = [user for user in users if user.password]
        if not users:
            _matches(self._made_up_hash(), keyed)
        return [user for user in users if _matches(user.password or "", keyed)]

    def _made_up_hash(self) -> str:
        """A hash that nothing matches and that costs what the users' own hashes cost."""
        found = [match for user in self._users if (match := PASSWORD_HASH.fullmatch(user.password or ""))]
        costs = max(((int(m[1]), int(m[2]), int(m[3])) for m in found), default=(MEMORY_KIB, PASSES, LANES))
        salt, digest = (base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (16, 32))
        return "$argon2id$v=19$m={},t={},p={}${}${}".format(*costs, salt, digest)


def read_pepper(runtime: Runtime) -> Secret:
    """The pepper of this machine: ROUTEC_PEPPER, else the pepper file. Raises `CredentialsError`."""
    if runtime.pepper is not None:
        text = runtime.pepper.strip()
        if not text:
            raise CredentialsError("ROUTEC_PEPPER holds nothing but blanks")
        return Secret(text)
    return _read_pepper_file(runtime.pepper_file)


def _read_pepper_file(path: Path) -> Secret:
    how = f"make one that only its user can read: (umask 077 && openssl rand -hex 32 > {path}); or set ROUTEC_PEPPER"
    try:
        text = read_closed(path, "the pepper file")
    except SettingsError as error:
        raise CredentialsError(error.message, help=error.help or how) from None
    if text is None:
        raise CredentialsError(f"there is no pepper: neither ROUTEC_PEPPER nor the file {path}", help=how)
    return Secret(text)


def _keyed(pin: Secret, pepper: Secret) -> bytes:
    return hmac.digest(pepper.reveal().encode(), pin.reveal().encode(), hashlib.sha256)


def _matches(hash: str, keyed: bytes) -> bool:
    try:
        with _cores:
            return _hasher.verify(hash, keyed)
    except VerifyMismatchError:
        return False
    except (Argon2Error, InvalidHashError) as error:
        raise CredentialsError(f"argon2 could not compute a hash: {error}") from None

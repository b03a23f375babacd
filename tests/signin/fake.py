"""A fake Asterisk: the other end of AGI, as it should behave and as it should not; and modules to sign in with."""

import json
import socket
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, final

from argon2 import PasswordHasher

from routec.contract import MODULES_FORMAT, Field, Module, User
from routec.signin.conversation import Secret
from routec.signin.credentials import _keyed

PEPPER: Final = "pepper of the tests, 8f1c"
PIN: Final = "73519846"
"""A PIN that stands nowhere by chance, so that it can be looked for in all that came out."""
OTHER_PIN: Final = "2486"


@final
class HangUp:
    """In place of keys: the caller hangs up, and Asterisk says so."""


@final
class Cut:
    """In place of keys: the link ends without a word."""


Keys = str | bytes | None | type[HangUp] | type[Cut]
"""What the caller does when asked: keys ended by `#`, nothing until the timeout, or an answer of raw
bytes, after which the link is cut unless they end a line."""

_weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def weak_hash(pin: str, pepper: str = PEPPER) -> str:
    """A hash that costs nothing, for tests that are about something else."""
    return _weak.hash(_keyed(Secret(pin), Secret(pepper)))


def field(kind: str, least: int = 4, most: int = 8, *, optional: bool = False) -> Field:
    return Field(kind, f"routec/enter_{kind}", least, most, optional=optional)


def module(
    name: str = "hotel_staff",
    fields: Sequence[Field] | None = None,
    users: Sequence[User] | None = None,
    log: Sequence[str] = ("login", "extra1"),
    tries: int = 3,
    seconds: int = 60,
) -> Module:
    """Login and password and an extra, unless told otherwise."""
    if fields is None:
        fields = (field("login", 4, 4), field("password"), field("extra1", 3, 3))
    if users is None:
        users = (
            User("floor1", "Floor 1", "1001", weak_hash(PIN)),
            User("floor2", "Floor 2", "1002", weak_hash(OTHER_PIN)),
        )
    return Module(name, "Hotel staff", "register", tuple(fields), tries, seconds, tuple(log), tuple(users))


def write_modules(path: Path, *modules: Module, **settings: str | None) -> Path:
    """A `signin.json` as the compiler writes it; atomically, so that a reader sees the old or the new."""
    content = {
        "format": MODULES_FORMAT,
        "settings": {"state": None, "pepper_file": None, "listen": "127.0.0.1:4573"} | settings,
        "modules": [asdict(module) for module in modules],
    }
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content))
    return new.replace(path)


def headers(script: str = "signin/hotel_staff", **changes: str) -> bytes:
    """What Asterisk says first."""
    env = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1:4573/{script}",
        "agi_channel": "PJSIP/trunk-00000001",
        "agi_language": "en",
        "agi_type": "PJSIP",
        "agi_uniqueid": "1790000000.7",
        "agi_version": "22.10.0",
        "agi_callerid": "+32475000001",
        "agi_calleridname": "unknown",
        "agi_dnid": "3225551234",
        "agi_context": "routec-housekeeping-0",
        "agi_extension": "s",
        "agi_priority": "3",
        "agi_enhanced": "0.0",
    } | {f"agi_{key}": value for key, value in changes.items()}
    return "".join(f"{key}: {value}\n" for key, value in env.items()).encode() + b"\n"


class FakeAsterisk:
    """One call: `call` connects, answers what it is asked, and returns when the link has ended."""

    def __init__(self, *keys: Keys, head: bytes | None = None) -> None:
        self._keys = list(keys)
        self._head = headers() if head is None else head
        self.commands: list[str] = []
        self.variables: dict[str, str] = {}

    @property
    def asked(self) -> list[str]:
        """The sounds played, in order."""
        return [command.split()[2] for command in self.commands if command.startswith("GET DATA ")]

    @property
    def verdict(self) -> str | None:
        return self.variables.get("ROUTEC_VERDICT")

    def call(self, address: tuple[str, int]) -> "FakeAsterisk":
        with socket.create_connection(address, timeout=20) as link:
            return self.talk(link)

    def talk(self, link: socket.socket) -> "FakeAsterisk":
        link.sendall(self._head)
        with link.makefile("rb") as lines:
            try:
                for line in lines:
                    answer = self._answer(line.decode().removesuffix("\n"))
                    if answer is None:
                        break
                    link.sendall(answer)
                    if not answer.endswith(b"\n"):
                        break
            except (ConnectionResetError, BrokenPipeError):
                pass  # the server may close first
        return self

    def _answer(self, command: str) -> bytes | None:
        self.commands.append(command)
        if command.startswith("SET VARIABLE "):
            name, value = (part.strip('"') for part in command.removeprefix("SET VARIABLE ").split(" ", 1))
            self.variables[name] = value
            return b"200 result=1\n"
        assert command.startswith("GET DATA "), command
        most = int(command.split()[4])
        keys = self._keys.pop(0) if self._keys else Cut
        if isinstance(keys, bytes):
            return keys
        if isinstance(keys, str):
            assert len(keys) <= most, "the test keys more than Asterisk would take"
            return f"200 result={keys}\n".encode()
        if keys is None:
            return b"200 result= (timeout)\n"
        if keys is HangUp:
            return b"200 result=-1\nHANGUP\n"
        return None

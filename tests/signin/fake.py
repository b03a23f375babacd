"""A fake Asterisk: the other end of AGI, as it should behave and as it should not; and modules to sign in with."""

import contextlib
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, Protocol, final

from argon2 import PasswordHasher

from routec.contract import MODULES_FORMAT, Code, Field, Module, User
from routec.signin.credentials import _keyed
from routec.signin.outcome import Secret

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

Ends = bytes | type[HangUp] | type[Cut]

_weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def weak_hash(pin: str, pepper: str = PEPPER) -> str:
    """A hash that costs nothing, for tests that are about something else."""
    return _weak.hash(_keyed(Secret(pin), Secret(pepper)))


def field(kind: str, least: int = 4, most: int = 8, *, optional: bool = False, codes: Sequence[Code] = ()) -> Field:
    return Field(kind, f"routec/enter_{kind}", least, most, optional=optional, codes=tuple(codes))


def module(
    name: str = "hotel_staff",
    fields: Sequence[Field] | None = None,
    users: Sequence[User] | None = None,
    log: Sequence[str] = ("login", "extra1"),
    tries: int = 3,
    seconds: int = 60,
    **changes: Any,
) -> Module:
    """Login and password and an extra, unless told otherwise."""
    if fields is None:
        fields = (field("login", 4, 4), field("password"), field("extra1", 3, 3))
    if users is None:
        users = (
            User("floor1", "Floor 1", "1001", weak_hash(PIN)),
            User("floor2", "Floor 2", "1002", weak_hash(OTHER_PIN)),
        )
    made = Module(name, "Hotel staff", "register", tuple(fields), tries, seconds, tuple(log), tuple(users))
    return replace(made, **changes)


def write_modules(path: Path, *modules: Module, extensions: Sequence[str] = (), **settings: str | None) -> Path:
    """A `signin.json` as the compiler writes it; atomically, so that a reader sees the old or the new."""
    content = {
        "format": MODULES_FORMAT,
        "settings": {"state": None, "pepper_file": None, "listen": "127.0.0.1:4573"} | settings,
        "extensions": list(extensions),
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


def converse(link: socket.socket, answer: Callable[[str], bytes | None]) -> None:
    """Answer each command, until one has no answer, or half of one, or the link ends."""
    try:
        with link.makefile("rb") as lines:
            for line in lines:
                said = answer(line.decode().removesuffix("\n"))
                if said is None:
                    break
                link.sendall(said)
                if not said.endswith(b"\n"):
                    break
    except (ConnectionResetError, BrokenPipeError):
        pass  # the server may close first


class Talks(Protocol):
    """A peer at the other end of a link."""

    def talk(self, link: socket.socket) -> object: ...


def talk_to_the_end(peer: Talks, link: socket.socket) -> None:
    """Let a peer talk, and close its half when it is done."""
    peer.talk(link)
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)


class FakeAsterisk:
    """One call: `call` connects, answers what it is asked, and returns when the link has ended.

    `sounds` has what happens when one is played, by its name, or `digits` or `time`, in place of the sound's being
    heard to its end.
    """

    def __init__(self, *keys: Keys, head: bytes | None = None, sounds: Mapping[str, Ends] | None = None) -> None:
        self._keys = list(keys)
        self._head = headers() if head is None else head
        self._sounds = sounds or {}
        self.commands: list[str] = []
        self.variables: dict[str, str] = {}

    @property
    def asked(self) -> list[str]:
        """The sounds by which keys were asked for, in order."""
        return [command.split()[2] for command in self.commands if command.startswith("GET DATA ")]

    @property
    def heard(self) -> list[str]:
        """What was played without asking for keys: sounds, and the digits and times said, in order."""
        return [command.split()[2] for command in self.commands if command.startswith(("STREAM FILE ", "SAY "))]

    @property
    def verdict(self) -> str | None:
        return self.variables.get("ROUTEC_VERDICT")

    def call(self, address: tuple[str, int]) -> "FakeAsterisk":
        with socket.create_connection(address, timeout=20) as link:
            return self.talk(link)

    def talk(self, link: socket.socket) -> "FakeAsterisk":
        link.sendall(self._head)
        converse(link, self._answer)
        return self

    def _answer(self, command: str) -> bytes | None:
        self.commands.append(command)
        if command.startswith("SET VARIABLE "):
            name, value = (part.strip('"') for part in command.removeprefix("SET VARIABLE ").split(" ", 1))
            self.variables[name] = value
            return b"200 result=1\n"
        if command.startswith(("STREAM FILE ", "SAY ")):
            return self._hear(command)
        assert command.startswith("GET DATA "), command
        most = int(command.split()[4])
        keys = self._keys.pop(0) if self._keys else Cut
        if isinstance(keys, str):
            assert len(keys) <= most, "the test keys more than Asterisk would take"
            return f"200 result={keys}\n".encode()
        return b"200 result= (timeout)\n" if keys is None else _end(keys)

    def _hear(self, command: str) -> bytes | None:
        """Sounds are heard as `res_agi.c` has it: the usage of each command, and what it answers."""
        verb, noun, what, *others = command.split(" ")
        usage = {"STREAM FILE": ['""'], "SAY DIGITS": ['""'], "SAY DATETIME": ['""', "R"]}
        assert others == usage[f"{verb} {noun}"], command
        assert verb == "STREAM" or what.isdigit(), command
        name = {"DIGITS": "digits", "DATETIME": "time"}.get(noun, what)
        end = " endpos=8000" if verb == "STREAM" else ""
        return _end(self._sounds.get(name, f"200 result=0{end}\n".encode()))


def _end(what: Ends) -> bytes | None:
    if isinstance(what, bytes):
        return what
    return b"200 result=-1\nHANGUP\n" if what is HangUp else None

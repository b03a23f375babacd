"""A caller who speaks AGI as Asterisk does, many at once: a client of the checker, in asyncio."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

SECONDS = 60
"""The longest that any answer of the checker may take."""


@dataclass
class Call:
    """One conversation: what was asked, what came of it. `verdict` is set once the caller's side has heard it."""

    number: str
    asked: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    reached: bool = False
    """The checker took the call."""

    @property
    def verdict(self) -> str | None:
        """What Asterisk was told, or None where the link broke before."""
        return self.variables.get("ROUTEC_VERDICT")


class Caller:
    """Calls `module` at `address`; `keys` has what is pressed at each sound, by the sound's last part."""

    def __init__(self, address: tuple[str, int], module: str, number: str, call_id: str) -> None:
        self._address = address
        self._module = module
        self._call_id = call_id
        self.call = Call(number)

    async def run(self, keys: Mapping[str, str], at_prompt: asyncio.Barrier | None = None) -> Call:
        """Hold the conversation; `at_prompt` is waited for at the first question. A link that breaks ends it."""
        try:
            reader, writer = await asyncio.open_connection(*self._address)
        except OSError:
            return self.call
        try:
            writer.write(self._headers())
            while line := await asyncio.wait_for(reader.readline(), SECONDS):
                self.call.reached = True
                if line.startswith(b"GET DATA ") and at_prompt is not None:
                    await at_prompt.wait()
                    at_prompt = None
                writer.write(self._answer(line.decode().rstrip("\n"), keys))
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()
        return self.call

    def _answer(self, command: str, keys: Mapping[str, str]) -> bytes:
        if command.startswith("SET VARIABLE "):
            name, value = command.removeprefix("SET VARIABLE ").split(" ", 1)
            self.call.variables[name] = value.strip('"')
            return b"200 result=1\n"
        if command.startswith("GET DATA "):
            sound = command.split()[2].rpartition("/")[2]
            self.call.asked.append(sound)
            return f"200 result={keys.get(sound, '')}\n".encode()
        return b"200 result=0 endpos=800\n"

    def _headers(self) -> bytes:
        script = f"signin/{self._module}"
        env = {
            "network": "yes", "network_script": script, "request": f"agi://checker/{script}", "channel": "Local/1-1;2",
            "language": "en", "type": "Local", "uniqueid": self._call_id, "version": "22.10.0",
            "callerid": self.call.number, "calleridname": "unknown", "dnid": "3225551234", "context": "routec-x",
            "extension": "3225551234", "priority": "1",
        }  # fmt: skip
        return "".join(f"agi_{key}: {value}\n" for key, value in env.items()).encode() + b"\n"

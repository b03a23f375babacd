"""routes/routec.toml as a pydantic model: what is the same on every machine, and goes into the generated files."""

import re
import tomllib
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from routec.contract import AGI_PORT, SCRIPT_FILE

SETTINGS_FILE = "routec.toml"


MOST_FAULTS = 100
"""A file with more faults than this is no routec.toml."""


class SettingsError(Exception):
    """The settings cannot be used. `offset` and `length` are the place in the file's text; no offset, no place.

    Where a file has several faults, this is the first, and `others` are those behind it.
    """

    def __init__(
        self, message: str, *, file: str | None = None, offset: int | None = None, length: int = 1, help: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.offset = offset
        self.length = length
        self.help = help
        self.others: tuple[SettingsError, ...] = ()


def parse_address(text: str) -> tuple[str, int]:
    """Split `HOST:PORT` (`[::1]:4573` for IPv6; the port may be left out). Raises ValueError."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:]+)\]|([A-Za-z0-9][A-Za-z0-9.-]*))(?::([0-9]{1,5}))?", text)
    if match is None:
        raise ValueError("write it as HOST:PORT, such as 127.0.0.1:4573")
    port = int(match[3]) if match[3] else AGI_PORT
    if not 0 < port < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    return match[1] or match[2], port


def _is_address(text: str) -> str:
    parse_address(text)
    return text


_PLAIN_DIAL = re.compile(r"[^{}]*/[^{}]*\{extension\}[^{}]*")


def _is_dial_string(text: str) -> str:
    if len(text) > 100:
        raise ValueError("it has more than 100 characters")
    if text.count("{extension}") != 1:
        raise ValueError("it must hold {extension} once, as in PJSIP/{extension}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*/[A-Za-z0-9_.:@/+*{}-]*", text) or not _PLAIN_DIAL.fullmatch(text):
        raise ValueError("it must be a technology and a resource, as in PJSIP/{extension}, of plain characters only")
    return text


def _is_path(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_./+-]+", text):
        raise ValueError("a path that Asterisk is given may hold letters, digits and `_./+-` only")
    if len(text) > 100:
        raise ValueError("it has more than 100 characters")
    if not text.strip("/"):
        raise ValueError("it names no folder")
    return text.rstrip("/")


def _is_absolute(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("it must begin with `/`: routec and Asterisk do not run in the same folder")
    return text


Address = Annotated[str, AfterValidator(_is_address)]
PlainPath = Annotated[str, AfterValidator(_is_path)]
AbsolutePath = Annotated[PlainPath, AfterValidator(_is_absolute)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class AsteriskSettings(_Table):
    """The PBX that the dialplan is made for."""

    target: Literal[16, 18, 20, 22] = 22
    dial: Annotated[str, AfterValidator(_is_dial_string)] = "PJSIP/{extension}"
    sounds: PlainPath = "routec"
    """The folder of the prompts, as Asterisk finds it: below its own sounds folder, or absolute."""


class PublishSettings(_Table):
    """Where Asterisk includes the dialplan from; generated/ where it is not set."""

    to: PlainPath | None = None


class AmiSettings(_Table):
    """How the PBX is reached to reload it; the secret is in ROUTEC_AMI_SECRET."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 5038
    username: Annotated[str, Field(min_length=1)]


class AgiSettings(_Table):
    """Where the checker listens, and how Asterisk reaches it."""

    listen: Address = f"127.0.0.1:{AGI_PORT}"
    connect: Address | None = None
    script: PlainPath | None = None
    """The plain AGI script as Asterisk finds it: below its own AGI folder, or absolute."""
    python: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./+-]+( [A-Za-z0-9_.+-]+)?$")] = "/usr/bin/env python3"
    """What runs the plain AGI script: an absolute path."""


class SigninSettings(_Table):
    """What the checker needs on every machine that it runs on; the environment has the last word."""

    state: AbsolutePath | None = None
    pepper_file: AbsolutePath | None = None


class Settings(_Table):
    """routes/routec.toml as a whole; without the file, all defaults."""

    asterisk: AsteriskSettings = AsteriskSettings()
    publish: PublishSettings = PublishSettings()
    ami: AmiSettings | None = None
    agi: AgiSettings = AgiSettings()
    signin: SigninSettings = SigninSettings()

    @classmethod
    def parse(cls, text: str, file: str = SETTINGS_FILE) -> Self:
        """Read the text of a routec.toml. Raises `SettingsError` with the places of all faults."""
        try:
            table = tomllib.loads(text)
        except RecursionError:
            raise SettingsError("this is nested too deeply", file=file, offset=0) from None
        except tomllib.TOMLDecodeError as error:
            what = re.sub(r" \(at .*\)$", "", str(error))
            raise SettingsError(
                f"this is not TOML: {what[:1].lower()}{what[1:]}", file=file, offset=_toml_offset(text, str(error))
            ) from None
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            found = [cls._fault(text, file, one) for one in error.errors(include_url=False)[:MOST_FAULTS]]
            first, *others = sorted(found, key=lambda fault: fault.offset or 0)
            first.others = tuple(others)
            raise first from None

    @classmethod
    def _fault(cls, text: str, file: str, error: ErrorDetails) -> SettingsError:
        """One fault, in our words and with its place."""
        from difflib import get_close_matches

        keys = [str(part) for part in error["loc"]]
        dotted = ".".join(keys)
        help = ""
        match error["type"]:
            case "extra_forbidden":
                message = f"unknown key `{dotted}`"
                found = get_close_matches(keys[-1], _keys_beside(cls, keys), 1)
                help = f"did you mean `{found[0]}`?" if found else ""
            case "missing":
                message = f"`{dotted}` is missing"
            case "literal_error":
                message = f"`{dotted}`: it must be {error['ctx']['expected']}"
            case _:
                what = error["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")
                message = f"`{dotted}`: {what}"
        offset, length = _key_place(text, keys)
        return SettingsError(message, file=file, offset=offset, length=length, help=help)

    @property
    def connect(self) -> tuple[str, int]:
        """The checker's address as the dialplan calls it."""
        if self.agi.connect is not None:
            return parse_address(self.agi.connect)
        host, port = parse_address(self.agi.listen)
        return ("127.0.0.1" if host in ("0.0.0.0", "::") else host), port  # noqa: S104 (compared, not bound)

    @property
    def script(self) -> str:
        """The plain AGI script as the dialplan calls it."""
        if self.agi.script is not None:
            return self.agi.script
        to = self.publish.to or ""
        return f"{to}/{SCRIPT_FILE}" if to.startswith("/") else SCRIPT_FILE


def _toml_offset(text: str, message: str) -> int:
    match = re.search(r"line (\d+), column (\d+)", message)
    if match is None:
        return len(text)
    lines = text.splitlines(keepends=True)
    return min(len(text), sum(map(len, lines[: int(match[1]) - 1])) + int(match[2]) - 1)


def _keys_beside(model: type[BaseModel], keys: list[str]) -> list[str]:
    """The keys that could stand where the last of some keys stands."""
    for key in keys[:-1]:
        inner = model.model_fields[key].annotation
        model = next(one for one in (inner, *get_args(inner)) if isinstance(one, type) and issubclass(one, BaseModel))
    return list(model.model_fields)


def _key_place(text: str, keys: list[str]) -> tuple[int, int]:
    """Offset and length of a key in TOML text, looked for table by table, since tomllib keeps no places."""
    start, end = 0, 1
    limit = len(text)
    for key in keys:
        pattern = re.compile(rf"^\s*\[?\s*({re.escape(key)})\b", re.MULTILINE)
        match = pattern.search(text, end if end > 1 else 0, limit)
        if match is None:
            break
        start, end = match.span(1)
        following = re.compile(r"^\s*\[", re.MULTILINE).search(text, end)
        limit = following.start() if following else limit
    return start, end - start

"""The tables of routes/routec.toml as pydantic models: what each key may say."""

import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from routec.contract import AGI_PORT, LANGUAGE, is_password_hash, meant_language

METRICS_PORT = 9473
"""Where the metrics are read when only a host is given."""


def parse_address(text: str, port: int = AGI_PORT) -> tuple[str, int]:
    """Split `HOST:PORT` (`[::1]:4573` for IPv6; without a port it is `port`). Raises ValueError."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:]+)\]|([A-Za-z0-9][A-Za-z0-9.-]*))(?::([0-9]{1,5}))?", text)
    if match is None:
        raise ValueError(f"write it as HOST:PORT, such as 127.0.0.1:{port}")
    port = int(match[3]) if match[3] else port
    if not 0 < port < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    return match[1] or match[2], port


def _is_address(text: str) -> str:
    parse_address(text)
    return text


def _is_metrics_address(text: str) -> str:
    parse_address(text, METRICS_PORT)
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


def _is_language(text: str) -> str:
    if not LANGUAGE.fullmatch(text):
        said = "a language is written as `nl`, or with a country as `nl_be`"
        raise ValueError(f"{said}; did you mean `{meant}`?" if (meant := meant_language(text)) else said)
    return text


def _is_hash(text: str) -> str:
    if not is_password_hash(text):
        raise ValueError("it must be a hash as `routec users hash` prints it, not a PIN")
    return text


Address = Annotated[str, AfterValidator(_is_address)]
MetricsAddress = Annotated[str, AfterValidator(_is_metrics_address)]
PlainPath = Annotated[str, AfterValidator(_is_path)]
AbsolutePath = Annotated[PlainPath, AfterValidator(_is_absolute)]


class Table(BaseModel):
    """A table of routec.toml: no key but ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


Version = Literal[16, 18, 20, 22]
VERSIONS: tuple[int, ...] = get_args(Version)
"""The versions of Asterisk that dialplans are made for, the oldest first."""


class AsteriskSettings(Table):
    """The PBX that the dialplan is made for."""

    target: Version = 22
    dial: Annotated[str, AfterValidator(_is_dial_string)] = "PJSIP/{extension}"
    sounds: PlainPath = "routec"
    """The folder of the prompts, as Asterisk finds it: below its own sounds folder, or absolute."""


class PublishSettings(Table):
    """Where Asterisk includes the dialplan from; generated/ where it is not set."""

    to: PlainPath | None = None
    seen_as: AbsolutePath | None = None
    """The same folder as Asterisk sees it, where it sees another path (a container, a mount)."""


class AmiSettings(Table):
    """How the PBX is reached to reload it; the secret is in ROUTEC_AMI_SECRET."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 5038
    username: Annotated[str, Field(min_length=1)]


class AgiSettings(Table):
    """Where the checker listens, and how Asterisk reaches it."""

    listen: Address = f"127.0.0.1:{AGI_PORT}"
    connect: Address | None = None
    script: PlainPath | None = None
    """The plain AGI script as Asterisk finds it: below its own AGI folder, or absolute."""
    python: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./+-]+( [A-Za-z0-9_.+-]+)?$")] = "/usr/bin/env python3"
    """What runs the plain AGI script: an absolute path."""


class SigninSettings(Table):
    """What the checker needs on every machine that it runs on; the environment has the last word."""

    state: AbsolutePath | None = None
    pepper_file: AbsolutePath | None = None


class MetricsSettings(Table):
    """Where `routec serve` shows its health and its metrics; without the table, nowhere."""

    listen: MetricsAddress


class PromptsSettings(Table):
    """What prompts are spoken in, and who may record them by phone; without a module and a PIN nobody may."""

    language: Annotated[str, AfterValidator(_is_language)] = "en"
    """The base language: that of the files in routes/prompts/ itself."""
    module: str | None = None
    """The sign-in module in front of the recording extensions."""
    pin: Annotated[Annotated[str, AfterValidator(_is_hash)] | None, Field(repr=False)] = None
    """The hash of a PIN, in place of a module."""
    seconds: Annotated[int, Field(ge=1, le=600)] = 300
    """The longest recording."""
    series: Annotated[int, Field(ge=1, le=99_999_999)] = 5001
    """The first number that `routec prompts number` gives."""

    @model_validator(mode="after")
    def _has_one_door(self) -> Self:
        if self.module is not None and self.pin is not None:
            raise ValueError("it has a `module` or a `pin`, not both")
        return self

    @property
    def records(self) -> bool:
        """Whether prompts can be recorded by phone."""
        return self.module is not None or self.pin is not None

"""The way to one PBX, made anew when it is lost."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from routec.apply.ami.manager import (
    ANSWER_SECONDS,
    Ami,
    AmiError,
    AnswerError,
    RefusedLoginError,
)
from routec.apply.shelf import Shelf
from routec.settings import Runtime, Settings, SettingsError, ami_secret

AGAIN_SECONDS = 0.1
"""Between two attempts to reach a PBX that was lost."""

T = TypeVar("T")

Connect = Callable[[Settings], Ami]


def connection(
    target: str | None, environ: Mapping[str, str] = os.environ, *, timeout: float = ANSWER_SECONDS
) -> Connect:
    """What connects to the PBX of a target, with the secret that this machine has for it.

    Calling it raises `AmiError`, and `SettingsError` where the settings or the secret are not there.
    """

    def connect(settings: Settings) -> Ami:
        if settings.ami is None:
            table = f"[targets.{target}.ami]" if target else "[ami]"
            raise SettingsError(
                f"routes/routec.toml does not say how the PBX is reached: there is no {table}",
                help=f'two lines: {table}, and below it: username = "routec"; `host` and `port` where they are not '
                "127.0.0.1 and 5038",
            )
        secret, place = ami_secret(environ, Runtime.of(environ, settings).state, target)
        ami = settings.ami
        try:
            return Ami(ami.host, ami.port, ami.username, secret, timeout=timeout)
        except RefusedLoginError as error:
            raise RefusedLoginError(
                f"{target}: {error}" if target else str(error),
                f"manager.conf there must have [{ami.username}] with the secret that is in {place}, and let it in from "
                "this address (`permit`); after a change: asterisk -rx 'manager reload'",
            ) from None

    return connect


class Patience(NamedTuple):
    """How long what may come back is waited for, in seconds."""

    lost: float = 15.0
    """A connection that was lost."""
    reload: float = 30.0
    """A reload, with those of others, which go first."""


class Way:
    """Keeps one connection for as long as the settings and the PBX let it."""

    def __init__(self, connect: Connect, patience: Patience) -> None:
        self._connect = connect
        self._patience = patience
        self._ami: Ami | None = None
        self._settings: Settings | None = None
        self.made = 0
        """How many connections there have been: behind another number there may be another Asterisk."""

    def ami(self, settings: Settings) -> Ami:
        """The connection. Raises `AmiError`, `SettingsError`."""
        if self._ami is None or self._settings is None or self._settings.ami != settings.ami:
            self.close()
            self._ami, self._settings = self._connect(settings), settings
            self.made += 1
        return self._ami

    def once_more(self, settings: Settings, ask: Callable[[Ami], T]) -> T:
        """Ask something; on a connection that turns out to be an old one that broke, ask again on a new one."""
        was_there = self._ami is not None
        try:
            return ask(self.ami(settings))
        except AnswerError:
            raise  # a new connection would hear the same
        except AmiError:
            self.close()
            if not was_there:
                raise
        return ask(self.ami(settings))

    def patiently(self, settings: Settings, ask: Callable[[Ami], T]) -> T:
        """Ask something, on a new connection where one is lost, for as long as there is patience after the first loss.

        Raises as `ask` does, and as making a connection does.
        """
        deadline: float | None = None
        while True:
            try:
                return ask(self.ami(settings))
            except AnswerError:
                raise
            except AmiError:
                self.close()
                now = time.monotonic()
                deadline = now + self._patience.lost if deadline is None else deadline
                if now + AGAIN_SECONDS >= deadline:
                    raise
                time.sleep(AGAIN_SECONDS)

    def reload(self, ami: Ami) -> None:
        """Have Asterisk read its dialplan anew. Raises `AmiError`."""
        ami.reload(time.monotonic() + self._patience.reload)

    def close(self) -> None:
        """Let go of the connection."""
        if self._ami is not None:
            self._ami.close()
            self._ami = None


class Site(NamedTuple):
    """Where an apply is at work: a PBX, as a build's settings say it, and the folder that it includes from."""

    root: Path
    settings: Settings
    shelf: Shelf
    way: Way

    @property
    def seen_as(self) -> Path:
        """The published folder as Asterisk sees it, absolute."""
        seen_as = self.settings.publish.seen_as
        return Path(seen_as) if seen_as else (self.root / self.shelf.folder).absolute()

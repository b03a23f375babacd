"""What the checker needs on its machine: settings, pepper, database, webhook secrets, and a clock that is right."""

import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from routec.apply.ami.manager import Ami, AmiError
from routec.apply.doctor.findings import Finding, fault, give, make, ok, skipped, warn
from routec.apply.doctor.host import Host
from routec.apply.doctor.pbx import offset
from routec.contract import Module
from routec.disk import user_name
from routec.settings import Runtime, Settings, SettingsError
from routec.signin.credentials import CredentialsError, read_pepper
from routec.signin.database import Database
from routec.signin.store import Log, LogError, UnreachableError
from routec.signin.their_clock import clock_of

MOST_SECONDS = 5.0
"""How far clocks may be apart."""

_SYNC = "keep the clocks of all machines by NTP: timedatectl set-ntp true"


@dataclass(frozen=True)
class Machine:
    """What the settings come to on this machine; None with the fault that keeps it from being read."""

    environ: Mapping[str, str]
    runtime: Runtime | None
    trouble: SettingsError | None = None

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str]) -> "Machine":
        """Read the environment, and what it names."""
        try:
            return cls(environ, Runtime.of(environ, settings))
        except SettingsError as error:
            return cls(environ, None, error)

    def check(self) -> Iterator[Finding]:
        """Do the settings hold on this machine."""
        if self.runtime is None:
            error = self.trouble
            yield fault("settings", error.message if error else "", error.help if error else "")
        else:
            yield ok("settings", f"routes/routec.toml is sound; the state folder is {self.runtime.state}")

    def pepper(self, modules: Mapping[str, Module], host: Host) -> Iterator[Finding]:
        """Is there a pepper, closed to others, where any module verifies a password."""
        if not any(field.kind == "password" for module in modules.values() for field in module.fields):
            yield skipped("pepper", "no sign-in module asks for a password")
            return
        if self.runtime is None:
            return
        try:
            read_pepper(self.runtime)
        except CredentialsError as error:
            yield fault("pepper", str(error), error.help)
            return
        file = self.runtime.pepper_file
        if self.runtime.pepper is not None:
            if (other := self._other_pepper()) is not None:
                yield fault("pepper", *other)
            elif "ROUTEC_PEPPER" not in host.environ:
                yield warn(
                    "pepper",
                    "ROUTEC_PEPPER is set here, and the plain AGI script has Asterisk's environment: no PIN is right "
                    "while `routec serve` is down",
                    f"the same one is in {file}: take ROUTEC_PEPPER away"
                    if file.exists()
                    else f"put it into the file {file}, which only its user can read",
                )
            else:
                yield ok("pepper", "ROUTEC_PEPPER is set, here and for Asterisk")
        elif host.account is not None and (closed := host.account.closed(file, os.R_OK)):
            yield warn(
                "pepper",
                f"Asterisk, which runs as {host.account.name}, cannot read {file} (closed: {closed}): no PIN is right "
                "while `routec serve` is down",
                "run `routec serve` as the user that Asterisk runs as, and let the pepper and the state folder be its",
            )
        else:
            yield ok("pepper", f"{file} is there, and closed to others")

    def _other_pepper(self) -> tuple[str, str] | None:
        """What to say where the file holds another pepper than ROUTEC_PEPPER does, or cannot be compared with it."""
        file = self.runtime.pepper_file if self.runtime else None
        if self.runtime is None or file is None or not os.path.lexists(file):
            return None
        try:
            same = read_pepper(self.runtime).reveal() == read_pepper(_without_pepper(self.runtime)).reveal()
        except CredentialsError as error:
            return f"ROUTEC_PEPPER is set here, and the plain AGI script cannot take its own: {error}", error.help
        if same:
            return None
        text = (
            f"ROUTEC_PEPPER and the file {file} hold two different peppers: a PIN is right for `routec serve` or for "
            "the plain AGI script, and not for both"
        )
        help = (
            "write over neither: find out by which the users' hashes were made (does a PIN that you know still pass?), "
            "then leave that one only"
        )
        return text, help

    def database(self, host: Host) -> Iterator[Finding]:
        """Can the log be read, and is it of this routec's form."""
        if self.runtime is None:
            return
        log = Log(self.runtime.database, self.runtime.spool)
        help = "ROUTEC_DATABASE, the file `database` in the state folder, or the state folder itself says where it is"
        try:
            database = Database(self.runtime.database)
            try:
                is_there, place = database.exists(), database.place
            finally:
                database.close()
            log.look()
        except UnreachableError as error:
            yield fault("database", f"nobody is signed in for now: {error}", "is the database running and reachable?")
        except LogError as error:
            yield fault("database", str(error), help)
        else:
            closed = list(self._state(host.account.name if host.account else None))
            if is_there or not closed:
                yield ok("database", place if is_there else f"{place} is not there yet; the first sign-in makes it")
            yield from closed
        finally:
            log.close()

    def _state(self, user: str | None) -> Iterator[Finding]:
        state = self.runtime.state if self.runtime else None
        if state is None:
            return
        nearest = next(each for each in (state, *state.parents) if each.exists())
        if not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
            if not state.exists():
                yield fault("database", f"there is no state folder {state}", make(state, user, "700"))
                return
            yield fault(
                "database", f"{user_name()}, who runs this, cannot write in the state folder {state}", give(state, user)
            )

    def webhooks(self, modules: Mapping[str, Module]) -> Iterator[Finding]:
        """Are their secrets there."""
        hooks = {name: module.webhook for name, module in modules.items() if module.webhook is not None}
        if not hooks:
            yield skipped("webhooks", "no sign-in module has one")
            return
        from routec.signin.webhooks import Poster, UnreadyError

        poster = Poster(self.environ)
        missing = False
        for name, webhook in hooks.items():
            try:
                poster.check(webhook)
            except UnreadyError as error:
                missing = True
                yield fault(
                    "webhooks", f"those of `{name}` are not sent: {error}", "`routec serve` needs it in its environment"
                )
        if not missing:
            yield ok("webhooks", f"the secrets of all {len(hooks)} are in this environment")

    def clock(self, ami: Ami | None) -> Iterator[Finding]:
        """Do the clocks agree: ours, the PBX's, and the database's where that has one of its own."""
        try:
            ZoneInfo("Europe/Brussels")
        except (ZoneInfoNotFoundError, OSError, ValueError):
            yield fault(
                "clock", "there is no time zone data on this machine", "install tzdata, of the system or of pip"
            )
        if datetime.now(UTC).year < 2025:
            yield fault("clock", "this machine's clock is years behind", _SYNC)
        if ami is not None:
            try:
                yield from _apart("the PBX's", offset(ami))
            except AmiError as error:
                yield skipped("clock", f"the PBX's: {error}")
        if self.runtime is not None:
            try:
                before = time.time()
                theirs = clock_of(self.runtime.database)
                if theirs is not None:
                    yield from _apart("the database's", theirs - (before + time.time()) / 2)
            except LogError:
                yield skipped("clock", "the database's: it cannot be asked")


def _without_pepper(runtime: Runtime) -> Runtime:
    """The same, so that the pepper is the file's."""
    return runtime.model_copy(update={"pepper": None})


def _apart(whose: str, seconds: float) -> Iterator[Finding]:
    if math.isnan(seconds):
        yield skipped("clock", f"{whose}: it does not say what time it has")
    elif abs(seconds) > MOST_SECONDS:
        ahead = "ahead of" if seconds > 0 else "behind"
        yield warn("clock", f"{whose} clock is {abs(seconds):.0f} s {ahead} ours", _SYNC)
    else:
        yield ok("clock", f"{whose} clock agrees with ours")

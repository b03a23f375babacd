"""The PBX as AMI shows it: is it reached, does it let us in, may the user do what routec does, is it the version."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from routec.apply.ami.link import connection
from routec.apply.ami.manager import Ami, AmiError, NotPermittedError, SilentError, UnreachableError
from routec.apply.doctor.findings import Finding, fault, ok, skipped, warn
from routec.settings import VERSIONS, Runtime, Settings, SettingsError

AMI_SECONDS = 5.0
NO_AMI = "there is no [ami] in routes/routec.toml"


@dataclass(slots=True)
class Pbx:
    """A connection, or why there is none."""

    settings: Settings
    ami: Ami | None = None
    why: str = NO_AMI
    """Why there is no connection, for the checks that would need one."""
    trouble: Finding | None = None
    is_unreached: bool = False

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str], runtime: Runtime | None, target: str | None) -> "Pbx":
        """Connect, where there is an [ami]."""
        pbx = cls(settings)
        if settings.ami is None:
            pbx.trouble = skipped("AMI", f"{NO_AMI}, so the PBX was not asked")
            return pbx
        pbx.why = "the PBX could not be asked"
        if runtime is None:
            return pbx
        try:
            pbx.ami = connection(target, environ, timeout=AMI_SECONDS)(settings)
        except SettingsError as error:
            pbx.trouble = fault("AMI", error.message, error.help)
        except AmiError as error:
            pbx.trouble = fault("AMI", str(error), error.help)
            pbx.is_unreached = isinstance(error, (UnreachableError, SilentError))
        return pbx

    def close(self) -> None:
        """End the connection."""
        if self.ami is not None:
            self.ami.close()

    def lost(self, error: AmiError) -> Finding:
        """What a question met that was not answered; nothing more is asked then."""
        self.close()
        self.ami = None
        self.why = "the PBX no longer answers"
        self.is_unreached = isinstance(error, (UnreachableError, SilentError))
        return fault("AMI", str(error), error.help or "run it again; Asterisk's log says more")

    def check(self) -> Iterator[Finding]:
        """Reached, logged in, permitted, and of a version that the dialplan is made for."""
        if self.ami is None:
            if self.trouble is not None:
                yield self.trouble
            return
        where = self.settings.ami
        user = where.username if where else ""
        yield ok("AMI", f"{where.host if where else ''} is reached, and lets `{user}` in")
        yield from self._privileges(user)
        yield from self._version()

    def _privileges(self, user: str) -> Iterator[Finding]:
        """Each is tried by an action that changes nothing: a reload of a module that nobody has."""
        ami = self.ami
        if ami is None:
            return
        needed: dict[str, tuple[Callable[[], object], ...]] = {
            "config": (ami.may_reload,),
            "reporting": (ami.version, ami.channels, lambda: ami.returns_to("routec/none")),
        }
        mend = f"manager.conf, [{user}]: `write = config,reporting,originate`; then asterisk -rx 'manager reload'"
        missing = [name for name, works in needed.items() if not all(map(_is_permitted, works))]
        for name in missing:
            what = "reload the dialplan" if name == "config" else "see who is in a call, and which version it is"
            yield fault("AMI", f"`{user}` has no `write` privilege `{name}`: routec cannot {what}", mend)
        if not missing:
            yield ok("AMI", f"`{user}` may do what `apply` needs: config, reporting")
        if _is_permitted(ami.may_command):
            yield warn("AMI", f"`{user}` may run every command of Asterisk's console, which routec never does", mend)

    def _version(self) -> Iterator[Finding]:
        ami = self.ami
        try:
            version = ami.version() if ami else ""
        except NotPermittedError:
            yield skipped("version", "the AMI user may not ask for it")
            return
        made_for = self.settings.asterisk.target
        found = re.search(r"(\d+)\.", version)
        major = int(found[1]) if found else None
        if major is None:
            yield warn("version", "Asterisk does not say which version it is", "is it one that routec knows?")
        elif major < made_for:
            yield fault(
                "version",
                f"Asterisk is {version}, and the dialplan is made for {made_for}",
                f"routes/routec.toml, [asterisk]: `target = {max(each for each in VERSIONS if each <= major)}`"
                if major >= VERSIONS[0]
                else f"routec needs Asterisk {VERSIONS[0]} or later",
            )
        elif major > made_for + 1:
            yield warn(
                "version",
                f"Asterisk is {version}, and the dialplan is made for {made_for}",
                f"routes/routec.toml, [asterisk]: say the version in `target`, up to {VERSIONS[-1]}",
            )
        else:
            yield ok("version", f"Asterisk is {version}, and the dialplan is made for {made_for}")


def _is_permitted(work: Callable[[], object]) -> bool:
    try:
        work()
    except NotPermittedError:
        return False
    return True


def offset(ami: Ami) -> float:
    """How far the PBX's clock is ahead of ours, in seconds."""
    before = time.time()
    theirs = ami.clock()
    return theirs - (before + time.time()) / 2

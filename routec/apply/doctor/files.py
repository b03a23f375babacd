"""The files: do the routes compile, is what is published whole, can Asterisk read it, does it find the sounds."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from routec.apply import drift, retired_conf
from routec.apply.build import Built, compile_project, published_folder
from routec.apply.doctor.findings import Finding, fault, give, ok, skipped, some, warn
from routec.apply.doctor.host import Host
from routec.apply.held import Held
from routec.apply.lock import LOCK_FILE
from routec.apply.shelf import MAIN_FILE, MANIFEST_FILE, RETIRED_FILE, SOUNDS, Shelf
from routec.contract import MODULES_FILE, RECORDER_FILE, SCRIPT_FILE, Module
from routec.disk import user_name
from routec.settings import Settings
from routec.signin.modules import ModulesError, parse_modules

APPLY = "`routec apply` writes it anew"
_PLAYED = re.compile(r"(?:^|&)([^&,]+)")


@dataclass(frozen=True)
class Project:
    """The routes as they stand, and what is published of them."""

    root: Path
    settings: Settings
    built: Built
    folder: Path
    published: Held = field(default_factory=dict)
    """What the published files hold, retired contexts included; empty where there are none that can be read."""
    modules: Mapping[str, Module] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, settings: Settings, target: str | None) -> "Project":
        """Compile, and read what is published."""
        built = compile_project(root, target)
        folder = published_folder(root, settings)
        try:
            shelf = Shelf(folder)
            published = retired_conf.published(shelf.read(MAIN_FILE), shelf.read(RETIRED_FILE))
        except OSError:
            published = {}
        modules: Mapping[str, Module] = {}
        try:
            data = built.files.get(MODULES_FILE) or (folder / MODULES_FILE).read_bytes()
            modules = parse_modules(data).modules
        except (OSError, ModulesError):
            modules = {}
        return cls(root, settings, built, folder.absolute(), published, modules)

    @property
    def held(self) -> Held:
        """What the PBX is to hold: of the present routes, or of what is published where those have faults."""
        return self.published if self.built.failed else self.built.held

    def check(self) -> Iterator[Finding]:
        """Do they compile."""
        errors = sum(one.severity == "error" for one in self.built.compilation.diagnostics)
        if errors:
            yield fault("routes", f"they have {errors} error{'' if errors == 1 else 's'}", "`routec check` shows them")
        else:
            system = self.built.compilation.system
            routes = sum(not route.is_recording for route in system.routes)
            many = [(routes, "route"), (len(system.modules), "sign-in module")]
            yield ok("routes", "no error in " + " and ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in many))


def published(project: Project, host: Host) -> Iterator[Finding]:
    """Is the published folder there, whole, ours to write, and Asterisk's to read."""
    folder = project.folder
    if not (folder / MAIN_FILE).is_file():
        yield fault("published", f"there is no {folder / MAIN_FILE}", "`routec apply` writes it, or `routec build`")
        return
    shelf = Shelf(folder)
    try:
        edited = drift.of_files(shelf, {})
        manifest = shelf.read(MANIFEST_FILE)
    except OSError as error:
        yield fault("published", f"{error.filename or folder}: {error.strerror}", "run as the user of `routec serve`")
        return
    if manifest is None:
        yield fault("published", f"there is no {folder / MANIFEST_FILE}: it cannot be seen whether all is whole", APPLY)
    for one in edited:
        yield fault("published", one.text, APPLY)
    if manifest is not None and not edited:
        if project.built.failed or project.built.files.get(MANIFEST_FILE) == manifest:
            yield ok("published", f"{folder} is whole")
        else:
            yield warn(
                "published",
                f"{folder} is whole, and not of the present routes",
                "`routec plan` shows what differs, `routec apply` brings it; `serve` and `watch` do so by themselves",
            )
    yield from _writable(folder, host)
    yield from _readable(folder, host)


def _writable(folder: Path, host: Host) -> Iterator[Finding]:
    user = host.account.name if host.account else None
    lock = folder / LOCK_FILE
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield fault("published", f"{folder} is on a disk that is mounted read-only", "[publish] to names another")
    elif not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        yield fault("published", f"{folder} cannot be written by {user_name()}, who runs this", give(folder, user))
    elif lock.exists() and not os.access(lock, os.R_OK | os.W_OK, effective_ids=True):
        text = f"{lock} cannot be opened by {user_name()}, who runs this: neither `apply` nor `serve` gets further"
        yield fault("published", text, f"sudo chown {user_name()} {lock}")
    elif host.account is not None and lock.exists() and (host.account.closed(lock, os.R_OK | os.W_OK)) is not None:
        text = f"{lock} cannot be opened by {user}, whom Asterisk runs as, and `routec serve` should"
        yield warn("published", text, f"sudo chown {user} {lock}")


def _readable(folder: Path, host: Host) -> Iterator[Finding]:
    """Everything that Asterisk opens, and what the plain AGI script does, which runs as Asterisk's user."""
    account = host.account
    if account is None:
        yield skipped("published", f"whether Asterisk can read it: {host.why}; `--user` says whom it runs as")
        return
    names = [
        MAIN_FILE,
        MODULES_FILE,
        RECORDER_FILE,
        SCRIPT_FILE,
        *([RETIRED_FILE] if (folder / RETIRED_FILE).exists() else []),
    ]
    names += sorted(str(path.relative_to(folder)) for path in (folder / SOUNDS).rglob("*") if path.is_file())
    closed: dict[Path, None] = {}
    for name in names:
        wanted = os.R_OK | os.X_OK if name == SCRIPT_FILE else os.R_OK
        if (folder / name).exists() and (where := account.closed(folder / name, wanted)) is not None:
            closed[where] = None
    if closed:
        yield fault(
            "published",
            f"Asterisk, which runs as {account.name}, cannot read {some([str(each) for each in closed])}",
            "open it: chmod o+rx for folders, o+r for files, or a group that it is in",
        )
    else:
        yield ok("published", f"Asterisk, which runs as {account.name}, can read it")


# ---- sounds


def played(held: Held, modules: Mapping[str, Module]) -> dict[str, str]:
    """Every sound that callers may hear, with where it is asked for."""
    found: dict[str, str] = {}
    for context, extensions in held.items():
        for priorities in extensions.values():
            for priority in priorities.values():
                if priority.app == "Playback":
                    for name in _PLAYED.findall(priority.data.partition(",")[0]):
                        found.setdefault(name, context)
    for module in modules.values():
        names = [each.sound for each in module.fields] + [module.confirm, *(sound for _, sound in module.tells)]
        names += [module.clock.sound] if module.clock else []
        names += [module.again.sound] if module.again else []
        for each in names:
            if each:
                found.setdefault(each, f"auth {module.name}")
    return found


def _recorders(project: Project) -> dict[str, str]:
    """What the recorder plays, where there is one."""
    if project.settings.prompts.records and (data := project.built.files.get(RECORDER_FILE)):
        return {sound: "the recorder" for sounds in json.loads(data)["sounds"].values() for sound in sounds}
    return {}


def sounds(project: Project, host: Host) -> Iterator[Finding]:
    """Does Asterisk find what callers are to hear: in its folder of sounds, or in one of its languages."""
    wanted = _recorders(project) | played(project.held, project.modules)
    if not wanted:
        yield skipped("sounds", "the routes play none")
        return
    if not host.is_here:
        yield skipped("sounds", f"{host.why}, so its sounds are not seen from here")
        return
    folder = host.folders["astdatadir"] / SOUNDS
    missing = {name: where for name, where in wanted.items() if not _files(folder, name)}
    for name, where in sorted(missing.items()):
        own = project.settings.asterisk.sounds
        help = "is its package of sounds installed, such as asterisk-core-sounds-en-wav?"
        if name.startswith(f"{own}/"):
            help = f"let Asterisk find the prompts: ln -s {project.folder / SOUNDS} {folder / own}"
        yield fault("sounds", f"Asterisk has no sound `{name}` in {folder}; {where} plays it", help)
    account = host.account
    if account is not None:
        files = [_files(folder, name) for name in wanted if name not in missing]
        closed = sorted({str(found[0]) for found in files if all(account.closed(file, os.R_OK) for file in found)})
        if closed:
            yield fault("sounds", f"Asterisk, which runs as {account.name}, cannot read {some(closed)}", "chmod o+r")
            return
    if not missing:
        yield ok("sounds", f"Asterisk has all {len(wanted)} that callers may hear")


def _files(folder: Path, name: str) -> list[Path]:
    """The files of a sound, in whatever format and language."""
    if name.startswith("/"):
        return _with_suffix(Path(name))
    languages = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return [file for base in (folder, *languages) for file in _with_suffix(base / name)]


def _with_suffix(path: Path) -> list[Path]:
    try:
        return [file for file in path.parent.iterdir() if file.stem == path.name and file.suffix]
    except OSError:
        return []

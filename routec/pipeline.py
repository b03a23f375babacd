"""The whole compilation on one page: a project in, files and diagnostics out. Pure: reads and writes nothing.

    bytes -> text -> syntax trees -> model -> dialplan -> files

Each stage takes what the one before it gave, and each adds its faults. All stages up to the checks run whatever was
found, so that one run shows everything; the dialplan is made only where there is no error.
"""

import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from routec.contract import MODULES_FILE, RECORDER_FILE, SCRIPT_FILE
from routec.diagnostics import Diagnostic, codes, has_errors, in_order, of_targets
from routec.frontend.checks import check
from routec.frontend.facts import About
from routec.frontend.parser import parse, parse_users
from routec.frontend.reader import read
from routec.frontend.recordings import with_recordings
from routec.frontend.resolver import resolve
from routec.frontend.syntax import USERS_SUFFIX, UsersFile
from routec.frontend.target_entries import entered_elsewhere, for_target
from routec.kept import Kept, Memory
from routec.model import System
from routec.model.sound_files import languages_of, published
from routec.settings import Settings, SettingsError
from routec.source import Source, Sources, Span

if TYPE_CHECKING:
    from routec.backend.dialplan import Dialplan

Tree = TypeVar("Tree")

_IGNORE = re.compile(r"(?:^|\s)#\s*routec:\s*ignore\s+(RT\d{3}(?:\s*,\s*RT\d{3})*)\s+\S")

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Input:
    """All that a compilation depends on: equal inputs give equal outputs, to the byte."""

    files: Mapping[str, bytes]
    """The route files, by the path that users are shown."""
    settings: tuple[str, bytes] | None = None
    """The path and the bytes of routec.toml, where there is one."""
    sounds: Mapping[str, str] | None = None
    """The files of sounds below routes/prompts/, each with what is wrong with it or an empty string."""
    unread: tuple[Diagnostic, ...] = ()
    """What could not be read, and so is missing above."""
    users: Mapping[str, bytes] = field(default_factory=dict)
    """The files of users, by the path that users are shown."""
    other_sounds: tuple[str, ...] = ()
    """Files of sounds below routes/prompts/ in other formats, which no prompt can have."""
    target: str | None = None
    """Which PBX of `[targets]` it is compiled for; None: what routec.toml says at its top."""


@dataclass(frozen=True)
class Compilation:
    """What came of it. `dialplan` is None where there is an error."""

    sources: Sources
    settings: Settings
    system: System
    sound_files: Mapping[str, str]
    diagnostics: list[Diagnostic]
    dialplan: "Dialplan | None"

    @cached_property
    def sounds(self) -> dict[str, str]:
        """All sounds that are published: by their names there, the files below routes/prompts/ that they copy."""
        return published(self.system, self.sound_files, self.settings.asterisk.sounds)

    @property
    def language(self) -> str | None:
        """What calls are set to as they come in; None where no prompt is spoken in any other than the base language."""
        prompts = self.settings.prompts
        is_said = "language" in prompts.model_fields_set
        return prompts.language if is_said or languages_of(self.sound_files) else None

    @property
    def failed(self) -> bool:
        """Whether something forbids a build."""
        return self.dialplan is None


def compile_routes(project: Input, *, dialplan: bool = True, memory: Memory | None = None) -> Compilation:
    """Compile route files; without `dialplan`, only check them.

    With the `memory` of the compilation before this one, what did not change is taken from there.
    """
    with paused_collector():
        return _compile(project, memory or Memory(), dialplan=dialplan)


def check_targets(project: Input) -> Compilation:
    """Check a project for each of its PBXs; one without `[targets]` as it is.

    A fault that all of them have is there once, one that some have names these.
    """
    names = _settings(project, {})[0].target_names
    if not names:
        return compile_routes(project, dialplan=False)
    memory = Memory()
    found = {}
    for name in names:
        compilation = compile_routes(replace(project, target=name), dialplan=False, memory=memory)
        found[name] = compilation.diagnostics
    return replace(compilation, diagnostics=of_targets(found))


@contextmanager
def paused_collector() -> Iterator[None]:
    """Hold the garbage collector off, which takes half of the time.

    A compilation makes millions of objects and next to no circles of them, and the collector walks all again and again.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _compile(project: Input, memory: Memory, *, dialplan: bool) -> Compilation:
    sources: Sources = {}
    trees = []
    faults = list(project.unread)
    if not project.files and not faults:
        help = "a route file is named like routes/front.route"
        faults.append(Diagnostic(codes.NO_ROUTES, "there is no route file here", help=help))
    files = memory.round("files")
    users = _users(project, sources, faults, files)
    for path in sorted(project.files):
        data = project.files[path]
        sources[path], tree, found = files.of(path, (data,), partial(_parsed, path, data, parse))
        trees += [] if tree is None else [tree]
        faults += found
    unread = any(not fault.path.endswith(USERS_SUFFIX) for fault in project.unread)
    missing = unread or len(trees) < len(project.files)
    names_lost = missing or any(tree.lost_declarations for tree in trees)
    settings, bad_settings = _settings(project, sources)
    system, resolved = resolve(trees, settings, project.sounds or {}, users, names_lost=names_lost, memory=memory)
    faults += bad_settings + resolved
    elsewhere = entered_elsewhere(system, settings)
    if project.settings is not None:
        whole = not names_lost and not has_errors(faults)
        system, found = for_target(system, settings, project.settings[0], whole=whole)
        faults += found
    if not bad_settings:  # else nobody knows whether a sign-in stands before the recordings
        toml = None if project.settings is None else project.settings[0]
        system, found = with_recordings(system, settings, toml, sources, memory)
        faults += found
    about = About(settings, project.sounds or {}, elsewhere, project.other_sounds)
    faults += check(system, about, whole=not has_errors(faults), memory=memory)
    diagnostics = in_order(fault for fault in faults if not _ignored(fault, sources))
    result = Compilation(sources, settings, system, project.sounds or {}, diagnostics, None)
    if not dialplan or has_errors(diagnostics):
        return result
    from routec.backend.lower import lower

    return replace(result, dialplan=lower(system, settings, sources, memory, result.language))


def _parsed(
    path: str, data: bytes, parse: Callable[[Source], tuple[Tree, list[Diagnostic]]]
) -> tuple[Source, Tree | None, list[Diagnostic]]:
    """The text of a file, its syntax tree if that can be made, and what is wrong with both."""
    source, faults = read(path, data)
    if has_errors(faults):
        return source, None, faults
    return source, *parse(source)


def _users(project: Input, sources: Sources, faults: list[Diagnostic], kept: Kept[Any]) -> dict[str, UsersFile | None]:
    """The files of users as syntax trees; None for one that cannot be read."""
    files: dict[str, UsersFile | None] = {
        fault.path: None for fault in project.unread if fault.path.endswith(USERS_SUFFIX)
    }
    for path in sorted(project.users):
        data = project.users[path]
        sources[path], files[path], found = kept.of(path, (data,), partial(_parsed, path, data, parse_users))
        faults += found
    return files


def render(compilation: Compilation, memory: Memory | None = None) -> dict[str, bytes]:
    """The generated files of a compilation without errors, by name."""
    from routec.backend import render, runtime_files
    from routec.backend.recorder_file import recorder_file

    memory = memory or Memory()
    if compilation.dialplan is None:
        raise ValueError("a compilation with errors has no files")
    with paused_collector():
        files = {
            "extensions.conf": render.extensions_conf(compilation.dialplan, memory),
            MODULES_FILE: runtime_files.modules_file(compilation.system, compilation.settings, memory),
            RECORDER_FILE: recorder_file(compilation.system, compilation.settings, compilation.sounds.values()),
            SCRIPT_FILE: render.signin_agi(compilation.settings),
        }
        manifest = render.manifest_json(compilation.dialplan, compilation.sources, compilation.sounds, files, memory)
        return files | {"manifest.json": manifest}


def _settings(project: Input, sources: Sources) -> tuple[Settings, list[Diagnostic]]:
    """The settings, for the target where one is asked for."""
    if project.settings is None:
        if project.target is None:
            return Settings(), []
        error = Settings().unknown_target(project.target)
        return Settings(), [Diagnostic(codes.BAD_SETTINGS, error.message, help=error.help)]
    path, data = project.settings
    sources[path], faults = read(path, data)
    if has_errors(faults):
        return Settings(), faults
    try:
        return Settings.parse(sources[path].text, path).for_target(project.target), []
    except SettingsError as error:
        beside = Settings.beside_faults(sources[path].text)
        return beside, [_bad_settings(path, one) for one in (error, *error.others)]


def _bad_settings(path: str, error: SettingsError) -> Diagnostic:
    span = None if error.offset is None else Span(path, error.offset, error.offset + error.length)
    return Diagnostic(codes.BAD_SETTINGS, error.message, span, help=error.help, file=path)


def _ignored(fault: Diagnostic, sources: Sources) -> bool:
    """Whether `# routec: ignore RT303 reason` on its line silences a warning; an error it never silences."""
    if fault.severity == "error" or fault.span is None or fault.span.file not in sources:
        return False
    source = sources[fault.span.file]
    match = _IGNORE.search(_TEXT.sub("", source.line_text(source.line(fault.span.start))))
    return match is not None and fault.code.code in re.split(r"\s*,\s*", match[1])

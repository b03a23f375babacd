"""The sign-in modules as the compiler wrote them into `signin.json`, and re-reading them when it changes.

The file is our own compiler's, yet it is read as if it were anybody's: half written, of another version, or edited by
hand. It is taken as a whole or not at all, and a key that this version does not know refuses the whole file, since it
may be a restriction that we would not apply.
"""

import contextlib
import logging
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from routec.contract import MODULES_FORMAT, RETIRED_MODULES_FILE, Module
from routec.settings import Address, AgiSettings, PlainPath, Settings, SigninSettings
from routec.signin.compiled_file import check_format, read_compiled, words_of
from routec.signin.module_faults import NAME, module_fault

EXTENSION = re.compile(r"[0-9*]{1,79}")

_FILE_BYTES = 64 * 1024 * 1024

_logger = logging.getLogger("routec.signin.modules")


class ModulesError(Exception):
    """The file of sign-in modules cannot be used; the message names it and the fault, and no hash."""


class _File(BaseModel):
    """The layout of the file. The contract's dataclasses below inherit this strictness."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    class _Settings(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")

        state: PlainPath | None
        pepper_file: PlainPath | None
        listen: Address

    format: Literal[2]
    settings: _Settings
    extensions: list[str]
    modules: list[Module]
    digest: str = ""
    """Of a file of retired modules, by which `apply` sees that nobody edited it."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a `signin.json` says: the modules by name, and the settings that the checker was compiled with.

    `extensions` are the numbers that only a call from inside can have dialled.
    """

    modules: dict[str, Module]
    settings: Settings
    extensions: frozenset[str] = frozenset()


def read_modules(path: Path) -> Compiled:
    """Read and check a file of modules. Raises `ModulesError`."""
    return read_compiled(path, _FILE_BYTES, parse_modules, ModulesError)


def parse_modules(content: bytes) -> Compiled:
    """Check the content of a file of modules. Raises `ModulesError`."""
    check_format(content, MODULES_FORMAT, ModulesError)
    try:
        file = _File.model_validate_json(content)
    except ValidationError as error:
        raise ModulesError(words_of(error)) from None
    try:
        settings = Settings(
            agi=AgiSettings(listen=file.settings.listen),
            signin=SigninSettings(state=file.settings.state, pepper_file=file.settings.pepper_file),
        )
    except ValidationError as error:
        raise ModulesError(f"settings.{words_of(error)}") from None
    if not all(map(EXTENSION.fullmatch, file.extensions)):
        raise ModulesError("`extensions` are digits and `*`")
    modules: dict[str, Module] = {}
    for module in file.modules:
        if module.name in modules:
            raise ModulesError(f"two modules are named {module.name}")
        _check_module(module)
        modules[module.name] = module
    return Compiled(modules, settings, frozenset(file.extensions))


def _check_module(module: Module) -> None:
    if not NAME.fullmatch(module.name):
        raise ModulesError(f"{module.name!r:.90} is no name for a module")
    if fault := module_fault(module):
        raise ModulesError(f"module {module.name}: {fault}")


_Stamp = tuple[int, int, int, int]


class ModuleStore:
    """The modules of one file, re-read when the file changes; one store serves many threads.

    A call costs one `stat`. A file that cannot be used leaves the last good one in force, and is said in the process
    log once, not once a call. Until there has been a good one, there are no modules and `compiled` raises.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._tried = False
        self._compiled: Compiled | None = None
        self._fault = ""

    def compiled(self) -> Compiled:
        """All that the file says now. Raises `ModulesError` if no file was ever good."""
        stamp = self._look()
        with self._lock:
            if not self._tried or stamp != self._stamp:
                # The stamp is older than what is read: a write in between makes the next call read again.
                self._tried, self._stamp = True, stamp
                self._read()
            if self._compiled is None:
                raise ModulesError(self._fault)
            return self._compiled

    def module(self, name: str) -> tuple[Module | None, Compiled]:
        """A module, and the rest of what the file says. Raises `ModulesError` as `compiled` does.

        One that the last change took away is still there for the calls that were in its routes then.
        """
        compiled = self.compiled()
        module = compiled.modules.get(name)
        if module is None:
            with contextlib.suppress(ModulesError):
                module = read_modules(self._path.with_name(RETIRED_MODULES_FILE)).modules.get(name)
        return module, compiled

    def _look(self) -> _Stamp | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 (a third of the time of Path.stat, once a call)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size

    def _read(self) -> None:
        try:
            self._compiled = read_modules(self._path)
        except ModulesError as error:
            self._fault = str(error)
            after = "the modules read before stay in force" if self._compiled else "nobody can sign in"
            _logger.error("%s; %s", error, after)  # noqa: TRY400 (a traceback would add nothing)

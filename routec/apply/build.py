"""One build of a project: read, compile, render. `routec build`, `watch` and `serve` are this."""

import errno
import gc
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from routec.apply.held import Extensions, Held, of_context, of_extension
from routec.apply.shelf import SOUNDS
from routec.backend.dialplan import FIXED, Context
from routec.files import Reader
from routec.kept import Memory
from routec.pipeline import Compilation, compile_routes, paused_collector, render
from routec.project import GENERATED, PROMPTS, ROUTES, load
from routec.settings import Settings
from routec.sound.wav import SoundError, Wav, rate_of, wav_fault


@dataclass(frozen=True)
class Built:
    """What a build came to; with errors `files` is empty and nothing is to be written."""

    compilation: Compilation
    files: dict[str, bytes]
    target: str | None = None
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)
    """Of the builder that this comes from."""

    @property
    def failed(self) -> bool:
        """Whether there are errors."""
        return self.compilation.failed

    @property
    def settings(self) -> Settings:
        """Those of the target."""
        return self.compilation.settings

    @cached_property
    def held(self) -> Held:
        """What Asterisk is to hold; nothing, with errors. To be asked for in the thread that builds.

        What did not change since the build before is the same object.
        """
        if self.compilation.dialplan is None:
            return {}
        contexts = self.compilation.dialplan.contexts
        found = self.memory.each("held").of(contexts, self._extensions)
        return {context.name: extensions for context, extensions in zip(contexts, found, strict=True)}

    def _extensions(self, context: Context) -> Extensions:
        if context.name not in FIXED:
            return of_context(context)
        found = self.memory.each(f"held {context.name}").of(context.extensions, of_extension)
        return {extension.pattern: held for extension, held in zip(context.extensions, found, strict=True)}


class Builder:
    """Builds a project again and again: only what changed since the last time is read, compiled and rendered.

    What comes of it is what a new builder would come to, to the byte. Contexts of the dialplan that did not change are
    the same objects as before. One thread uses it.
    """

    def __init__(self, root: Path, target: str | None = None) -> None:
        self._root = root
        self._target = target
        self._reader, self._sounds = Reader(), Reader()
        self._memory = Memory()
        self._builds = 0

    def build(self) -> Built:
        """Read and compile the project as it stands; writes nothing."""
        self._builds += 1
        if self._builds == 2:
            gc.freeze()  # what the first build made stays for good, and need not be looked through again and again
        with paused_collector():
            return self._build()

    def _build(self) -> Built:
        compilation = compile_routes(replace(load(self._root, self._reader), target=self._target), memory=self._memory)
        if compilation.failed:
            return Built(compilation, {}, self._target, self._memory)
        files = render(compilation, self._memory) | self._sound_files(compilation.sounds)
        return Built(compilation, files, self._target, self._memory)

    def _sound_files(self, sounds: Mapping[str, str]) -> dict[str, bytes]:
        """The sound files of the prompts, for Asterisk to play, by the names that they are published by."""
        self._sounds.begin()
        folder = self._root / ROUTES / PROMPTS
        return {f"{SOUNDS}/{name}": self._sounds.of(folder / file, _whole) for name, file in sounds.items()}


def _whole(path: Path) -> bytes:
    """A sound that was found good. Raises OSError, also where it is not any more: somebody is just writing it."""
    data = path.read_bytes()
    try:
        why = wav_fault(Wav.of(io.BytesIO(data)), rate_of(path))
    except SoundError as error:
        why = str(error)
    if why:
        raise OSError(errno.EAGAIN, f"the sound was changed while it was read: {why}", str(path))
    return data


def compile_project(root: Path, target: str | None = None) -> Built:
    """Read and compile the project in a folder, once; writes nothing."""
    return Builder(root, target).build()


def published_folder(root: Path, settings: Settings) -> Path:
    """Where Asterisk includes the files from: what `[publish] to` says, or generated/."""
    return root / (settings.publish.to or GENERATED)

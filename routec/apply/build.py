"""One build of a project: read, compile, write. `routec build`, `watch` and `serve` are this."""

from dataclasses import dataclass
from pathlib import Path

from routec.apply.publish import SOUNDS, publish
from routec.pipeline import Compilation, compile_routes, render
from routec.project import GENERATED, PROMPTS, ROUTES, load
from routec.settings import Settings


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to; with errors `files` is empty and nothing is to be written."""

    compilation: Compilation
    files: dict[str, bytes]

    @property
    def failed(self) -> bool:
        """Whether there are errors."""
        return self.compilation.failed


def compile_project(root: Path) -> Built:
    """Read and compile the project in a folder; writes nothing."""
    compilation = compile_routes(load(root))
    if compilation.failed:
        return Built(compilation, {})
    return Built(compilation, render(compilation) | _sounds(compilation, root))


def published_folder(root: Path, settings: Settings) -> Path:
    """Where Asterisk includes the files from: what `[publish] to` says, or generated/."""
    return root / (settings.publish.to or GENERATED)


def build(root: Path, out: Path | None = None) -> tuple[Built, list[str]]:
    """Compile a project and write what changed, all or nothing; to where Asterisk reads without `out`.

    Raises `PublishError`.
    """
    built = compile_project(root)
    if built.failed:
        return built, []
    return built, publish(built.files, out or published_folder(root, built.compilation.settings))


def _sounds(compilation: Compilation, root: Path) -> dict[str, bytes]:
    """The sound files of the prompts, for Asterisk to play."""
    return {f"{SOUNDS}/{file}": (root / ROUTES / PROMPTS / file).read_bytes() for file in compilation.sounds}

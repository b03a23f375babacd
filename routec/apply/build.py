"""One build of a project: read, compile, write. `routec build`, `watch` and `serve` are this."""

from dataclasses import dataclass
from pathlib import Path

from routec.apply.publish import SOUNDS, publish
from routec.diagnostics import Diagnostic, has_errors, in_order
from routec.pipeline import Compilation, compile_routes, render
from routec.project import GENERATED, PROMPTS, ROUTES, load
from routec.settings import Settings


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to; with errors `files` is empty and nothing is to be written."""

    compilation: Compilation
    diagnostics: list[Diagnostic]
    files: dict[str, bytes]

    @property
    def failed(self) -> bool:
        """Whether there are errors."""
        return has_errors(self.diagnostics)


def compile_project(root: Path) -> Built:
    """Read and compile the project in a folder; writes nothing."""
    project, unread = load(root)
    compilation = compile_routes(project, dialplan=not unread)
    diagnostics = in_order([*unread, *compilation.diagnostics])
    if has_errors(diagnostics):
        return Built(compilation, diagnostics, {})
    return Built(compilation, diagnostics, render(compilation) | _sounds(compilation, root))


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
    folder = root / ROUTES / PROMPTS
    files = {prompt.file for prompt in compilation.system.prompts if prompt.file}
    return {f"{SOUNDS}/{file}": (folder / file).read_bytes() for file in sorted(files) if (folder / file).is_file()}

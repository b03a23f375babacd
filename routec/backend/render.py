"""The dialplan as text, and the way back from the text to the routes. The only importer of Jinja2."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from routec.backend.dialplan import Dialplan, Line
from routec.contract import SCRIPT_FILE
from routec.settings import Settings
from routec.source import Sources, Span

MANIFEST_FORMAT = 1


@cache
def _environment() -> Environment:
    return Environment(  # noqa: S701 (a dialplan is no HTML; routec.backend.escape guards it)
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )


def _render(template: str, **values: Any) -> bytes:
    return _environment().get_template(template).render(**values).encode()


def extensions_conf(dialplan: Dialplan) -> bytes:
    """The text of extensions.conf."""
    return _render("extensions.conf.j2", contexts=dialplan.contexts)


def signin_agi(settings: Settings) -> bytes:
    """The text of the plain AGI script."""
    return _render(f"{SCRIPT_FILE}.j2", python=settings.agi.python)


def manifest_json(dialplan: Dialplan, sources: Sources, sounds: Iterable[str]) -> bytes:
    """What was built: its sound files, and the source map.

    The map has, for each context and extension, the places that its priorities come from. A place is
    `[priority, file, line, column]` and holds until the priority of the next one.
    """
    files = {path: json.dumps(path) for path in sources}
    contexts = []
    for context in dialplan.contexts:
        extensions = ",".join(
            f"{json.dumps(extension.pattern)}:[{_places(extension.lines, sources, files)}]"
            for extension in context.extensions
        )
        route = json.dumps(context.route or None)
        contexts.append(f'  "{context.name}": {{"route":{route},"extensions":{{{extensions}}}}}')
    joined = ",\n".join(contexts)
    listed = json.dumps(sorted(sounds))
    return f'{{\n "format": {MANIFEST_FORMAT},\n "sounds": {listed},\n "contexts": {{\n{joined}\n }}\n}}\n'.encode()


def _places(lines: Iterable[Line], sources: Sources, files: dict[str, str]) -> str:
    """The places as JSON; written by hand, since a build makes hundreds of thousands of them."""
    places = []
    last: Span | None = None
    for priority, line in enumerate(lines, 1):
        span = line.span
        if span is not last and span != last:
            row, column = sources[span.file].position(span.start)
            places.append(f"[{priority},{files[span.file]},{row},{column}]")
            last = span
    return ",".join(places)

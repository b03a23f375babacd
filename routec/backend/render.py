"""The dialplan as text, and the way back from the text to the routes. The only importer of Jinja2."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from routec.backend.dialplan import FIXED, NOWHERE, Context, Dialplan, Extension, Line
from routec.contract import SCRIPT_FILE
from routec.kept import Memory
from routec.settings import Settings
from routec.source import Sources, Span

MANIFEST_FORMAT = 2


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


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


def extensions_conf(dialplan: Dialplan, memory: Memory) -> bytes:
    """The text of extensions.conf."""
    template: Any = _environment().get_template("context.conf.j2").module

    def text(context: Context, extensions: Iterable[str]) -> str:
        return f"{template.heading(context)}{''.join(extensions)}"

    return _render("extensions.conf.j2", contexts=_by_context(dialplan, memory, "text", template.lines, text)).encode()


def signin_agi(settings: Settings) -> bytes:
    """The text of the plain AGI script."""
    return _render(f"{SCRIPT_FILE}.j2", python=settings.agi.python).encode()


def manifest_json(
    dialplan: Dialplan, sources: Sources, sounds: Iterable[str], others: Mapping[str, bytes], memory: Memory
) -> bytes:
    """What was built: its sound files, the source map, and the SHA-256 of the `others`, by which a hand edit shows.

    The map has, for each context and extension, the places that its priorities come from. A place is
    `[priority, file, line, column]` and holds until the priority of the next one.
    """
    paths = {path: json.dumps(path) for path in sources}

    def entry(extension: Extension) -> str:
        return f"{json.dumps(extension.pattern)}:[{_places(extension.lines, sources, paths)}]"

    def text(context: Context, extensions: Iterable[str]) -> str:
        route = json.dumps(context.route or None)
        return f'  "{context.name}": {{"route":{route},"extensions":{{{",".join(extensions)}}}}}'

    joined = ",\n".join(_by_context(dialplan, memory, "places", entry, text))
    listed = json.dumps(sorted(sounds))
    digests = json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in sorted(others.items())})
    head = f' "format": {MANIFEST_FORMAT},\n "digests": {digests},\n "sounds": {listed},\n'
    return f'{{\n{head} "contexts": {{\n{joined}\n }}\n}}\n'.encode()


def _places(lines: Iterable[Line], sources: Sources, paths: dict[str, str]) -> str:
    """The places as JSON; written by hand, since a build makes hundreds of thousands of them."""
    places = []
    last: Span | None = None
    for priority, line in enumerate(lines, 1):
        span = line.span
        if span is not last and span not in (last, NOWHERE):
            row, column = sources[span.file].position(span.start)
            places.append(f"[{priority},{paths[span.file]},{row},{column}]")
            last = span
    return ",".join(places)


def _by_context(
    dialplan: Dialplan,
    memory: Memory,
    what: str,
    of_extension: Callable[[Extension], str],
    of_context: Callable[[Context, Iterable[str]], str],
) -> list[str]:
    """A text for each context, made of one for each of its extensions.

    A context that is the same object has the same text, wherever its places are: it was made of the same sources. The
    contexts of all numbers are hardly ever the same, and their extensions nearly always.
    """

    def text(context: Context) -> str:
        if context.name in FIXED:
            return of_context(context, memory.each(f"{what} {context.name}").of(context.extensions, of_extension))
        return of_context(context, map(of_extension, context.extensions))

    return memory.each(what).of(dialplan.contexts, text)

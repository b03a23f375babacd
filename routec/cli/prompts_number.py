"""`routec prompts number`: extensions for recording by phone, written into the declarations of prompts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import click

from routec.cli.main import fail
from routec.cli.prompt_places import Places
from routec.cli.written import tell_when, write_compiled
from routec.frontend import syntax
from routec.frontend.parser import parse
from routec.model import Dial, Prompt, System
from routec.model.walk import all_steps
from routec.pipeline import Compilation, compile_routes


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def number(names: tuple[str, ...]) -> None:
    """Write `record N` where a prompt has none, of all or each NAME.

    N is the next number, from `[prompts] series` (5001) on, that no route, prompt or `dial` has.
    """
    places = Places.of_here()
    places.refuse_to_read_past_faults()
    if names:
        asked = [places.known(name) for name in dict.fromkeys(names)]
        for prompt in asked:
            _refuse(prompt)
    else:
        asked = [prompt for prompt in places.prompts.values() if prompt.is_declared and prompt.file]
    wanted = [prompt for prompt in sorted(asked, key=_place) if not prompt.records]
    for prompt in asked if names else ():
        if prompt.records:
            click.echo(f"{prompt.name}: is recorded on {prompt.records[0].number} already", err=True)
    if not wanted:
        click.echo("no prompt needs a number", err=True)
        return
    free = _free(places, len(wanted))
    numbers = {prompt.name: number for prompt, number in zip(wanted, free, strict=True)}
    write_compiled(places.project, places.compilation, _texts(places, wanted, numbers), _meant(places, numbers))
    for prompt in wanted:
        click.echo(f"{prompt.span.file}: prompt {prompt.name} record {numbers[prompt.name]}")
    settings = places.compilation.settings.prompts
    if not settings.records:
        click.echo("nobody may record yet: routes/routec.toml needs [prompts] with a `module` or a `pin`", err=True)
    tell_when()


def _place(prompt: Prompt) -> tuple[str, int]:
    return prompt.span.file, prompt.span.start


def _refuse(prompt: Prompt) -> None:
    if prompt.file is None:
        fail(f"prompt `{prompt.name}` is a sound of Asterisk's, `{prompt.sound}`")
    if not prompt.is_declared:
        help = f'write it in a route file: prompt {prompt.name} "{prompt.file}"'
        fail(f"prompt `{prompt.name}` is not declared", help)


def _free(places: Places, count: int) -> list[str]:
    taken = set(_taken(places))
    found: list[str] = []
    number = places.compilation.settings.prompts.series
    while len(found) < count:
        if str(number) not in taken:
            found.append(str(number))
        number += 1
    return found


def _taken(places: Places) -> Iterator[str]:
    """Every number that something has, on any PBX of the project: what is dialled may be somebody's phone."""
    names = places.compilation.settings.target_names
    compilations = [places.compilation]
    compilations += [compile_routes(replace(places.project, target=name), dialplan=False) for name in names]
    for compilation in compilations:
        yield from _numbers(compilation.system)


def _numbers(system: System) -> Iterator[str]:
    for prompt in system.prompts:
        yield from (record.number for record in prompt.records)
    for route in system.routes:
        yield from (entry.number for entry in route.entries)
        for step in all_steps(route.steps):
            if isinstance(step, Dial):
                yield from step.targets


def _texts(places: Places, wanted: Iterable[Prompt], numbers: dict[str, str]) -> dict[str, str]:
    """The new text of each file that changes: the number stands behind the file of the declaration, or its name."""
    starts = {(prompt.span.file, prompt.span.start): numbers[prompt.name] for prompt in wanted}
    texts = {}
    for path in sorted({path for path, _ in starts}):
        source = places.compilation.sources[path]
        tree, _ = parse(source)
        text = source.text
        for prompt in sorted(_declarations(tree), key=lambda prompt: -prompt.start):
            if number := starts.get((path, prompt.name.start)):
                end = (prompt.file or prompt.name).end
                text = f"{text[:end]} record {number}{text[end:]}"
        texts[path] = text
    return texts


def _declarations(tree: syntax.File) -> list[syntax.Prompt]:
    return [each for each in tree.declarations if isinstance(each, syntax.Prompt)]


def _meant(places: Places, numbers: dict[str, str]) -> Callable[[Compilation], bool]:
    """Makes sure that the new text says these numbers, and all else as before."""

    def means(compilation: Compilation) -> bool:
        before = {name: _said(prompt) for name, prompt in places.prompts.items()}
        before |= {name: [(None, number)] for name, number in numbers.items()}
        return {prompt.name: _said(prompt) for prompt in compilation.system.prompts} == before

    return means


def _said(prompt: Prompt) -> list[tuple[str | None, str]]:
    return [(record.language, record.number) for record in prompt.records]

"""`routec trace`."""

import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routec.cli import FAULTS, GOOD, REFUSED
from routec.cli.here import one_target, project_root, target_option
from routec.cli.layout import for_a_reader_who_may_leave, put
from routec.cli.main import fail

if TYPE_CHECKING:
    from routec.apply.priority import Held
    from routec.apply.words.story import Entry
    from routec.settings import Settings

OUTSIDE = "outside"
INSIDE = "inside"


@click.command()
@click.argument("number")
@target_option
@click.option("--offline", is_flag=True, help="Through the published files, and not what the PBX runs.")
@click.option("--from", "side", type=click.Choice([INSIDE, OUTSIDE]), help="Only as calls from there come in.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def trace(number: str, target: str | None, offline: bool, side: str | None, form: str) -> None:
    """Follow a number through what the PBX runs, back to the lines of the routes.

    NUMBER is a DID in any form, or an extension. Without [ami] in routes/routec.toml, or with --offline, it is followed
    through the published files.
    """
    from routec.apply.build import compile_project, published_folder
    from routec.apply.entered import KINDS, notes
    from routec.apply.shelf import MANIFEST_FILE
    from routec.apply.words.source_map import SourceMap
    from routec.apply.words.story import ENTRIES
    from routec.apply.words.trace import digits, near, trace, trace_object, trace_text
    from routec.diagnostics.render_text import safe

    root = project_root()
    name = one_target(target)
    built = compile_project(root, name)
    folder = published_folder(root, built.settings)
    is_offline = offline or built.settings.ami is None
    held, led_to = (_published(folder), tuple(KINDS)) if is_offline else _running(built.settings, name)
    entries = _entries(side)
    dialled = digits(number)
    found = trace(held, None if built.failed else built.held, dialled, entries)
    places = SourceMap(_read(folder / MANIFEST_FILE), built.compilation.dialplan, built.compilation.sources)
    said = notes({name: held[name] for one in found for name in [ENTRIES[one.story.entry]]}, led_to)
    where = f"the published files in {folder}" if is_offline else "what the PBX runs"
    with for_a_reader_who_may_leave():
        if form == "json":
            table = {
                "number": dialled,
                "target": name,
                "against": "files" if is_offline else "pbx",
                "found": [trace_object(one, places) for one in found],
                "notes": said,
            }
            put(json.dumps(table, ensure_ascii=True) + "\n")
        elif found:
            put(f"in {safe(where)}:\n")
            for one in found:
                put("\n" + "".join(f"{line}\n" for line in trace_text(one, places)))
            put("".join(f"\nnote: {note}\n" for note in said))
    if built.failed:
        click.echo("the routes have faults now (`routec check`), so they are not compared with this", err=True)
    if not found:
        is_new = not built.failed and bool(trace(built.held, None, dialled, entries))
        like = near(held, dialled, entries)
        help = "the routes answer it now: `routec plan`" if is_new else f"did you mean `{like}`?" if like else ""
        fail(f"nothing answers `{dialled}` in {where}", help, code=FAULTS)
    sys.exit(GOOD)


def _entries(side: str | None) -> "Sequence[Entry]":
    if side == OUTSIDE:
        return ("dids",)
    return ("extensions",) if side == INSIDE else ("dids", "extensions")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _published(folder: Path) -> "Held":
    """What the published files hold."""
    from routec.apply.held import Extensions, HeldError, of_text
    from routec.apply.shelf import MAIN_FILE, RETIRED_FILE

    held: dict[str, Extensions] = {}
    for name in (RETIRED_FILE, MAIN_FILE):
        data = _read(folder / name)
        if data is None and name == MAIN_FILE:
            fail(f"there is no {folder / name}", "`routec build` or `routec apply` writes it", code=FAULTS)
        try:
            held |= of_text((data or b"").decode())
        except HeldError as error:
            fail(f"{folder / name}:{error.line}: {error}", "`routec plan` shows what was changed by hand", code=FAULTS)
        except UnicodeDecodeError:
            fail(f"{folder / name} is not UTF-8", code=FAULTS)
    return held


def _running(settings: "Settings", name: str | None) -> "tuple[Held, Collection[str]]":
    """What the PBX holds of routec's, and which entry contexts calls come into."""
    from routec.apply.ami.errors import AmiError
    from routec.apply.ami.link import connection
    from routec.apply.entered import entered
    from routec.apply.held import ours
    from routec.settings import SettingsError

    try:
        with connection(name)(settings) as ami:
            held = ami.holds()
            return ours(held), entered(held)
    except SettingsError as error:
        fail(error.message, error.help)
    except AmiError as error:
        fail(str(error), error.help or "--offline follows it through the published files", code=REFUSED)

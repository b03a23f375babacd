"""What an apply will write, and which contexts stay for the calls in them."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from routec.apply.ami.link import Site
from routec.apply.ami.manager import Ami
from routec.apply.build import Built
from routec.apply.held import Held
from routec.apply.jumps import reach
from routec.apply.plan import ApplyError
from routec.apply.publish import left_over
from routec.apply.refusal import cannot_be_kept
from routec.apply.retire import needed
from routec.apply.retired_conf import RetireError, retired_file, tail
from routec.apply.retired_modules import modules_change
from routec.apply.shelf import MAIN_FILE, RETIRED_FILE
from routec.backend.dialplan import FIXED
from routec.contract import MODULES_FILE
from routec.model.sound_files import hides


class Left(NamedTuple):
    """Contexts that a PBX holds and no route needs: those to keep, and those that are none of ours."""

    retired: Held
    foreign: tuple[str, ...]


def left(running: Held, main: Held, listed: Held, ami: Ami | None, published: Callable[[], Held] = dict) -> Left:
    """Sort what is left over of what a PBX runs, `main` being what it is to run and `listed` what was retired before.

    Of what is in force now everything stays at first: a call may come in at any moment before the reload. So does what
    was retired before. Both stay as they were written, and not with what a hand did to them in Asterisk's memory. What
    nothing leads to, and no call is in, goes where it is ours (an unused route's), and else is somebody else's; without
    an `ami` there is none. Raises `AmiError`.
    """
    names = running.keys() - main.keys() - set(FIXED)
    if not names:
        return Left({}, ())
    kept = set(names)
    written: Held = listed
    if ami is not None:
        written = {**published(), **listed}
        strangers = names - listed.keys() - reach(running, FIXED)
        if strangers:
            kept -= strangers - needed(ami, {name: running[name] for name in names}).contexts
    # In the order in which Asterisk has them, so that equal memories give equal files.
    retired = {name: written.get(name, running[name]) for name in sorted(kept)}
    return Left(retired, tuple(sorted(names - kept - written.keys())))


class Change(NamedTuple):
    """Which files are written and which go; `fresh` are those written that are not there yet."""

    files: Mapping[str, bytes]
    removed: tuple[str, ...]
    fresh: frozenset[str]


def change(built: Built, retired: Held, site: Site) -> Change:
    """What is to be done in a published folder. Raises `ApplyError`, OSError."""
    shelf = site.shelf
    expected = dict(built.files)
    # Those that were kept for calls which are over, or go on being kept.
    gone = left_over(built.files, shelf)
    before = shelf.read(RETIRED_FILE)
    if retired:
        kept = [name for name in gone if not hides(name, built.files)]
        expected |= kept_files(built.files[MAIN_FILE], retired, kept, site.seen_as)
        gone = [name for name in gone if name not in kept]
    elif before is not None:
        gone = [*gone, RETIRED_FILE]
    modules, gone_modules = modules_change(built.files[MODULES_FILE], retired, shelf)
    expected |= modules
    files = {name: data for name, data in expected.items() if not shelf.holds(name, data)}
    fresh = frozenset(name for name in files if not os.path.lexists(shelf.folder / name))
    return Change(files, (*gone, *gone_modules), fresh)


def kept_files(main: bytes, retired: Held, sounds: list[str], folder: Path) -> dict[str, bytes]:
    """retired.conf, and the extensions.conf that includes it from a folder as Asterisk sees it. Raises `ApplyError`."""
    try:
        return {MAIN_FILE: main + tail(folder), RETIRED_FILE: retired_file(retired, sounds)}
    except RetireError as error:
        raise ApplyError("nothing was changed", (cannot_be_kept(str(error), error.what),)) from None

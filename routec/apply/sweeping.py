"""Letting retired contexts go when no call can come to them any more."""

import time
from dataclasses import replace

from routec.apply import manifest, read_back, refusal
from routec.apply.ami.link import Site
from routec.apply.ami.manager import Ami, AmiError
from routec.apply.held import Held, held_of
from routec.apply.plan import ApplyError, Swept
from routec.apply.planning import kept_files
from routec.apply.publish import Publication
from routec.apply.retire import GAP_SECONDS, needed
from routec.apply.retired_conf import listed, retired_sounds, without_tail
from routec.apply.retired_modules import modules_change
from routec.apply.shelf import MAIN_FILE, MANIFEST_FILE, RETIRED_FILE
from routec.backend.dialplan import SEAL
from routec.contract import MODULES_FILE, RETIRED_MODULES_FILE

STAY = "retired contexts stay for now"

_SEAL = f"[{SEAL}]".encode()


class Sweeper:
    """Looks at the calls now and then. A context goes when two looks, some time apart, found no call that needs it."""

    def __init__(self) -> None:
        self.retired: Held = {}
        self._free: dict[str, float] = {}
        """Since when nobody was seen in a context, in seconds of `time.monotonic`."""
        self._entering: frozenset[str] = frozenset()

    def sweep_twice(self, site: Site) -> Swept:
        """A look, and a second one as soon as that is worth it. Raises as `sweep` does."""
        first = self.sweep(site)
        if not first.kept or not self._free:
            return first
        time.sleep(max(0.0, max(self._free.values()) + GAP_SECONDS - time.monotonic()))
        second = self.sweep(site)
        return replace(second, gone=(*first.gone, *second.gone))

    def sweep(self, site: Site) -> Swept:
        """One look, and what comes of it. Raises `AmiError`, `ApplyError`, `PublishError`."""
        self.retired = listed(site.shelf.read(RETIRED_FILE))
        if not self.retired:
            return Swept()
        now = time.monotonic()
        need = site.way.once_more(site.settings, lambda ami: needed(ami, self.retired))
        self._free = {name: self._free.get(name, now) for name in self.retired if name not in need.contexts}
        # Whoever was on the way in at both looks may have been about to take the old entry's Goto ever since.
        is_clear = not (need.entering & self._entering)
        self._entering = need.entering
        ripe = [name for name, since in self._free.items() if is_clear and now - since >= GAP_SECONDS]
        if not ripe:
            return Swept((), tuple(self.retired), need.calls)
        rest = {name: each for name, each in self.retired.items() if name not in ripe}
        foreign = _let_go(rest, ripe, site)
        self.retired = rest
        self._free = {name: since for name, since in self._free.items() if name in rest}
        return Swept(tuple(ripe), tuple(rest), need.calls, tuple(foreign))


def _let_go(rest: Held, ripe: list[str], site: Site) -> list[str]:
    """Take contexts out of the files and out of Asterisk; gives those that it holds all the same."""
    shelf = site.shelf
    main = without_tail(shelf.read(MAIN_FILE) or b"")
    seal = held_of([main[main.rindex(_SEAL) :]]) if _SEAL in main else {}
    # A reload reads whatever stands there: `routec build` may have written it since, or somebody's hand.
    is_written = manifest.says(shelf.read(MANIFEST_FILE), MAIN_FILE, main)
    if not is_written or site.way.once_more(site.settings, lambda ami: read_back.some(ami, seal)).differences:
        raise ApplyError(STAY, (refusal.not_in_force(shelf.folder),))
    sounds = retired_sounds(shelf.read(RETIRED_FILE) or b"")
    files = {MAIN_FILE: main}
    removed: list[str] = []
    if rest:
        files = kept_files(main, rest, sounds, site.seen_as)
    else:
        has = manifest.sounds(shelf.read(MANIFEST_FILE))
        removed = [*(name for name in sounds if name not in has and (shelf.folder / name).is_file()), RETIRED_FILE]
    still = rest if shelf.read(RETIRED_MODULES_FILE) is None else {**held_of([main]), **rest}
    modules, gone_modules = modules_change(shelf.read(MODULES_FILE) or b"", still, shelf)
    removed += gone_modules
    files = {name: data for name, data in {**files, **modules}.items() if not shelf.holds(name, data)}

    def ask(ami: Ami) -> tuple[list[str], read_back.Found]:
        site.way.reload(ami)
        return read_back.still_there(ami, ripe), read_back.some(ami, {**rest, **seal})

    with Publication(files, removed, shelf) as publication:
        publication.commit()
        try:
            foreign, found = site.way.once_more(site.settings, ask)
            if not found.differences:
                return foreign
            faults = refusal.not_taken(found.differences, None)
        except AmiError as error:
            faults = [refusal.of_ami(error)]
        publication.restore()
        try:
            site.way.once_more(site.settings, site.way.reload)
        except AmiError as error:
            faults.append(refusal.of_ami(error))
        raise ApplyError(STAY, tuple(faults))

"""From what was built to what the PBX runs: publish, reload, read back, and put back what Asterisk did not take."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from routec.apply import drift, read_back, refusal, retired_conf
from routec.apply.ami.link import Connect, Patience, Site, T, Way, connection
from routec.apply.ami.manager import Ami, AmiError
from routec.apply.build import Built, published_folder
from routec.apply.entered import entered, notes, unseen
from routec.apply.held import Difference, Held, differences, ours
from routec.apply.lock import locked
from routec.apply.plan import Applied, ApplyError, Plan, Swept, counted
from routec.apply.planning import change, left
from routec.apply.publish import Publication, PublishError, clear
from routec.apply.putting_back import is_still, put_back
from routec.apply.shelf import MAIN_FILE, RETIRED_FILE, Shelf
from routec.apply.sweeping import STAY, Sweeper
from routec.apply.unreadable import refuse_closed
from routec.backend.dialplan import SEAL
from routec.settings import Settings

__all__ = ["Applied", "Applier", "ApplyError", "Plan", "Swept"]

_PATIENCE = Patience()


class Applier:
    """One PBX, for one process's life: it keeps the connection, and what it knows to be in force.

    A `resident` one reads back only what changed once it has read everything; `verify` reads everything again.
    `connect` makes a connection out of the settings of a build; `say` is told what a person who waits should know;
    `at` is told of each step as it is done (`staged`, `published`, `reloaded`, `read`): tests make trouble there.
    `patience` is how long a connection that is lost may take to come back, and a reload to end.
    """

    def __init__(
        self,
        root: Path,
        target: str | None = None,
        *,
        resident: bool = False,
        environ: Mapping[str, str] = os.environ,
        connect: Connect | None = None,
        say: Callable[[str], None] = lambda _: None,
        at: Callable[[str], None] = lambda _: None,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._root = root
        self._target = target
        self._resident = resident
        self._way = Way(connect or connection(target, environ), patience)
        self._say = say
        self._at = at
        self._site: Site | None = None
        self._known: Held | None = None
        """What the PBX holds, read in full once, and followed since."""
        self._entered: frozenset[str] = frozenset()
        """The entry contexts that calls come into, as the latest full reading found them."""
        self._open_by = 0
        """The connection whose Asterisk can read what is published, as far as that is seen."""
        self._known_by = 0
        """The connection that it was read by; behind another one there may be an Asterisk that was started anew."""
        self._trusted: Mapping[str, bytes] = {}
        self._parsed: tuple[tuple[bytes | None, ...], Held] = ((), {})
        self._put_back: Held | None = None
        """What the PBX held after the last apply that it did not take; None where that is not known."""
        self._turns = 0
        self._in_turn = False
        self._sweeper = Sweeper()

    @property
    def retired(self) -> Held:
        """The retired contexts that are in force as far as is known: while there are any, `sweep` now and then."""
        return self._sweeper.retired

    @contextmanager
    def turn(self, settings: Settings) -> Iterator[None]:
        """Hold the lock of the published folder; within a turn, again for nothing. Raises `PublishError`.

        A plan that was made within it can be applied in it as it is.
        """
        folder = self._site_of(settings).shelf.folder
        if self._in_turn:
            yield
            return
        with ExitStack() as stack:
            try:
                waiting = f"another routec is at work on {folder}: waiting for it"
                stack.enter_context(locked(folder, lambda: self._say(waiting)))
            except OSError as error:
                raise PublishError.of(error.filename or folder, error) from error
            self._in_turn, self._turns = True, self._turns + 1
            try:
                yield
            finally:
                self._in_turn = False

    def plan(self, built: Built, *, offline: bool = False) -> Plan:
        """What would be done; offline the PBX is not asked. Writes nothing.

        Raises `ApplyError` where the PBX cannot be asked, SettingsError where it is not said how, and `PublishError`
        where the published files cannot be read.
        """
        try:
            with refusal.telling("nothing was changed"):
                return self._plan(built, self._site_of(built.settings), offline=offline)
        except OSError as error:
            raise PublishError(f"cannot read {error.filename}: {error.strerror or type(error).__name__}") from error

    def bring(self, built: Built) -> Applied:
        """Take the turn, plan and apply. Raises as these do."""
        with self.turn(built.settings):
            return self.apply(self.plan(built))

    def apply(self, plan: Plan) -> Applied:
        """Do it: publish, reload, read back. Raises `PublishError` (nothing was changed), `ApplyError` (put back).

        A plan from before this turn is made anew: others may have been at work since.
        """
        with self.turn(plan.built.settings):
            if plan.turn != self._turns or plan.running is None:
                plan = self.plan(plan.built)
            site = self._site_of(plan.built.settings)
            clear(plan.built.files, site.shelf.folder)
            if not plan.changes:
                self._remember(plan)
                return Applied(plan, notes=plan.notes)
            if self._open_by != self._way.made:
                refuse_closed(site)
                self._open_by = self._way.made
            started = time.monotonic()
            with Publication(plan.files, plan.removed, site.shelf) as publication:
                self._at("staged")
                publication.commit()
                self._at("published")
                found = self._put_in_force(plan, publication, site)
            self._remember(plan)
            return Applied(plan, plan.stale, *counted(plan), found.verified, time.monotonic() - started,
                           (*notes(plan.wanted, self._entered), *plan.unseen))  # fmt: skip

    def sweep(self, *, wait: bool = False) -> Swept:
        """Let the retired contexts go that no call is in, at the second look; cheap where there are none.

        With `wait` the second look is at once, and not at the next sweep. Raises `ApplyError`, `PublishError`.
        """
        site = self._site
        if site is None or not (site.shelf.folder / RETIRED_FILE).exists():
            self._sweeper.retired = {}
            return Swept()
        known, self._known = self._known, None
        with self.turn(site.settings):
            with refusal.telling(STAY):
                swept = self._sweeper.sweep_twice(site) if wait else self._sweeper.sweep(site)
            if known is not None:
                gone = set(swept.gone)
                self._known = {name: each for name, each in known.items() if name not in gone} if gone else known
            return swept

    def verify(self) -> list[Difference]:
        """Read everything back, and give where it is not what it was left as. Raises `ApplyError`."""
        known, site = self._known, self._site
        if known is None or site is None:
            return []
        self._known = None
        found = self._read(site, lambda ami: read_back.whole(ami, known))
        self._known = None if found.differences else known
        return found.differences

    def alive(self) -> bool:
        """Whether the PBX is there, the same one as before, with the seal of what is known to be in force.

        That is one question, and cheap. Raises `ApplyError` where the PBX cannot be asked.
        """
        if self._known is None or self._site is None:
            return False
        seal = self._read(self._site, lambda ami: ami.holds(SEAL).get(SEAL))
        return self._known_by == self._way.made and seal == self._known.get(SEAL)

    def is_as_put_back(self) -> bool:
        """Whether the PBX is as it was left after an apply that it did not take. Raises `ApplyError`."""
        left, site = self._put_back, self._site
        return bool(left and site and is_still(left, self._read(site, lambda ami: read_back.whole(ami, {}).held)))

    def close(self) -> None:
        """End the connection."""
        self._way.close()

    # ---- inside

    def _read(self, site: Site, ask: Callable[[Ami], T]) -> T:
        with refusal.telling("the PBX could not be read"):
            return self._way.once_more(site.settings, ask)

    def _site_of(self, settings: Settings) -> Site:
        folder = published_folder(self._root, settings)
        if self._site is None or self._site.shelf.folder != folder:
            self._trusted, self._parsed, self._known = {}, ((), {}), None
            self._site = Site(self._root, settings, Shelf(folder), self._way)
        self._site = self._site._replace(settings=settings)
        return self._site

    def _plan(self, built: Built, site: Site, *, offline: bool) -> Plan:
        settings, shelf, main = site.settings, site.shelf, built.held
        texts = tuple(shelf.read(name) for name in (MAIN_FILE, RETIRED_FILE))
        told = drift.of_files(shelf, self._trusted)
        plan = Plan(
            self._target, built, shelf.folder, None, main,
            turn=self._turns if self._in_turn else 0, read_published=lambda: self._parse(texts),
        )  # fmt: skip
        listed = retired_conf.listed(texts[1])
        if offline:
            kept = {name: each for name, each in listed.items() if name not in main}
            files, removed, fresh = change(built, kept, site)
            before = {name: each for name, each in plan.published.items() if name not in kept}
            differing = tuple(differences(main, before))
            return replace(
                plan, files=files, removed=removed, fresh=fresh, differences=differing, drift=tuple(told)
            )  # fmt: skip
        running, is_known = self._way.once_more(settings, self._running)
        is_edited = any(one.what == MAIN_FILE for one in told)

        def written() -> Held:
            return {} if is_edited else plan.published

        retired, foreign = self._way.once_more(
            settings, lambda ami: left(running, main, listed, None if is_known else ami, written)
        )
        files, removed, fresh = change(built, retired, site)
        hidden = unseen(running, main, site.seen_as / MAIN_FILE, is_first=texts[0] is None)
        if foreign:
            running = {name: each for name, each in running.items() if name not in foreign}
        wanted = {**main, **retired} if retired else main
        differing = tuple(differences(wanted, running))
        if not is_known and (differing or files or removed):
            is_main = is_edited and running.get(SEAL) == main.get(SEAL)
            told += drift.of_pbx(running, {**main, **listed} if is_main else written())
        told += [drift.of_stranger(name) for name in foreign]
        if not differing:
            running = wanted  # equal, and the very objects that the next build shares
        self._known, self._known_by = running, self._way.made
        return replace(
            plan, running=running, wanted=wanted, retired=retired, files=files, removed=removed, fresh=fresh,
            differences=differing, drift=tuple(told), foreign=foreign,
            notes=(*notes(wanted, self._entered), *hidden), unseen=hidden,
            retiring=tuple(name for name in retired if name not in listed),
        )  # fmt: skip

    def _running(self, ami: Ami) -> tuple[Held, bool]:
        """What the PBX holds of ours, and whether that is what was known: then only the seal was read."""
        known = self._known if self._resident and self._known_by == self._way.made else None
        if known is not None and SEAL in known and ami.holds(SEAL).get(SEAL) == known[SEAL]:
            return known, True
        ami.channels()  # what is not permitted is to be known before anything is written
        held = ami.holds()
        self._entered = entered(held)
        return ours(held), False

    def _parse(self, texts: tuple[bytes | None, ...]) -> Held:
        if self._parsed[0] != texts:
            self._parsed = texts, retired_conf.published(*texts)
        return self._parsed[1]

    def _put_in_force(self, plan: Plan, publication: Publication, site: Site) -> read_back.Found:
        """Reload and read back; where Asterisk does not hold what it should, put back. Raises `ApplyError`."""
        made = self._way.made
        is_quick = self._resident and plan.running is self._known

        def ask(ami: Ami) -> read_back.Found:
            self._way.reload(ami)
            self._at("reloaded")
            found = read_back.quick(ami, plan) if is_quick and self._way.made == made else None
            if found is None or found.differences:
                found = read_back.whole(ami, plan.wanted, plan.foreign)
            self._at("read")
            return found

        held: Held = {}
        self._known = self._put_back = None
        try:
            found = self._way.patiently(site.settings, ask)
            if not found.differences:
                return found
            held = found.held
            faults = refusal.of_reading(plan, held, found.differences, site.seen_as)
        except AmiError as error:
            faults = [refusal.of_ami(error)]
        raised, self._sweeper.retired, self._put_back = put_back(plan, publication, faults, held, site)
        raise raised

    def _remember(self, plan: Plan) -> None:
        self._known, self._known_by = plan.wanted, self._way.made
        self._trusted = {**plan.built.files, **plan.files}
        self._sweeper.retired = plan.retired

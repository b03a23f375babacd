"""`python -m tests.bench`: every number of the design that can be measured here, as a ratio within this one run.

Exits 0 when everything was measured, whether or not its bar was reached, and 1 when something could not be. What is
left out on purpose, such as aelparse on a machine without Asterisk, is said and is no failure.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import agi, live, measure, rebuild
from .corpus import write_ael, write_routes, write_single
from .measure import Job, UnmeasuredError
from .profiling import print_profile

AEL_BAR = 0.35
GROWTH_BAR = 11.0
HELP_BAR = 0.1
CHECK_BAR = 0.2
AGI_BAR = 0.4
REBUILD_BAR = 0.1
LIVE_BAR = 0.3
LARGE_LIVE_BAR = 1.0
STARTS = 15


@dataclass(frozen=True, slots=True)
class Row:
    """One measured ratio or difference; without a bar, information."""

    what: str
    value: float
    unit: str
    bar: float | None
    detail: str

    def __str__(self) -> str:
        if self.bar is None:
            verdict = "information"
        else:
            verdict = f"bar {self.bar:g}{self.unit}, {'reached' if self.value <= self.bar else 'not reached'}"
        return f"{self.what}: {self.value:.3f}{self.unit} ({verdict})\n    {self.detail}"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for, and where to work."""

    folder: Path
    rounds: int
    starts: int
    routes: int
    large: bool
    asterisk: Path | None


def against_aelparse(options: Options) -> Iterator[Row]:
    """A cold build in a process, against aelparse on the same routes."""
    routes, root = options.routes, options.asterisk
    if root is None:
        print("left out: aelparse (no Asterisk in ROUTEC_TEST_ASTERISK or .cache/asterisk-22, none installed)")
        return
    command = measure.aelparse(root)
    sites, contexts = (_ael(options, routes, per_route=per_route) for per_route in (False, True))
    made = measure.aelparse_summary(command, sites)
    if not made.endswith("priorities"):
        raise UnmeasuredError(f"aelparse did not compile the corpus: {made}")
    ours, theirs, writing = measure.alternate(
        [_build(options, routes), Job(command, sites), Job([*command, "-w"], sites)], options.rounds
    )
    what = f"cold build of {routes:,} routes over aelparse"
    kind = f"{what}, AEL at its fastest (a context for each of 100 sites)"
    yield Row(kind, ours.median / theirs.median, "", AEL_BAR, f"routec {ours}; aelparse {theirs}, {made}")
    yield Row(f"{kind}, least times", ours.least / theirs.least, "", None, "the same runs")
    yield Row(f"{kind}, -w", ours.median / writing.median, "", None, f"aelparse -w {writing}")
    (slow,) = measure.alternate([Job(command, contexts)], 1)
    same = f"{what}, a context for each route, as routec makes them"
    yield Row(same, ours.median / slow.median, "", AEL_BAR, f"aelparse {slow}, one run")


def growth(options: Options) -> Iterator[Row]:
    """Ten times the routes, against ten times the time."""
    for small in (options.routes // 10, *((options.routes,) if options.large else ())):
        large = small * 10
        few, many = measure.alternate([_build(options, small), _build(options, large)], options.rounds)
        what = f"cold build of {large:,} routes over {small:,}"
        yield Row(what, many.median / few.median, " times", GROWTH_BAR, f"{few}; {many}")
        memory = f"{few.peak:.0f} MiB and {many.peak:.0f} MiB"
        yield Row(f"{what}, memory", many.peak / few.peak, " times", GROWTH_BAR, memory)


def start_up(options: Options) -> Iterator[Row]:
    """What a user waits for before anything happens."""
    folder = _single(options)
    bare, usage, check = measure.alternate(
        [
            Job(measure.bare_python(), folder),
            Job(measure.routec("--help"), folder),
            Job(measure.routec("check"), folder),
        ],
        options.starts,
    )
    over = "over python -c pass"
    yield Row(f"routec --help {over}", usage.median - bare.median, " s", HELP_BAR, f"{usage}; python {bare}")
    yield Row(f"routec check of one file {over}", check.median - bare.median, " s", CHECK_BAR, str(check))


def plain_agi(options: Options) -> Iterator[Row]:
    """The fallback of the sign-in step: a process a call, until the caller hears its first prompt."""
    folder = _single(options)
    measure.run(Job(measure.routec("build", "--out", "out"), folder))
    script = folder / "out" / "signin.agi"
    if not script.is_file():
        raise UnmeasuredError(f"{script} is not there after a build")
    (bare,) = measure.alternate([Job(measure.bare_python(), folder)], options.starts)
    prompt = agi.median_to_first_prompt(script, "staff1", options.starts)
    what = "plain AGI script to its first prompt, over python -c pass"
    yield Row(what, prompt - bare.median, " s", AGI_BAR, f"{prompt:.3f} s; python {bare}")


def rebuilds(options: Options) -> Iterator[Row]:
    """One file changed, for a builder that is resident, against a build from nothing."""
    _warm(options)
    for routes in (options.routes // 10, options.routes):
        found = rebuild.measured(_project(options, routes), options.rounds)
        what = f"one file changed among {routes:,} routes: rebuild as a fraction of cold"
        yield Row(what, found.fraction, "", REBUILD_BAR, str(found))


def save_to_live(options: Options) -> Iterator[Row]:
    """A save in a project that `routec watch` keeps live on a real Asterisk, until what it changed was read back."""
    if options.asterisk is None or options.asterisk == Path("/"):
        print("left out: save to live (no Asterisk of the tests' own in ROUTEC_TEST_ASTERISK or .cache/asterisk-22)")
        return
    _warm(options)
    for routes, bar in ((options.routes // 10, LIVE_BAR), (options.routes, LARGE_LIVE_BAR)):
        found = live.saves(options.asterisk, _project(options, routes), options.rounds)
        yield Row(f"save to live, read back, {routes:,} routes", found.median, " s", bar, str(found))


BENCHES: dict[str, Callable[[Options], Iterator[Row]]] = {
    "aelparse": against_aelparse,
    "growth": growth,
    "start": start_up,
    "agi": plain_agi,
    "rebuild": rebuilds,
    "live": save_to_live,
}


def _build(options: Options, routes: int) -> Job:
    """A cold build: only the tables of the grammar are kept, which any earlier run of routec leaves."""
    _warm(options)
    return Job(measure.routec("build", "--out", "out"), _project(options, routes), cold=True)


def _warm(options: Options) -> None:
    folder = _single(options)
    if not measure.warm_cache(folder).exists():
        measure.run(Job(measure.routec("check"), folder))


def _single(options: Options) -> Path:
    folder = options.folder / "single"
    if not folder.exists():
        write_single(folder)
    return folder


def _project(options: Options, routes: int) -> Path:
    folder = options.folder / f"routes-{routes}"
    if not folder.exists():
        measure.apart(partial(write_routes, folder, routes))
    return folder


def _ael(options: Options, routes: int, *, per_route: bool) -> Path:
    folder = options.folder / f"ael-{routes}-{'contexts' if per_route else 'sites'}"
    if not folder.exists():
        measure.apart(partial(write_ael, folder / "extensions.ael", routes, per_route=per_route))
    return folder


def main() -> int:
    """Run what was asked for, and print a row a number."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(BENCHES)}; all of them without a name")
    parser.add_argument("--large", action="store_true", help="also ten times as many routes")
    parser.add_argument("--profile", action="store_true", help="only profile a cold build in this process")
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="runs of a build and of aelparse, in turn")
    parser.add_argument("--starts", type=int, default=STARTS, help="runs of what is over in a moment")
    chosen = parser.parse_args()
    if unknown := set(chosen.only) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="routec-bench-") as folder:
        options = Options(
            Path(folder), chosen.rounds, chosen.starts, chosen.routes, chosen.large, measure.find_asterisk()
        )
        if chosen.profile:
            return print_profile(_project(options, options.routes))
        return _run(chosen.only or list(BENCHES), options)


def _run(names: list[str], options: Options) -> int:
    failed = 0
    for name in names:
        try:
            for row in BENCHES[name](options):
                print(row, flush=True)
        except UnmeasuredError as error:
            failed = 1
            print(f"{name}: could not be measured: {error}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())

"""The dialplan in Asterisk's memory: is it ours, is it the present one, and do calls come into it."""

from collections.abc import Iterator, Mapping

from routec.apply import drift
from routec.apply.ami.manager import Ami, NotPermittedError
from routec.apply.doctor.files import Project
from routec.apply.doctor.findings import Finding, fault, ok, skipped, some, warn
from routec.apply.doctor.pbx import Pbx
from routec.apply.entered import KINDS
from routec.apply.held import Extensions, Held, ours
from routec.apply.patterns import matches
from routec.apply.priority import included, is_marked
from routec.backend.dialplan import CONTEXT_PREFIX, DIDS, EXTENSIONS, SEAL
from routec.backend.proof import SEAL_EXTEN

MOST_EDITS = 5

Includes = Mapping[str, tuple[str, ...]]


def check(project: Project, pbx: Pbx) -> Iterator[Finding]:
    """Whether the published file is what Asterisk holds, and whether its own contexts include it."""
    if pbx.ami is None:
        yield skipped("dialplan", f"{pbx.why}, so what it holds is not seen")
        return
    try:
        yield from _loaded(project, pbx.ami)
        held = pbx.ami.holds()
        yield from _edited(project, held)
        includes = {name: included(extensions) for name, extensions in held.items()}
    except NotPermittedError as error:
        yield skipped("dialplan", str(error))
        return
    if not held.get(DIDS) and not held.get(EXTENSIONS):
        return
    for entry in (DIDS, EXTENSIONS):
        yield from _entered(entry, _numbers(entry, project, held), held, includes)
    if all(_numbers(entry, project, held) for entry in (DIDS, EXTENSIONS)):
        yield from _open_inside(project, includes)


def _loaded(project: Project, ami: Ami) -> Iterator[Finding]:
    main = f'#tryinclude "{project.settings.publish.seen_as or project.folder}/extensions.conf"'
    how = f"its own extensions.conf needs the line {main}; then asterisk -rx 'dialplan reload'"
    seal = ami.holds(SEAL, SEAL_EXTEN).get(SEAL)
    if seal is None:
        if any(ami.holds(name) for name in (DIDS, EXTENSIONS)):
            yield fault(
                "dialplan",
                "Asterisk has routec's contexts, and not the last one: it did not read the file to its end, or an "
                "earlier routec wrote it",
                "`routec apply`; if that does not help, Asterisk's log says at which line it stopped",
            )
        else:
            yield fault("dialplan", "Asterisk holds none of routec's contexts: it does not include the file", how)
    elif not project.published:
        yield warn("dialplan", "Asterisk holds a dialplan of routec's, and there is none to compare it with", how)
    elif seal == project.published.get(SEAL):
        yield ok("dialplan", "Asterisk holds what is published")
    else:
        yield fault(
            "dialplan",
            "Asterisk holds another dialplan than the one that is published: of an earlier build, or of another folder",
            f"`routec plan` shows what differs, `routec apply` brings it; if it stays so: {how}",
        )


def _edited(project: Project, held: Held) -> Iterator[Finding]:
    """What somebody changed in Asterisk's memory by hand, or has in files of Asterisk's own with our names."""
    if project.published and held.get(SEAL) == project.published.get(SEAL):
        told = drift.of_pbx(ours(held), project.published)
        for one in told[:MOST_EDITS]:
            yield fault(
                "dialplan",
                one.text,
                "asterisk -rx 'dialplan reload' takes out what was put into its memory; what is still there then "
                f"stands in one of Asterisk's own files: `dialplan show {one.what}` on its console says in which",
            )
        if len(told) > MOST_EDITS:
            yield fault("dialplan", f"so are {len(told) - MOST_EDITS} more places", "`routec plan` tells them")


# ---- what includes it


def _entered(entry: str, numbers: Extensions, held: Held, includes: Includes) -> Iterator[Finding]:
    """Do calls come into an entry context, and to each of its numbers."""
    if not numbers:
        return
    contexts = sorted(
        name for name in includes if not name.startswith(CONTEXT_PREFIX) and _leads(name, entry, includes)
    )
    if not contexts:
        where = "where the trunk's calls come in" if entry == DIDS else "where the phones' calls come in"
        yield fault(
            "dialplan",
            f"no context of Asterisk's includes {entry}, so no call reaches the routes by their {KINDS[entry]}",
            f"in Asterisk's own extensions.conf, in the context {where}: include => {entry}",
        )
        return
    is_free = True
    for context in contexts:
        for (other, pattern), hidden in _shadows(context, entry, numbers, held, includes).items():
            is_free = False
            how = f"move it to a context that [{context}] includes behind {entry}"
            if pattern.startswith("_"):
                what = f"the pattern {pattern} of [{other}] takes {some(hidden)} before {entry} does"
                text = f"calls that come into [{context}] do not reach routes: {what}"
                yield fault("dialplan", text, f"Asterisk prefers it to an exact number in an included context; {how}")
            else:
                text = f"calls to {pattern} that come into [{context}] do not reach its route: [{other}] has it itself"
                yield warn("dialplan", text, f"if that is not meant: take it out, or {how}")
    if is_free:
        yield ok("dialplan", f"{entry} is included by {some([f'[{name}]' for name in contexts])}")


def _numbers(entry: str, project: Project, held: Held) -> Extensions:
    return project.held.get(entry) or held.get(entry, {})


def _open_inside(project: Project, includes: Includes) -> Iterator[Finding]:
    """Whether callers from outside come to the extensions: both are included where their calls come in."""
    open_to_both = sorted(
        f"[{name}]"
        for name in includes
        if not name.startswith(CONTEXT_PREFIX) and all(_leads(name, entry, includes) for entry in (DIDS, EXTENSIONS))
    )
    if open_to_both:
        system = project.built.compilation.system
        records = [entry.number for route in system.routes if route.is_recording for entry in route.entries]
        among = f", {some(records)} among them, where prompts are recorded" if records else ""
        yield warn(
            "dialplan",
            f"{some(open_to_both)} leads to {DIDS} and to {EXTENSIONS}: if the trunk's calls come in there, callers "
            f"from outside can dial extensions{among}",
            f"a context for the trunk that includes {DIDS}, and another for the phones that includes {EXTENSIONS}",
        )


def _leads(context: str, entry: str, includes: Includes) -> bool:
    reached, left = {context}, [context]
    while left:
        for name in includes.get(left.pop(), ()):
            if name == entry:
                return True
            if name not in reached:
                reached.add(name)
                left.append(name)
    return False


def _shadows(
    context: str, entry: str, numbers: Extensions, held: Held, includes: Includes
) -> dict[tuple[str, str], list[str]]:
    """What stands before `entry` and takes numbers of it: (context, extension) and those numbers.

    Asterisk looks in a context, at exact extensions and patterns, and then in what it includes, one after the other and
    each with all that it includes, until something has the number (`pbx_find_extension` in pbx.c).
    """
    found: dict[tuple[str, str], list[str]] = {}
    before: list[tuple[str, str]] = []
    for name in _order(context, entry, includes):
        before += [
            (name, exten)
            for exten, priorities in held.get(name, {}).items()
            if 1 in priorities and not is_marked(exten)
        ]
    for number in sorted(numbers, key=lambda each: (len(each), each)):
        for place in before:
            if matches(place[1], number):
                found.setdefault(place, []).append(number)
                break
    return found


def _order(context: str, entry: str, includes: Includes) -> list[str]:
    """The contexts in which Asterisk looks before it comes to `entry`."""
    order: list[str] = []
    left = [context]
    while left:
        name = left.pop()
        if name == entry:
            break
        if name not in order:
            order.append(name)
            left += reversed(includes.get(name, ()))
    return order

"""What the PBX refuses, as diagnostics: which line of which route it did not take, and what it has in its place."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from routec.apply.ami.manager import (
    AmiError,
    NotPermittedError,
    RefusedLoginError,
    ReloadRefusedError,
    SilentError,
)
from routec.apply.held import Difference, Held, Priority
from routec.apply.plan import ApplyError, Plan
from routec.apply.priority import BESIDE, beside, for_some, is_marked
from routec.apply.shelf import MAIN_FILE
from routec.backend.dialplan import FIXED, SEAL, Dialplan, Line
from routec.diagnostics import Diagnostic, codes
from routec.diagnostics.codes import Code

MOST = 20
"""Diagnostics of lines that are shown: a file that Asterisk read halfway may lack thousands."""

LONGEST = 100
"""Characters of a line of dialplan that are shown."""

FOR_SOME = ", for some callers only"

SETTINGS = "routes/routec.toml"

_CODES: Mapping[type[AmiError], Code] = {
    RefusedLoginError: codes.LOGIN_REFUSED,
    NotPermittedError: codes.NOT_PERMITTED,
    SilentError: codes.PBX_SILENT,
    ReloadRefusedError: codes.RELOAD_REFUSED,
}

_HELP = {
    codes.PBX_UNREACHABLE: "is Asterisk up, and does manager.conf have `enabled = yes` with this address and port?",
    codes.LOGIN_REFUSED: "the user, its `secret` and its `permit` stand in Asterisk's manager.conf",
    codes.NOT_PERMITTED: "the user needs `write = config,reporting` in manager.conf",
    codes.PBX_SILENT: "`asterisk -rx 'core show uptime'` on the PBX tells whether it still lives",
    codes.RELOAD_REFUSED: "`asterisk -rx 'dialplan reload'` and Asterisk's log say why",
}


def of_ami(error: AmiError) -> Diagnostic:
    """Why the PBX cannot be worked with."""
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), codes.PBX_UNREACHABLE)
    message = str(error)
    return Diagnostic(code, message[:1].lower() + message[1:], help=error.help or _HELP[code], file=SETTINGS)


@contextmanager
def telling(said: str) -> Iterator[None]:
    """Make an `AmiError` an `ApplyError` that says this."""
    try:
        yield
    except AmiError as error:
        raise ApplyError(said, (of_ami(error),)) from error


def not_included(main_file: Path, *, was_there: bool = False) -> Diagnostic:
    """Asterisk read its dialplan anew, and nothing of ours is in it; `main_file` is the path as Asterisk sees it.

    `was_there` says that Asterisk held contexts of ours before.
    """
    if was_there:
        return Diagnostic(
            codes.NOT_INCLUDED,
            f"Asterisk can no longer read `{main_file}`, or does not include it any more",
            help="`routec doctor` says which folder is closed to Asterisk's user; where none is, the #tryinclude line "
            "went, or names another folder",
            file=str(main_file),
        )
    return Diagnostic(
        codes.NOT_INCLUDED,
        f"Asterisk does not include `{main_file}`",
        help=f"write at the end of Asterisk's extensions.conf: #tryinclude \"{main_file}\"; and let Asterisk's user "
        "read the file and look into its folders",
        file=str(main_file),
    )


def closed_to_asterisk(main_file: Path, user: str, closed: Path) -> Diagnostic:
    """Asterisk's user cannot read the published file, so that a reload would take all of routec's numbers away."""
    return Diagnostic(
        codes.NOT_INCLUDED,
        f"Asterisk, which runs as {user}, cannot read what is published: {closed} is closed to it",
        help=f"give it to that user, or open it: chmod o+x {closed}; `routec doctor` looks again",
        file=str(main_file),
    )


def not_taken(differences: Iterable[Difference], dialplan: Dialplan | None) -> list[Diagnostic]:
    """The lines that Asterisk holds otherwise than they were compiled; the worst of them, where there are many."""
    every = list(differences)
    lines = _lines(dialplan, {difference.context for difference in every})
    # A line of a route first: the seal and what is there too much follow from something, mostly.
    every.sort(key=lambda difference: (difference.wanted is None, difference.context == SEAL))
    found = [_one(difference, lines) for difference in every[:MOST]]
    if len(every) > MOST:
        rest = f"Asterisk holds {len(every) - MOST} more priorities otherwise than they were compiled"
        found.append(Diagnostic(codes.NOT_TAKEN, rest, help="those above come first in the dialplan"))
    return found


def not_rolled_back(why: str, folder: Path) -> Diagnostic:
    """What was in force before could not be put back."""
    return Diagnostic(
        codes.NOT_ROLLED_BACK,
        f"what was in force before could not be put back: {why}",
        help="`routec plan` shows what the PBX runs now; `routec apply` tries again",
        file=str(folder),
    )


def not_in_force(folder: Path) -> Diagnostic:
    """What is published is not what Asterisk runs, and nobody asked to put that in force."""
    return Diagnostic(
        codes.NOT_TAKEN,
        f"what stands in {folder} is not what Asterisk runs: it was built and not applied, or edited by hand",
        help="`routec apply` puts in force what the routes say",
        file=str(folder),
    )


def cannot_be_kept(message: str, what: str) -> Diagnostic:
    """A context in Asterisk's memory that calls may be in, and that cannot be written down."""
    return Diagnostic(
        codes.CANNOT_BE_KEPT,
        f"`{what}` cannot be kept for the calls in it: {message}",
        help="what was put into Asterisk's memory by hand goes with `dialplan reload` on its console",
    )


def _lines(dialplan: Dialplan | None, names: set[str]) -> dict[tuple[str, str, int], Line]:
    return {
        (context.name, extension.pattern, number): line
        for context in (dialplan.contexts if dialplan else ())
        if context.name in names
        for extension in context.extensions
        for number, line in enumerate(extension.lines, 1)
    }


def _one(difference: Difference, lines: Mapping[tuple[str, str, int], Line]) -> Diagnostic:
    context, exten, priority, wanted, found = difference
    line = lines.get((context, exten, priority))
    span = line.span if line is not None and line.span.file else None
    place = place_of(difference)
    has = f"Asterisk has `{shown(found)}` there" if found else "Asterisk has nothing there"
    if wanted is None:
        message, has = f"Asterisk has `{shown(found)}` at {place}, which is in no route", ""
    elif span is None:
        message = f"Asterisk did not take `{shown(wanted)}` at {place}: {has[:1].lower()}{has[1:]}"
    else:
        message = f"Asterisk did not take `{shown(wanted)}` at {place}"
    return Diagnostic(codes.NOT_TAKEN, message, span, note=has, help=_help(difference))


def _help(difference: Difference) -> str:
    context, exten = difference.context, difference.exten
    if difference.found is None:
        return "Asterisk's log of the reload says what it did not like"
    if context in FIXED:
        why = f"another [{context}] stands in Asterisk's own files, or one of its modules (parking, AEL, Lua) uses it"
    else:
        why = "somebody put it into Asterisk's own files"
    plain = for_some(exten) or exten
    place = context if is_marked(plain) else f"{plain}@{context}"
    return f"{why}: `dialplan show {place}` on its console says which file and line it is from"


def place_of(difference: Difference) -> str:
    """Where in a dialplan, in words."""
    context, exten, priority = difference[:3]
    plain = for_some(exten)
    if plain is None and is_marked(exten):
        return f"[{context}]"
    return f"{exten if plain is None else plain}@{context}, priority {priority}{'' if plain is None else FOR_SOME}"


def shown(priority: Priority | None) -> str:
    """A priority as people read it in a dialplan."""
    if priority is None:
        return ""
    if priority.app in BESIDE:
        return beside(priority.app, priority.data)[:LONGEST]
    text = f"{priority.app}({priority.data})" + (f", label {priority.label}" if priority.label else "")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def of_reading(plan: Plan, found: Held, differing: list[Difference], seen_as: Path) -> list[Diagnostic]:
    """Why what was read back is not what was compiled; `seen_as` is the published folder as Asterisk sees it."""
    if not is_included(plan.wanted, plan.before, found):
        return [not_included(seen_as / MAIN_FILE, was_there=bool(plan.before))]
    return not_taken(differing, plan.built.compilation.dialplan)


def is_included(wanted: Held, before: Held, found: Held) -> bool:
    """Whether Asterisk read the published file at all: it holds the seal, or something that it did not hold before."""
    if found.get(SEAL) == wanted.get(SEAL):
        return True
    return any(
        found[name] == wanted[name] and before.get(name) != wanted[name] for name in found.keys() & wanted.keys()
    )

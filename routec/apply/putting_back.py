"""After an apply that Asterisk did not take: what was in force before is in force again, and no call pays for it."""

import contextlib

from routec.apply import manifest, read_back, refusal
from routec.apply.ami.link import Site
from routec.apply.ami.manager import Ami, AmiError, NotPermittedError, ReloadRefusedError
from routec.apply.held import Held, as_text, differences, held_of
from routec.apply.plan import ApplyError, Plan
from routec.apply.planning import kept_files
from routec.apply.priority import is_marked
from routec.apply.publish import Publication, PublishError
from routec.apply.retired_conf import is_as_written, listed, retired_sounds, without_tail
from routec.apply.retired_modules import modules_change
from routec.apply.shelf import MAIN_FILE, MANIFEST_FILE, MARK, RETIRED_FILE, Shelf, is_sound
from routec.backend.dialplan import FIXED, SEAL
from routec.contract import MODULES_FILE
from routec.diagnostics import Diagnostic, codes

PUT_BACK = "what was in force before is in force again"
NOT_BACK = "what was in force before is not in force again"
NOTHING = "nothing was changed"
FILES_BACK = "the files are as they were; what Asterisk runs is seen when it is back: `routec apply` again"
RAN_BACK = "the files hold what Asterisk ran before; what it runs is seen when it is back: `routec apply` again"

_HEAD = f"{MARK.decode()}: what Asterisk ran before an apply that it did not take. `routec apply` writes it anew.\n\n"


def put_back(
    plan: Plan,
    publication: Publication,
    faults: list[Diagnostic],
    found: Held,
    site: Site,
) -> tuple[ApplyError, Held, Held | None]:
    """Restore the files, reload, and read back; `found` is what Asterisk held of the new ones, as far as it was read.

    Where the files were not what Asterisk ran (built and not applied, cut off, edited), they are made to be: a reload
    would put in force what never was. Gives what is to be raised, the retired contexts, and what Asterisk holds at the
    end as far as that is known. Contexts of the new routes that calls have come into meanwhile stay as retired ones
    until they are over, so nothing is reloaded unread.
    """
    retired: Held = {}
    wanted: Held = plan.before

    def ask(ami: Ami) -> read_back.Found:
        nonlocal retired
        retired = _keep(plan, found or read_back.whole(ami, {}).held, site)
        with contextlib.suppress(ReloadRefusedError):  # then it has what it had before, or else that is seen
            site.way.reload(ami)
        return read_back.whole(ami, {**wanted, **retired}, plan.foreign)

    def not_back(why: str, held: Held | None = None) -> tuple[ApplyError, Held, Held | None]:
        return ApplyError(NOT_BACK, (*faults, refusal.not_rolled_back(why, plan.folder))), retired, held

    try:
        publication.restore()
        # What Asterisk does not read at all stays as it is.
        is_as_it_ran = any(one.code is codes.NOT_INCLUDED for one in faults) or _is_as_it_ran(plan, site.shelf)
        if not is_as_it_ran:
            wanted = _write_what_ran(plan, site)
        # Where Asterisk stayed away once, it has been waited for.
        now = (site.way.patiently if found else site.way.once_more)(site.settings, ask)
    except (PublishError, OSError, ValueError) as error:
        return not_back(str(error))
    except AmiError as error:
        told = refusal.of_ami(error)
        # The same again tells nobody more.
        more = [] if any(one.code == told.code for one in faults) else [told]
        # What may not reload has not reloaded.
        said = FILES_BACK if is_as_it_ran else RAN_BACK
        if isinstance(error, NotPermittedError) and not found:
            said = NOTHING
        return ApplyError(said, (*faults, *more)), retired, None
    # What the files say is as good as what was in memory before: an edit by hand is gone then.
    is_as_published = is_as_it_ran and plan.published and not differences({**plan.published, **retired}, now.held)
    if now.differences and not is_as_published:
        first = now.differences[0]
        return not_back(f"{first.exten}@{first.context} is not what it was", now.held)
    return ApplyError(PUT_BACK, tuple(faults)), retired, now.held


def is_still(left: Held, held: Held) -> bool:
    """Whether what Asterisk holds is what it was left with, but for retired contexts that went meanwhile."""
    return held == {name: each for name, each in left.items() if name in held or name in FIXED}


def _is_as_it_ran(plan: Plan, shelf: Shelf) -> bool:
    """Whether a reload of the files as they are gives what Asterisk ran; what else it held was of somebody's hand.

    An Asterisk that held nothing may be starting, and about to read them: they stay. Raises OSError.
    """
    ran, published = plan.before, plan.published
    if not ran or published == ran:
        return True
    main, retired = shelf.read(MAIN_FILE) or b"", shelf.read(RETIRED_FILE)
    return (
        ran.get(SEAL) == published.get(SEAL)
        and manifest.says(shelf.read(MANIFEST_FILE), MAIN_FILE, without_tail(main))
        and (retired is None or is_as_written(retired))
    )


def _write_what_ran(plan: Plan, site: Site) -> Held:
    """Have the files say it, and give it. Raises `PublishError`, OSError, ValueError (it cannot be written)."""
    shelf = site.shelf
    ran = {
        name: {exten: lines for exten, lines in extensions.items() if not is_marked(exten)}
        for name, extensions in plan.before.items()
    }
    before = shelf.read(RETIRED_FILE)
    retired = listed(before)
    # The seal comes last: it stands behind everything else.
    main = {name: ran[name] for name in sorted(ran.keys() - retired.keys(), key=lambda name: (name == SEAL, name))}
    text = (_HEAD + as_text(main)).encode()
    files, removed = {MAIN_FILE: text}, []
    if retired:
        files = kept_files(text, retired, retired_sounds(before or b""), site.seen_as)
    elif before is not None:
        removed = [RETIRED_FILE]
    if (said := shelf.read(MANIFEST_FILE)) is not None:
        files[MANIFEST_FILE] = manifest.saying(said, MAIN_FILE, text)
    modules, gone = modules_change(shelf.read(MODULES_FILE) or b"", {**ran, **retired}, shelf)
    with Publication(files | modules, [*removed, *gone], shelf) as publication:
        publication.commit()
    return ran


def _keep(plan: Plan, found: Held, site: Site) -> Held:
    """Keep the contexts of the new routes, which calls may have come into, with their sounds and modules.

    Raises `PublishError`, OSError.
    """
    shelf = site.shelf
    main, before = shelf.read(MAIN_FILE), shelf.read(RETIRED_FILE)
    retired = held_of([before]) if before else {}
    names = found.keys() - plan.before.keys() - retired.keys() - set(FIXED) - set(plan.foreign)
    if main is None or not names:
        return retired
    retired = {**retired, **{name: plan.wanted.get(name, found[name]) for name in sorted(names)}}
    new = plan.built.files
    sounds = {name: data for name, data in new.items() if is_sound(name) and shelf.read(name) is None}
    try:
        files = kept_files(without_tail(main), retired, [*retired_sounds(before or b""), *sounds], site.seen_as)
    except ApplyError:
        return retired
    modules, _ = modules_change(
        shelf.read(MODULES_FILE) or b"", {**plan.before, **retired}, shelf, new.get(MODULES_FILE, b"")
    )
    with Publication(files | modules | sounds, (), shelf) as publication:
        publication.commit()
    return retired

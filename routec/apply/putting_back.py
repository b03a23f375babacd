"""After an apply that Asterisk did not take: what was in force before is in force again, and no call pays for it."""

import contextlib

from routec.apply import read_back, refusal
from routec.apply.ami.link import Site
from routec.apply.ami.manager import Ami, AmiError, ReloadRefusedError
from routec.apply.drift import held_of
from routec.apply.held import Held, differences
from routec.apply.plan import ApplyError, Plan
from routec.apply.planning import kept_files
from routec.apply.publish import Publication, PublishError
from routec.apply.retired_conf import without_tail
from routec.apply.shelf import MAIN_FILE, RETIRED_FILE
from routec.backend.dialplan import FIXED
from routec.diagnostics import Diagnostic

PUT_BACK = "what was in force before is in force again"
NOT_BACK = "what was in force before is not in force again"
FILES_BACK = "the files are as they were; what Asterisk runs is seen when it is back: `routec apply` again"


def put_back(
    plan: Plan,
    publication: Publication,
    faults: list[Diagnostic],
    found: Held,
    site: Site,
) -> tuple[ApplyError, Held]:
    """Restore the files, reload, and read back; `found` is what Asterisk held of the new ones, as far as it was read.

    Gives what is to be raised, and the retired contexts: those of the new routes that calls have come into meanwhile
    stay as such until they are over.
    """
    folder = plan.folder
    retired: Held = {}
    try:
        publication.restore()
        retired = _keep(plan, found, site)
    except PublishError as error:
        return ApplyError(NOT_BACK, (*faults, refusal.not_rolled_back(str(error), folder))), retired
    wanted = {**plan.before, **retired}

    def ask(ami: Ami) -> read_back.Found:
        with contextlib.suppress(ReloadRefusedError):  # then it has what it had before, or else that is seen
            site.way.reload(ami)
        return read_back.whole(ami, wanted, plan.foreign)

    try:
        # Where Asterisk stayed away once, it has been waited for.
        now = (site.way.patiently if found else site.way.once_more)(site.settings, ask)
    except AmiError as error:
        told = refusal.of_ami(error)
        # The same again tells nobody more.
        more = [] if any(one.code == told.code for one in faults) else [told]
        return ApplyError(FILES_BACK, (*faults, *more)), retired
    # What the files say is as good as what was in memory before: an edit by hand is gone then.
    if now.differences and differences({**plan.published, **retired}, now.held):
        first = now.differences[0]
        why = f"{first.exten}@{first.context} is not what it was"
        return ApplyError(NOT_BACK, (*faults, refusal.not_rolled_back(why, folder))), retired
    return ApplyError(PUT_BACK, tuple(faults)), retired


def _keep(plan: Plan, found: Held, site: Site) -> Held:
    """Keep the contexts of the new routes, which calls may have come into. Raises `PublishError`."""
    main = site.shelf.read(MAIN_FILE)
    before = site.shelf.read(RETIRED_FILE)
    retired = held_of([before]) if before else {}
    new = {name: found[name] for name in found.keys() - plan.before.keys() - set(FIXED) - set(plan.foreign)}
    if main is None or not new:
        return retired
    retired = {**retired, **dict(sorted(new.items()))}
    try:
        files = kept_files(without_tail(main), retired, [], site.seen_as)
    except ApplyError:
        return retired
    with Publication(files, (), site.shelf) as publication:
        publication.commit()
    return retired

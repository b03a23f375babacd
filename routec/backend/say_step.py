"""The say step in the dialplan.

SayDigits, SayNumber and SayAlpha do not answer the call, so that it is answered before; SayUnixTime does so itself. An
empty argument is silence to all but SayNumber, which ends the call: a code that was left empty is passed over. A number
that does not fit into 31 bits is silence, too; the frontend lets none through. A sound that is missing is skipped, but
SayUnixTime ends the call without its sounds. (Measured on 22.10; pbx_builtins.c, app_sayunixtime.c, say.c.)

The codes come from the checker, which takes digits only. They are filtered once more all the same: an argument is
evaluated before the application sees it, and what says them is no place to trust anybody.

Keys are ignored while something is said. If the admin has set SAY_DTMF_INTERRUPT, a key leads to the first step of the
route, as Asterisk's own documentation has it, and so to the sign-in before what it guards.
"""

from routec.backend.block import Block
from routec.backend.escape import plain, spoken
from routec.contract import EXTRA1, EXTRA2, LOGIN
from routec.model import Say

APPLICATIONS = {"digits": "SayDigits", "number": "SayNumber", "letters": "SayAlpha"}

VARIABLES = {"login": LOGIN, "extra1": EXTRA1, "extra2": EXTRA2}

NOW = ",,R"
"""SayUnixTime's arguments: no time is now, no zone is the PBX's own; `R` is hours and minutes of a 24-hour clock."""


LONGEST_WORD = 40
"""Characters of the admin's word for a code in a label: nothing else bounds it, and a line has 8,191 bytes."""


def say(block: Block, step: Say) -> None:
    """Append the step."""
    if step.how == "time":
        block.add("SayUnixTime", NOW, step.span)
        return
    after = ""
    if step.value is None:
        said = spoken(step.text or "")
    else:
        said = f"${{FILTER(0-9,${{{VARIABLES[step.value]}}})}}"
        if step.how == "number":
            after = block.label(f"after-{plain(step.word or step.value)[:LONGEST_WORD]}")
            block.add("GotoIf", f'$["{said}" = ""]?{after}', step.span)
    block.add("Answer", "", step.span)
    block.add(APPLICATIONS[step.how], said, step.span)
    if after:
        block.mark(after)

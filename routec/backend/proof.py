"""Two contexts that no number leads to. By them it is seen what a PBX holds, and whether it reaches the checker.

They stand at the end of the file, the seal last of all: whoever finds it in the PBX's memory knows that Asterisk read
the file to its end, and which dialplan is in force.
"""

import hashlib
from collections.abc import Sequence

from routec.backend.dialplan import DOCTOR, FIXED, NOWHERE, SEAL, Context, Extension, Line, content
from routec.backend.signin_step import agi_url
from routec.contract import DOCTOR as VARIABLE
from routec.contract import DOCTOR_OK, DOCTOR_PATH
from routec.kept import Memory
from routec.settings import Settings

AGI_EXTEN = "agi"
SEAL_EXTEN = "seal"

DOCTOR_SECONDS = 10
"""How long a checker that hangs may hold the doctor's call, in seconds."""

SEAL_DIGITS = 32


def doctor(settings: Settings) -> Context:
    """What `routec doctor` calls: it is answered only where Asterisk reaches the checker and the checker answers."""
    lines = (
        ("Set", f"{VARIABLE}=", ""),
        ("Set", "AGIEXITONHANGUP=yes", ""),
        ("Set", f"TIMEOUT(absolute)={DOCTOR_SECONDS}", ""),
        ("AGI", agi_url(settings, DOCTOR_PATH), ""),
        ("GotoIf", f'${{REGEX("^{DOCTOR_OK}$" ${{{VARIABLE}}})}}?ok', ""),
        ("Hangup", "", ""),
        ("Answer", "", "ok"),
        ("Hangup", "", ""),
    )
    extension = Extension(AGI_EXTEN, tuple(Line(app, data, label, NOWHERE) for app, data, label in lines))
    return Context(
        DOCTOR, ("routec doctor asks here whether the sign-in is reached; no number leads to it",), (extension,)
    )


def seal(contexts: Sequence[Context], memory: Memory) -> Context:
    """Which dialplan this is: the names of all other contexts, and what stands in those whose name does not say it."""
    parts = []
    for context in contexts:
        parts.append(context.name)
        if context.name in FIXED:
            parts += memory.each(f"seal {context.name}").of(context.extensions, content)
    digits = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:SEAL_DIGITS]
    extension = Extension(SEAL_EXTEN, (Line("NoOp", digits, "", NOWHERE),))
    return Context(SEAL, ("the seal: all contexts above, as one number",), (extension,))

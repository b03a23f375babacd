"""The auth step in the dialplan. It is shut unless the checker says `granted`, and says it anew.

`AGISTATUS` says nothing of use: a FastAGI server that dies in mid-conversation leaves SUCCESS, one that cannot be
reached leaves FAILURE, and the dialplan goes on after either. So the verdict is cleared before and must have its exact
value behind. A server that hangs would hold the caller for ever: `AGIEXITONHANGUP` with an absolute timeout ends that,
and Asterisk goes on at the extension `T` of the context that it is in. (Measured on 22.10; res_agi.c, pbx.c.)

The conversation of a module stands in a context of its own, which every route enters by Gosub: one place to read, and
a `T` that cannot lead anywhere but back to where the verdict is judged. Where nothing answers, it waits a second, so
that a route which tries again does not keep the PBX spinning.
"""

from routec.backend.block import Block
from routec.backend.dialplan import ANY_NUMBER, CONTEXT_PREFIX, Context, Extension, Line, content_hash
from routec.backend.escape import comment, plain
from routec.contract import AGI_FOLDER, GRACE_SECONDS, GRANTED, VARIABLES, VERDICT
from routec.model import Module, SignIn
from routec.settings import Settings
from routec.source import Sources


def ask(block: Block, step: SignIn) -> str:
    """Append the step up to where those stand who did not pass; gives the label for those who did."""
    name = plain(step.module)
    granted = block.label(f"granted-{name}")
    block.add("Set", f"{VERDICT}=", step.span, block.label(f"auth-{name}"))
    block.add("Gosub", f"{block.signin[step.module]},${{EXTEN}},1", step.span)
    block.add("GotoIf", f'$["${{{VERDICT}}}" = "{GRANTED}"]?{granted}', step.span)
    return granted


def context(module: Module, settings: Settings, sources: Sources) -> Context:
    """The conversation of a module: FastAGI, and where that gave no verdict the same checker as a process."""
    name = plain(module.name)
    host, port = settings.connect
    address = f"[{host}]" if ":" in host else host
    steps = [
        ("Answer", "", ""),
        *(("Set", f"{variable}=", "") for variable in VARIABLES),
        ("Set", "AGIEXITONHANGUP=yes", ""),
        ("Set", f"TIMEOUT(absolute)={module.seconds + GRACE_SECONDS}", ""),
        ("AGI", f"agi://{address}:{port}/{AGI_FOLDER}/{name}", ""),
        ("GotoIf", f'$["${{{VERDICT}}}" != ""]?answered', ""),
        ("AGI", f"{plain(settings.script)},{name}", ""),
        ("GotoIf", f'$["${{{VERDICT}}}" != ""]?answered', ""),
        ("Wait", "1", ""),
        ("Set", "TIMEOUT(absolute)=0", "answered"),
        ("Return", "", ""),
    ]
    late = [("Set", f"{VERDICT}=", ""), ("Return", "", "")]
    extensions = tuple(
        Extension(pattern, tuple(Line(app, data, label, module.span) for app, data, label in lines))
        for pattern, lines in ((ANY_NUMBER, steps), ("T", late))
    )
    title = f' "{module.title}"' if module.title else ""
    where = f"{module.span.file}:{sources[module.span.file].line(module.span.start)}"
    return Context(
        f"{CONTEXT_PREFIX}signin.{name}-{content_hash(extensions)}",
        (comment(f"auth {name}{title}"), comment(where)),
        extensions,
    )

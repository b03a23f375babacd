"""The auth step in the dialplan. It is shut unless the checker says `granted`, and says it anew.

`AGISTATUS` says nothing of use: a FastAGI server that dies in mid-conversation leaves SUCCESS, one that cannot be
reached leaves FAILURE, and the dialplan goes on after either. So the verdict is cleared before and must have its exact
value behind. A server that hangs would hold the caller for ever: `AGIEXITONHANGUP` with an absolute timeout ends that,
and Asterisk goes on at the extension `T` of the context that it is in. (Measured on 22.10; res_agi.c, pbx.c.)

The conversation of a module stands in a context of its own, which every route enters by Gosub: one place to read, and
a `T` that cannot lead anywhere but back to where the verdict is judged. Who is not even asked waits a second, so that
a route which tries again does not keep the PBX spinning.

A caller ID with control characters goes no further: SIP can carry a line end in it (`%0A`), Asterisk writes it into the
AGI headers as it is, and what follows would be a header of the caller's own. Only lengths are compared, since the value
itself must not stand in an expression.

A limit that the admin has set on the call (`TIMEOUT(absolute)`) is put back afterwards, less the time that has passed.

An else by outcomes has a jump for `locked` and for `denied`. Whatever else the verdict is, and be it none at all, falls
through to the steps of `error`, or without them to a hangup, as do the outcomes that are not listed. There the verdict
is compared by REGEX and not in an expression: a verdict such as `x" | "1` would be a part of the expression, and true.
"""

from typing import NamedTuple

from routec.backend.block import Block
from routec.backend.dialplan import ANY_NUMBER, SIGNIN_PREFIX, Context, Extension, Line, content_hash
from routec.backend.escape import heading, plain
from routec.contract import AGI_FOLDER, DENIED, ERROR, GRACE_SECONDS, GRANTED, LOCKED, VARIABLES, VERDICT
from routec.model import Cases, Module, SignIn
from routec.model.walk import Steps
from routec.settings import Settings
from routec.source import Sources, Span

CALLER_ID = ("num", "name", "dnid", "rdnis")
"""What of a caller ID goes into the AGI headers."""

PRINTABLE = r"\x20-\x7e\x80-\xff"
LIMIT = "ROUTEC_LIMIT"
SINCE = "ROUTEC_SINCE"


class Branch(NamedTuple):
    """What callers meet with one outcome, behind a label."""

    label: str
    steps: Steps
    span: Span


def ask(block: Block, step: SignIn) -> str:
    """Append the step up to where those stand who did not pass; gives the label for those who did."""
    name = plain(step.module)
    granted = block.label(f"granted-{name}")
    block.add("Set", f"{VERDICT}=", step.span, block.label(f"auth-{name}"))
    block.ask(step.module, step.span)
    block.add("GotoIf", f"{_is(GRANTED)}?{granted}", step.span)
    return granted


def branch(block: Block, step: SignIn, cases: Cases) -> list[Branch]:
    """Append the jumps to the cases; gives what is to follow, in this order, each ended with a hangup.

    The first is where those come who take no jump. An outcome that is not listed is one of them where that hangs up.
    """
    name = plain(step.module)
    spans = {case.name: case.span for case in cases.cases}
    branches = [Branch(block.label(f"{ERROR}-{name}"), cases.steps(ERROR) or (), spans.get(ERROR, step.span))]
    for verdict in (LOCKED, DENIED):
        if verdict in spans or ERROR in spans:
            to = Branch(block.label(f"{verdict}-{name}"), cases.steps(verdict) or (), spans.get(verdict, step.span))
            block.add("GotoIf", f"{_is(verdict)}?{to.label}", to.span)
            branches.append(to)
    return branches


def _is(verdict: str) -> str:
    """True of this very verdict, and of nothing that holds it.

    Not `$["${ROUTEC_VERDICT}" = "granted"]`: a value is put into an expression before that is read, and `x" | "1` makes
    it true (measured on 22.10).
    """
    return f'${{REGEX("^{verdict}$" ${{{VERDICT}}})}}'


def agi_url(settings: Settings, path: str) -> str:
    """A path of the checker's, as Asterisk reaches it."""
    host, port = settings.connect
    return f"agi://[{host}]:{port}/{path}" if ":" in host else f"agi://{host}:{port}/{path}"


def context(module: Module, settings: Settings, sources: Sources) -> Context:
    """The conversation of a module: FastAGI, and where that gave no verdict the same checker as a process."""
    name = plain(module.name)
    named = [f"${{CALLERID({part})}}" for part in CALLER_ID]
    lengths = " + ".join(f"${{LEN({value})}}" for value in named)
    plain_lengths = " + ".join(f"${{LEN(${{FILTER({PRINTABLE},{value})}})}}" for value in named)
    steps = [
        *(("Set", f"{variable}=", "") for variable in VARIABLES),
        ("Set", f"LOCAL({LIMIT})=${{TIMEOUT(absolute)}}", ""),
        ("Set", f"LOCAL({SINCE})=${{EPOCH}}", ""),
        ("GotoIf", f"$[{lengths} = {plain_lengths}]?ask", ""),
        ("Wait", "1", ""),
        ("Goto", "end,1", ""),
        ("Answer", "", "ask"),
        ("Set", "AGIEXITONHANGUP=yes", ""),
        ("Set", f"TIMEOUT(absolute)={module.seconds + GRACE_SECONDS}", ""),
        ("AGI", agi_url(settings, f"{AGI_FOLDER}/{name}"), ""),
        ("GotoIf", f'$["${{{VERDICT}}}" != ""]?end,1', ""),
        ("AGI", f"{plain(settings.script)},{name}", ""),
        ("GotoIf", f'$["${{{VERDICT}}}" != ""]?end,1', ""),
        ("Wait", "1", ""),
        ("Goto", "end,1", ""),
    ]
    end = [
        ("Set", "TIMEOUT(absolute)=0", ""),
        ("GotoIf", f"$[${{{LIMIT}}} = 0]?done", ""),
        ("Set", f"LOCAL({LIMIT})=$[${{{LIMIT}}} - ${{EPOCH}} + ${{{SINCE}}}]", ""),
        ("Set", f"TIMEOUT(absolute)=$[${{{LIMIT}}} > 1 ? ${{{LIMIT}}} :: 1]", ""),
        ("Return", "", "done"),
    ]
    late = [("Set", f"{VERDICT}=", ""), ("Goto", "end,1", "")]
    extensions = tuple(
        Extension(pattern, tuple(Line(app, data, label, module.span) for app, data, label in lines))
        for pattern, lines in ((ANY_NUMBER, steps), ("T", late), ("end", end))
    )
    return Context(
        f"{SIGNIN_PREFIX}{name}-{content_hash(extensions)}",
        heading(f"auth {name}", module.title, module.span, sources),
        extensions,
    )

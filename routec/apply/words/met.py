"""What a caller meets, step by step, as it was read from a dialplan; and how a step is told.

A text from a dialplan may be anybody's, hand edits among them: what is told of it drives no terminal and is bounded.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from routec.diagnostics.render_text import safe

Kind = Literal[
    "plays", "asks", "rings", "says", "speaks", "waits", "answers", "records", "goes", "hangs", "runs", "passes", "lost"
]
"""`asks` is a sign-in as routec makes it, after which only those who passed go on. `runs` is what routec did not make,
`passes` a way past a sign-in, `lost` an end that nobody wrote: the last three come of hand edits only."""

FOREIGN: frozenset[Kind] = frozenset({"runs", "passes", "lost"})

ELSE = "else"
OTHERWISE = "otherwise"
"""The branch of a sign-in by outcomes that is neither `locked` nor `denied`."""

SOME_CALLERS = "some callers"
"""The branch and the detail of a step that only some callers meet: somebody put that into Asterisk's memory."""

LONGEST_TOLD = 160
"""Characters of a foreign text that are told."""

LONGEST_LINE = 600
"""Characters of a whole story in one line."""


class Place(NamedTuple):
    """Where in a dialplan a step begins."""

    context: str
    exten: str
    priority: int


class Step(NamedTuple):
    """One step.

    `what` is the module, the route, the sounds, the extensions…; `items` are the sounds or extensions one by one;
    `detail` is what Asterisk is given: the arguments of a Dial, the context of a goto or a sign-in.
    """

    kind: Kind
    what: str
    at: Place
    items: tuple[str, ...] = ()
    detail: str = ""
    branches: tuple["Branch", ...] = ()

    @property
    def text(self) -> str:
        """What it does, with a verb and without its branches: `rings 101 for 20s`."""
        return safe(f"{_VERBS[self.kind]}{self.what}".rstrip())

    @property
    def doing(self) -> str:
        """The same as what is done instead of another: `ringing 101 for 20s`."""
        return safe(f"{_DOING[self.kind]}{self.what}".rstrip())

    @property
    def name(self) -> str:
        """What others come before: `101`, `welcome`, `hanging up`."""
        return safe(", ".join(self.items)) if self.items else self.doing

    @property
    def is_plain_end(self) -> bool:
        """Whether it is a hangup without a cause."""
        return self.kind == "hangs" and not self.what

    @property
    def key(self) -> object:
        """Equal for steps at which callers meet the same. Names of contexts are not in it: they follow the content."""
        detail = self.detail if self.kind == "rings" else ""
        return self.kind, self.what, detail, tuple((branch.when, keys(branch.steps)) for branch in self.branches)


class Branch(NamedTuple):
    """What those meet who do not pass a sign-in; `when` is `else`, or `locked`, `denied` and `otherwise`."""

    when: str
    steps: tuple[Step, ...]


_VERBS: dict[Kind, str] = {
    "plays": "plays ",
    "asks": "asks for ",
    "rings": "rings ",
    "says": "says ",
    "speaks": "speaks ",
    "waits": "waits ",
    "answers": "answers",
    "records": "records ",
    "goes": "goes to the route ",
    "hangs": "hangs up",
    "runs": "runs ",
    "passes": "goes on as if signed in to ",
    "lost": "ends: ",
}
_DOING: dict[Kind, str] = {
    "plays": "playing ",
    "asks": "asking for ",
    "rings": "ringing ",
    "says": "saying ",
    "speaks": "speaking ",
    "waits": "waiting ",
    "answers": "answering",
    "records": "recording ",
    "goes": "going to the route ",
    "hangs": "hanging up",
    "runs": "running ",
    "passes": "going on as if signed in to ",
    "lost": "ending: ",
}


def keys(steps: Iterable[Step]) -> tuple[object, ...]:
    """What a run of steps is compared by."""
    return tuple(step.key for step in steps)


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """All of these steps and those in their branches, in order."""
    for step in steps:
        yield step
        for branch in step.branches:
            yield from all_steps(branch.steps)


def bounded(text: str, most: int = LONGEST_TOLD) -> str:
    """A text of bounded length."""
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(number: int, thing: str) -> str:
    """`1 user`, `2,000 users`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def tell(steps: Iterable[Step]) -> str:
    """Steps in a line. The hangup behind a dial is not told: it is where a call ends that nobody took."""
    told = list(steps)
    if len(told) > 1 and told[-1].is_plain_end and told[-2].kind == "rings":
        told.pop()
    return bounded(", ".join(_one(step) for step in told), LONGEST_LINE)


def _one(step: Step) -> str:
    if not step.branches:
        return step.text
    branches = "; ".join(
        f"{branch.when}{' ' if branch.when in (ELSE, OTHERWISE) else ': '}{tell(branch.steps)}"
        for branch in step.branches
    )
    return f"{step.text} ({branches})"

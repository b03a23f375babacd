"""How a call runs through the steps: where it ends, and which routes it can go round in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from routec.model import Dial, Goto, Hangup, Play, Say, SignIn, Step, Wait
from routec.model.walk import inner_blocks


def ends(steps: Iterable[Step]) -> bool:
    """Whether no call ever runs on behind these steps: it has ended, or is in another route."""
    return any(step_ends(step) for step in steps)


def step_ends(step: Step) -> bool:
    """Whether no call ever runs on behind this step. One that is answered ends with the talk."""
    match step:
        case Hangup() | Goto():
            return True
        case Dial(otherwise=otherwise):
            return otherwise is not None and ends(otherwise)
        case _:
            return False


@dataclass(frozen=True, slots=True)
class Way:
    """A goto and what a call has met before it in its route."""

    goto: Goto
    asked: bool = False
    rang: bool = False
    paused: bool = False


def ways(steps: Iterable[Step], asked: bool = False, rang: bool = False, paused: bool = False) -> Iterator[Way]:
    """All ways from the beginning of some steps to another route.

    What is said pauses the call as a prompt does; but a code of a sign-in may be empty, and then it is silence.
    """
    for step in steps:
        if isinstance(step, Goto):
            yield Way(step, asked, rang, paused)
        asked |= isinstance(step, SignIn)
        rang |= isinstance(step, Dial)
        paused |= isinstance(step, Play | Wait) or (isinstance(step, Say) and step.value is None)
        for block in inner_blocks(step):
            yield from ways(block, asked, rang, paused)
        if step_ends(step):
            return


def loops(graph: Mapping[str, Sequence[Goto]]) -> Iterator[list[Goto]]:
    """A loop for each way back in a graph of routes, as the gotos that make it up. Not recursive: graphs are deep."""
    done: set[str] = set()
    for start, first in graph.items():
        if start in done:
            continue
        path: list[Goto] = []
        names = {start: 0}
        waiting = [iter(first)]
        while waiting:
            goto = next(waiting[-1], None)
            if goto is None:
                waiting.pop()
                done.add(names.popitem()[0])
                del path[len(waiting) - 1 :]
            elif goto.route in names:
                yield [*path[names[goto.route] :], goto]
            elif goto.route in graph and goto.route not in done:
                path.append(goto)
                names[goto.route] = len(path)
                waiting.append(iter(graph[goto.route]))

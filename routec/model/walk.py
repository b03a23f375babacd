"""Ways through a route's steps."""

from collections.abc import Iterator, Sequence

from routec.model.nodes import Dial, SignIn, Step

Steps = tuple[Step, ...]

_HOLDERS = (SignIn, Dial)
"""The steps that hold blocks."""


def inner_blocks(step: Step) -> Sequence[Steps]:
    """The blocks that a step holds."""
    return (step.otherwise,) if isinstance(step, _HOLDERS) and step.otherwise is not None else ()


def blocks(steps: Steps) -> Iterator[Steps]:
    """A block and all blocks in it."""
    waiting = [steps]
    while waiting:
        block = waiting.pop()
        yield block
        for step in block:
            if isinstance(step, _HOLDERS) and step.otherwise is not None:
                waiting.append(step.otherwise)  # noqa: PERF401 (a generator costs as much as the rest of the walk)


def all_steps(steps: Steps) -> Iterator[Step]:
    """Every step of a block, those in its inner blocks too."""
    for block in blocks(steps):
        yield from block

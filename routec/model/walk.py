"""Ways through a route's steps."""

from collections.abc import Iterator, Sequence

from routec.model.nodes import Cases, Dial, SignIn, Step

Steps = tuple[Step, ...]

_HOLDERS = (SignIn, Dial)
"""The steps that hold blocks."""


def inner_blocks(step: Step) -> Sequence[Steps]:
    """The blocks that a step holds."""
    if not isinstance(step, _HOLDERS) or step.otherwise is None:
        return ()
    if isinstance(step.otherwise, Cases):
        return tuple(case.steps for case in step.otherwise.cases)
    return (step.otherwise,)


def blocks(steps: Steps) -> Iterator[Steps]:
    """A block and all blocks in it."""
    waiting = [steps]
    while waiting:
        block = waiting.pop()
        yield block
        for step in block:
            if isinstance(step, _HOLDERS):
                waiting.extend(inner_blocks(step))


def all_steps(steps: Steps) -> Iterator[Step]:
    """Every step of a block, those in its inner blocks too."""
    for block in blocks(steps):
        yield from block

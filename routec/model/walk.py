"""Ways through a route's steps."""

from collections.abc import Iterator, Sequence

from routec.model.nodes import Dial, SignIn, Step

Steps = tuple[Step, ...]


def inner_blocks(step: Step) -> Sequence[Steps]:
    """The blocks that a step holds."""
    return (step.otherwise,) if isinstance(step, SignIn | Dial) and step.otherwise is not None else ()


def blocks(steps: Steps) -> Iterator[Steps]:
    """A block and all blocks in it."""
    yield steps
    for step in steps:
        for block in inner_blocks(step):
            yield from blocks(block)


def all_steps(steps: Steps) -> Iterator[Step]:
    """Every step of a block, those in its inner blocks too."""
    for block in blocks(steps):
        yield from block

"""What one compilation leaves for the next: whatever was made of something that is still the same is not made again.

Every stage runs from its first line to its last in each compilation, the first and the hundredth alike. It only asks
here first, part by part, whether it has made this already. So a warm compilation is equal to a cold one as long as each
part says all that it is made of; and what a compilation did not ask for is let go.

Parts that nothing changes are taken for the same by identity, which costs nothing however large they are. A thing that
was kept stands for all that it was made of: a route of the model for the text of its file, for one.
"""

from collections.abc import Callable, Hashable, Iterable
from itertools import compress, count
from operator import is_not
from typing import Any, Generic, TypeVar

Part = TypeVar("Part")
Value = TypeVar("Value")


class Each(Generic[Part, Value]):
    """A value for each of many parts, kept for those parts that are the very same objects as in the round before."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._values: list[Value] = []
        self._given: tuple[object, ...] = ()

    def of(self, parts: Iterable[Part], make: Callable[[Part], Value], *given: object) -> list[Value]:
        """The values of all parts, in their order. `given` is what else they are all made of."""
        now = list(parts)
        before, values = (self._parts, self._values) if given == self._given else ([], [])
        found: list[Any] = values.copy() if len(now) == len(before) else [None] * len(now)
        # Of tens of thousands hardly any has changed, and what has not is in its place.
        changed = range(len(now)) if len(now) != len(before) else list(compress(count(), map(is_not, before, now)))
        moved = range(len(before)) if len(now) != len(before) else changed
        known = {id(before[at]): values[at] for at in moved}
        for at in changed:
            key = id(now[at])
            found[at] = known[key] if key in known else make(now[at])
        self._parts, self._values, self._given = now, found, given
        return found.copy()


class Kept(Generic[Value]):
    """Values by key, each kept as long as what it was made of is equal to what it would be made of now."""

    def __init__(self) -> None:
        self._before: dict[Hashable, tuple[tuple[object, ...], Value]] = {}
        self._now: dict[Hashable, tuple[tuple[object, ...], Value]] = {}

    def begin(self) -> None:
        """Begin a round: what the one before did not ask for is let go."""
        self._before, self._now = self._now, {}

    def of(self, key: Hashable, made_of: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """The value of a key; equal parts must have equal values. They must not be changed afterwards."""
        found = self._before.get(key)
        if found is None or found[0] != made_of:
            found = made_of, make()
        self._now[key] = found
        return found[1]


class Memory:
    """All that a compilation keeps for the next one of the same project. A new one knows nothing."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def part(self, name: str, make: Callable[[], Value]) -> Value:
        """What is kept under a name; made when it is asked for first."""
        if name not in self._parts:
            self._parts[name] = make()
        part: Value = self._parts[name]
        return part

    def each(self, name: str) -> Each[Any, Any]:
        """The `Each` of a name."""
        return self.part(name, Each)

    def round(self, name: str) -> Kept[Any]:
        """The `Kept` of a name, at the beginning of a round."""
        kept: Kept[Any] = self.part(name, Kept)
        kept.begin()
        return kept

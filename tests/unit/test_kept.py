"""What is kept is what would be made again, and nothing is kept for ever."""

import gc
import weakref
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from routec.kept import Each, Kept, Memory


class Part:
    """Something that is only equal to itself."""


def counted() -> tuple[list[Part], Callable[[Part], tuple[int]]]:
    made: list[Part] = []

    def make(part: Part) -> tuple[int]:
        made.append(part)
        return (id(part),)

    return made, make


@given(rounds=st.lists(st.lists(st.integers(0, 5), unique=True), max_size=6))
def test_each_is_made_for_what_was_not_there_in_the_round_before(rounds: list[list[int]]) -> None:
    parts = [Part() for _ in range(6)]
    made, make = counted()
    each: Each[Part, tuple[int]] = Each()
    before: set[int] = set()
    for chosen in rounds:
        made.clear()
        assert each.of([parts[at] for at in chosen], make) == [(id(parts[at]),) for at in chosen]
        assert set(made) == {parts[at] for at in set(chosen) - before}
        assert len(made) == len(set(made))
        before = set(chosen)


def test_what_else_a_value_is_made_of() -> None:
    part = Part()
    made, make = counted()
    each: Each[Part, tuple[int]] = Each()
    for given_too in ("a", "a", "b", "a"):
        each.of([part], make, given_too)
    assert len(made) == 3


def test_a_list_that_is_given_away_can_be_changed() -> None:
    each: Each[str, str] = Each()
    each.of(["a"], str.upper).append("x")
    assert each.of(["a"], str.upper) == ["A"]


def test_parts_that_went_are_let_go() -> None:
    each: Each[Part, int] = Each()
    part = Part()
    gone = weakref.ref(part)
    each.of([part], id)
    del part
    each.of([], id)
    gc.collect()
    assert gone() is None


def test_kept_by_what_it_was_made_of() -> None:
    kept: Kept[object] = Memory().round("x")
    first = kept.of("a", (1, "b"), object)
    kept.begin()
    assert kept.of("a", (1, "b"), object) is first
    kept.begin()
    second = kept.of("a", (2, "b"), object)
    assert second is not first
    kept.begin()
    kept.begin()
    assert kept.of("a", (2, "b"), object) is not second, "a round that does not ask lets go"


def test_a_memory_has_one_of_each_name() -> None:
    memory = Memory()
    assert memory.each("a") is memory.each("a")
    assert memory.each("a") is not memory.each("b")
    assert memory.round("c") is memory.round("c")

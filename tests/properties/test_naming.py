"""A context whose name two dialplans share is the same in both, and so is all that a call in it can come to."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from routec.backend.naming import components, reaching_hashes
from routec.pipeline import Input, compile_routes, render
from tests.properties.reader import Plan, read

Graph = dict[str, tuple[str, tuple[str, ...]]]
"""Names, each with what is its own and with what it leads to."""

_JUMP = re.compile(r"(routec-[a-z0-9_.-]+),\$\{EXTEN\},1")

names = st.sampled_from("abcdefgh")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph of up to eight names, circles among them."""
    found = draw(st.dictionaries(names, st.tuples(st.sampled_from("123"), st.lists(names, max_size=3))))
    return {
        name: (own, tuple(target for target in targets if target in found)) for name, (own, targets) in found.items()
    }


@st.composite
def edits(draw: st.DrawFn) -> tuple[Graph, Graph]:
    """A graph, and what it is after a few changes."""
    old = draw(graphs())
    new = old | draw(graphs())
    for name in draw(st.sets(names, max_size=2)):
        new.pop(name, None)
    return old, {name: (own, tuple(to for to in targets if to in new)) for name, (own, targets) in new.items()}


def reach(graph: Graph, name: str) -> Graph:
    """A name and all that it leads to."""
    found: Graph = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = graph[name][0], tuple(sorted(set(graph[name][1])))
            waiting += graph[name][1]
    return found


def hashes(graph: Graph) -> dict[str, str]:
    own = {name: f"{value} {' '.join(sorted(set(targets)))}" for name, (value, targets) in graph.items()}
    targets = {name: onward for name, (_, onward) in graph.items()}
    return reaching_hashes(own, targets, components(targets))


@given(edit=edits())
@settings(max_examples=300, deadline=None)
def test_a_hash_is_of_all_that_a_name_leads_to(edit: tuple[Graph, Graph]) -> None:
    old, new = edit
    before, after = hashes(old), hashes(new)
    assert list(before) == list(old)
    for name in old.keys() & new.keys():
        assert (before[name] == after[name]) == _is_same(old, new, name), name


def _is_same(old: Graph, new: Graph, name: str) -> bool:
    """Names that lead to each other have one hash: what is in their circle counts for all of them."""
    return reach(old, name) == reach(new, name)


@given(graph=graphs())
@settings(max_examples=200, deadline=None)
def test_components(graph: Graph) -> None:
    targets = {name: onward for name, (_, onward) in graph.items()}
    found = list(components(targets))
    assert sorted(name for members in found for name in members) == sorted(graph)
    told: set[str] = set()
    for members in found:
        for name in members:
            assert {other for other in reach(graph, name) if name in reach(graph, other)} == set(members)
        told.update(members)
        assert {to for name in members for to in targets[name]} <= told


def test_a_chain_as_long_as_a_system_is_large() -> None:
    """Neither recursive nor quadratic: a chain of 100,000, whose every second member leads back one."""
    count = 100_000
    targets = {f"r{n}": (f"r{min(n + 1, count - 1)}", *((f"r{n - 1}",) if n % 2 else ())) for n in range(count)}
    found = reaching_hashes(dict.fromkeys(targets, "x"), targets, components(targets))
    assert len(set(found.values())) == count // 2


# ---- the dialplan itself


@given(edit=edits(), moved=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_old_call_comes_to_what_is_new(edit: tuple[Graph, Graph], moved: bool) -> None:
    """An old dialplan's contexts, kept beside a new one, lead to their own and to what is the same in both."""
    old, new = (_plan(graph, moved=which) for graph, which in zip(edit, (False, moved), strict=True))
    for name in (old.keys() & new.keys()) - {"routec-dids", "routec-extensions", "routec-doctor", "routec-seal"}:
        assert _led_to(old, name) == _led_to(new, name), name
    changed = _by_route(old).items() - _by_route(new).items()
    for _, name in changed:
        for other in _led_to(old, name):
            assert other not in new or _led_to(old, other) == _led_to(new, other)


def _plan(graph: Graph, *, moved: bool) -> Plan:
    """Its routes as a dialplan, whose sign-in may have another time limit, and so another context."""
    text = f'auth m {{ login ask "beep"; user u login 1; within {60 if moved else 50}s }}\n'
    for name, (own, targets) in graph.items():
        steps = "; ".join(f"auth m else goto {target}" for target in targets)
        text += f"route {name} {{ on extension {ord(name)}; wait {own}s; {steps + '; ' if steps else ''}hangup }}\n"
    done = compile_routes(Input({"routes/a.route": text.encode()}))
    assert not done.failed, done.diagnostics
    return read(render(done)["extensions.conf"].decode())


def _led_to(plan: Plan, name: str) -> dict[str, object]:
    found: dict[str, object] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = plan[name]
            steps = [step for priorities in plan[name].values() for step in priorities]
            waiting += [jump[1] for step in steps if (jump := _JUMP.fullmatch(step.data))]
    return found


def _by_route(plan: Plan) -> dict[str, str]:
    return {name.split("-")[1]: name for name in plan if name.count("-") == 2}

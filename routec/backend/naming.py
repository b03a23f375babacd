"""The names of the routes' contexts: each says what a call in it meets, and in whatever route that leads on to.

A reload leaves a call that is under way in the context that it is in, which stays as long as that (`retired.conf`). Did
an old context lead into a new one, such a call would come to a route of which it has met the first half in its old
form: a sign-in that was moved from the one to the other would be passed by. So the name of a context covers, beside
what the route itself says, all that it can go to. Old calls stay in old contexts, and whatever two dialplans both have
is the same in both, as far as it leads.

Routes that lead to each other share one hash. All is linear in the number of gotos, and nothing is recursive, since
routes may lead on to each other ten thousand deep.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Self

from routec.backend.block import Block
from routec.backend.dialplan import ANY_NUMBER, CONTEXT_PREFIX, Context, Extension, Line, content_hash
from routec.kept import Memory
from routec.model.limits import HASH_DIGITS
from routec.source import Source


class Draft(NamedTuple):
    """What will be a route's context.

    In the lines at `gotos` there is the name of a route and not yet of a context, and in those at `asks` of a module.
    """

    route: str
    comment: tuple[str, ...]
    lines: tuple[Line, ...]
    gotos: tuple[int, ...]
    asks: tuple[int, ...]
    targets: tuple[str, ...]
    """The routes that this one can go to, in the order of its lines, and `modules` those that it asks."""
    modules: tuple[str, ...]
    digest: str
    """Of what the lines say, with the names as they are."""
    source: Source
    """The text that the places of the lines are counted in: equal drafts come from the same lines and columns."""

    @classmethod
    def of(cls, route: str, comment: tuple[str, ...], block: Block, source: Source) -> Self:
        """What a block has come to."""
        lines = tuple(block.lines)
        targets = tuple(lines[index].data for index in block.gotos)
        modules = tuple(lines[index].data for index in block.asks)
        digest = content_hash((Extension(ANY_NUMBER, lines),))
        return cls(route, comment, lines, tuple(block.gotos), tuple(block.asks), targets, modules, digest, source)


class Named:
    """What the names of the round before were made of."""

    def __init__(self) -> None:
        self.own: dict[str, str] = {}
        self.hashes: dict[str, str] = {}
        self.contexts: dict[str, tuple[Draft, Context]] = {}


def named(drafts: Sequence[Draft], signin: Mapping[str, str], memory: Memory) -> dict[str, Context]:
    """The contexts of all routes, by route; `signin` are the names of the modules' contexts, by module."""
    kept = memory.part("named", Named)
    digests = memory.each("own").of(
        drafts, lambda draft: " ".join((draft.digest, *(signin[module] for module in draft.modules))), dict(signin)
    )
    own = {draft.route: digest for draft, digest in zip(drafts, digests, strict=True)}
    targets = {draft.route: draft.targets for draft in drafts}
    order = memory.round("order").of("", (targets,), lambda: list(components(targets)))
    kept.hashes = reaching_hashes(own, targets, order, (kept.own, kept.hashes))
    kept.own = own
    names = {name: f"{CONTEXT_PREFIX}{name}-{digits}" for name, digits in kept.hashes.items()}
    before, kept.contexts = kept.contexts, {}
    for draft in drafts:
        known = before.get(names[draft.route])
        # A name covers the names that stand in the lines.
        is_same = known is not None and known[0] is draft
        kept.contexts[names[draft.route]] = known if known and is_same else (draft, _finished(draft, names, signin))
    return {context.route: context for _, context in kept.contexts.values()}


def _finished(draft: Draft, names: Mapping[str, str], signin: Mapping[str, str]) -> Context:
    lines = list(draft.lines)
    for indexes, contexts in ((draft.gotos, names), (draft.asks, signin)):
        for index in indexes:
            lines[index] = lines[index]._replace(data=f"{contexts[lines[index].data]},${{EXTEN}},1")
    return Context(names[draft.route], draft.comment, (Extension(ANY_NUMBER, tuple(lines)),), draft.route)


def reaching_hashes(
    own: Mapping[str, str],
    targets: Mapping[str, Sequence[str]],
    order: Iterable[Sequence[str]],
    before: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
) -> dict[str, str]:
    """For each name the hash of what is its own and of all that it leads to, directly or not.

    `order` are the components of the targets. `before` are own and hashes of another time, which spare the work where
    nothing has changed; `own` has to say what the targets are.
    """
    own_before, hashes = before[0], dict(before[1])
    changed = {name for name, value in own.items() if own_before.get(name) != value}
    for members in order:
        if all(name not in changed and changed.isdisjoint(targets[name]) for name in members):
            continue
        text = "\n".join([f"{name} {own[name]}" for name in sorted(members)])
        onward = set(chain.from_iterable([targets[name] for name in members]))
        for name in sorted(onward.difference(members)):
            text += f"\n{name} {hashes[name]}"
        digits = hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]
        for name in members:
            hashes[name] = digits
        changed.update(members)
    return {name: hashes[name] for name in own}


def components(targets: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Names that lead to each other, together; what such a set leads to comes before it (Tarjan 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: list[str] = []
    closed: set[str] = set()
    for start in targets:
        if start in order:
            continue
        way = [(start, iter(targets[start]))]
        order[start] = low[start] = len(order)
        open_names.append(start)
        while way:
            name, onward = way[-1]
            target = next(onward, None)
            if target is None:
                way.pop()
                if way:
                    low[way[-1][0]] = min(low[way[-1][0]], low[name])
                if low[name] == order[name]:
                    members = [open_names.pop()]
                    while members[-1] != name:
                        members.append(open_names.pop())
                    closed.update(members)
                    yield members
            elif target not in order:
                order[target] = low[target] = len(order)
                open_names.append(target)
                way.append((target, iter(targets[target])))
            elif target not in closed:
                low[name] = min(low[name], order[target])

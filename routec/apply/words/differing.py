"""How the stories of one number differ, in phrases to follow the number."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from routec.apply.words.gates import WORTH, Thing, asked, protected, ways
from routec.apply.words.kept_shut import KeptShut
from routec.apply.words.met import ELSE, OTHERWISE, Step, keys, tell
from routec.apply.words.story import Part, Story
from routec.diagnostics.render_text import safe

MOST_PHRASES = 3
"""With more of them about one route, its steps are told as a whole, before and after."""

MOST_NAMES = 5
LONGEST_ROUTE = 400
"""Steps; longer routes are not matched step by step, which takes the square of their number."""


Keys = tuple[object, ...]


class Phrase(NamedTuple):
    """What follows the number in a sentence. `gate`: something is reached now without a sign-in that it took before."""

    text: str
    gate: bool = False
    where: str = ""
    """The route, where it is not the one that the number leads to."""
    is_whole: bool = False
    """Whether it tells the steps as a whole, and not what changed of them."""

    def of(self, number: str) -> str:
        """The sentence."""
        return f"{number}{self.where}: {self.text}" if self.is_whole else f"{number} {self.text}{self.where}"


def phrases(old: Story, new: Story, shut: KeptShut) -> list[Phrase]:
    """How what callers meet has changed; what opens a gate first. Empty where they meet the same.

    `shut` is of the dialplan that `old` is of.
    """
    found, told = _gates(old, new, shut)
    for before, after in _pairs(old, new):
        where = f", in the route {after.route}" if after.context not in _direct(new) and after.route else ""
        found += [phrase._replace(where=where) for phrase in _steps(before, after, told)]
    if not found and keys_of(old) != keys_of(new):
        found.append(Phrase(f"what it leads to changes: {new.text} (before: {old.text})", is_whole=True))
    return sorted(dict.fromkeys(found), key=lambda phrase: not phrase.gate)


def keys_of(story: Story) -> object:
    """What two stories are compared by as a whole."""
    return sorted((part.route, repr(keys(part.steps))) for part in story.parts)


def _direct(story: Story) -> set[str]:
    """The entry, and the route that it leads to."""
    return {part.context for part in story.parts[:2]}


# ---- sign-ins


def _gates(old: Story, new: Story, shut: KeptShut) -> tuple[list[Phrase], set[str]]:
    """What is behind other sign-ins than before, and the modules of which that is told."""
    of_old, of_new = shut.ways(old), ways(new)
    before, after = of_old.things, of_new.things
    old_modules, new_modules = asked(old), asked(new)
    found: list[Phrase] = []
    told: set[str] = set()
    told_open: set[str] = set()
    for module in sorted(old_modules):
        kept_shut = protected(before, module)
        opened = [thing for thing in kept_shut if thing in after and module not in after[thing]]
        if not opened and module in new_modules:
            continue
        told.add(module)
        instead = sorted(
            set.intersection(*(set(after[thing] - before[thing]) for thing in opened))
            if opened
            else new_modules - old_modules
        )
        told |= set(instead)
        kinds = {kind for kind, _ in kept_shut}
        is_opened = bool(opened) or any(kind in kinds and (kind, name) not in before for kind, name in after)
        told_open |= {module} if is_opened else set()
        found.append(Phrase(_instead(module, instead) + _before(opened), is_opened))
    for module in sorted(new_modules - told):
        newly = [thing for thing in protected(after, module) if thing in before and module not in before[thing]]
        if newly:
            told.add(module)
            found.append(Phrase(f"now asks for {module}{_before(newly)}"))
    missing = _unguarded(before, after, told)
    for name, modules in shut.opened_by(of_new, of_old).items():
        missing[name] = missing.get(name, frozenset()) | (modules - told_open)
    return [*found, *_without(missing)], told


def _instead(module: str, others: Sequence[str]) -> str:
    if others:
        return f"now asks for {' and '.join(others)} instead of {module}"
    return f"no longer asks for {module}"


def _before(things: Sequence[Thing]) -> str:
    return f" before {_names(things)}" if things else ""


def _names(things: Sequence[Thing]) -> str:
    return _listed([name for _, name in things])


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(map(safe, names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")


def _unguarded(
    before: dict[Thing, frozenset[str]], after: dict[Thing, frozenset[str]], told: set[str]
) -> dict[str, frozenset[str]]:
    """What is new, and not behind the sign-ins that all stood behind before."""
    worth = [modules for (kind, _), modules in before.items() if kind in WORTH]
    required = frozenset.intersection(*worth) if worth else frozenset()
    return {
        thing[1]: required - modules - told
        for thing, modules in after.items()
        if thing[0] in WORTH and thing not in before
    }


def _without(missing: dict[str, frozenset[str]]) -> Iterator[Phrase]:
    """What is reached without sign-ins, those with the same ones in one phrase."""
    names: dict[frozenset[str], list[str]] = {}
    for name, modules in missing.items():
        if modules:
            names.setdefault(modules, []).append(name)
    for modules, each in names.items():
        yield Phrase(f"comes to {_listed(each)} without being asked for {', '.join(sorted(modules))}", gate=True)


# ---- steps


def _pairs(old: Story, new: Story) -> Iterator[tuple[Part, Part]]:
    """The parts that belong together: the entries, and the parts of one route."""
    before = {part.route: part for part in old.parts[1:]}
    yield old.parts[0], new.parts[0]
    for part in new.parts[1:]:
        if part.route in before:
            yield before[part.route], part


def _steps(old: Part, new: Part, told: set[str]) -> list[Phrase]:
    """How the steps of a part have changed, but for sign-ins that are told already."""
    was, now = _without_end(old.steps), _without_end(new.steps)
    before, after = keys(was), keys(now)
    if before == after:
        return []
    if max(len(before), len(after)) > LONGEST_ROUTE:
        return [_whole(old, new)]
    found: list[Phrase] = []
    for i1, i2, j1, j2 in _differences(before, after):
        gone, come = list(was[i1:i2]), list(now[j1:j2])
        while gone and come and gone[0].kind == come[0].kind:
            found += _changed(gone.pop(0), come.pop(0), told)
        anchor = now[j2] if j2 < len(now) else None
        if len(gone) == len(come) == 1 and "asks" not in (gone[0].kind, come[0].kind):
            found.append(Phrase(f"now {come[0].text} instead of {gone[0].doing}"))
            continue
        found += [_gone(step) for step in gone if step.kind != "asks" or step.what not in told]
        found += [_come(step, anchor) for step in come if step.kind != "asks" or step.what not in told]
    return found if len(found) <= MOST_PHRASES else [_whole(old, new)]


def _differences(before: Keys, after: Keys) -> Iterator[tuple[int, int, int, int]]:
    """The stretches that differ, from and to in the one and in the other."""
    least = min(len(before), len(after))
    head = next((at for at in range(least) if before[at] != after[at]), least)
    tail = next((at for at in range(least - head) if before[-1 - at] != after[-1 - at]), least - head)
    inner = before[head : len(before) - tail], after[head : len(after) - tail]
    if not all(inner) or len(inner[0]) == len(inner[1]) == 1:
        # Matching is slow, and has nothing to match here.
        yield head, len(before) - tail, head, len(after) - tail
        return
    for what, i1, i2, j1, j2 in SequenceMatcher(None, *inner, autojunk=False).get_opcodes():
        if what != "equal":
            yield head + i1, head + i2, head + j1, head + j2


def _without_end(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Steps but for the hangup at their end, which every route has that leads nowhere else."""
    return steps[:-1] if len(steps) > 1 and steps[-1].is_plain_end else steps


def _whole(old: Part, new: Part) -> Phrase:
    return Phrase(f"its steps change: {tell(new.steps)} (before: {tell(old.steps)})", is_whole=True)


def _gone(step: Step) -> Phrase:
    return Phrase(f"no longer {step.text}", gate=step.kind == "asks")


def _come(step: Step, anchor: Step | None) -> Phrase:
    return Phrase(f"now {tell([step])}{f' before {anchor.name}' if anchor else ' at the end'}")


def _changed(old: Step, new: Step, told: set[str]) -> list[Phrase]:
    """How one step has become another of its kind; nothing where that is told already."""
    if old.key == new.key:
        return []
    if old.kind == "asks":
        if old.what != new.what:
            return [] if old.what in told else [Phrase(f"now asks for {new.what} instead of {old.what}", gate=True)]
        return list(_branches(old, new))
    if old.what == new.what:
        return [Phrase(f"now {new.text} by {safe(new.detail)} instead of {safe(old.detail)}")]
    before = old.doing if old.kind == "hangs" else safe(old.what)
    return [Phrase(f"now {new.text} instead of {before}")]


def _branches(old: Step, new: Step) -> Iterator[Phrase]:
    whens = {
        ELSE: "does not let in", OTHERWISE: "does not let in for another reason", "locked": "locks out",
        "denied": "denies",
    }  # fmt: skip
    before, after = ({branch.when: branch.steps for branch in step.branches} for step in (old, new))
    for when in dict.fromkeys([*after, *before]):
        was = before.get(when, before.get(OTHERWISE, before.get(ELSE, ())))
        now = after.get(when, after.get(OTHERWISE, after.get(ELSE, ())))
        if keys(was) != keys(now):
            yield Phrase(f"now {tell(now)} (before: {tell(was)}) where {new.what} {whens[when]}")

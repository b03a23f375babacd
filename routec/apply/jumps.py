"""Where a call can come to in a dialplan by its jumps, onward and back."""

from collections.abc import Iterable, Mapping

from routec.apply.priority import Extensions, Held, Priority
from routec.backend.dialplan import FIXED


def reach(held: Held, start: Iterable[str]) -> set[str]:
    """All contexts that calls in `start` can come to by jumps and includes; `start` is among them.

    A name that `held` does not have is told, too, and leads nowhere. Where a Gosub returns to is what `start` has.
    """
    reached = set(start)
    left = list(reached)
    while left:
        new = onward(held.get(left.pop(), {})) - reached
        reached |= new
        left += new
    return reached


def onward(extensions: Extensions) -> set[str]:
    """The contexts that one context leads straight to."""
    return {context for lines in extensions.values() for line in lines.values() for context in targets(line)}


def leads_to(lines: Mapping[int, Priority], contexts: set[str]) -> bool:
    """Whether an extension leads straight to one of these contexts."""
    return any(target in contexts for line in lines.values() for target in targets(line))


def leading_to(before: Mapping[str, Iterable[str]], contexts: Iterable[str]) -> set[str]:
    """These contexts and all that lead to one of them, by what stands before each."""
    found = set(contexts)
    waiting = list(found)
    while waiting:
        for name in before.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def standing_before(dialplans: Iterable[Held]) -> dict[str, list[str]]:
    """For each context those that lead to it, but for the ones in which calls come in."""
    before: dict[str, list[str]] = {}
    for held in dialplans:
        for name, extensions in held.items():
            if name not in FIXED:
                for target in onward(extensions):
                    before.setdefault(target, []).append(name)
    return before


def targets(priority: Priority) -> list[str]:
    """The other contexts that a jump may lead to: one written with a variable in it is none that could be told."""
    app = priority.app.lower()
    if app == "include":
        return [priority.data.partition(",")[0]]
    if app in ("goto", "gosub"):
        context, mark, rest = priority.data.partition(",")
        if mark and rest == "${EXTEN},1" and not set(context) & set("$()[]{}"):
            return [context.strip()]  # nearly all of ours, and ten thousand of them
        places = [priority.data]
    elif app in ("gotoif", "gosubif"):
        _, *cases = _split(priority.data, "?", 1)
        places = _split(cases[0], ":", 1) if cases else []
    else:
        return []
    found = [_split(place, ",", 2) for place in places]
    return [parts[0].strip() for parts in found if len(parts) == 3 and "$" not in parts[0]]


def _split(text: str, mark: str, most: int) -> list[str]:
    """Split at a mark that stands in no bracket, at most so often."""
    if mark not in text:
        return [text]
    parts = []
    depth = start = 0
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == mark and depth <= 0:
            parts.append(text[start:at])
            start = at + 1
            if len(parts) == most:
                break
    return [*parts, text[start:]]

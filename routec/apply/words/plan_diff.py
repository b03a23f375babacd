"""The dialplan's own difference: the contexts of one route side by side, so that it shows the steps that changed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import NamedTuple

from routec.apply.jumps import reach
from routec.apply.priority import Extensions, Held, Priority, for_some, is_marked
from routec.apply.words.met import counted
from routec.apply.words.story import ENTRIES
from routec.apply.words.told import module_of, route_of
from routec.backend.dialplan import CONTEXT_PREFIX, SEAL, SIGNIN_PREFIX
from routec.diagnostics.render_text import safe

LINES_AROUND = 2

_ENTRIES = frozenset(ENTRIES.values())


class Contexts(NamedTuple):
    """Which contexts differ. `changed` are pairs of an old name and a new one: the same where it is no route's."""

    added: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]

    @property
    def routes(self) -> set[str]:
        """The routes whose contexts these are."""
        names = [*self.added, *self.removed, *(name for pair in self.changed for name in pair)]
        return {route for name in names if (route := route_of(name))}


def contexts(old: Held, new: Held) -> Contexts:
    """What differs between two dialplans, the seal apart, which always does.

    Old contexts that no number leads to any more are not told: those are retired.
    """
    old, new = ({name: held[name] for name in held if name != SEAL} for held in (old, new))
    used = reach(old, ENTRIES.values()) & old.keys()
    gone = {_subject(name): name for name in old if name in used and name not in new}
    gone |= {name: name for name in old if name not in used and name not in new and not _is_named_by_content(name)}
    added, changed = [], []
    for name, extensions in new.items():
        if name in old:
            if old[name] is not extensions and old[name] != extensions:
                changed.append((name, name))
        elif (before := gone.pop(_subject(name), None)) is not None:
            changed.append((before, name))
        else:
            added.append(name)
    return Contexts(tuple(added), tuple(changed), tuple(gone.values()))


def _subject(context: str) -> str:
    """What a context is of: what an old and a new one have in common."""
    if route := route_of(context):
        return f"{CONTEXT_PREFIX}{route}"
    if module := module_of(context):
        return f"{SIGNIN_PREFIX}{module}"
    return context


def _is_named_by_content(context: str) -> bool:
    return _subject(context) != context


def diff(old: Held, new: Held, found: Contexts) -> str:
    """A unified diff, in the notation of extensions.conf; empty where nothing differs."""
    pairs = [*((None, name) for name in found.added), *found.changed, *((name, None) for name in found.removed)]
    pairs.sort(key=lambda pair: (pair[1] not in _ENTRIES, (pair[1] or pair[0] or "").partition("-")[2]))
    told = (_diff(old, new, before, after) for before, after in pairs)
    return "".join(f"{line}\n" for lines in told for line in lines)


def _diff(old: Held, new: Held, before: str | None, after: str | None) -> list[str]:
    was, now = (old[before] if before else {}), (new[after] if after else {})
    names = [f"[{safe(name)}]" if name else "nothing" for name in (before, after)]
    if after in _ENTRIES:
        return list(_entries(was, now, names))
    return list(_unified(_lines(was), _lines(now), names))


def _entries(was: Extensions, now: Extensions, names: Sequence[str]) -> Iterator[str]:
    """The numbers of an entry context that are new or gone, or lead to another route.

    That the others lead to a context of another name says no more than that their route has changed.
    """
    lines = []
    following = 0
    changed = [exten for exten in {*was, *now} if was.get(exten) != now.get(exten)]
    for exten in sorted(changed, key=lambda exten: (len(exten), exten)):
        before, after = was.get(exten), now.get(exten)
        if before and after and _routes(before) == _routes(after) != [""]:
            following += 1
            continue
        lines += [f"-{line}" for line in _lines({exten: before} if before else {})]
        lines += [f"+{line}" for line in _lines({exten: after} if after else {})]
    if lines and following:
        lines.append(f" ; and {counted(following, 'extension')} of routes that change, to their new contexts")
    if lines:
        yield from (f"--- {names[0]}", f"+++ {names[1]}", "@@", *lines)


def _routes(lines: Mapping[int, Priority]) -> list[str]:
    """The routes that an extension leads to; an empty name for what is no goto."""
    return [route_of(line.data.partition(",")[0]) if line.app == "Goto" else "" for line in lines.values()]


def _unified(was: Sequence[str], now: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    if was == now:
        return
    for line in unified_diff(was, now, names[0], names[1], n=LINES_AROUND, lineterm=""):
        # Of `@@ -1,7 +1,6 @@` the numbers are those of lines that stand nowhere.
        yield "@@" if line.startswith("@@") else line


def _lines(extensions: Extensions) -> list[str]:
    """A context as it stands in extensions.conf."""
    lines = []
    for exten, priorities in extensions.items():
        if is_marked(exten) and for_some(exten) is None:
            lines.append(safe(exten))
            continue
        expected = 1
        for number, line in sorted(priorities.items()):
            head = f"exten => {exten},{number}" if number == 1 else " same => n" if number == expected else ""
            head = head or f"exten => {exten},{'hint' if number < 0 else number}"
            label = f"({line.label})" if line.label else ""
            data = re.sub(r"(?<!\\);", r"\;", line.data)
            lines.append(safe(f"{head}{label},{line.app}({data})"))
            expected = number + 1
    return lines

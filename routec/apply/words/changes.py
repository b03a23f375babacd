"""What changes for callers between two dialplans, in sentences: «600 now rings 102 instead of 101».

Cheap where little changes: contexts are named by their content, so that an entry which leads to the same context leads
to the same calls, and only what differs is read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from routec.apply.jumps import leading_to, leads_to, standing_before
from routec.apply.priority import Extensions, Held, for_some, is_marked
from routec.apply.words.differing import Phrase, phrases
from routec.apply.words.gates import ways
from routec.apply.words.kept_shut import KeptShut
from routec.apply.words.met import keys
from routec.apply.words.story import ENTRIES, Entry, Story, Teller
from routec.apply.words.told import module_of
from routec.backend.dialplan import FIXED, SIGNIN_PREFIX
from routec.diagnostics.render_text import safe
from routec.model.numbers import DID, did_forms

About = Literal["number", "module", "sound"]

MOST_LISTED = 10
"""Numbers that are named in one sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence. `gate`: something is reached now without a sign-in that it took before, or with an easier one."""

    kind: str
    about: About
    subject: str
    text: str
    gate: bool = False

    def __str__(self) -> str:
        return f"! {self.text}" if self.gate else self.text


def changes(old: Held, new: Held) -> list[Change]:
    """What callers meet in the new dialplan and not in the old one, number by number; opened gates come first.

    Pure, and true to whatever the dialplans hold: hand edits are told as what they are.
    """
    before, after = Teller(old), Teller(new)
    edited = _edited(old, new)
    found: list[Change] = []
    unchanged: list[str] = []
    known: _Known = {}
    shut = KeptShut(before)
    for entry in ENTRIES:
        for shown, number in _numbers(entry, before, after, edited):
            told = _told(shown, before.story(number, entry), after.story(number, entry), known, shut)
            found += told
            unchanged += [] if told else [shown]
    found += _modules(before, after)
    if unchanged:
        listed = ", ".join(unchanged[:MOST_LISTED]) + (", …" if len(unchanged) > MOST_LISTED else "")
        text = f"{listed}: callers meet the same, in contexts of other names"
        found.append(Change("same", "number", unchanged[0], text))
    return gates_first(found)


def gates_first(found: Iterable[Change]) -> list[Change]:
    """Each sentence once, those of opened gates in front."""
    once: dict[str, Change] = {}
    for change in found:
        once.setdefault(change.text, change)
    return sorted(once.values(), key=lambda change: not change.gate)


_Known = dict[object, list[Phrase]]
"""How what lies behind the entries differs: numbers of one route have that in common."""


def _told(shown: str, old: Story | None, new: Story | None, known: _Known, shut: KeptShut) -> list[Change]:
    if new is None:
        return [] if old is None else [Change("unanswered", "number", shown, f"{shown} is no longer answered")]
    if old is None:
        is_opened = bool(shut.opened_by(ways(new), None))
        return [Change("answered", "number", shown, f"{shown} is answered: {new.text}", is_opened)]
    key = _behind(old), _behind(new)
    if key not in known:
        known[key] = phrases(old, new, shut)
    return [
        Change("gate" if phrase.gate else "steps", "number", shown, phrase.of(shown), phrase.gate)
        for phrase in known[key]
    ]


def _behind(story: Story) -> object:
    """The same for numbers that lead to the same; a teller keeps its parts, so that they are told by what they are."""
    return keys(story.parts[0].steps), tuple(map(id, story.parts[1:]))


# ---- numbers


def _numbers(entry: Entry, before: Teller, after: Teller, edited: set[str]) -> Iterator[tuple[str, str]]:
    """The numbers whose calls may have changed, as they are told and as they are dialled."""
    context = ENTRIES[entry]
    old, new = before.held.get(context, {}), after.held.get(context, {})
    changed = [exten for exten in _in_order(old, new) if old.get(exten) != new.get(exten)]
    if any(map(is_marked, changed)):
        # An extension that some callers have another of is told with the one for all; what is included, as drift.
        changed = list(
            dict.fromkeys(for_some(each) or each for each in changed if for_some(each) or not is_marked(each))
        )
    if edited:
        known = set(changed)
        changed += [exten for exten in _in_order({}, new) if exten not in known and leads_to(new[exten], edited)]
    if entry == "extensions":
        yield from ((safe(exten), exten) for exten in changed)
    else:
        yield from _dids(changed, old, new)


def _in_order(old: Extensions, new: Extensions) -> list[str]:
    """All extensions, as people count: a dialplan has them in whatever order suits Asterisk."""
    return sorted({*old, *new}, key=lambda exten: (len(exten), exten))


def _dids(changed: list[str], old: Extensions, new: Extensions) -> Iterator[tuple[str, str]]:
    """Each DID once, as it is written; a form of it apart where something else becomes of that one."""
    forms = {form: did for did in {*old, *new} if DID.fullmatch(did) for form in did_forms(did)} if changed else {}
    written = {exten for exten in changed if forms.get(exten) == exten}
    for exten in changed:
        did = forms.get(exten, exten)
        if exten == did:
            yield safe(exten), exten
        elif did not in written or (old.get(exten), new.get(exten)) != (old.get(did), new.get(did)):
            yield safe(f"{exten} (a form of {did})"), exten


def _edited(old: Held, new: Held) -> set[str]:
    """Contexts of one name whose content differs, and all that lead to one: hand edits, since names follow content."""
    edited = {
        name
        for name, extensions in new.items()
        if name not in FIXED and (held := old.get(name)) is not None and held is not extensions and held != extensions
    }
    return leading_to(standing_before((old, new)), edited) if edited else edited


# ---- sign-ins


def _modules(before: Teller, after: Teller) -> Iterator[Change]:
    """Sign-ins whose conversation is reached in another way."""
    old, new = _sign_ins(before), _sign_ins(after)
    for module, context in new.items():
        if module in old and (old[module] != context or before.held[context] != after.held[context]):
            if not before.is_sound(old[module]):
                text = f"{module}: its sign-in is routec's again; what ran was edited by hand"
                yield Change("module", "module", module, text)
                continue
            yield from _how(module, _facts(before.held[old[module]]), _facts(after.held[context]))


def _sign_ins(teller: Teller) -> dict[str, str]:
    """The sign-in context of each module; of several, one that is not as routec makes it, or else the last."""
    found: dict[str, str] = {}
    for context in teller.held:
        module = module_of(context) if context.startswith(SIGNIN_PREFIX) else ""
        if module and (module not in found or teller.is_sound(found[module])):
            found[module] = context
    return found


def _facts(extensions: Extensions) -> dict[str, str]:
    """What of a sign-in context may differ from one project to another."""
    lines = [line for priorities in extensions.values() for line in priorities.values()]
    calls = [line.data.partition(",")[0] for line in lines if line.app == "AGI"]
    return {
        "asks the checker at": next((call for call in calls if call.startswith("agi://")), ""),
        "falls back to": next((call for call in calls if not call.startswith("agi://")), ""),
    }


def _how(module: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    for what, value in new.items():
        if value != old[what]:
            text = f"{module}: {what} {safe(value)} instead of {safe(old[what])}"
            yield Change("module", "module", module, text)

"""One extension of a dialplan read back into the steps that it was made of.

It knows the shapes that `routec.backend` writes, and nothing else: whatever has another shape is told as the
application that it is, and no sign-in is believed that is not written to the letter as routec writes it.
"""

import re
from collections.abc import Callable, Mapping

from routec.apply.priority import Priority
from routec.apply.words.met import ELSE, OTHERWISE, Branch, Kind, Place, Step, bounded
from routec.backend.lower import CAUSES
from routec.backend.say_step import APPLICATIONS, NOW, VARIABLES
from routec.contract import GRACE_SECONDS, GRANTED, RECORD_FOLDER, RECORDER_SECONDS, VERDICT
from routec.model.limits import HASH_DIGITS

DEEPEST = 60
"""Sign-ins within the else of others; a hand edit may make a circle of them."""

SOUNDS = "routec/"
"""The folder of the prompts where the settings name no other: a sound in it is told by its name."""

_CLEAR = f"{VERDICT}="
JUMP = re.compile(r"(routec-[^,()]+),\$\{EXTEN\},1")
"""The arguments of a Goto or a Gosub from one context of ours to another."""

_HASH = rf"-[0-9a-f]{{{HASH_DIGITS}}}"
_SIGN_IN = re.compile(rf"(routec-signin\.(.+){_HASH}),\$\{{EXTEN\}},1")
_VERDICT_IS = re.compile(rf'\$\{{REGEX\("\^(\w+)\$" \$\{{{VERDICT}\}}\)\}}\?([^,:?]+)')
_ROUTE = re.compile(rf"routec-(?:goto\.(?P<thin>.+)|(?P<name>.+){_HASH})")
_EXTENSION = re.compile(r"\w+/([0-9*#+]+)(?:[@/][^,&]*)?")
_DIAL = re.compile(r"([^,]+)(?:,([0-9]+))?")
_IF = re.compile(r".*\?([^,:?]*)(?::([^,:?]*))?", re.DOTALL)
_CODE = re.compile(rf"\$\{{FILTER\(0-9,\$\{{({'|'.join(VARIABLES.values())})\}}\)\}}")
_EMPTY_CODE = re.compile(rf'\$\["{_CODE.pattern}" = ""\]\?([^,:?]+)')
_CODES = {variable: code for code, variable in VARIABLES.items()}
_LANGUAGE = re.compile(r"CHANNEL\(language\)=([a-z]{2}(?:_[A-Z]{2})?)")
_RECORDER = re.compile(rf"agi://[^/]+/{RECORD_FOLDER}/([a-z0-9_-]+)(?:/([a-z_]+))?")
_BOUNDS = (("Set", "AGIEXITONHANGUP=yes"), ("Set", f"TIMEOUT(absolute)={RECORDER_SECONDS + GRACE_SECONDS}"))
"""What stands before a call of the recorder."""

_SAYS = {app: how for how, app in APPLICATIONS.items()}
_ENDS = {cause: word for word, cause in CAUSES.items()} | {"": ""}
_LEAVES = frozenset({"Goto", "Return", "Hangup", "Busy", "Congestion"})

_Found = tuple[Step | None, int] | None


def route_of(context: str) -> str:
    """The route whose steps a context holds, by its name; empty for contexts of another kind."""
    found = _ROUTE.fullmatch(context)
    name = (found["thin"] or found["name"]) if found else ""
    return "" if name.startswith("signin.") else name


def module_of(context: str) -> str:
    """The module whose conversation a context holds, by its name, or empty."""
    found = _SIGN_IN.fullmatch(f"{context},${{EXTEN}},1")
    return found[2] if found else ""


def rung(data: str) -> tuple[str, ...]:
    """What the arguments of a Dial ring: extensions by their number, anything else as it is written."""
    found = ((_EXTENSION.fullmatch(target), target) for target in data.partition(",")[0].split("&"))
    return tuple(match[1] if match else target for match, target in found)


class Extension:
    """The priorities of one extension.

    `leads` says where a goto to a context of ours ends, None where nowhere; `is_sound` whether a context is a sign-in
    as routec made it.
    """

    def __init__(
        self,
        context: str,
        exten: str,
        lines: Mapping[int, Priority],
        leads: Callable[[str], str | None],
        is_sound: Callable[[str], bool],
    ) -> None:
        self._context, self._exten, self._lines = context, exten, lines
        self._leads, self._is_sound = leads, is_sound
        self._labels = {line.label: number for number, line in sorted(lines.items(), reverse=True) if line.label}
        self._left = 4 * len(lines) + 20

    def steps(self) -> tuple[Step, ...]:
        """What a call meets that enters at the first priority. Ends, whatever the priorities are."""
        return self._read(1, {}, 0)

    def _read(self, at: int, behind: Mapping[int, str], depth: int) -> tuple[Step, ...]:
        """From a priority on. `behind` has the places to which only those come who have signed in."""
        steps: list[Step] = []
        while True:
            line = self._lines.get(at)
            self._left -= 1
            if at in behind:
                return (*steps, self._step("passes", behind[at], at))
            if line is None:
                return (*steps, self._step("lost", "there is no further priority", at))
            if self._left < 0 or depth > DEEPEST:
                return (*steps, self._step("lost", "this is not told to its end", at))
            if granted := self._granted(at):
                steps.append(self._ask(at, granted, behind, depth))
                at = granted
                continue
            step, length = self._plain(at, line)
            if step is not None:
                if step.kind == "runs":
                    step = step._replace(branches=self._jumps(line, behind, depth))
                steps.append(step)
                if step.kind in ("goes", "hangs", "lost") or (step.kind == "runs" and line.app in _LEAVES):
                    return tuple(steps)
            at += length

    def _step(self, kind: Kind, what: str, at: int, items: tuple[str, ...] = (), detail: str = "") -> Step:
        return Step(kind, what, Place(self._context, self._exten, at), items, detail)

    # ---- sign-ins

    def _granted(self, at: int) -> int:
        """Where those go on who pass the sign-in that stands here; 0 where none does as routec writes it."""
        first, second, third = (self._lines.get(at + number) for number in range(3))
        if first is None or (first.app, first.data) != ("Set", _CLEAR) or second is None or third is None:
            return 0
        called = _SIGN_IN.fullmatch(second.data)
        if second.app != "Gosub" or called is None:
            return 0
        granted = self._verdict(at + 2, GRANTED)
        return granted if granted > at + 2 else 0

    def _verdict(self, at: int, *verdicts: str) -> int:
        """Where a jump on one of these verdicts leads; 0 where there is none."""
        line = self._lines.get(at)
        found = _VERDICT_IS.fullmatch(line.data) if line and line.app == "GotoIf" else None
        return self._labels.get(found[2], 0) if found and found[1] in verdicts else 0

    def _ask(self, at: int, granted: int, behind: Mapping[int, str], depth: int) -> Step:
        called = _SIGN_IN.fullmatch(self._lines[at + 1].data)
        context, module = (called[1], called[2]) if called else ("", "")
        stops = {**behind, granted: module}
        branches = []
        following = at + 3
        for verdict in ("locked", "denied"):
            if to := self._verdict(following, verdict):
                branches.append(Branch(verdict, self._read(to, stops, depth + 1)))
                following += 1
        branches.append(Branch(OTHERWISE if branches else ELSE, self._read(following, stops, depth + 1)))
        if self._is_sound(context):
            return self._step("asks", module, at, (), context)._replace(branches=tuple(branches))
        step = self._step("runs", bounded(f"a sign-in to {module} that is not as routec makes it"), at, (), "Gosub")
        return step._replace(branches=tuple(branches))

    # ---- other steps

    def _plain(self, at: int, line: Priority) -> tuple[Step | None, int]:
        """The step that stands here, and how many priorities it takes. No step: one whose caller notices nothing."""
        reads = {
            "GotoIf": self._passed_over, "Answer": self._answer, "SayUnixTime": self._time, "Playback": self._play,
            "Set": self._set, "Wait": self._wait, "Hangup": self._hangup, "Dial": self._dial, "Goto": self._goto,
        }.get(line.app)  # fmt: skip
        found = reads(at, line.data) if reads else None
        return found or (self._step("runs", bounded(f"{line.app}({line.data})"), at, (), line.app), 1)

    def _jumps(self, line: Priority, behind: Mapping[int, str], depth: int) -> tuple[Branch, ...]:
        """Where a conditional jump of somebody else's leads within this extension."""
        found = _IF.fullmatch(line.data) if line.app == "GotoIf" else None
        labels = dict.fromkeys(label for label in found.groups() if label in self._labels) if found else {}
        return tuple(Branch(f"to {label}", self._read(self._labels[label], behind, depth + 1)) for label in labels)

    def _passed_over(self, at: int, data: str) -> _Found:
        """The jump over a code that was left empty."""
        empty = _EMPTY_CODE.fullmatch(data)
        return (None, 1) if empty and self._labels.get(empty[2]) == at + 3 else None

    def _answer(self, at: int, data: str) -> _Found:
        if data:
            return None
        said = self._said(self._lines.get(at + 1))
        return (self._step("says", said, at), 2) if said else (self._step("answers", "", at), 1)

    def _time(self, at: int, data: str) -> _Found:
        return (self._step("says", "the time", at), 1) if data == NOW else None

    def _play(self, at: int, data: str) -> _Found:
        if not data or set(data) & set(",${}"):
            return None
        sounds = tuple(sound.removeprefix(SOUNDS) for sound in data.split("&"))
        return self._step("plays", bounded(", ".join(sounds)), at, sounds), 1

    def _wait(self, at: int, data: str) -> _Found:
        return (self._step("waits", f"{bounded(data)}s", at), 1) if data.isdecimal() else None

    def _set(self, at: int, data: str) -> _Found:
        if language := _LANGUAGE.fullmatch(data):
            return self._step("speaks", f"{language[1].lower()} from here on", at), 1
        *bounds, call = (self._lines.get(at + number) for number in range(3))
        if call is None or call.app != "AGI" or [line and (line.app, line.data) for line in bounds] != [*_BOUNDS]:
            return None
        recorder = _RECORDER.fullmatch(call.data)
        if recorder is None:
            return None
        what = bounded(recorder[1] + (f" in {recorder[2]}" if recorder[2] else ""))
        return self._step("records", what, at, (), call.data), 3

    def _hangup(self, at: int, data: str) -> _Found:
        return (self._step("hangs", f" ({_ENDS[data]})" if data else "", at), 1) if data in _ENDS else None

    def _goto(self, at: int, data: str) -> _Found:
        jump = JUMP.fullmatch(data)
        if jump is None or not route_of(jump[1]):
            return None
        target = self._leads(jump[1])
        if target is None:
            return self._step("lost", bounded(f"there is no context {jump[1]}"), at), 1
        return self._step("goes", bounded(route_of(target)), at, (), target), 1

    def _said(self, line: Priority | None) -> str:
        how = _SAYS.get(line.app) if line else None
        if line is None or how is None:
            return ""
        if code := _CODE.fullmatch(line.data):
            return f"the {how} of {_CODES[code[1]]}" if how != "number" else f"{_CODES[code[1]]} as a number"
        return "" if "$" in line.data or "," in line.data else bounded(f"the {how} {line.data}")

    def _dial(self, at: int, data: str) -> _Found:
        found = _DIAL.fullmatch(data)
        if found is None or "$" in data:
            return None
        items = rung(data)
        time = f" for {found[2]}s" if found[2] else ""
        return self._step("rings", bounded(", ".join(items)) + time, at, items, data), 1

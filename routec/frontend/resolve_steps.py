"""The steps of a route: names found and values read, step by step, into the model's shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from routec.contract import GRANTED
from routec.diagnostics import codes, did_you_mean
from routec.frontend import syntax
from routec.frontend.expectations import CASES
from routec.frontend.languages import resolve_language
from routec.frontend.resolve_say import resolve_said
from routec.frontend.scope import Scope, span_of
from routec.frontend.sounds import resolve_sound
from routec.frontend.syntax import Word
from routec.model.numbers import EXTENSION
from routec.source import Span

DEEPEST = 20
"""How deep blocks may lie in blocks."""

CAUSES = ("busy", "congestion", "rejected")

Dict = dict[str, Any]


@dataclass
class Walk:
    """A way through the steps of a route, from the first to the last, blocks in their place."""

    scope: Scope
    path: str
    depth: int = 0
    module: Word | None = None
    """The module of the latest sign-in."""
    unread: bool = False
    """A step since then could not be read, and may have been a sign-in."""
    doubtful: bool = False
    """A block begins or ends where it should not: what belongs to which block is not judged."""

    def sign_in(self, module: Word) -> None:
        """From here on, this is the latest sign-in."""
        self.module, self.unread = module, self.doubtful

    def span(self, part: Word | syntax.Text | syntax.Duration | syntax.Node) -> Span:
        """The place of a part of the file."""
        return span_of(self.path, part)


def resolve_steps(scope: Scope, path: str, steps: Sequence[syntax.Step]) -> list[Dict] | None:
    """The steps of a route as dicts of the model's shape, or None where one of them could not be read."""
    doubtful = path in scope.doubtful
    return _block(Walk(scope, path, unread=doubtful, doubtful=doubtful), steps)


def _block(walk: Walk, steps: Sequence[syntax.Step]) -> list[Dict] | None:
    if walk.depth > DEEPEST:
        walk.scope.fault(codes.TOO_DEEP, f"more than {DEEPEST} blocks in each other", walk.span(steps[0]))
        return None
    resolved: list[Dict] = []
    broken = False
    for index, step in enumerate(steps):
        if isinstance(step, syntax.Broken):
            broken = walk.unread = True
            continue
        one = _STEPS[type(step)](walk, step)
        if one is None:
            after = steps[index + 1] if index + 1 < len(steps) else None
            if isinstance(step, syntax.SignIn) and step.otherwise is None and not isinstance(after, syntax.Broken):
                _report_missing_else(walk, step)
            broken = True
            continue
        resolved.append(one)
    return None if broken else resolved


def _inner_block(walk: Walk, steps: Sequence[syntax.Step]) -> list[Dict] | None:
    walk.depth += 1
    block = _block(walk, steps)
    walk.depth -= 1
    return block


# ---- steps


def _play(walk: Walk, step: syntax.Play) -> Dict:
    pairs = [resolve_sound(walk.scope, walk.path, sound) for sound in step.sounds]
    return {
        "kind": "play",
        "span": walk.span(step),
        "words": [word for word, _ in pairs],
        "sounds": [sound for _, sound in pairs],
    }


def _say(walk: Walk, step: syntax.Say) -> Dict:
    said = resolve_said(walk.scope, walk.path, step, walk.module, unread=walk.unread)
    return {"kind": "say", "span": walk.span(step), **said}


def _language(walk: Walk, step: syntax.Language) -> Dict:
    language = resolve_language(walk.scope, walk.path, step.language)
    return {"kind": "language", "span": walk.span(step), "language": language}


def _sign_in(walk: Walk, step: syntax.SignIn) -> Dict | None:
    module = step.module
    walk.scope.asked.add(("module", module.text))
    if module.text not in walk.scope.modules.declared:
        known = walk.scope.modules.declared
        note = "no `auth` declaration has this name"
        walk.scope.unknown(codes.UNKNOWN_MODULE, "module", module, walk.path, known, note)
    walk.sign_in(module)
    if step.otherwise is None:
        return None
    otherwise: list[Dict] | Dict | None
    if any(isinstance(entry, syntax.Case) for entry in step.otherwise):
        otherwise = _cases(walk, step.module, step.otherwise)
    else:
        otherwise = _inner_block(walk, step.otherwise)
    walk.sign_in(module)
    if otherwise is None:
        return None
    return {"kind": "sign_in", "span": walk.span(step), "module": module.text, "otherwise": otherwise}


def _report_missing_else(walk: Walk, step: syntax.SignIn) -> None:
    walk.scope.fault(
        codes.MISSING_ELSE,
        f"`auth {step.module.text}` does not say what happens to those who do not pass",
        walk.span(step),
        help=f"auth {step.module.text} else hangup",
    )


def _dial(walk: Walk, step: syntax.Dial) -> Dict | None:
    for target in step.targets:
        if not EXTENSION.fullmatch(target.text):
            note = "`dial` rings extensions: digits and `*` only, 40 at the most"
            walk.scope.fault(codes.BAD_NUMBER, f"`{target.text}` is no extension", walk.span(target), note)
    if step.patience and not 1 <= step.patience.seconds <= 3600:
        note = "a phone rings for a second to an hour"
        walk.scope.fault(codes.BAD_RANGE, "this duration is out of range", walk.span(step.patience), note)
    otherwise = None if step.otherwise is None else _inner_block(walk, step.otherwise)
    if step.otherwise is not None and otherwise is None:
        return None
    return {
        "kind": "dial",
        "span": walk.span(step),
        "targets": [target.text for target in step.targets],
        "seconds": step.patience.seconds if step.patience else None,
        "otherwise": otherwise,
    }


def _goto(walk: Walk, step: syntax.Goto) -> Dict:
    route = step.route
    walk.scope.asked.add(("route", route.text))
    if route.text not in walk.scope.routes.declared:
        known = walk.scope.routes.declared
        note = "no `route` declaration has this name"
        walk.scope.unknown(codes.UNKNOWN_ROUTE, "route", route, walk.path, known, note)
    return {"kind": "goto", "span": walk.span(step), "route": route.text}


def _wait(walk: Walk, step: syntax.Wait) -> Dict:
    if not 1 <= step.duration.seconds <= 3600:
        note = "a call waits for a second to an hour"
        walk.scope.fault(codes.BAD_RANGE, "this duration is out of range", walk.span(step.duration), note)
    return {"kind": "wait", "span": walk.span(step), "seconds": step.duration.seconds}


def _answer(walk: Walk, step: syntax.Answer) -> Dict:
    return {"kind": "answer", "span": walk.span(step)}


def _hangup(walk: Walk, step: syntax.Hangup) -> Dict:
    cause = step.cause.text if step.cause else None
    if step.cause and cause not in CAUSES:
        note = "`hangup` alone, or with `busy`, `congestion` or `rejected`"
        help = did_you_mean(step.cause.text, CAUSES)
        walk.scope.fault(codes.UNKNOWN_VALUE, f"unknown cause `{cause}`", walk.span(step.cause), note, help)
        cause = None
    return {"kind": "hangup", "span": walk.span(step), "cause": cause}


# ---- cases


def _cases(walk: Walk, module: Word, entries: Sequence[syntax.Step]) -> Dict | None:
    """The cases of a sign-in's else, or None where one could not be read. What else stands there is a fault."""
    listed: dict[str, Dict] = {}
    broken = any(isinstance(entry, syntax.Broken) for entry in entries)
    plain = [entry for entry in entries if not isinstance(entry, syntax.Case | syntax.Broken)]
    if plain and not broken and not walk.doubtful:
        note = "an else has cases, or plain steps that are for everybody who does not pass"
        help = "put it into a case: `error: …` takes whatever is neither locked nor denied"
        walk.scope.fault(codes.MISPLACED_CASE, "a step beside cases", walk.span(plain[0]), note, help)
    for entry in entries:
        if not isinstance(entry, syntax.Case):
            continue
        _judge_name(walk, entry, listed)
        walk.sign_in(module)
        steps = _inner_block(walk, entry.steps)
        broken |= steps is None
        case = {"span": walk.span(entry), "name": entry.name.text, "steps": steps}
        if entry.name.text in CASES:
            listed.setdefault(entry.name.text, case)
    return None if broken else {"cases": list(listed.values())}


def _judge_name(walk: Walk, case: syntax.Case, listed: dict[str, Dict]) -> None:
    name, span = case.name.text, walk.span(case)
    if name in listed:
        first = listed[name]["span"]
        walk.scope.repeated(f"the case `{name}` stands here twice", span, first, codes.DUPLICATE_SETTING)
    elif name == GRANTED:
        note = "whoever passes goes on behind the else: the steps for that stand there"
        walk.scope.fault(codes.UNKNOWN_VALUE, f"`{name}` is no case of the else", span, note)
    elif name not in CASES:
        note = "the else of a sign-in has the cases `locked`, `denied` and `error`"
        walk.scope.fault(codes.UNKNOWN_VALUE, f"unknown case `{name}`", span, note, did_you_mean(name, CASES))


def _misplaced_case(walk: Walk, case: syntax.Case) -> None:
    """A case where there can be none: in the else of another step, or in a case."""
    if not walk.doubtful:
        note = "cases stand right in the else of a sign-in, and a case holds plain steps"
        help = "auth MODULE else { locked: STEP; denied { STEPS }; error: STEP }"
        walk.scope.fault(codes.MISPLACED_CASE, f"`{case.name.text}` cannot be a case here", walk.span(case), note, help)


_STEPS: dict[type[syntax.Step], Any] = {
    syntax.Play: _play,
    syntax.Say: _say,
    syntax.Language: _language,
    syntax.SignIn: _sign_in,
    syntax.Dial: _dial,
    syntax.Goto: _goto,
    syntax.Wait: _wait,
    syntax.Answer: _answer,
    syntax.Hangup: _hangup,
    syntax.Case: _misplaced_case,
}

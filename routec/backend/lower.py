"""From the model to the dialplan: one context a route, named after its content, and thin entries that lead to it."""

from collections.abc import Callable, Iterable
from typing import Any

from routec.backend import say_step, signin_step
from routec.backend.block import Block
from routec.backend.dialplan import (
    ANY_NUMBER,
    CONTEXT_PREFIX,
    DIDS,
    EXTENSIONS,
    Context,
    Dialplan,
    Extension,
    Line,
    content_hash,
)
from routec.backend.escape import heading, plain
from routec.model import Answer, Cases, Dial, Entry, Goto, Hangup, Play, Route, Say, SignIn, Step, System, Wait
from routec.model.numbers import did_forms
from routec.model.walk import all_steps
from routec.settings import Settings
from routec.source import Sources

CAUSES = {"busy": "17", "congestion": "34", "rejected": "21"}
"""Q.850 cause codes, as Asterisk's Hangup takes them."""


def lower(system: System, settings: Settings, sources: Sources) -> Dialplan:
    """The dialplan of a sound system: equal systems give equal dialplans, but for the comments that name places."""
    routes = sorted(system.routes, key=lambda route: route.name)
    used = {step.module for route in routes for step in all_steps(route.steps) if isinstance(step, SignIn)}
    modules = [module for module in sorted(system.modules, key=lambda module: module.name) if module.name in used]
    signin = {module.name: signin_step.context(module, settings, sources) for module in modules}
    names = {name: context.name for name, context in signin.items()}
    contexts = {route.name: _context(route, Block(settings, names), sources) for route in routes}
    targets = sorted({step.route for route in routes for step in all_steps(route.steps) if isinstance(step, Goto)})
    return Dialplan(
        (
            _entries(DIDS, "did", routes, contexts),
            _entries(EXTENSIONS, "extension", routes, contexts),
            *(_goto_context(contexts[name]) for name in targets),
            *signin.values(),
            *contexts.values(),
        )
    )


def goto_name(route: str) -> str:
    """The context that other routes enter a route by; no route's own context has a `.` in its name."""
    return f"{CONTEXT_PREFIX}goto.{route}"


# ---- contexts


def _context(route: Route, block: Block, sources: Sources) -> Context:
    lower_steps(block, route.steps)
    block.end(route.span)
    extensions = (Extension(ANY_NUMBER, tuple(block.lines)),)
    return Context(
        f"{CONTEXT_PREFIX}{route.name}-{content_hash(extensions)}",
        heading(f"route {route.name}", route.title, route.span, sources),
        extensions,
        route.name,
    )


def _entries(name: str, kind: str, routes: list[Route], contexts: dict[str, Context]) -> Context:
    """The context of all DIDs or of all extensions: one thin Goto a number, so that a reload moves no live call."""
    owned = [(entry, route) for route in routes for entry in route.entries if entry.kind == kind]
    owned.sort(key=lambda pair: (len(pair[0].number), pair[0].number))
    owner: dict[str, str] = {}
    shared: set[str] = set()
    for entry, _ in owned:
        for form in _forms(entry):
            if owner.setdefault(form, entry.number) != entry.number:
                shared.add(form)
    extensions = []
    for entry, route in owned:
        line = Line("Goto", f"{contexts[route.name].name},${{EXTEN}},1", "", entry.span)
        extensions += [Extension(plain(form), (line,)) for form in _forms(entry) if form not in shared]
    what = "all DIDs, in the forms that a trunk may send" if kind == "did" else "all extensions that lead to a route"
    return Context(name, (what,), tuple(extensions))


def _forms(entry: Entry) -> Iterable[str]:
    return dict.fromkeys(did_forms(entry.number)) if entry.kind == "did" else (entry.number,)


def _goto_context(target: Context) -> Context:
    line = Line("Goto", f"{target.name},${{EXTEN}},1", "", target.extensions[0].lines[0].span)
    return Context(goto_name(target.route), (f"goto {target.route}",), (Extension(ANY_NUMBER, (line,)),), target.route)


# ---- steps


def lower_steps(block: Block, steps: Iterable[Step]) -> None:
    """Append what a call does in these steps."""
    for step in steps:
        _STEPS[type(step)](block, step)


def _play(block: Block, step: Play) -> None:
    block.add("Playback", "&".join(plain(sound) for sound in step.sounds), step.span)


def _sign_in(block: Block, step: SignIn) -> None:
    granted = signin_step.ask(block, step)
    if isinstance(step.otherwise, Cases):
        for branch in signin_step.branch(block, step, step.otherwise):
            block.mark(branch.label)
            lower_steps(block, branch.steps)
            block.end(branch.span)
    else:
        lower_steps(block, step.otherwise)
        block.end(step.span)
    block.mark(granted)


def _dial(block: Block, step: Dial) -> None:
    """Dial comes back only when nobody answered: the else stands right behind it, the next step behind that."""
    template = block.settings.asterisk.dial
    targets = "&".join(plain(template.replace("{extension}", target)) for target in step.targets)
    block.add("Dial", f"{targets},{step.seconds}" if step.seconds else targets, step.span)
    lower_steps(block, step.otherwise or ())


def _goto(block: Block, step: Goto) -> None:
    block.add("Goto", f"{plain(goto_name(step.route))},${{EXTEN}},1", step.span)


def _wait(block: Block, step: Wait) -> None:
    block.add("Wait", str(step.seconds), step.span)


def _answer(block: Block, step: Answer) -> None:
    block.add("Answer", "", step.span)


def _hangup(block: Block, step: Hangup) -> None:
    block.add("Hangup", CAUSES[step.cause] if step.cause else "", step.span)


_STEPS: dict[type[Any], Callable[[Block, Any], None]] = {
    Play: _play,
    Say: say_step.say,
    SignIn: _sign_in,
    Dial: _dial,
    Goto: _goto,
    Wait: _wait,
    Answer: _answer,
    Hangup: _hangup,
}

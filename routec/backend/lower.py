"""From the model to the dialplan: one context a route, named after its content, and thin entries that lead to it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from routec.backend import say_step, signin_step
from routec.backend.block import Block
from routec.backend.dialplan import Context, Dialplan, speaks
from routec.backend.entries import entries
from routec.backend.escape import heading, plain
from routec.backend.naming import Draft, named
from routec.backend.proof import doctor, seal
from routec.backend.signin_step import agi_url
from routec.contract import GRACE_SECONDS, RECORD_FOLDER, RECORDER_SECONDS
from routec.kept import Kept, Memory
from routec.model import (
    Answer,
    Cases,
    Dial,
    Goto,
    Hangup,
    Language,
    Module,
    Play,
    RecordPrompt,
    Route,
    Say,
    SignIn,
    Step,
    System,
    Wait,
)
from routec.settings import Settings
from routec.source import Sources

CAUSES = {"busy": "17", "congestion": "34", "rejected": "21"}
"""Q.850 cause codes, as Asterisk's Hangup takes them."""


def lower(
    system: System, settings: Settings, sources: Sources, memory: Memory | None = None, language: str | None = None
) -> Dialplan:
    """The dialplan of a sound system: equal systems give equal dialplans, but for the comments that name places.

    Calls are set to a `language` as they come in, where one is given.
    """
    memory = memory or Memory()
    routes = sorted(system.routes, key=lambda route: route.name)
    drafts = memory.each("drafts").of(routes, lambda route: _draft(route, Block(settings), sources), settings.asterisk)
    used = {module for draft in drafts for module in draft.modules}
    modules = [module for module in sorted(system.modules, key=lambda module: module.name) if module.name in used]
    signin = _signin(modules, settings, sources, memory.round("signin"))
    contexts = named(drafts, {name: context.name for name, context in signin.items()}, memory)
    written = (
        *entries(routes, contexts, language, memory),
        *signin.values(),
        *contexts.values(),
        doctor(settings),
    )
    return Dialplan((*written, seal(written, memory)))


def _signin(modules: Iterable[Module], settings: Settings, sources: Sources, kept: Kept[Context]) -> dict[str, Context]:
    """The conversations of the modules."""
    return {
        module.name: kept.of(
            module.name,
            (module, sources[module.span.file], settings.agi, settings.publish),
            partial(signin_step.context, module, settings, sources),
        )
        for module in modules
    }


def _draft(route: Route, block: Block, sources: Sources) -> Draft:
    lower_steps(block, route.steps)
    block.end(route.span)
    comment = heading(f"route {route.name}", route.title, route.span, sources)
    return Draft.of(route.name, comment, block, sources[route.span.file])


# ---- steps


def lower_steps(block: Block, steps: Iterable[Step]) -> None:
    """Append what a call does in these steps."""
    for step in steps:
        _STEPS[type(step)](block, step)


def _play(block: Block, step: Play) -> None:
    block.add("Playback", "&".join(plain(sound) for sound in step.sounds), step.span)


def _language(block: Block, step: Language) -> None:
    line = speaks(step.language, step.span)
    block.add(line.app, line.data, line.span)


def _record_prompt(block: Block, step: RecordPrompt) -> None:
    """The recorder goes no further than the verdict allows: it asks for that itself, once more.

    Without it nothing is recorded; there is no second way in, as a sign-in has one.
    """
    path = f"{RECORD_FOLDER}/{plain(step.prompt)}" + (f"/{plain(step.language)}" if step.language else "")
    block.add("Set", "AGIEXITONHANGUP=yes", step.span)
    block.add("Set", f"TIMEOUT(absolute)={RECORDER_SECONDS + GRACE_SECONDS}", step.span)
    block.add("AGI", agi_url(block.settings, path), step.span)


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
    block.goto(step.route, step.span)


def _wait(block: Block, step: Wait) -> None:
    block.add("Wait", str(step.seconds), step.span)


def _answer(block: Block, step: Answer) -> None:
    block.add("Answer", "", step.span)


def _hangup(block: Block, step: Hangup) -> None:
    block.add("Hangup", CAUSES[step.cause] if step.cause else "", step.span)


_STEPS: dict[type[Any], Callable[[Block, Any], None]] = {
    Play: _play,
    Say: say_step.say,
    Language: _language,
    RecordPrompt: _record_prompt,
    SignIn: _sign_in,
    Dial: _dial,
    Goto: _goto,
    Wait: _wait,
    Answer: _answer,
    Hangup: _hangup,
}

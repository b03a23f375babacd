"""The checks that judge a route by itself. `checks` has those of the system as a whole, and says how to add one."""

from collections.abc import Callable, Iterable, Iterator

from routec.diagnostics import Diagnostic, Label, codes
from routec.frontend.flow import ends, step_ends
from routec.model import Cases, Dial, Play, Route, Say, SignIn
from routec.model.limits import LONGEST_DATA, LONGEST_SAID, MOST_TARGETS
from routec.model.numbers import did_doubt
from routec.model.walk import Steps, blocks

RouteCheck = Callable[[Route, Steps], Iterable[Diagnostic]]
"""Given a route and all its steps in one row, those in inner blocks too."""


def auth_else_runs_on(_: Route, steps: Steps) -> Iterator[Diagnostic]:
    """The else of an auth ends the call or leaves the route: else it would run into the protected steps.

    So does each of its cases. A case that is not listed hangs up by itself.
    """
    for step in steps:
        if not isinstance(step, SignIn):
            continue
        otherwise = f"else of `auth {step.module}`"
        if isinstance(step.otherwise, Cases):
            cases = step.otherwise.cases
            found = [(f"case `{case.name}` in the {otherwise}", case.span, case.steps) for case in cases]
        else:
            found = [(otherwise, step.span, step.otherwise)]
        for what, span, block in found:
            if not ends(block):
                labels = (Label(block[-1].span, "and runs on from here"),) if block else ()
                yield Diagnostic(
                    codes.ELSE_RUNS_ON,
                    f"the {what} runs on into the protected steps",
                    span,
                    "those who do not pass reach what follows",
                    labels,
                    "end it with `hangup` or `goto ROUTE`",
                )


def unreachable_steps(route: Route, _: Steps) -> Iterator[Diagnostic]:
    """No step stands behind the end of the call."""
    for block in blocks(route.steps):
        for index, step in enumerate(block[:-1]):
            if step_ends(step):
                label = Label(step.span, "the call never runs on behind this")
                yield Diagnostic(
                    codes.UNREACHABLE_STEP, "no call reaches this step", block[index + 1].span, labels=(label,)
                )
                break


def did_doubts(route: Route, _: Steps) -> Iterator[Diagnostic]:
    """DIDs have a length that their country knows."""
    for entry in route.entries:
        if entry.kind == "did" and (doubt := did_doubt(entry.number)):
            yield Diagnostic(codes.UNLIKELY_NUMBER, f"`{entry.number}` is hardly a DID", entry.span, doubt)


def steps_too_long(_: Route, steps: Steps) -> Iterator[Diagnostic]:
    """A step fits into a line of a dialplan."""
    for step in steps:
        if isinstance(step, Dial) and len(step.targets) > MOST_TARGETS:
            note = f"{len(step.targets)} extensions; one step rings {MOST_TARGETS} at the most"
        elif isinstance(step, Play) and sum(len(sound) + 1 for sound in step.sounds) > LONGEST_DATA:
            note = f"Asterisk takes {LONGEST_DATA} bytes for one application"
        elif isinstance(step, Say) and len(step.text or "") > LONGEST_SAID:
            note = f"{len(step.text or '')} characters; one step says {LONGEST_SAID} at the most"
        else:
            continue
        yield Diagnostic(codes.STEP_TOO_LONG, "this step is too long", step.span, note, help="write two steps")


ROUTE_CHECKS: tuple[RouteCheck, ...] = (auth_else_runs_on, unreachable_steps, did_doubts, steps_too_long)

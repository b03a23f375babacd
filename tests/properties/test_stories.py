"""What a story says of sign-ins is what the model says: whatever routes there are, and by another way of reckoning."""

from hypothesis import HealthCheck, given, settings

from routec.apply.words.gates import ways
from routec.apply.words.met import all_steps
from routec.apply.words.story import Teller
from routec.model import Cases, Dial, Goto, Route, SignIn, System
from routec.model.walk import Steps
from routec.pipeline import Input, compile_routes
from tests.properties.systems import Project, projects
from tests.unit.dialplans import of_dialplan

Rung = dict[str, frozenset[str]]
OUTCOMES = ("locked", "denied", "error")


def guarded(system: System, start: Route) -> Rung:
    """What rings, each with the modules passed on every way to it: all ways are walked, none twice in one state."""
    routes = {route.name: route for route in system.routes}
    found: Rung = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(start.name, frozenset[str]())]

    def walk(steps: Steps, passed: frozenset[str]) -> frozenset[str]:
        for step in steps:
            if isinstance(step, SignIn):
                cases = step.otherwise
                blocks = [cases.steps(name) or () for name in OUTCOMES] if isinstance(cases, Cases) else [cases]
                for block in blocks:
                    walk(block, passed)
                passed |= {step.module}
            elif isinstance(step, Dial):
                for target in step.targets:
                    found[target] = found.get(target, passed) & passed
                # Who is not answered goes through the else to the next step; who is answered comes to none.
                passed = walk(step.otherwise or (), passed)
            elif isinstance(step, Goto):
                waiting.append((step.route, passed))
        return passed

    while waiting:
        state = waiting.pop()
        if state not in seen:
            seen.add(state)
            walk(routes[state[0]].steps, state[1])
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(projects())
def test_stories_know_the_sign_ins(project: Project) -> None:
    done = compile_routes(Input(project.files, project.settings, users=project.users))
    assert done.dialplan is not None
    teller = Teller(of_dialplan(done.dialplan))
    for route in done.system.routes:
        for entry in route.entries:
            story = teller.story(entry.number, "dids" if entry.kind == "did" else "extensions")
            assert story is not None
            told = {name: modules for (kind, name), modules in ways(story).things.items() if kind == "rings"}
            assert told == guarded(done.system, route)
            kinds = {step.kind for part in story.parts for step in all_steps(part.steps)}
            assert not kinds & {"runs", "passes", "lost"}

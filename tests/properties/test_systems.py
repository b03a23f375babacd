"""Whatever valid system is written down, it compiles to just that, and no caller gets past a sign-in."""

from itertools import cycle

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from routec.pipeline import Compilation, Input, compile_routes, render
from routec.signin.modules import parse_modules
from tests.properties.guards import unguarded
from tests.properties.meets import meant, run
from tests.properties.reader import Plan, read
from tests.properties.systems import Project, projects, without_spans
from tests.properties.walker import enter

many = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def compiled(project: Project) -> Compilation:
    done = compile_routes(Input(project.files, project.settings, users=project.users))
    assert [found for found in done.diagnostics if found.severity == "error"] == [], project
    return done


@given(project=projects())
@many
def test_the_model_is_what_was_written(project: Project) -> None:
    assert without_spans(compiled(project).system.model_dump()) == project.system


@given(project=projects())
@many
def test_the_dialplan_reads_back_as_it_was_made(project: Project) -> None:
    done = compiled(project)
    assert done.dialplan is not None
    made: Plan = {}
    for context in done.dialplan.contexts:
        made[context.name] = {}
        for extension in context.extensions:
            made[context.name][extension.pattern] = [(line.label, line.app, line.data) for line in extension.lines]  # type: ignore[misc]
    assert read(render(done)["extensions.conf"].decode()) == made


@given(project=projects())
@many
def test_the_checker_reads_what_was_compiled(project: Project) -> None:
    done = compiled(project)
    read_back = parse_modules(render(done)["signin.json"])
    assert sorted(read_back.modules) == [module["name"] for module in project.system["modules"]]
    for module in done.system.modules:
        found = read_back.modules[module.name]
        assert [user.name for user in found.users] == [user.name for user in module.users]
        assert (found.purpose, found.verify, found.offline, found.keep) == (
            module.purpose, module.verify, module.offline, module.keep
        )  # fmt: skip
        assert [len(field.codes) for field in found.fields] == [len(field.codes) for field in module.fields]
    numbers = {entry.number for route in done.system.routes for entry in route.entries if entry.kind == "extension"}
    assert read_back.extensions <= numbers


@given(project=projects())
@many
def test_every_number_leads_in(project: Project) -> None:
    plan = read(render(compiled(project))["extensions.conf"].decode())
    entries = [entry for route in project.system["routes"] for entry in route["entries"]]
    inner = {entry["number"] for entry in entries if entry["kind"] == "extension"}
    assert set(plan["routec-extensions"]) == inner
    dids = [entry["number"] for entry in entries if entry["kind"] == "did"]
    forms = {form for did in dids for form in (did, did[1:], f"00{did[1:]}", f"0{did[3:]}")}
    assert set(plan["routec-dids"]) == forms


@given(project=projects())
@many
def test_nobody_gets_past_a_sign_in(project: Project) -> None:
    done = compiled(project)
    files = render(done)
    plan = read(files["extensions.conf"].decode())
    assert unguarded(plan, files["manifest.json"], done.system, done.sources) == []


@given(project=projects(), choices=st.lists(st.integers(0, 19), min_size=1, max_size=12))
@many
def test_callers_meet_what_was_written(project: Project, choices: list[int]) -> None:
    done = compiled(project)
    plan = read(render(done)["extensions.conf"].decode())
    for route in done.system.routes:
        for entry in route.entries:
            state = enter(plan, f"routec-{entry.kind}s", entry.number)
            assert run(plan, state, cycle(choices), 60) == meant(done.system, route, cycle(choices), 60, done.language)

"""A real Asterisk holds exactly what was compiled: every context, extension, priority, label, application, argument."""

import pytest

from routec.pipeline import Compilation, Input, compile_routes, render
from tests.asterisk.conftest import both_versions
from tests.asterisk.pbx import Pbx, Step
from tests.properties.reader import Plan, read
from tests.unit.compile_cases import NAMES, compile_case

pytestmark = both_versions

NASTY_TEXT = (
    '-- \\;-- [routec-extensions] exten => 1,1,Hangup() #include x \\\\ \\" \\;\\; ) ( | & % é 中 \U0001f600 '
    + "x" * 7000
    + "é" * 3000
)
LONG = "a" + "-b_9" * 9 + "z"
NASTY = f'''
prompt odd "a_b+c-d/e.f/9" text "{NASTY_TEXT}"
auth {LONG} "{NASTY_TEXT}" {{
  login ask odd digits 4
  user u "{NASTY_TEXT}" login 1001
}}
route {LONG}-{LONG[:15]} "{NASTY_TEXT}" {{
  on did +3225551234
  on extension *
  on extension {"9" * 40}
  on extension 0*0
  auth {LONG} else {{ prompt odd, "{"x" * 200}"; hangup rejected }}
  wait 1s
  auth {LONG} else goto t
  dial {", ".join(str(number) for number in range(50))} for 1h
  prompt {", ".join(f'"{"s" * 195}{number}"' for number in range(35))}
}}
route t "{NASTY_TEXT}" {{ on did +34912345678; on extension t; hangup }}
'''


def check(pbx: Pbx, done: Compilation) -> None:
    text = render(done)["extensions.conf"].decode()
    plan = read(text)
    pbx.reload(text)
    held = {context: sorted(pbx.show(context)) for context in plan}
    assert held == {context: sorted(wanted(plan, context)) for context in plan}
    printed = pbx.cli("dialplan show")
    ours = {line.split("'")[1] for line in printed.splitlines() if line.startswith("[ Context 'routec-")}
    assert ours == set(plan), "no context more"


def wanted(plan: Plan, context: str) -> list[Step]:
    return [
        Step(exten, number, step.label, step.app, step.data)
        for exten, steps in plan[context].items()
        for number, step in enumerate(steps, 1)
    ]


@pytest.mark.parametrize("case", NAMES)
def test_a_case_is_read_back(shared_pbx: Pbx, case: str) -> None:
    check(shared_pbx, compile_case(case))


def test_a_nasty_system_is_read_back(shared_pbx: Pbx) -> None:
    done = compile_routes(Input({"routes/a.route": NASTY.replace("on extension t; ", "").encode()}))
    assert [fault for fault in done.diagnostics if fault.severity == "error"] == []
    check(shared_pbx, done)


def test_names_as_long_as_they_may_be(shared_pbx: Pbx) -> None:
    """The longest names that are not refused: Asterisk must not cut a context."""
    for length in range(79, 0, -1):
        name = "a" * length
        text = (
            f'auth {name} {{ login ask "beep"; user u login 1 }}\n'
            f"route {name} {{ on extension 600; auth {name} else goto {name}; dial 101 }}"
        )
        done = compile_routes(Input({"routes/a.route": text.encode()}))
        if not done.failed:
            break
    assert done.dialplan is not None
    assert max(len(context.name) for context in done.dialplan.contexts) <= 79
    check(shared_pbx, done)

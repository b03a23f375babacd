"""Recording extensions: what `record` and `[prompts]` come to, per PBX too, and how they are told."""

import json
from pathlib import Path

import pytest

from routec.apply.words.changes import changes
from routec.contract import RECORDER_FILE, asterisk_language
from routec.kept import Memory
from routec.model import RecordPrompt, SignIn
from routec.model.played import played
from routec.pipeline import Compilation, Input, check_targets, compile_routes, render
from routec.settings import Settings, SettingsError
from routec.signin.modules import parse_modules
from tests.properties.guards import unguarded
from tests.properties.reader import DialplanError, read
from tests.unit.compile_cases import compile_case
from tests.unit.conftest import Cli, Write, wav
from tests.unit.dialplans import of_dialplan

PIN = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"
ROUTES = (
    'prompt hi "hi.wav" record 5001 record fr 5101\n'
    "auth keepers { login ask hi digits 4; user anna login 1001 }\n"
    'route front { on extension 600; on did +3225551234; prompt hi, "beep"; hangup }\n'
)


def compiled(toml: str, routes: str = ROUTES, target: str | None = None) -> Compilation:
    done = compile_routes(
        Input({"routes/a.route": routes.encode()}, ("routes/routec.toml", toml.encode()), {"hi.wav": ""}, target=target)
    )
    assert not done.failed, done.diagnostics
    return done


def numbers(done: Compilation) -> dict[str, str]:
    """The extensions of recordings, with the module in front of each."""
    found = {}
    for route in done.system.routes:
        if route.is_recording:
            sign_in, _, record, _ = route.steps
            assert isinstance(sign_in, SignIn)
            assert isinstance(record, RecordPrompt)
            found[route.entries[0].number] = sign_in.module
    return found


def test_nobody_records_where_nothing_says_who() -> None:
    done = compiled("")
    assert numbers(done) == {}
    assert json.loads(render(done)[RECORDER_FILE])["recordings"] == []
    assert [module.name for module in done.system.modules] == ["keepers"]


def test_a_module_in_front() -> None:
    done = compiled('[prompts]\nmodule = "keepers"')
    assert numbers(done) == {"5001": "keepers", "5101": "keepers"}
    assert [module.name for module in done.system.modules] == ["keepers"]


def test_a_pin_in_front_is_a_module_like_others() -> None:
    done = compiled(f'[prompts]\npin = "{PIN}"')
    assert numbers(done) == {"5001": "recorder", "5101": "recorder"}
    modules = parse_modules(render(done)["signin.json"])
    (user,) = modules.modules["recorder"].users
    assert (user.name, user.password, modules.modules["recorder"].log) == ("recorder", PIN, ())
    assert {"5001", "5101"} <= modules.extensions, "they are dialled from inside"


def test_recordings_stand_among_the_extensions_alone() -> None:
    plan = read(render(compiled(f'[prompts]\npin = "{PIN}"'))["extensions.conf"].decode())
    assert set(plan["routec-extensions"]) == {"600", "5001", "5101"}
    assert not any("record" in str(steps) for steps in plan["routec-dids"].values())


TARGETS = (
    f'[prompts]\nlanguage = "nl"\nmodule = "keepers"\n[targets.a.prompts]\npin = "{PIN}"\n'
    '[targets.b.prompts]\nseconds = 60\n[targets.b.on]\nfront = ["extension 601"]\n'
)


def test_each_pbx_has_its_own_door() -> None:
    a, b = (compiled(TARGETS, target=name) for name in "ab")
    assert set(numbers(a).values()) == {"recorder"}
    assert set(numbers(b).values()) == {"keepers"}
    assert [json.loads(render(done)[RECORDER_FILE])["seconds"] for done in (a, b)] == [300, 60]
    assert {entry.number for route in b.system.routes for entry in route.entries} == {"601", "5001", "5101"}


def test_no_target_moves_a_recording() -> None:
    toml = '[prompts]\nmodule = "keepers"\n[targets.a.on]\n"record.hi" = ["did +3225559999"]\n[targets.b]\n'
    project = Input({"routes/a.route": ROUTES.encode()}, ("routes/routec.toml", toml.encode()), {"hi.wav": ""})
    found = check_targets(project).diagnostics
    assert [fault.code.code for fault in found if fault.severity == "error"] == ["RT203"]


def test_a_walk_finds_each_way_past_the_door() -> None:
    done = compile_case("recordings")
    files = render(done)
    sound = files["extensions.conf"].decode()
    before, _, behind = sound.partition("[routec-record.welcome-")
    for right, wrong in (
        ('${REGEX("^granted$" ${ROUTEC_VERDICT})}?', '$["${ROUTEC_VERDICT}" != "denied"]?'),
        (" same => n,Hangup()\n", " same => n,NoOp()\n"),
        ("(auth-keepers),Set(ROUTEC_VERDICT=)", "(auth-keepers),Goto(granted-keepers)"),
        (" same => n,Set(TIMEOUT(absolute)=3605)\n", ""),
    ):
        broken = before + "[routec-record.welcome-" + behind.replace(right, wrong, 1)
        assert broken != sound
        try:
            assert unguarded(read(broken), files["manifest.json"], done.system, done.sources), wrong
        except DialplanError:
            continue


def test_what_changes_is_told() -> None:
    def held(toml: str, routes: str = ROUTES) -> dict[str, object]:
        done = compiled(toml, routes)
        assert done.dialplan is not None
        return of_dialplan(done.dialplan)  # type: ignore[return-value]

    module, pin = held('[prompts]\nmodule = "keepers"'), held(f'[prompts]\npin = "{PIN}"')
    told = [str(each) for each in changes(module, pin)]  # type: ignore[arg-type]
    assert "! 5001 now asks for recorder instead of keepers before recording hi" in told
    assert "! 5101 now asks for recorder instead of keepers before recording hi in fr" in told
    on = [str(each) for each in changes(held(""), module)]  # type: ignore[arg-type]
    assert "5001 is answered: asks for keepers (else hangs up), speaks en from here on, records hi, hangs up" in on


@pytest.mark.parametrize("file", ["routes/a.route", "routes/routec.toml"])
def test_a_rebuild_knows_lines_that_moved_without_their_places(file: str) -> None:
    files = {"routes/a.route": f"#\n\n\n{ROUTES}", "routes/routec.toml": '#\n\n\n[prompts]\nmodule = "keepers"\n'}
    moved = files | {file: files[file].replace("#\n\n\n", "# a\n")}
    memory = Memory()

    def of(texts: dict[str, str]) -> Input:
        path = "routes/routec.toml"
        return Input({"routes/a.route": texts["routes/a.route"].encode()}, (path, texts[path].encode()), {"hi.wav": ""})

    for texts in (files, moved, files):
        warm, cold = compile_routes(of(texts), memory=memory), compile_routes(of(texts))
        assert not cold.failed
        assert render(warm, memory) == render(cold)


def test_who_plays_what() -> None:
    done = compiled(f'[prompts]\npin = "{PIN}"')
    found = [(one.sound, one.kind, one.name) for one in played(done.system)]
    assert found == [
        ("routec/hi", "route", "front"),
        ("beep", "route", "front"),
        ("routec/hi", "module", "keepers"),
        ("agent-pass", "module", "recorder"),
    ]


def test_a_traced_recording_leads_back_to_its_lines(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/a.route": ROUTES, "routes/routec.toml": '[prompts]\nmodule = "keepers"\n'})
    wav(tmp_path / "routes/prompts/hi.wav")
    assert cli("build").exit_code == 0
    told = cli("trace", "5101", "--offline", "--from", "inside").output
    assert "records hi in fr" in told
    assert "routes/a.route:1:42  record fr 5101" in told
    assert "routes/routec.toml:2:1" in told
    assert "not routec's" not in told


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("seconds = 0", "greater than or equal to 1"),
        ("seconds = 601", "less than or equal to 600"),
        ('language = "NL"', "a language is written as `nl`"),
        ('pin = "4711"', "a hash as `routec users hash` prints it"),
        (f'pin = "{PIN}"\nmodule = "keepers"', "a `module` or a `pin`, not both"),
        ("series = 0", "greater than or equal to 1"),
        ("record = 1", "unknown key `prompts.record`"),
    ],
)
def test_settings_that_cannot_be(toml: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse(f"[prompts]\n{toml}\n")
    assert message in caught.value.message
    assert "4711" not in caught.value.message


def test_settings() -> None:
    assert not Settings().prompts.records
    found = Settings.parse(f'[prompts]\nlanguage = "nl_be"\npin = "{PIN}"\nseries = 700\nseconds = 600\n').prompts
    assert (found.language, found.records, found.series, found.seconds) == ("nl_be", True, 700, 600)
    assert PIN not in repr(found)


def test_languages_as_asterisk_names_them() -> None:
    assert [asterisk_language(each) for each in ("nl", "en_gb", "pt_br")] == ["nl", "en_GB", "pt_BR"]

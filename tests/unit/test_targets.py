"""Several PBXs from one set of files: `[targets]` of routec.toml, and what the verbs make of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from routec.apply.build import Builder, compile_project
from routec.pipeline import Compilation, Input, compile_routes, render
from routec.settings import Settings, SettingsError, ami_secret
from tests.unit.compile_cases import load
from tests.unit.conftest import Cli, Write

TWO = """
[asterisk]
dial = "PJSIP/{extension}"
[agi]
listen = "127.0.0.1:5000"
[targets.brussels]
ami = { host = "10.0.0.1", username = "routec" }
[targets.brussels.on]
front = ["did +3225551234", "extension 600"]
[targets.ghent.asterisk]
target = 16
dial = "SIP/{extension}"
[targets.ghent.agi]
connect = "10.0.0.9"
[targets.ghent.on]
front = []
"night" = [ # by day as well
  'extension 600', "did \\u002B3225551235",
]
"""

ROUTES = """
route front "Front desk" { on extension 600; dial 101 }
route night { on extension 610; dial 102 }
"""


def compiled(target: str | None, settings: str = TWO, routes: str = ROUTES) -> Compilation:
    project = Input({"routes/a.route": routes.encode()}, ("routes/routec.toml", settings.encode()), target=target)
    return compile_routes(project)


def dialplan(target: str | None) -> str:
    return render(compiled(target))["extensions.conf"].decode()


# ---- settings


def test_own_keys_stand_in_place_of_those_at_the_top() -> None:
    settings = Settings.parse(TWO)
    assert settings.target_names == ("brussels", "ghent")
    assert (settings.target, settings.on) == (None, ())
    assert settings.for_target(None) is settings
    brussels, ghent = settings.for_target("brussels"), settings.for_target("ghent")
    assert (brussels.target, ghent.target) == ("brussels", "ghent")
    assert (brussels.asterisk.target, brussels.asterisk.dial) == (22, "PJSIP/{extension}")
    assert (ghent.asterisk.target, ghent.asterisk.dial) == (16, "SIP/{extension}")
    assert brussels.connect == ("127.0.0.1", 5000)
    assert ghent.connect == ("10.0.0.9", 4573)
    assert ghent.agi.listen == "127.0.0.1:5000"
    assert brussels.ami is not None
    assert (brussels.ami.host, ghent.ami) == ("10.0.0.1", None)


def test_each_key_of_each_table_can_differ() -> None:
    settings = Settings.parse(
        """
        [signin]
        state = "/var/lib/routec"
        [metrics]
        listen = "127.0.0.1"
        [targets.a.signin]
        state = "/var/lib/routec-a"
        [targets.a.metrics]
        listen = "127.0.0.1:9474"
        [targets.b.asterisk]
        sounds = "b"
        """
    )
    a, b = settings.for_target("a"), settings.for_target("b")
    assert (a.signin.state, b.signin.state) == ("/var/lib/routec-a", "/var/lib/routec")
    assert a.metrics is not None
    assert b.metrics is not None
    assert (a.metrics.listen, b.metrics.listen) == ("127.0.0.1:9474", "127.0.0.1")
    assert b.asterisk.sounds == "b"


@pytest.mark.parametrize(
    ("top", "own", "folder", "script"),
    [
        ("", "", "generated/a", "signin.agi"),
        ('to = "/etc/r"', "", "/etc/r/a", "/etc/r/a/signin.agi"),
        ('to = "/etc/r/"\nseen_as = "/e"', "", "/etc/r/a", "/e/a/signin.agi"),
        ('to = "/etc/r"\nseen_as = "/e"', 'to = "x/y"', "x/y", "signin.agi"),
        ('to = "/etc/r"\nseen_as = "/e"', 'to = "x/y"\nseen_as = "/z/"', "x/y", "/z/signin.agi"),
        ('to = "/etc/r"', 'seen_as = "/z"', "/etc/r/a", "/z/signin.agi"),
    ],
)
def test_folder(top: str, own: str, folder: str, script: str) -> None:
    settings = Settings.parse(f"[publish]\n{top}\n[targets.a.publish]\n{own}").for_target("a")
    assert (settings.publish.to, settings.script) == (folder, script)


def test_lines_have_their_places() -> None:
    (front,) = Settings.parse(TWO).for_target("brussels").on
    assert (front.route, TWO[front.start : front.end]) == ("front", "front")
    assert [(entry.kind, entry.number) for entry in front.entries] == [("did", "+3225551234"), ("extension", "600")]
    assert [TWO[entry.start : entry.end] for entry in front.entries] == ['"did +3225551234"', '"extension 600"']
    _, night = Settings.parse(TWO).for_target("ghent").on
    assert TWO[night.start : night.end] == '"night"'
    assert [TWO[entry.start : entry.end] for entry in night.entries] == ["'extension 600'", '"did \\u002B3225551235"']
    assert night.entries[1].number == "+3225551235"


def test_unknown_target() -> None:
    with pytest.raises(SettingsError, match="no target `gent`") as caught:
        Settings.parse(TWO).for_target("gent")
    assert caught.value.help == "did you mean `ghent`?"
    with pytest.raises(SettingsError) as caught:
        Settings.parse(TWO).for_target("paris")
    assert caught.value.help == "the targets: brussels, ghent"
    with pytest.raises(SettingsError, match="has no targets"):
        Settings().for_target("ghent")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("[asterisk]\ntarget = 17\n[targets.a.asterisk]\ntarget = 18\n[targets.b]", [2]),
        ("[asterisk]\ntarget = 17\n[targets.a]\n[targets.b.asterisk]\ntarget = 19", [2, 5]),
        ("[ami]\nport = 1\n[targets.a.ami]\nport = 0\n[targets.b.ami]\nhost = ''", [1, 4, 6]),
        ("[targets.a]\nagi.listen = 'x y'\n[targets.b]\nagi = {listen = 'x y'}\nx.y = 1", [2, 4, 5]),
        ("targets = 1", [1]),
        ("asterisk = 1\n[targets.a.on]\nx = [1]", [1, 3]),
        (f"[publish]\nto = '{'x' * 98}'\n[targets.ab]", [3]),
        ("[targets.A]\n[targets.b.on]\nx = 'extension 600'\n", [1, 3]),
        ("[targets.a.on]\nx = ['extension 600', \n'extension 600; hangup', 'extension\\n600']", [3, 3]),
        (f"[targets.{'a' * 33}]", [1]),
        ("[targets.a.publish]\nto = './generated/'", [2]),
        ("[[targets]]\nx = 1", [1]),
        ("[targets.a]\n[[targets.a.on]]\nfront = []", [2]),
        ("[ami]\nusername = 'x'\nhost = 'localhost'\n[targets.a]\n[targets.b.ami]\nhost = '127.0.0.1'", [6]),
        ("[targets.a.publish]\nto = 'generated/b'\n[targets.b]", [3]),
    ],
)
def test_each_fault_is_told_once_at_its_place(text: str, places: list[int]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse(text)
    found = [caught.value, *caught.value.others]
    assert [text[: one.offset].count("\n") + 1 for one in found] == places, [one.message for one in found]


def test_what_a_target_mends_is_a_fault_at_the_top_all_the_same() -> None:
    """Someone will read the top as if it held."""
    with pytest.raises(SettingsError, match=r"`asterisk\.target`"):
        Settings.parse("[asterisk]\ntarget = 17\n[targets.a.asterisk]\ntarget = 18")


# ---- the secret of the AMI


def test_secret_of_a_target_comes_first(tmp_path: Path) -> None:
    def put(name: str, text: str) -> None:
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)

    with pytest.raises(SettingsError, match=r"neither ROUTEC_AMI_SECRET_NORTH_1 nor ROUTEC_AMI_SECRET is set"):
        ami_secret({"ROUTEC_AMI_SECRET": ""}, tmp_path, "north-1")
    put("ami_secret", "file of all")
    assert ami_secret({}, tmp_path, "north-1")[0] == "file of all"
    put("ami_secret.north-1", "own file")
    assert ami_secret({}, tmp_path, "north-1")[0] == "own file"
    assert ami_secret({}, tmp_path)[0] == "file of all"
    environ = {"ROUTEC_AMI_SECRET": "of all"}
    assert ami_secret(environ, tmp_path, "north-1")[0] == "of all"
    environ["ROUTEC_AMI_SECRET_NORTH_1"] = "own"
    assert ami_secret(environ, tmp_path, "north-1")[0] == "own"
    assert ami_secret(environ, tmp_path)[0] == "of all"


def test_secret_is_never_told(tmp_path: Path) -> None:
    """What could end a line of the AMI's is refused."""
    with pytest.raises(SettingsError, match=r"ROUTEC_AMI_SECRET holds") as caught:
        ami_secret({"ROUTEC_AMI_SECRET": "hidden\r\nAction: Command"}, tmp_path)
    assert "hidden" not in caught.value.message + caught.value.help
    file = tmp_path / "ami_secret"
    file.write_text("hidden")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="open to others"):
        ami_secret({}, tmp_path)
    file.write_text("hidden\nhidden")
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="does not print") as caught:
        ami_secret({}, tmp_path)
    assert "hidden" not in caught.value.message + caught.value.help


# ---- the dialplan


def test_numbers_of_a_target_stand_in_place_of_the_routes_own() -> None:
    assert [line for line in dialplan("brussels").splitlines() if line.startswith("exten => 6")] == [
        line for line in dialplan(None).splitlines() if line.startswith("exten => 6")
    ]
    ghent = dialplan("ghent")
    assert "exten => 025551235,1,Goto(routec-night-" in ghent
    assert "exten => 600,1,Goto(routec-night-" in ghent
    assert "exten => 610" not in ghent
    assert "+3225551234" in dialplan("brussels")
    assert "+3225551234" not in ghent + dialplan(None)
    assert "Dial(SIP/102)" in ghent
    assert "Dial(PJSIP/102)" in dialplan("brussels")


def test_place_of_such_a_number_is_in_the_settings() -> None:
    manifest = json.loads(render(compiled("brussels"))["manifest.json"])
    contexts = manifest["contexts"]
    assert contexts["routec-dids"]["extensions"]["+3225551234"] == [[1, "routes/routec.toml", 9, 10]]
    assert contexts["routec-extensions"]["extensions"]["610"] == [[1, "routes/a.route", 3, 28]]


def test_one_dialplan_is_for_all_versions() -> None:
    """The tests with a real Asterisk load and call it on the oldest and on the newest."""
    for case in ("auth_cases", "say", "timeclock"):
        project = replace(load(case), settings=None)
        made = set()
        for version in (16, 18, 20, 22):
            text = f"[asterisk]\ntarget = {version}\n".encode()
            files = render(compile_routes(replace(project, settings=("routes/routec.toml", text))))
            made.add(files["extensions.conf"])
        assert len(made) == 1


def test_target_that_there_is_not() -> None:
    found = compiled("gent").diagnostics
    assert [(one.code.code, one.message, one.help) for one in found] == [
        ("RT004", "there is no target `gent`", "did you mean `ghent`?")
    ]
    without = compile_routes(Input({"routes/a.route": ROUTES.encode()}, target="gent"))
    assert [one.code.code for one in without.diagnostics] == ["RT004"]


def test_route_that_could_not_be_read_is_no_unknown_one() -> None:
    found = compiled("brussels", routes="route front { on extension 600; dail 101 }").diagnostics
    assert [one.code.code for one in found] == ["RT102"]


def test_doubt_is_silenced_on_its_line() -> None:
    text = '[targets.a.on]\nfront = ["did +32255512345678"]'
    assert [one.code.code for one in compiled("a", text).diagnostics] == ["RT315"]
    assert compiled("a", f"{text} # routec: ignore RT315 the carrier's own plan").diagnostics == []


def test_a_resident_build_is_a_cold_one_whatever_the_settings_become(write: Write, tmp_path: Path) -> None:
    write({"routes/a.route": ROUTES + "route lost { hangup }", "routes/routec.toml": TWO})
    resident = {target: Builder(tmp_path, target) for target in (None, "brussels", "ghent")}
    outcomes: dict[str | None, list[bool]] = {target: [] for target in resident}
    for text in (
        TWO,
        TWO.replace("front = []", 'front = ["extension 700"]'),
        TWO.replace("front = []", 'lost = ["extension 700"]'),
        TWO.replace("front = []", 'lost = ["extension 610"]'),
        TWO.replace("SIP/", "PJSIP/"),
        "# one line further down\n" + TWO,
        TWO.replace("[targets.ghent", "[targets.gent"),
        TWO.replace("target = 16", "target = 17"),
        TWO,
    ):
        write({"routes/routec.toml": text})
        for target, builder in resident.items():
            warm, cold = builder.build(), compile_project(tmp_path, target)
            assert (warm.files, warm.held, warm.target) == (cold.files, cold.held, target)
            assert warm.compilation.diagnostics == cold.compilation.diagnostics
            outcomes[target].append(warm.failed)
    assert outcomes[None] == outcomes["brussels"] == [False] * 7 + [True, False]
    assert outcomes["ghent"] == [False, False, True, True, False, False, True, True, False]


# ---- the command line


def test_check_looks_at_every_target(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES, "routes/routec.toml": TWO.replace("extension 600'", "extension x'")})
    result = cli("check", "--format", "json")
    assert result.exit_code == 1
    (fault,) = json.loads(result.stdout)
    assert (fault["code"], fault["file"], fault["line"], fault["targets"]) == (
        "RT311",
        "routes/routec.toml",
        18,
        ["ghent"],
    )
    write({"routes/routec.toml": TWO})
    assert cli("check").exit_code == 0
    write({"routes/a.route": ROUTES + "route lost { hangup }"})
    (fault,) = json.loads(cli("check", "--format", "json").stdout)
    assert (fault["code"], fault["targets"]) == ("RT303", [])


def test_build_of_one_target_and_of_the_top(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/a.route": ROUTES, "routes/routec.toml": TWO})
    assert cli("build", "--check", "--target", "ghent").exit_code == 1
    assert cli("build", "--target", "ghent").exit_code == 0
    assert "SIP/102" in (tmp_path / "generated/ghent/extensions.conf").read_text()
    assert not (tmp_path / "generated/extensions.conf").exists()
    assert cli("build", "--check", "--target", "ghent").exit_code == 0
    result = cli("build", "--check", "--target", "brussels")
    assert (result.exit_code, "run `routec build --target brussels`" in result.stderr) == (1, True)
    assert cli("build").exit_code == 0
    assert "exten => 610" in (tmp_path / "generated/extensions.conf").read_text()
    assert cli("build", "--target", "brussels", "--out", "x").exit_code == 0
    assert (tmp_path / "x/extensions.conf").exists()
    result = cli("build", "--target", "gent")
    assert result.exit_code == 2
    assert "no target `gent`" in result.stderr
    assert "did you mean `ghent`?" in result.stderr


def test_one_process_is_for_one_pbx(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES, "routes/routec.toml": TWO})
    for verb in ("serve", "watch"):
        result = cli(verb)
        assert result.exit_code == 2
        assert "which PBX? routes/routec.toml has the targets `brussels`, `ghent`" in result.stderr
        assert "--target brussels" in result.stderr
        result = cli(verb, "--target", "gent")
        assert (result.exit_code, "did you mean `ghent`?" in result.stderr) == (2, True)

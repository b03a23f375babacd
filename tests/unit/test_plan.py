"""`routec plan` against published files, and how a plan is told. That against a PBX is in tests/asterisk."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from routec.apply.words.module_changes import module_changes
from routec.apply.words.plan_diff import contexts, diff
from tests.unit.conftest import Cli, Write, wav
from tests.unit.dialplans import held

ROUTES = """
prompt enter "agent-user"
auth hotel_staff { login ask enter digits 4; user anna login 1001 }
route front_desk { on did +3225551234; on extension 600; prompt "welcome"; auth hotel_staff else hangup; dial 101 }
"""


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def project(write: Write, tmp_path: Path, cli: Cli) -> Path:
    write({"routes/a.route": ROUTES})
    assert cli("build").exit_code == 0
    return tmp_path


def planned(cli: Cli, *arguments: str) -> dict[str, Any]:
    result = cli("plan", "--format", "json", *arguments)
    assert result.exit_code == 0
    table: dict[str, Any] = json.loads(result.stdout)
    return table


def test_nothing_to_change(project: Path, cli: Cli) -> None:
    before = files(project)
    result = cli("plan")
    assert result.exit_code == 0
    assert result.stdout == "against the published files in generated:\n\nnothing to change\n"
    assert cli("plan", "--detailed-exitcode").exit_code == 0
    table = planned(cli)
    assert table == {
        "target": None, "against": "files", "folder": "generated", "changes": [], "routes": [],
        "contexts": {"added": [], "changed": [], "removed": []}, "diff": "", "drift": [], "files": [], "retired": [],
            "notes": [],
    }  # fmt: skip
    assert files(project) == before, "a plan writes nothing"


def test_what_changes(project: Path, write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES.replace("auth hotel_staff else hangup; ", "").replace("on extension 600; ", "")})
    before = files(project)
    result = cli("plan", "--detailed-exitcode")
    assert result.exit_code == 2
    head, words, dialplan, last = result.stdout.split("\n\n")
    assert head == "against the published files in generated:"
    assert words.splitlines() == [
        "! +3225551234 no longer asks for hotel_staff before 101",
        "  600 is no longer answered",
    ]
    assert " same => n,Dial(PJSIP/101)" in dialplan
    assert "-exten => 600,1,Goto(routec-front_desk-" in dialplan
    assert last.startswith("1 route changes; files to write: extensions.conf, ")
    assert cli("plan").exit_code == 0
    assert cli("plan", "--offline").stdout == result.stdout
    assert "exten =>" not in cli("plan", "--no-diff").stdout
    assert files(project) == before


@pytest.mark.usefixtures("project")
def test_for_programs(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES.replace("dial 101", "dial 102").replace("user anna", "user bea")})
    table = planned(cli)
    assert table["changes"] == [
        {"kind": "steps", "number": "+3225551234", "gate": False, "text": "+3225551234 now rings 102 instead of 101"},
        {"kind": "steps", "number": "600", "gate": False, "text": "600 now rings 102 instead of 101"},
        {"kind": "user", "module": "hotel_staff", "gate": False, "text": "hotel_staff: user bea is new"},
        {"kind": "user", "module": "hotel_staff", "gate": False, "text": "hotel_staff: anna is no user any more"},
    ]  # fmt: skip
    assert table["routes"] == ["front_desk"]
    (pair,) = [pair for pair in table["contexts"]["changed"] if "front_desk" in pair["new"]]
    assert re.fullmatch(r"routec-front_desk-[0-9a-f]{12}", pair["old"])
    assert pair["old"] != pair["new"]
    assert table["files"] == ["extensions.conf", "manifest.json", "signin.json"]
    assert f"--- [{pair['old']}]\n+++ [{pair['new']}]" in table["diff"]


def test_the_first_build(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES})
    result = cli("plan", "--detailed-exitcode")
    assert result.exit_code == 2
    assert "  600 is answered: plays welcome, asks for hotel_staff (else hangs up), rings 101\n" in result.stdout


def test_a_hand_edit_of_the_files(project: Path, cli: Cli) -> None:
    path = project / "generated/extensions.conf"
    path.write_text(path.read_text().replace("PJSIP/101", "PJSIP/999"))
    result = cli("plan", "--detailed-exitcode")
    assert result.exit_code == 2
    assert "600 now rings 101 instead of 999" in result.stdout
    assert (
        "drift, which an apply puts right:\n  the published files: generated/extensions.conf was edited by hand\n"
        in (result.stdout)
    )
    (drift,) = planned(cli)["drift"]
    assert (drift["where"], drift["what"]) == ("file", "extensions.conf")


def test_files_that_are_missing(project: Path, cli: Cli) -> None:
    (project / "generated/signin.json").unlink()
    result = cli("plan", "--detailed-exitcode")
    assert result.exit_code == 2
    assert "generated/signin.json was taken away" in result.stdout


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"[x\nexten =>", b"", b"[a]\nexten => 1,1,NoOp(\x1b[2J)\n"])
def test_published_files_that_are_junk(project: Path, cli: Cli, junk: bytes) -> None:
    for name in ("extensions.conf", "manifest.json", "signin.json"):
        (project / "generated" / name).write_bytes(junk)
    result = cli("plan", "--detailed-exitcode")
    assert result.exit_code == 2
    assert "\x1b" not in result.stdout


@pytest.mark.usefixtures("project")
def test_a_fault_is_shown_as_check_shows_it(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES.replace("auth hotel_staff else", "auth hotel_staf else")})
    for arguments in ((), ("--detailed-exitcode",)):
        result = cli("plan", *arguments)
        assert result.exit_code == 1
        assert "error[RT201]: unknown module `hotel_staf`" in result.stdout
    assert cli("plan", "--format", "json").stdout == ""


@pytest.mark.parametrize("arguments", [("--qqqq",), ("--format", "xml"), ("--target", "nowhere")])
def test_wrong_usage(project: Path, cli: Cli, arguments: tuple[str, ...]) -> None:
    assert project.is_dir()
    result = cli("plan", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    result = cli("plan", *arguments, "--detailed-exitcode")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr


def test_a_pbx_that_cannot_be_reached(project: Path, write: Write, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"routes/routec.toml": '[ami]\nusername = "routec"\nport = 1\n'})
    monkeypatch.setenv("ROUTEC_AMI_SECRET", "x" * 20)
    before = files(project)
    result = cli("plan")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "RT601" in result.stderr
    assert cli("plan", "--detailed-exitcode").exit_code == 1
    assert cli("plan", "--offline").exit_code == 0
    monkeypatch.delenv("ROUTEC_AMI_SECRET")
    result = cli("plan")
    assert (result.exit_code, result.stdout) == (2, "")
    assert files(project) == before


@pytest.mark.usefixtures("project")
def test_sounds(write: Write, cli: Cli, tmp_path: Path) -> None:
    sounds = 'prompt a "a.wav"\nprompt b "b.wav"\n'
    route = "route r { on extension 5; prompt a, b; hangup }\n"
    write({"routes/b.route": sounds + route})
    wav(tmp_path / "routes/prompts/a.wav")
    wav(tmp_path / "routes/prompts/b.wav")
    cli("build")
    wav(tmp_path / "routes/prompts/a.wav", 90)
    wav(tmp_path / "routes/prompts/c.wav")
    write({"routes/b.route": sounds.replace('b "b.wav"', 'c "c.wav"') + route.replace("a, b", "a, c")})
    found = [change["text"] for change in planned(cli)["changes"] if change["kind"] == "sound"]
    assert found == ["sound a.wav differs", "sound c.wav is new"], "b.wav stays for calls that are on the old route"


def test_several_pbxs(write: Write, cli: Cli) -> None:
    write({
        "routes/a.route": ROUTES,
        "routes/routec.toml": '[targets.one.publish]\nto = "out/one"\n[targets.two.publish]\nto = "out/two"\n',
    })  # fmt: skip
    result = cli("plan")
    assert result.exit_code == 0
    assert re.findall(r"^(\w+): against the published files in (\S+):$", result.stdout, re.MULTILINE) == [
        ("one", "out/one"), ("two", "out/two"),
    ]  # fmt: skip
    for arguments, names in ((), ["one", "two"]), (("--target", "two"), ["two"]):
        lines = cli("plan", "--format", "json", *arguments).stdout.splitlines()
        assert [json.loads(line)["target"] for line in lines] == names


# ---- the dialplan's difference


def test_contexts_of_one_route_stand_side_by_side() -> None:
    old = held('route a { on extension 1; auth staff else hangup; prompt "x"; dial 101 }')
    new = held('route a { on extension 1; auth staff else hangup; prompt "x"; wait 1s; dial 101 }')
    found = contexts(old, new)
    assert (found.added, found.removed) == ((), ())
    lines = diff(old, new, found).splitlines()
    assert [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")] == ["+ same => n,Wait(1)"]


def test_what_no_number_leads_to_any_more_is_no_difference() -> None:
    old = held("route a { on extension 1; dial 101 }")
    left = held("route a { on extension 1; dial 102 }")
    kept = {**old, **{name: lines for name, lines in left.items() if name.startswith("routec-a-")}}
    assert contexts(kept, old) == contexts(old, old)


# ---- sign-in modules


def modules(**changed: object) -> bytes:
    users = [{"name": "anna", "title": None, "login": "1001", "password": "$argon2id$1"}]
    fields = [
        {"kind": "login", "sound": "a", "least": 4, "most": 4, "alias": None, "optional": False, "codes": []},
        {"kind": "password", "sound": "b", "least": 4, "most": 8, "alias": None, "optional": False, "codes": []},
    ]
    module = {
        "name": "m", "title": None, "purpose": "gate", "fields": fields, "tries": 3, "seconds": 180,
        "log": ["login"], "users": users, "verify": True, "lockout": {"after": 5, "seconds": 900}, "clock": None,
        "confirm": None, "again": None, "tells": [], "webhook": None, "offline": "deny", "keep": None,
    }  # fmt: skip
    return json.dumps({"format": 2, "modules": [{**module, **changed}]}).encode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tries": 5}, "! m: the number of tries is 5 instead of 3"),
        ({"seconds": 600}, "m: a sign-in may take 10m instead of 3m"),
        ({"lockout": {"after": 3, "seconds": 90}},
         "! m: locks out after 3 failures for 90s instead of after 5 failures for 15m"),
        ({"log": ["login", "extra1"]}, "m: the log keeps login, extra1 instead of login"),
        ({"keep": 86_400}, "m: rows are kept 1d instead of for good"),
        ({"offline": "grant"}, "! m: callers pass while the log cannot be reached"),
        ({"verify": False}, "! m: anybody passes now, whatever they key in"),
        ({"users": [{"name": "anna", "title": None, "login": "1001", "password": "$argon2id$2"}]},
         "m: anna has another PIN"),
        ({"users": [{"name": "anna", "title": None, "login": "1002", "password": "$argon2id$1"}]},
         "m: anna has another login"),
        ({"users": []}, "m: anna is no user any more"),
        ({"webhook": {"url": "https://u:p@h.example/x?key=s3cret", "secret_env": "S", "ordered": True}},
         "m: sign-ins are sent to https://h.example/x (secret S, ordered) instead of nowhere"),
        ({"tells": [["wrong", "x"]]}, "m: what it tells callers differs"),
        ({"name": "n"}, "n is a new sign-in module with 1 user"),
    ],
)  # fmt: skip
def test_what_changes_of_a_module(changed: dict[str, object], said: str) -> None:
    found = [str(change) for change in module_changes(modules(), modules(**changed))]
    assert found[0] == said
    assert not re.search(r"argon2|s3cret|100[12]", " ".join(found))


def test_a_code_that_is_asked_no_more_opens_a_gate() -> None:
    fields = json.loads(modules())["modules"][0]["fields"]
    assert [str(one) for one in module_changes(modules(), modules(fields=fields[:1]))] == [
        "! m: no longer asks for the PIN"
    ]
    fields[0] |= {"sound": "c", "most": 6, "optional": True}
    assert [str(one) for one in module_changes(modules(), modules(fields=fields))] == [
        "m: asks for the login by c instead of a", "m: the login has 4 to 6 digits instead of 4",
        "! m: the login may be left empty",
    ]  # fmt: skip


def test_many_users_are_counted() -> None:
    users = [{"name": f"u{number}", "title": None, "login": str(number), "password": None} for number in range(1_000)]
    assert [str(one) for one in module_changes(modules(users=[]), modules(users=users))] == ["m: 1,000 users are new"]


@pytest.mark.parametrize(
    "junk", [None, b"", b"\xff", b"[]", b'{"modules": 3}', b'{"modules": [{"name": []}]}', b"[" * 9_999]
)
def test_a_modules_file_that_is_junk(junk: bytes | None) -> None:
    assert module_changes(junk, modules()) == [] or junk == b'{"modules": [{"name": []}]}'


def asked(**changed: object) -> dict[str, object]:
    code = {"kind": "extra1", "sound": "c", "least": 3, "most": 4, "alias": "room", "optional": False, "codes": []}
    return {**code, **changed}


def table(*codes: str) -> list[dict[str, object]]:
    ends = [code.partition("..") for code in codes]
    return [{"first": first, "last": last or first, "text": None} for first, _, last in ends]


@pytest.mark.parametrize(
    ("old", "new", "is_laxer"),
    [
        ({"tries": 3}, {"tries": 2}, False),
        ({"lockout": {"after": 5, "seconds": 60}}, {"lockout": {"after": 4, "seconds": 60}}, False),
        ({"lockout": {"after": 5, "seconds": 60}}, {"lockout": {"after": 6, "seconds": 60}}, True),
        ({"lockout": {"after": 5, "seconds": 60}}, {"lockout": {"after": 5, "seconds": 59}}, True),
        ({"lockout": {"after": 5, "seconds": 60}}, {"lockout": {"after": 5, "seconds": 61}}, False),
        ({"offline": "grant"}, {"offline": "deny"}, False),
        ({"confirm": "x"}, {"confirm": None}, False),
        ({"fields": [asked()]}, {"fields": [asked(least=2)]}, True),
        ({"fields": [asked()]}, {"fields": [asked(least=4)]}, False),
        ({"fields": [asked()]}, {"fields": [asked(optional=True)]}, True),
        ({"fields": [asked()]}, {"fields": []}, False),
        ({"fields": [asked(kind="password")]}, {"fields": []}, True),
        ({"fields": [asked(codes=table("101"))]}, {"fields": []}, True),
        ({"fields": [asked(codes=table("101"))]}, {"fields": [asked()]}, True),
        ({"fields": [asked()]}, {"fields": [asked(codes=table("101"))]}, False),
        ({"fields": [asked(codes=table("101..120"))]}, {"fields": [asked(codes=table("101..110", "115"))]}, False),
        ({"fields": [asked(codes=table("101..110", "111..120"))]}, {"fields": [asked(codes=table("105..115"))]}, False),
        ({"fields": [asked(codes=table("101..120"))]}, {"fields": [asked(codes=table("101..121"))]}, True),
        ({"fields": [asked(codes=table("101..120"))]}, {"fields": [asked(codes=table("0110"))]}, True),
    ],
)  # fmt: skip
def test_a_module_that_got_laxer_is_marked(old: dict[str, object], new: dict[str, object], is_laxer: bool) -> None:
    (found,) = module_changes(modules(**old), modules(**new))
    assert found.gate == is_laxer


@pytest.mark.usefixtures("project")
def test_a_laxer_module_is_told_first(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTES.replace("digits 4;", "digits 4; tries 9;").replace("dial 101", "dial 102")})
    assert [change["gate"] for change in planned(cli)["changes"]] == [True, False, False]

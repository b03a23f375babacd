"""Files of users: which are read, whose faults are shown, and what is made of them."""

import json
from pathlib import Path

import pytest

from routec.pipeline import Compilation, Input, compile_routes
from routec.project import gather, load
from tests.unit.conftest import Cli, Write

ROUTE = (
    'auth staff { login ask "vm-login" digits 4; users from "staff.users" }\n'
    "route front { on extension 600; auth staff else hangup; dial 101 }\n"
)
STAFF = "user anna login 1001\nuser bram login 1002\n"


def codes(output: str) -> list[tuple[str, str]]:
    return [(fault["code"], fault["file"]) for fault in json.loads(output)]


def compiled(users: dict[str, bytes], route: str = ROUTE, path: str = "routes/a.route") -> Compilation:
    return compile_routes(Input({path: route.encode()}, users=users))


def test_a_project_has_all_of_them(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/a.route": ROUTE, "routes/staff.users": STAFF, "routes/night/more.users": "user carl login 1\n"})
    assert set(load(tmp_path).users) == {"routes/staff.users", "routes/night/more.users"}
    result = cli("check")
    assert result.exit_code == 0
    assert "RT324" in result.output
    assert result.output.endswith("3 files: 1 warning\n")
    assert cli("build").exit_code == 0
    [module] = json.loads((tmp_path / "generated/signin.json").read_text())["modules"]
    assert [(user["name"], user["login"]) for user in module["users"]] == [("anna", "1001"), ("bram", "1002")]


def test_a_single_file_brings_those_that_it_names(write: Write, cli: Cli) -> None:
    nested = ROUTE.replace("staff.users", "night/staff.users")
    write({"other/a.route": ROUTE, "other/staff.users": STAFF, "other/unused.users": "usr", "other/b.route": nested})
    assert cli("check", "other/a.route").output == "2 files: no faults\n"
    assert codes(cli("check", "other/b.route", "--format", "json").output) == [("RT209", "other/b.route")]
    write({"other/night/staff.users": STAFF + "usr carl\n"})
    result = cli("check", "other/b.route", "--format", "json")
    assert (result.exit_code, codes(result.output)) == (1, [("RT102", "other/night/staff.users")])


def test_a_single_file_brings_nothing_from_elsewhere(write: Write, tmp_path: Path) -> None:
    write({"secret.users": STAFF, "other/deep/x.users": STAFF})
    for name in ("../secret.users", str(tmp_path / "secret.users"), "deep/../../secret.users", "deep/x.users\0.users"):
        write({"other/a.route": ROUTE.replace("staff.users", name)})
        assert gather([Path("other/a.route")], Path()).users == {}


def test_inside_routes_its_faults_are_shown_with_the_file_that_names_it(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTE, "routes/staff.users": STAFF + "usr carl\n", "routes/b.route": "goto nowhere"})
    for path in ("routes/a.route", "routes/staff.users"):
        result = cli("check", path, "--format", "json")
        assert (result.exit_code, codes(result.output)) == (1, [("RT102", "routes/staff.users")])
    assert ("RT102", "routes/staff.users") not in codes(cli("check", "routes/b.route", "--format", "json").output)


def test_an_editor_asks_for_one_that_is_not_saved(write: Write, cli: Cli) -> None:
    write({"routes/a.route": ROUTE, "routes/staff.users": STAFF})
    arguments = ("check", "-", "--stdin-path", "routes/staff.users", "--format", "json")
    assert cli(*arguments, typed=b"user anna login 1001").output == "[]\n"
    assert codes(cli(*arguments, typed=b"user anna login 101").output) == [("RT308", "routes/staff.users")]


def test_what_cannot_be_read_hides_no_other_fault(write: Write, cli: Cli, tmp_path: Path) -> None:
    write({"routes/a.route": ROUTE.replace("dial 101", "goto nowhere")})
    (tmp_path / "routes/staff.users").symlink_to("nowhere.users")
    found = codes(cli("check", "--format", "json").output)
    assert found == [("RT203", "routes/a.route"), ("RT001", "routes/staff.users")]


@pytest.mark.parametrize("data", [b"\xff", b"user anna login 1001\0", b"user " * 2_000_000])
def test_bytes_that_are_no_text(data: bytes) -> None:
    done = compiled({"routes/staff.users": data})
    assert {fault.path for fault in done.diagnostics} == {"routes/staff.users"}
    assert done.failed


def test_a_file_counts_for_the_folder_of_the_route_file() -> None:
    users = {"routes/staff.users": STAFF.encode(), "routes/night/staff.users": b"user dora login 2000"}
    done = compiled(users, path="routes/night/desk.route")
    assert [user.name for user in done.system.modules[0].users] == ["dora"]
    assert [fault.code.code for fault in done.diagnostics] == ["RT324"]


def test_the_place_of_a_user_is_in_its_file() -> None:
    done = compiled({"routes/staff.users": STAFF.encode()})
    assert done.diagnostics == []
    span = done.system.modules[0].users[1].span
    assert (span.file, done.sources[span.file].position(span.start)) == ("routes/staff.users", (2, 6))


def test_a_fault_of_a_shared_file_is_one_fault() -> None:
    two = ROUTE + 'auth other { login ask "vm-login" digits 4; users from "staff.users" }\n'
    done = compiled({"routes/staff.users": b'user anna "\\n" login 1001 password 4711\n'}, two)
    assert [fault.code.code for fault in done.diagnostics] == ["RT501", "RT502"]


def test_a_misfit_is_told_for_each_module() -> None:
    two = ROUTE + 'auth other { login ask "vm-login" digits 5; users from "staff.users" }\n'
    done = compiled({"routes/staff.users": b"user anna login 10\n"}, two)
    assert [(fault.code.code, fault.labels[0].span.file) for fault in done.diagnostics] == [
        ("RT308", "routes/a.route"),
        ("RT308", "routes/a.route"),
    ]
    assert {fault.labels[0].text for fault in done.diagnostics} == {"a user of `staff`", "a user of `other`"}

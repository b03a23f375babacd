"""Files of users: which are read, whose faults are shown, and what is made of them."""

import json
from pathlib import Path

import pytest

from routec.diagnostics.render_json import render_json
from routec.diagnostics.render_text import render_text
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


def test_a_misfit_is_told_once_with_its_modules() -> None:
    more = "".join(
        f'auth other{n} {{ login ask "vm-login" digits 5; users from "staff.users" }}\n' for n in range(1, 8)
    )
    [fault] = compiled({"routes/staff.users": b"user anna login 10\n"}, ROUTE + more).diagnostics
    assert fault.code.code == "RT308"
    assert fault.note == "`anna` can never sign in, at `other1`, `other2`, `other3`, `other4`, `other5` and 3 more"
    assert [label.text for label in fault.labels] == [f"`other{n}` reads 5 digits" for n in range(1, 6)]


class TestLinks:
    """Whoever may add a link to a repository must not have CI print what it leads to."""

    SECRET = "hunter two\n"

    def leak(self, cli: Cli, *arguments: str) -> list[tuple[str, str]]:
        """The faults found, none of which shows anything of the secret."""
        for form in ("json", "text"):
            result = cli("check", *arguments, "--format", form)
            assert "hunter" not in result.output
        return codes(cli("check", *arguments, "--format", "json").output)

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("staff.users", ()),
            ("staff.users", ("routes",)),
            ("b.route", ()),
            ("b.route", ("routes",)),
            ("routec.toml", ()),
        ],
    )
    def test_out_of_routes(self, write: Write, cli: Cli, tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
        write({"routes/a.route": ROUTE, "routes/staff.users": STAFF, "secret": self.SECRET})
        for target in ("../secret", str(tmp_path / "secret"), "../routes/../secret", "../absent"):
            (tmp_path / "routes" / name).unlink(missing_ok=True)
            (tmp_path / "routes" / name).symlink_to(target)
            found = self.leak(cli, *arguments)
            assert ("RT001", f"routes/{name}") in found
            assert not [code for code, _ in found if code.startswith("RT1")]
        assert cli("build").exit_code == 1

    def test_over_another_link(self, write: Write, cli: Cli, tmp_path: Path) -> None:
        write({"routes/a.route": ROUTE, "secret": self.SECRET})
        (tmp_path / "routes/way").symlink_to("..")
        (tmp_path / "routes/staff.users").symlink_to("way/secret")
        assert self.leak(cli) == [("RT001", "routes/staff.users")]

    def test_out_of_a_folder_that_was_given(self, write: Write, cli: Cli, tmp_path: Path) -> None:
        write({"other/a.route": ROUTE, "secret": self.SECRET})
        (tmp_path / "other/staff.users").symlink_to("../secret")
        for given in ("other", "other/a.route"):
            assert self.leak(cli, given) == [("RT001", "other/staff.users")]

    def test_a_linked_folder_beside_a_file_that_was_given(self, write: Write, cli: Cli, tmp_path: Path) -> None:
        write({"other/a.route": ROUTE.replace("staff.users", "x/staff.users"), "else/staff.users": self.SECRET})
        (tmp_path / "other/x").symlink_to("../else")
        assert self.leak(cli, "other/a.route") == [("RT001", "other/x/staff.users")]

    def test_a_file_that_was_given_is_followed(self, write: Write, cli: Cli, tmp_path: Path) -> None:
        write({"deep/a.route": "route front { on extension 600; hangup }"})
        (tmp_path / "link.route").symlink_to("deep/a.route")
        assert cli("check", "link.route").output == "1 file: no faults\n"

    def test_within_routes_which_may_be_a_link(self, write: Write, cli: Cli, tmp_path: Path) -> None:
        write({"one/a.route": ROUTE, "one/night/of.users": STAFF, "two/a.route": ROUTE, "two/staff.users": STAFF})
        (tmp_path / "one/staff.users").symlink_to("night/of.users")
        for release in ("one", "two"):
            (tmp_path / "routes").unlink(missing_ok=True)
            (tmp_path / "routes").symlink_to(release)
            assert cli("check").exit_code == 0
            assert cli("build").exit_code == 0


@pytest.mark.parametrize(
    "line",
    [
        "user anna login 1001 pasword 739184",
        "user anna login 1001 pin 739184",
        'user anna login 1001 pasword "739184"',
        "user anna login 1001 password 1-739184",
        "user anna login 1001 password 739184x",
        "user anna login 1001 password +739184",
        'user anna login 1001 password "x739184"',
        'user anna "739184" login 1001 pin',
        "user anna login 1001 Pin739184",
        "usr anna login 1001 password 739184",
        "user anna login 1001 739184",
        "user anna; 739184",
        "anna;1001;739184",
        'anna; 1001; "739184"',
        'user anna "Anna login 1001 password 739184',
        "user anna login 1001 password '739184'",
        "user anna login 1001\n  password 739184",
        'user anna login 1001\n  pasword: "739184"',
        "user " + 3000 * "a" + ' "x" nothing 739184',
    ],
)
def test_no_pin_is_shown(line: str) -> None:
    in_block = f'auth staff {{\n login ask "vm-login" digits 4\n {line}\n}}\n'
    for done in (compiled({"routes/staff.users": line.encode()}), compiled({}, in_block)):
        assert done.failed
        printed = render_text(done.diagnostics, done.sources) + render_json(done.diagnostics, done.sources)
        assert "7391" not in printed
        assert "9184" not in printed


def test_what_is_no_pin_is_shown() -> None:
    shown = 'user anna "Anna" login 1001 pasword ******'
    line = 'user anna "Anna" login 1001 pasword 739184'
    done = compiled({"routes/staff.users": line.encode()})
    assert f" 1 | {shown}\n" in render_text(done.diagnostics, done.sources)
    done = compiled({}, "route a { on extension 600; dial 101, 102 fro 20s }\n")
    assert "dial 101, 102 fro 20s" in render_text(done.diagnostics, done.sources)

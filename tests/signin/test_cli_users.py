import os
import pty
import re
import stat
import termios
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from routec.cli.members import title_fault
from routec.cli.user_lines import Person, UserLines
from routec.contract import Lockout, User
from routec.frontend.parser import parse, parse_users
from routec.frontend.syntax import Auth
from routec.frontend.texts import unescape
from routec.rewrite import rewrite
from routec.settings import Runtime
from routec.signin.store import Attempt, Log
from routec.source import Source, Span

from .command_line import objects, run, started
from .fake import OTHER_PIN, PEPPER, PIN
from .staff_project import BLOCK, HASH, IN_FORCE, LINES, block_of, is_pin, people, project


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "project" / "routes").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    return {"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER}


def add(environ: dict[str, str], *args: str, pin: str = PIN) -> Result:
    result = run(environ, "users", "add", "staff", *args, stdin=f"{pin}\n".encode())
    assert pin not in result.output
    return result


class TestUsersHash:
    def test_from_standard_input(self, environ: dict[str, str]) -> None:
        for line in (f"{PIN}\n", PIN, f"{PIN}\r\n", f"{PIN}\nmore\n"):
            result = run(environ, "users", "hash", stdin=line.encode())
            assert (result.exit_code, result.stderr) == (0, "")
            assert is_pin(PIN, result.stdout.strip())

    @pytest.mark.parametrize("line", [b"", b"\n", b"12a4", b" 1234", b"1234 ", "١٢٣٤".encode(), b"\xff", b"9" * 21])
    def test_no_pin(self, environ: dict[str, str], line: bytes) -> None:
        result = run(environ, "users", "hash", stdin=line)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines()[0] == "Error: a PIN is 1 to 20 digits"
        assert ("could never be keyed" in result.stderr) == (len(line) > 20)

    def test_without_pepper(self, environ: dict[str, str], tmp_path: Path) -> None:
        del environ["ROUTEC_PEPPER"]
        result = run(environ, "users", "hash", stdin=b"1234\n")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "there is no pepper" in result.stderr
        assert f"openssl rand -hex 32 > {tmp_path / 'state' / 'pepper'}" in result.stderr

    def test_settings_name_the_pepper_file(self, environ: dict[str, str], tmp_path: Path) -> None:
        del environ["ROUTEC_PEPPER"]
        Path("routes/routec.toml").write_text(f'[signin]\npepper_file = "{tmp_path}/p"\n')
        (tmp_path / "p").write_text(PEPPER)
        (tmp_path / "p").chmod(0o600)
        assert run(environ, "users", "hash", stdin=b"1234\n").exit_code == 0
        (tmp_path / "p").chmod(0o644)
        result = run(environ, "users", "hash", stdin=b"1234\n")
        assert result.exit_code == 2
        assert f"chmod 600 {tmp_path}/p" in result.stderr
        assert PEPPER not in result.stderr

    @pytest.mark.parametrize("content", [b"[signin\n", b"[sign_in]\n", b"\xff"])
    def test_settings_with_a_fault(self, environ: dict[str, str], content: bytes) -> None:
        Path("routes/routec.toml").write_bytes(content)
        for command in (["users", "hash"], ["log"]):
            result = run(environ, *command)
            assert result.exit_code == 2
            assert result.stderr.startswith("Error: routes/routec.toml")

    def test_weak_pins_are_warned_of(self, environ: dict[str, str]) -> None:
        for pin, args, reason in [
            ("1234", [], "its digits go up or down in equal steps"),
            ("73519846", ["--login", "7351"], "it holds the login"),
            ("73519846", ["--login", "1001"], None),
        ]:
            result = run(environ, "users", "hash", *args, stdin=pin.encode())
            assert (result.exit_code, is_pin(pin, result.stdout.strip())) == (0, True)
            assert result.stderr == (f"Warning: this PIN is weak: {reason}\n" if reason else "")


class TestOnATerminal:
    @pytest.mark.parametrize("again", [PIN, "1234"])
    @pytest.mark.parametrize("verb", [["hash"], ["add", "staff", "bram", "--login", "1002"]], ids=str)
    def test_a_pin_is_asked_twice_and_not_shown(self, environ: dict[str, str], verb: list[str], again: str) -> None:
        project()
        terminal, theirs = pty.openpty()
        with started(environ, "users", *verb, stdin=theirs, start_new_session=True) as process:
            assert process.stderr
            shown = ""
            for prompt, keys in (("PIN: ", PIN), ("PIN again: ", again)):
                while not shown.endswith(prompt) and (char := process.stderr.read(1)):
                    shown += char
                assert not termios.tcgetattr(theirs)[3] & termios.ECHO
                os.write(terminal, keys.encode() + b"\n")
            if again != PIN:
                while not shown.endswith("\nPIN: ") and (char := process.stderr.read(1)):
                    shown += char
                process.terminate()
            out, errors = process.communicate(timeout=20)
        os.close(terminal)
        os.close(theirs)
        assert (out != "") == (again == PIN)
        assert PIN not in out + shown + errors
        assert ("bram" in people()) == (again == PIN and verb[0] == "add")


class TestAdd:
    def test_in_the_block(self, environ: dict[str, str]) -> None:
        route = project()
        result = add(environ, "bram", "--login", "1002", "--title", 'Bram; "the cook" \\ é')
        assert (result.exit_code, result.stdout) == (0, "routes/staff.route: added bram\n")
        bram = people()["bram"]
        assert (bram.title, bram.login, is_pin(PIN, bram.password)) == ('Bram; "the cook" \\ é', "1002", True)
        line = f'    user bram "Bram\\; \\"the cook\\" \\\\ é"  login 1002  password "{bram.password}"\n'
        assert block_of(route) == BLOCK.replace("one\n}", f"one\n{line}}}")

    @pytest.mark.parametrize(
        ("block", "expected"),
        [
            ("auth staff {\n  login ask enter_login digits 4\n}", "digits 4\n  NEW\n}"),
            ("auth staff {\n\tlogin ask enter_login digits 4\n\t}", "digits 4\n\tNEW\n\t}"),
            ("auth staff {\r\n  login ask enter_login digits 4\r\n}", "digits 4\r\n  NEW\r\n}"),
            ("auth staff { login ask enter_login digits 4 }", "digits 4; NEW }"),
            ("auth staff {login ask enter_login digits 4;}", "digits 4; NEW }"),
            ("auth staff {\n   login ask enter_login digits 4; user x login 1001}", "login 1001\n   NEW}"),
            ("auth staff { login ask enter_login digits 4\n }", "digits 4\n  NEW\n }"),
            ("auth staff {\n  login ask enter_login digits 4\n  # }\n\n}", "digits 4\n  # }\n\n  NEW\n}"),
        ],
        ids=repr,
    )
    def test_layouts(self, environ: dict[str, str], block: str, expected: str) -> None:
        route = project(block)
        assert add(environ, "bram", "--login", "1002").exit_code == 0
        before = block[: block.index("digits 4")]
        assert block_of(route) == before + expected.replace("digits 4", block[len(before) :][:8], 1).replace(
            "login 1001", "digits 4; user x login 1001"
        ).replace("NEW", "user bram  login 1002")
        assert "bram" in people()

    def test_a_byte_order_mark_stays(self, environ: dict[str, str]) -> None:
        route = project()
        route.write_bytes(b"\xef\xbb\xbf" + route.read_bytes())
        assert add(environ, "bram", "--login", "1002").exit_code == 0
        assert route.read_bytes().startswith(b"\xef\xbb\xbfprompt")
        assert "bram" in people()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "NEW\n"),
            ("# nobody yet", "# nobody yet\nNEW\n"),
            (LINES, LINES + "NEW\n"),
            (LINES + "\n# the end\n", LINES + "\n# the end\nNEW\n"),
            (LINES.replace("\n", "\r\n"), LINES.replace("\n", "\r\n") + "NEW\r\n"),
        ],
    )
    def test_in_the_first_file_of_users(self, environ: dict[str, str], text: str, expected: str) -> None:
        block = BLOCK.replace("user  anna", "# user").replace(
            "}\n", '  users from "a.users"\n  users from "b.users"\n}\n'
        )
        route = project(block, a=text.format(hash=HASH), b="")
        result = add(environ, "bram", "--login", "1002")
        assert (result.exit_code, result.stdout) == (0, "routes/a.users: added bram\n")
        assert block_of(route) == block
        new = f'user bram  login 1002  password "{people()["bram"].password}"'
        assert Path("routes/a.users").read_bytes().decode() == expected.format(hash=HASH).replace("NEW", new)

    def test_a_file_of_users_that_is_not_there_yet(self, environ: dict[str, str]) -> None:
        project('auth staff {\n  login ask enter_login digits 4\n  users from "who.users"\n}')
        result = add(environ, "bram", "--login", "1002")
        assert (result.stdout, result.stderr) == (
            "routes/who.users: added bram\n",
            f"routes/who.users is new\n{IN_FORCE}",
        )
        assert Path("routes/who.users").read_text() == "user bram  login 1002\n"

    @pytest.mark.parametrize("name", ["../who.users", "/tmp/who.users", "who.txt"])
    def test_a_file_that_cannot_be_named_is_not_written(self, environ: dict[str, str], name: str) -> None:
        project(f'auth staff {{\n  login ask enter_login digits 4\n  users from "{name}"\n}}')
        result = add(environ, "bram", "--login", "1002")
        assert result.exit_code == 1
        assert "error[RT210]" in result.stderr
        assert result.stderr.endswith("nothing was written\n")
        assert not Path("routes", name).exists()

    def test_a_file_that_is_shared(self, environ: dict[str, str]) -> None:
        other = 'auth other {\n  login ask enter_login digits 4\n  users from "a.users"\n}\n'
        module = 'auth staff {\n  login ask enter_login digits 4\n  password ask enter_pin\n  users from "a.users"\n}\n'
        project(module + other, a=LINES.format(hash=HASH))
        result = add(environ, "bram", "--login", "1002")
        assert result.stderr == f"{IN_FORCE}routes/a.users is shared: the change counts for `other` as well\n"
        # What one module asks for and the other does not, breaks the one: nobody without a PIN may go in.
        result = run(environ, "users", "add", "other", "carl", "--login", "1003")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "user `carl` has no password" in result.stderr
        assert "1 error; nothing was written" in result.stderr
        assert sorted(people()) == ["anna", "bram"]

    def test_mode_owner_and_link_stay(self, environ: dict[str, str]) -> None:
        route = project()
        route.chmod(0o640)
        elsewhere = route.parent / "drawer" / "elsewhere"
        elsewhere.parent.mkdir()
        route.rename(elsewhere)
        os.chown(elsewhere, 12345, 23456)
        route.symlink_to(elsewhere.absolute())
        assert add(environ, "bram", "--login", "1002").exit_code == 0
        status = elsewhere.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o640, 12345, 23456)
        assert route.is_symlink()
        assert [path.name for path in elsewhere.parent.iterdir()] == ["elsewhere"]

    def test_no_pin_is_asked_for_where_the_module_asks_for_none(self, environ: dict[str, str]) -> None:
        del environ["ROUTEC_PEPPER"]
        project("auth staff {\n  login ask enter_login digits 4\n}")
        assert run(environ, "users", "add", "staff", "bram", "--login", "1002").exit_code == 0
        assert people()["bram"] == User("bram", None, "1002", None)

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["Bram", "--login", "1002"], "this is no name"),
            (["b" * 65, "--login", "1002"], "this name has more than 64 characters"),
            (["bram"], "module `staff` asks for a login"),
            (["bram", "--login", "12"], "this login has 2 digits, and the module reads 4 to 4"),
            (["bram", "--login", "10a2"], "this is no login"),
            (["bram", "--login", "1001"], "`anna` has the login 1001 already"),
            (["anna", "--login", "1002"], "there is a user `anna` already"),
            (["bram", "--login", "1002", "--title", "a\nuser eve login 1003"], "this title has a character"),
            (["bram", "--login", "1002", "--title", "${PIN}"], "this title has a `${`"),
            (["bram", "--login", "1002", "--title", "a\u202eb"], "this title has a character"),
            (["bram", "--login", "1002", "--title", "a\x1bb"], "this title has a character"),
        ],
        ids=str,
    )
    def test_what_cannot_be_added(self, environ: dict[str, str], args: list[str], message: str) -> None:
        route = project()
        result = add(environ, *args)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
        assert block_of(route) == BLOCK

    def test_a_login_that_the_module_does_not_ask_for(self, environ: dict[str, str]) -> None:
        route = project("auth staff {\n  password ask enter_pin\n}")
        result = add(environ, "bram", "--login", "1002")
        assert (result.exit_code, result.stderr) == (2, "Error: module `staff` asks for no login\n")
        assert "bram" not in route.read_text()

    @pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "", "\xff"])
    def test_a_pin_that_cannot_be_keyed(self, environ: dict[str, str], pin: str) -> None:
        route = project()
        result = run(environ, "users", "add", "staff", "bram", "--login", "1002", stdin=pin.encode("latin1"))
        assert (result.exit_code, result.output) == (2, "Error: a PIN of this module is 4 to 8 digits\n")
        assert block_of(route) == BLOCK

    def test_a_weak_pin_is_warned_of(self, environ: dict[str, str]) -> None:
        project()
        result = run(environ, "users", "add", "staff", "bram", "--login", "7351", stdin=b"1537")
        assert (result.exit_code, result.stderr) == (
            0,
            f"Warning: this PIN is weak: it is the login backwards\n{IN_FORCE}",
        )

    def test_a_pin_that_says_who_it_is_is_nobody_elses(self, environ: dict[str, str]) -> None:
        project(f'auth staff {{\n  password ask enter_pin\n  user anna password "{HASH}"\n}}')
        result = add(environ, "bram", pin=OTHER_PIN)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "another user of this module has this PIN already" in result.stderr
        assert add(environ, "anna", "--update", pin=OTHER_PIN).exit_code == 0
        assert add(environ, "bram").exit_code == 0
        assert add(environ, "carl").exit_code == 2
        assert sorted(people()) == ["anna", "bram"]

    def test_where_there_is_a_login_two_may_have_one_pin(self, environ: dict[str, str]) -> None:
        project()
        assert add(environ, "bram", "--login", "1002", pin=OTHER_PIN).exit_code == 0

    def test_update(self, environ: dict[str, str]) -> None:
        route = project()
        assert add(environ, "anna", "--update").stdout == "routes/staff.route: replaced anna\n"
        anna = people()["anna"]
        assert (anna.title, anna.login, is_pin(PIN, anna.password)) == ("Anna", "1001", True)
        old = f'user  anna "Anna"  login 1001 password "{HASH}"'
        assert block_of(route) == BLOCK.replace(old, f'user anna "Anna"  login 1001  password "{anna.password}"')
        assert add(environ, "anna", "--update", "--title", "", "--login", "1009").exit_code == 0
        assert people()["anna"].title is None
        assert people()["anna"].login == "1009"

    def test_update_by_login(self, environ: dict[str, str]) -> None:
        route = project()
        result = add(environ, "annie", "--login", "1001", "--update")
        assert result.stdout == "routes/staff.route: replaced anna by annie\n"
        assert (people()["annie"].title, sorted(people())) == ("Anna", ["annie"])
        assert "# in the kitchen" in route.read_text()
        assert add(environ, "bram", "--login", "1002").exit_code == 0
        result = add(environ, "bram", "--login", "1001", "--update")
        assert (result.exit_code, result.stderr) == (2, "Error: `annie` has the login 1001 already\n")

    @pytest.mark.parametrize("module", ["stuff", "x" * 500, "\x1b[2J"])
    def test_no_such_module(self, environ: dict[str, str], module: str) -> None:
        project()
        for verb in (["add", module, "x"], ["list", module], ["remove", module, "x"], ["import", module, "-"]):
            result = run(environ, "users", *verb)
            assert (result.exit_code, result.stdout) == (2, "")
            assert "there is no module `" in result.stderr
            assert "\x1b" not in result.stderr
        assert "did you mean `staff`?" in run(environ, "users", "list", "stuff").stderr

    @pytest.mark.parametrize(
        "block",
        [
            "auth staff {\n  purpose register\n  extra1 ask enter_login\n}",
            "auth staff {\n  purpose register\n  login ask enter_login\n  users any\n}",
        ],
    )
    def test_a_module_that_verifies_nobody(self, environ: dict[str, str], block: str) -> None:
        project(block)
        result = add(environ, "bram", "--login", "1002")
        assert (result.exit_code, result.stderr) == (
            2,
            "Error: module `staff` verifies nobody, so it has no users\n",
        )

    def test_no_project(self, environ: dict[str, str]) -> None:
        Path("routes").rmdir()
        result = add(environ, "bram")
        assert (result.exit_code, result.stderr[:31]) == (2, "Error: there is no routes/ here")

    def test_without_a_pepper(self, environ: dict[str, str]) -> None:
        del environ["ROUTEC_PEPPER"]
        route = project()
        result = add(environ, "bram", "--login", "1002")
        assert (result.exit_code, "there is no pepper" in result.stderr) == (2, True)
        assert block_of(route) == BLOCK

    def test_faults_that_were_there_do_not_matter(self, environ: dict[str, str]) -> None:
        project()
        Path("routes/other.route").write_text("goto nowhere")
        assert add(environ, "bram", "--login", "1002").exit_code == 0
        assert "bram" in Path("routes/staff.route").read_text()

    def test_a_file_that_cannot_be_read_is_left_alone(self, environ: dict[str, str]) -> None:
        route = project(BLOCK.replace("# the last one", "user bram lgin 1002"))
        before = route.read_bytes()
        for args in (["add", "staff", "carl", "--login", "1003"], ["remove", "staff", "anna"]):
            result = run(environ, "users", *args, stdin=PIN.encode())
            assert (result.exit_code, result.stdout) == (1, "")
            assert "error[RT1" in result.stderr
            assert result.stderr.endswith("1 error; nothing was written\n")
        assert route.read_bytes() == before

    def test_a_change_in_the_meantime_is_not_written_over(
        self, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        route = project()

        def changed(folder: Path, changes: Any) -> None:
            route.write_bytes(b"# mine\n" + route.read_bytes())
            rewrite(folder, changes)

        monkeypatch.setattr("routec.cli.written.rewrite", changed)
        result = add(environ, "bram", "--login", "1002")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "routes/staff.route was changed in the meantime; nothing was written" in result.stderr
        assert route.read_text().startswith("# mine\n")
        assert "bram" not in route.read_text()

    def test_a_disk_that_is_full_leaves_the_file_as_it_was(
        self, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        route = project()

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("routec.rewrite.os.fsync", full)
        result = add(environ, "bram", "--login", "1002")
        assert (result.exit_code, result.stderr) == (
            1,
            "Error: cannot write routes/staff.route: no space left on device\n",
        )
        assert block_of(route) == BLOCK
        assert [path.name for path in Path("routes").iterdir()] == ["staff.route"]


titles = st.text() | st.text('a"\\;${[ #\n{}') | st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs"]))


@settings(deadline=None, max_examples=50)
@given(titles)
def test_any_title_is_refused_or_reads_back(title: str) -> None:
    if title_fault(title) is not None:
        return
    line = Person("anna", title, "1001", None).line
    file, faults = parse_users(Source("x.users", line))
    assert faults == []
    (user,) = file.users
    found: list[Any] = []
    assert user.title is not None
    assert unescape("x.users", user.title, found.append) == title
    assert found == []


SEPARATORS = ["\n", ";", " ; ", "\n\n", "  # c\n", "\r\n", ";\n", "\n  ", " ;; # c\n\t", "\n# c\n"]


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Users in some layout, and their names."""
    names = [f"u{n}" for n in range(draw(st.integers(0, 5)))]
    text = draw(st.sampled_from(["", " ", "\n", "  # c\n  "]))
    for n, name in enumerate(names):
        text += f"user {name} login {n}" + draw(
            st.sampled_from(SEPARATORS if n + 1 < len(names) else ["", *SEPARATORS])
        )
    return text, names


@settings(deadline=None, max_examples=50)
@given(layouts(), st.data(), st.booleans())
def test_in_any_layout_only_what_is_meant_changes(layout: tuple[str, list[str]], data: Any, in_block: bool) -> None:
    body, names = layout
    text = f"auth staff {{{body}}}" if in_block else body
    head = text if in_block else 'auth staff {\n  users from "a.users"\n}'
    sources = {"x.route": Source("x.route", head)} | ({} if in_block else {"a.users": Source("a.users", body)})
    path = "x.route" if in_block else "a.users"

    def changed() -> tuple[UserLines, list[str]]:
        return UserLines(sources, Span("x.route", 5, 10)), list(names)

    def is_now(lines: UserLines, expected: list[str]) -> str:
        source = Source(path, lines.texts()[path])
        if in_block:
            file, faults = parse(source)
            (auth,) = file.declarations
            assert isinstance(auth, Auth)
            found = auth.users
        else:
            users, faults = parse_users(source)
            found = users.users
        assert faults == []
        assert [user.name.text for user in found] == expected
        return source.text

    new = [Person("new1", "One; 1", "91", None), Person("new2", None, "92", HASH)]
    lines, expected = changed()
    lines.add(new)
    after = is_now(lines, [*expected, "new1", "new2"])
    for person in new:
        after = after.replace(person.line, "")
    assert re.sub(r"[;\s]", "", after) == re.sub(r"[;\s]", "", text)
    if names:
        name = data.draw(st.sampled_from(names))
        lines, expected = changed()
        lines.replace(name, new[0])
        expected[expected.index(name)] = "new1"
        after = is_now(lines, expected)
        assert after.replace(new[0].line, f"user {name} login {name[1:]}") == text
        lines, expected = changed()
        lines.remove(name)
        expected.remove(name)
        after = is_now(lines, expected)
        assert after.count("# c") >= text.count("# c") - 1


class TestRemove:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("# A\nuser bram login 1002  # he\n# Z\n", "# A\n# Z\n"),
            ("user bram login 1002", ""),
            ("user a login 1\nuser bram login 1002\nuser z login 2", "user a login 1\nuser z login 2"),
            ("user a login 1; user bram login 1002; user z login 2", "user a login 1; user z login 2"),
            ("user bram login 1002; user z login 2", "user z login 2"),
            ("user a login 1; user bram login 1002", "user a login 1"),
            ("user a login 1; user bram login 1002  # and\n", "user a login 1  # and\n"),
            ("  user bram login 1002 ;\r\nuser z login 2\r\n", "user z login 2\r\n"),
        ],
        ids=repr,
    )
    def test_layouts(self, environ: dict[str, str], before: str, after: str) -> None:
        others = "".join(f"user {each} login {n}\n" for n, each in ((3, "c"), (4, "d")))
        project(
            'auth staff {\n  login ask enter_login\n  users from "b.users"\n users from "a.users"\n}',
            a=before,
            b=others,
        )
        result = run(environ, "users", "remove", "staff", "bram")
        assert (result.exit_code, result.stdout) == (0, "routes/a.users: removed bram\n")
        assert Path("routes/a.users").read_bytes().decode() == after
        assert "bram" not in people()
        assert len(people()) >= 2

    @pytest.mark.parametrize(
        ("block", "after"),
        [
            ("{ login ask enter_login; user bram login 1 }", "{ login ask enter_login }"),
            ("{ user bram login 1; login ask enter_login }", "{ login ask enter_login }"),
            ("{ login ask enter_login\n user bram login 1 }", "{ login ask enter_login\n }"),
        ],
    )
    def test_in_the_block(self, environ: dict[str, str], block: str, after: str) -> None:
        route = project(f"auth staff {block}")
        assert run(environ, "users", "remove", "staff", "bram").exit_code == 0
        assert block_of(route) == f"auth staff {after}"

    def test_nobody_of_that_name(self, environ: dict[str, str]) -> None:
        project()
        result = run(environ, "users", "remove", "staff", "ana")
        assert result.exit_code == 2
        assert result.stderr == "Error: `staff` has no user `ana`\n   = help: did you mean `anna`?\n"


class TestList:
    def test_list(self, environ: dict[str, str]) -> None:
        project(BLOCK.replace("}\n", '  user bob  login 1002 password "$"\n}\n'))
        result = run(environ, "users", "list", "staff")
        assert result.stdout.splitlines() == [
            "NAME  TITLE  LOGIN  PIN",
            "anna  Anna   1001   yes",
            "bob   -      1002   no",
        ]
        assert objects(environ, "users", "list", "staff") == [
            {"name": "anna", "title": "Anna", "login": "1001", "pin": True},
            {"name": "bob", "title": None, "login": "1002", "pin": False},
        ]

    def test_nobody(self, environ: dict[str, str]) -> None:
        project("auth staff {\n  login ask enter_login digits 4\n}")
        result = run(environ, "users", "list", "staff")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no users\n")


class TestLocks:
    @pytest.fixture
    def locked(self, environ: dict[str, str]) -> dict[str, str]:
        project()
        store = Log(Runtime.of(environ).database)
        for login in ("1001", "1001", "4242", "4242"):
            store.charge(Attempt("staff", login, "+32475000001", inside=False), Lockout(2, 900))
        store.close()
        return environ

    def test_locks(self, locked: dict[str, str]) -> None:
        found = objects(locked, "users", "locks")
        assert {tuple(each) for each in found} == {("module", "what", "until", "failures")}
        assert all(datetime.fromisoformat(each["until"]) > datetime.now(UTC) for each in found)
        shown = " ".join(each["what"] for each in found)
        assert "1001" in shown
        assert "4242" not in shown
        assert "+32475000001" in shown
        lines = run(locked, "users", "locks", "staff").stdout.splitlines()
        assert lines[0].split() == ["MODULE", "WHAT", "UNTIL", "FAILURES"]
        assert len(lines) == len(found) + 1
        assert run(locked, "users", "unlock", "staff", "--all").exit_code == 0
        result = run(locked, "users", "locks")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "nobody is locked out\n")

    def test_unlock(self, locked: dict[str, str]) -> None:
        def left(*args: str) -> int:
            assert run(locked, "users", "unlock", "staff", *args).exit_code == 0
            return len(objects(locked, "users", "locks"))

        before = len(objects(locked, "users", "locks"))
        assert left("--login", "0000") == before
        assert left("--login", "1001") == before - 1
        assert left("--caller", "+32475000001") == before - 2
        assert left("--all") == 0
        result = run(locked, "users", "unlock", "staff", "--all")
        assert (result.exit_code, result.stdout) == (0, "staff: no failures to forget\n")

    @pytest.mark.parametrize("args", [[], ["--all", "--login", "1001"], ["--all", "--caller", "1"]], ids=str)
    def test_wrong_use(self, locked: dict[str, str], args: list[str]) -> None:
        result = run(locked, "users", "unlock", "staff", *args)
        assert (result.exit_code, result.stdout) == (2, "")
        assert objects(locked, "users", "locks")

    def test_no_log_and_no_project(self, environ: dict[str, str], tmp_path: Path) -> None:
        Path("routes").rmdir()
        nowhere = f"there is no sign-in log yet at sqlite:{tmp_path}/state/signin.db"
        aside = "(there is no routes/ here, so routes/routec.toml was not read)"
        assert run(environ, "users", "locks").stderr == f"{nowhere} {aside}\n"
        assert run(environ, "users", "unlock", "staff", "--all").exit_code == 0
        assert not (tmp_path / "state").exists()


def test_every_verb_has_help(environ: dict[str, str]) -> None:
    text = run(environ, "users", "--help").stdout
    for verb in ("hash", "add", "import", "list", "remove", "locks", "unlock"):
        assert f"  {verb} " in text
        assert run(environ, "users", verb, "--help").exit_code == 0

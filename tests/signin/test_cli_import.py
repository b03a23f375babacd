import os
import pty
from pathlib import Path

import pytest
from click.testing import Result

from .command_line import run, started
from .fake import OTHER_PIN, PEPPER, PIN
from .staff_project import BLOCK, HASH, IN_FORCE, LINES, block_of, is_pin, people, project

HEADER = (
    "1: the first line names the columns: name, title, login and pin, or password, a ready hash, in place of pin; "
    "in any order, and name among them; "
)


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "project" / "routes").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    return {"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_PEPPER": PEPPER}


class TestImport:
    @pytest.fixture
    def file(self, environ: dict[str, str]) -> Path:  # noqa: ARG002 (the folder)
        project('auth staff {\n  login ask enter_login digits 4\n  password ask enter_pin digits 4..8\n'
                '  users from "a.users"\n}', a=LINES.format(hash=HASH))  # fmt: skip
        return Path("users.csv")

    def bring(self, environ: dict[str, str], file: Path, text: str | bytes, *args: str) -> Result:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return run(environ, "users", "import", "staff", str(file), *args)

    @pytest.mark.parametrize(
        "text",
        [
            f"name,title,login,pin\nzoe,Zoë,1002,{PIN}\nbram,,1003,48151623\n",
            f"\ufeffpin;login;name;title\r\n{PIN};1002;zoe;Zoë\r\n\r\n48151623;1003;bram;\r\n",
            f'PIN\tName\t"title"\tlogin\n{PIN}\tzoe\tZoë\t1002\n 48151623\tbram \t\t1003',
        ],
        ids=["commas", "semicolons", "tabs"],
    )
    def test_import(self, environ: dict[str, str], file: Path, text: str) -> None:
        result = self.bring(environ, file, text)
        assert (result.exit_code, result.stdout) == (0, "routes/a.users: 2 added, 0 replaced\n")
        assert result.stderr == (
            f"{IN_FORCE}Warning: users.csv holds PINs in the clear: delete it, and whatever copies there are\n"
        )
        assert list(people()) == ["anna", "bram", "zoe"]
        assert (people()["zoe"].title, people()["zoe"].login, people()["bram"].title) == ("Zoë", "1002", None)
        assert is_pin(PIN, people()["zoe"].password)
        assert is_pin("48151623", people()["bram"].password)
        lines = Path("routes/a.users").read_text().splitlines()
        assert [line.split()[1] for line in lines] == ["anna", "zoe", "bram"]
        assert lines[0] + "\n" == LINES.format(hash=HASH)

    def test_from_standard_input(self, environ: dict[str, str], file: Path) -> None:
        result = run(environ, "users", "import", "staff", "-", stdin=f"name,login,pin\nzoe,1002,{PIN}".encode())
        assert (result.exit_code, sorted(people()), file.exists()) == (0, ["anna", "zoe"], False)

    def test_into_the_block(self, environ: dict[str, str]) -> None:
        route = project()
        result = self.bring(environ, Path("users.csv"), f"name,login,pin\nzoe,1002,{PIN}\nbram,1003,48151623\n")
        assert result.stdout == "routes/staff.route: 2 added, 0 replaced\n"
        assert [line.split()[:2] for line in block_of(route).splitlines()[-3:-1]] == [["user", "zoe"], ["user", "bram"]]

    def test_ready_hashes(self, environ: dict[str, str], file: Path) -> None:
        del environ["ROUTEC_PEPPER"]
        result = self.bring(environ, file, f'name,login,password\nzoe,1002,"{HASH}"\n')
        assert (result.exit_code, result.stderr) == (0, IN_FORCE)
        assert people()["zoe"].password == HASH

    def test_weak_pins_are_warned_of(self, environ: dict[str, str], file: Path) -> None:
        result = self.bring(environ, file, "name,login,pin\nzoe,7351,1537\nbram,1003,2222\n")
        assert result.exit_code == 0
        assert result.stderr.splitlines()[:2] == [
            "users.csv:2: Warning: this PIN is weak: it is the login backwards",
            "users.csv:3: Warning: this PIN is weak: its digits are all equal",
        ]

    def test_all_faults_are_told_and_nothing_is_written(self, environ: dict[str, str], file: Path) -> None:
        before = Path("routes/a.users").read_bytes()
        lines = [
            "name,title,login,pin",
            "Zoe,,1002,48151624",
            "anna,,1003,48151624",
            "bram,${X},1001,48151624",
            '"carl","two\nlines",1004,48151624',
            "dora,,,",
            "emma,,1oo5,481516x4",
            "fred,,10055,481",
            "bram,,1006,48151624",
            "gina,,1004,48151624",
            "hugo,1009,48151624",
            "",
            "ivan,,1010,48151624,",
        ]
        result = self.bring(environ, file, "\n".join(lines))
        assert (result.exit_code, result.stdout) == (1, "")
        assert [line.removeprefix("users.csv:") for line in result.stderr.splitlines()] == [
            "2: this is no name: small letters, digits, `_` and `-`, a letter first",
            "3: there is a user `anna` already; --update replaces users",
            "4: this title has a `${`",
            "4: `anna` has this login already",
            "5: this title has a character that cannot be seen, or the end of a line",
            "7: this user has no login, and the module asks for one",
            "7: this user has no PIN, and the module asks for one",
            "8: this is no login: digits only, 20 at the most",
            "8: a PIN of this module is 4 to 8 digits",
            "9: this login has 5 digits, and the module reads 4 to 4",
            "9: a PIN of this module is 4 to 8 digits",
            "10: this name stands in line 4 already",
            "11: this login stands in line 5 already",
            "12: this line has 3 cells, and the first has 4",
            "14: this line has 5 cells, and the first has 4",
            "15 errors; nothing was written",
        ]
        assert "4815" not in result.output
        assert Path("routes/a.users").read_bytes() == before

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "1: the first line names the columns"),
            (f"zoe,Zoe,1002,{PIN}\n", "1: the first line names the columns"),
            ("user,login,pin\n", HEADER + "column 1 (`user`) is none of these"),
            ("login,password\n", HEADER + "there is no column `name`"),
            ("name,login,pin,phone\n", "1: column 4 (`phone`) is unknown; the columns are name, title, login, pin"),
            (f"name,{PIN}\n", "1: column 2 is unknown; the columns"),
            ("name,pin,login,pin\n", "1: there are two columns `pin`"),
            ("name,pin,login,password\n", "1: `pin` and `password`, the ready hash, exclude each other"),
            (f'name,login,pin\nzoe,1002,"{PIN}', "2: this is not CSV: a quote is not closed"),
            (f'name,login,pin\nzoe,1002,"73"{PIN}', "2: this is not CSV: a quote is not closed"),
            (f"name,login,pin\nzoe,1002,{PIN}\n\xff".encode("latin1"), "3: this line is not UTF-8"),
            ("name,login\n".encode("utf-16"), "1: this line is not UTF-8"),
            ("name,login,password\nzoe,1002,1234", "2: this is no hash"),
            ("name,login,pin\n" + "z" * 200_000, "2: this is not CSV"),
        ],
    )
    def test_files_that_cannot_be_used(
        self, environ: dict[str, str], file: Path, text: str | bytes, message: str
    ) -> None:
        result = self.bring(environ, file, text)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"users.csv:{message}" in result.stderr
        assert PIN not in result.output

    @pytest.mark.parametrize("name", ["nowhere.csv", "routes", "\x1b.csv", ""])
    def test_files_that_are_none(self, environ: dict[str, str], file: Path, name: str) -> None:  # noqa: ARG002
        result = run(environ, "users", "import", "staff", name)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("Error: cannot read ")
        assert "\x1b" not in result.stderr

    def test_a_file_without_users(self, environ: dict[str, str], file: Path) -> None:
        result = self.bring(environ, file, "name,login,pin\n")
        assert (result.exit_code, result.stderr) == (2, "Error: users.csv has no users\n")

    def test_update(self, environ: dict[str, str], file: Path) -> None:
        text = f"name,login,pin\nanna,1009,{PIN}\nzoe,1001,48151623\n"
        assert self.bring(environ, file, text).exit_code == 1
        result = self.bring(environ, file, text, "--update")
        assert result.stdout == "routes/a.users: 1 added, 1 replaced\n"
        anna = people()["anna"]
        assert (anna.title, anna.login, is_pin(PIN, anna.password)) == ("Anna", "1009", True)
        assert "# in the kitchen" in Path("routes/a.users").read_text()
        assert self.bring(environ, file, f"name,title,login,pin\nanna,,1009,{PIN}", "--update").exit_code == 0
        assert people()["anna"].title is None

    def test_update_where_users_stand_in_several_files(self, environ: dict[str, str]) -> None:
        block = BLOCK.replace("# the last one", 'users from "a.users"')
        route = project(block, a=LINES.format(hash=HASH).replace("anna", "bram").replace("1001", "1002"))
        text = f"name,login,pin\nanna,1002,{PIN}\nbram,1001,48151623\nzoe,1003,1973\n"
        result = self.bring(environ, Path("users.csv"), text, "--update")
        assert result.stdout == "routes/a.users, routes/staff.route: 1 added, 2 replaced\n"
        assert {name: user.login for name, user in people().items()} == {"anna": "1002", "bram": "1001", "zoe": "1003"}
        assert block_of(route).count("\n") == block.count("\n")

    def test_a_pin_that_says_who_it_is_is_nobody_elses(self, environ: dict[str, str]) -> None:
        project(f'auth staff {{\n  password ask enter_pin\n  user anna password "{HASH}"\n}}')
        file = Path("users.csv")
        result = self.bring(environ, file, f"name,pin\nzoe,{PIN}\nbram,{PIN}\n")
        assert result.stderr.splitlines()[0] == (
            "users.csv:3: this PIN stands in line 2 already, and without a login it says who it is"
        )
        result = self.bring(environ, file, f"name,pin\nzoe,{PIN}\nbram,{OTHER_PIN}\n")
        assert result.stderr.splitlines() == [
            "users.csv:3: another user of this module has this PIN already, and without a login it says who it is",
            "1 error; nothing was written",
        ]
        assert self.bring(environ, file, f"name,pin\nanna,{PIN}\nbram,{OTHER_PIN}\n", "--update").exit_code == 0

    def test_columns_that_the_module_does_not_ask_for(self, environ: dict[str, str], file: Path) -> None:
        project("auth staff {\n  login ask enter_login digits 4\n}")
        result = self.bring(environ, file, f"name,login,pin\nzoe,1002,{PIN}\n")
        assert "users.csv:2: this user has a PIN, and the module asks for none" in result.stderr
        # A file of users may be shared with modules that ask for more.
        project('auth staff {\n  login ask enter_login digits 4\n  users from "a.users"\n}', a="")
        assert self.bring(environ, file, f"name,login,pin\nzoe,1002,{PIN}\n").exit_code == 0
        assert "password" in Path("routes/a.users").read_text()

    def test_a_terminal_is_shown_how_far_it_is(self, environ: dict[str, str], file: Path) -> None:
        rows = [f"u{n},{1100 + n},{48151623 + 7 * n}" for n in range(51)]
        file.write_text("\n".join(["name,login,pin", *rows]))
        terminal, theirs = pty.openpty()
        with started(environ, "users", "import", "staff", "users.csv", stderr=theirs) as process:
            out, _ = process.communicate(timeout=60)
        shown = os.read(terminal, 8192).decode()
        os.close(terminal)
        os.close(theirs)
        assert out == "routes/a.users: 51 added, 0 replaced\n"
        assert "\rhashing PINs: 1 of 51\r" in shown
        assert "\rhashing PINs: 51 of 51\r\n" in shown
        assert len(people()) == 52

"""`routec doctor` on a real Asterisk: silent on a sound set-up, and on a broken one it says what, and what helps."""

import contextlib
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from routec.apply.applier import Applier, Plan
from routec.apply.build import compile_project
from routec.apply.doctor import reach as doctor_reach
from routec.apply.doctor.examine import Examination, examine
from routec.apply.doctor.findings import Finding
from routec.apply.publish import publish
from routec.settings import Runtime, Settings
from routec.signin.modules import ModuleStore
from routec.signin.server import Server
from routec.signin.session import Checker
from routec.signin.store import Log
from tests.asterisk.house import PEPPER, House
from tests.asterisk.pbx import Pbx

USER = "doctor"
SECRET = "s3cr3t-of-the-doctor"
USERS = f"""
[{USER}]
secret = {SECRET}
write = config,reporting,originate
[apply-only]
secret = {SECRET}
write = config,reporting
[reads-only]
secret = {SECRET}
write = reporting
[too-much]
secret = {SECRET}
write = config,reporting,originate,command
"""


@dataclass
class Clinic:
    house: House
    pbx: Pbx
    folder: Path
    python: Callable[..., Iterable[Finding]] = lambda *_: ()

    @property
    def toml(self) -> Path:
        return self.house.root / "routes" / "routec.toml"

    def look(self, user: str | None = None, **env: str) -> Examination:
        """The doctor, without the command line, and without the Python of the script, which takes half a second."""
        settings = Settings.parse(self.toml.read_text())
        environ = {name: value for name, value in {**self.house.env, **env}.items() if value}
        with mock.patch.object(doctor_reach, "_python", self.python):
            found = examine(self.house.root, settings, environ, user=user)
        assert SECRET not in repr(found)
        assert PEPPER not in repr(found)
        assert all(one.help for one in found.findings if one.level in ("fault", "warn"))
        assert not any("failed itself" in one.text for one in found.findings), found
        return found

    def only(self, level: str, check: str, user: str | None = None, **env: str) -> Finding:
        """The one thing that is wrong."""
        found = [one for one in self.look(user, **env).findings if one.level in ("fault", "warn")]
        assert [(one.level, one.check) for one in found] == [(level, check)], found
        return found[0]

    def build(self) -> None:
        """As `routec build`."""
        publish(compile_project(self.house.root).files, self.folder)

    def plan(self) -> Plan:
        """As `routec plan`."""
        applier = Applier(self.house.root, environ=self.house.env)
        try:
            return applier.plan(compile_project(self.house.root))
        finally:
            applier.close()

    @contextlib.contextmanager
    def settings(self, *changes: tuple[str, str]) -> Iterator[None]:
        """Another routec.toml for a while."""
        before = self.toml.read_text()
        text = before
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.toml.write_text(text)
        try:
            yield
        finally:
            self.toml.write_text(before)

    @contextlib.contextmanager
    def top(self, change: Callable[[str], str]) -> Iterator[None]:
        """Another extensions.conf of the admin's for a while."""
        file = self.pbx.layout.etc / "extensions.conf"
        with kept(file):
            file.write_text(change(file.read_text()))
            self.pbx.cli("dialplan reload")
            yield
        self.pbx.cli("dialplan reload")


@contextlib.contextmanager
def kept(path: Path) -> Iterator[None]:
    """Puts a file, or a link, back as it was."""
    with tempfile.TemporaryDirectory() as folder:
        aside = shutil.copy2(path, Path(folder) / path.name, follow_symlinks=False)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            shutil.move(aside, path)


@pytest.fixture(scope="module")
def clinic(asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    root = tmp_path_factory.mktemp("doctor")
    with Pbx(asterisk_root, root / "pbx") as pbx:
        manager = pbx.layout.etc / "manager.conf"
        manager.write_text(manager.read_text() + USERS)
        pbx.cli("manager reload")
        house = House(root / "project")
        folder = house.connect(pbx)
        house.tables = f'[ami]\nport = {pbx.ami_port}\nusername = "{USER}"\n'
        house.env["ROUTEC_AMI_SECRET"] = SECRET
        house.write()
        major = pbx.cli("core show version").split()[1].partition(".")[0]
        toml = house.root / "routes" / "routec.toml"
        toml.write_text(toml.read_text().replace("[asterisk]\n", f"[asterisk]\ntarget = {major}\n"))
        state = house.root / "state"
        state.mkdir(mode=0o700)
        (state / "pepper").write_text(house.env.pop("ROUTEC_PEPPER"))
        (state / "pepper").chmod(0o600)
        house.routec("build")
        pbx.cli("dialplan reload")
        yield Clinic(house, pbx, folder)


@pytest.fixture
def serving(clinic: Clinic) -> Iterator[None]:
    """The checker, as `routec serve` has it."""
    runtime = Runtime.of(clinic.house.env, Settings.parse(clinic.toml.read_text()))
    log = Log(runtime.database)
    with Server(Checker(ModuleStore(clinic.folder / "signin.json"), log, runtime), runtime.listen):
        yield
    log.close()


def command(clinic: Clinic, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "routec", "doctor", *arguments], check=False, timeout=90,
        cwd=clinic.house.root, env={**clinic.house.env, **env}, text=True, capture_output=True,
    )  # fmt: skip


# ---- a sound one


@pytest.mark.usefixtures("serving")
def test_a_sound_set_up(clinic: Clinic) -> None:
    done = command(clinic, "--format", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert {one["level"] for one in found} == {"ok", "skipped"}, found
    assert {one["check"] for one in found if one["level"] == "ok"} == {
        "settings", "routes", "AMI", "version", "published", "dialplan", "sounds", "checker", "script", "pepper",
        "database", "clock",
    }  # fmt: skip
    assert [one["check"] for one in found if one["level"] == "skipped"] == ["webhooks"]
    texts = [one["text"] for one in found]
    assert any(text.startswith("Asterisk reaches the checker at agi://") for text in texts)
    assert "Asterisk holds what is published" in texts
    assert not clinic.house.database.exists(), "looking makes nothing"


@pytest.mark.usefixtures("serving")
def test_without_ami_the_rest_is_looked_at(clinic: Clinic) -> None:
    with clinic.settings((clinic.house.tables, "")):
        found = clinic.look()
        assert found.exit_code == 0, [one for one in found.findings if one.level == "fault"]
        assert {"AMI", "dialplan", "checker"} <= {one.check for one in found.findings if one.level == "skipped"}
        assert "there is no [ami]" in command(clinic).stdout


# ---- AMI


@pytest.mark.usefixtures("serving")
def test_the_pbx_is_not_there(clinic: Clinic) -> None:
    with clinic.settings((f"port = {clinic.pbx.ami_port}", "port = 1")):
        done = command(clinic)
        assert done.returncode == 3
        assert "fault    AMI: the PBX at 127.0.0.1:1 cannot be reached over AMI: Connection refused" in done.stdout
        assert "= help: is Asterisk running" in done.stdout
        for check in ("published", "pepper", "database"):
            assert f"ok       {check}: " in done.stdout, "the others are done all the same"


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(
    ("user", "level", "text"),
    [
        ("nobody-knows", "fault", "refused the AMI user `nobody-knows`"),
        ("reads-only", "fault", "no `write` privilege `config`: routec cannot reload the dialplan"),
        ("too-much", "warn", "may run every command"),
    ],
)
def test_the_ami_user(clinic: Clinic, user: str, level: str, text: str) -> None:
    with clinic.settings((f'username = "{USER}"', f'username = "{user}"')):
        finding = clinic.only(level, "AMI")
        assert text in finding.text
        assert "manager.conf" in finding.help


@pytest.mark.usefixtures("serving")
def test_a_user_who_may_not_call_is_enough_for_apply(clinic: Clinic) -> None:
    with clinic.settings((f'username = "{USER}"', 'username = "apply-only"')):
        found = clinic.look()
    assert found.exit_code == 0
    assert any("privilege `originate`" in one.text for one in found.findings if one.level == "skipped")


@pytest.mark.usefixtures("serving")
def test_the_secret(clinic: Clinic) -> None:
    assert "Authentication failed" in clinic.only("fault", "AMI", ROUTEC_AMI_SECRET="wr0ng").text
    assert "ROUTEC_AMI_SECRET" in clinic.only("fault", "AMI", ROUTEC_AMI_SECRET="").text


@pytest.mark.usefixtures("serving")
def test_another_version_than_it_is_made_for(clinic: Clinic) -> None:
    text = clinic.toml.read_text()
    if "target = 22" in text:
        with clinic.settings(("target = 22", "target = 18")):
            found = [one for one in clinic.look().findings if one.check == "version"]
        assert found[0].level == "warn"
        assert "made for 18" in found[0].text
    else:
        with clinic.settings(("target = 16", "target = 22")):
            found = [one for one in clinic.look().findings if one.check == "version"]
        assert found[0].level == "fault"
        assert "`target = 16`" in found[0].help


# ---- the dialplan


@pytest.mark.usefixtures("serving")
def test_it_is_not_included_at_all(clinic: Clinic) -> None:
    with clinic.top(lambda text: text.replace("#tryinclude", ";")):
        finding = clinic.only("fault", "dialplan")
    assert "Asterisk holds none of routec's contexts" in finding.text
    assert f'#tryinclude "{clinic.folder}/extensions.conf"' in finding.help


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("entry", ["routec-dids", "routec-extensions"])
def test_no_context_includes_an_entry(clinic: Clinic, entry: str) -> None:
    with clinic.top(lambda text: text.replace(f"include => {entry}", "")):
        finding = clinic.only("fault", "dialplan")
        planned = clinic.plan().notes
    assert f"no context of Asterisk's includes {entry}" in finding.text
    assert [finding.text.partition(",")[0]] == [note.partition(",")[0] for note in planned]
    assert not clinic.plan().notes
    assert f"include => {entry}" in finding.help


@pytest.mark.usefixtures("serving")
def test_a_pattern_takes_our_numbers(clinic: Clinic) -> None:
    where = "[from-phones]\n"
    with clinic.top(lambda text: text.replace(where, f"{where}exten => _6[0-9]X,1,NoOp()\n")):
        finding = clinic.only("fault", "dialplan")
        assert "the pattern _6[0-9]X of [from-phones] takes 600, 610 before routec-extensions does" in finding.text
    with clinic.top(
        lambda text: text.replace(where, f"{where}include => greedy\n") + "[greedy]\nexten => _.,1,NoOp()\n"
    ):
        assert "_. of [greedy]" in clinic.only("fault", "dialplan").text
    with clinic.top(lambda text: text.replace(where, f"{where}exten => 600,1,NoOp()\nexten => _6XX,hint,PJSIP/1\n")):
        assert "calls to 600 that come into [from-phones]" in clinic.only("warn", "dialplan").text


@pytest.mark.usefixtures("serving")
def test_it_holds_another_dialplan(clinic: Clinic) -> None:
    route = clinic.house.root / "routes" / "house.route"
    with kept(route):
        route.write_text(route.read_text().replace("hangup congestion", "hangup busy"))
        stale = clinic.only("warn", "published")
        assert "not of the present routes" in stale.text
        clinic.build()
        finding = clinic.only("fault", "dialplan")
        assert "Asterisk holds another dialplan" in finding.text
        assert "routec apply" in finding.help
        route.write_text(route.read_text() + "\nroute {")
        assert "`routec check`" in next(one.help for one in clinic.look().findings if one.check == "routes")
    clinic.build()


def test_a_hand_put_something_beside_ours(clinic: Clinic) -> None:
    try:
        clinic.pbx.cli("dialplan add extension 600/4711,1,Goto(phones,101,1) into routec-extensions")
        clinic.pbx.cli("dialplan add include phones into routec-extensions")
        told = [one.text for one in clinic.look().findings if one.check == "dialplan" and one.level == "fault"]
        assert [text for text in told if "priority 1, for some callers only: `Goto(phones,101,1)`" in text]
        assert "[routec-extensions]: `include => phones` was put into Asterisk's memory by hand" in told
    finally:
        clinic.pbx.cli("dialplan reload")
    assert not [one for one in clinic.look().findings if one.check == "dialplan" and one.level == "fault"]


# ---- files


@pytest.mark.usefixtures("serving")
def test_published_files(clinic: Clinic) -> None:
    main = clinic.folder / "extensions.conf"
    with kept(clinic.folder / "signin.json"):
        (clinic.folder / "signin.json").write_text("{}")
        assert "signin.json" in clinic.only("fault", "published").text
    with kept(main):
        main.write_text(main.read_text().replace("Dial(", "Dial(Local/1@x&"))
        texts = [one.text for one in clinic.look().findings if one.level == "fault"]
        assert any("edited by hand" in text for text in texts), texts
    with kept(main):
        main.unlink()
        assert any(f"there is no {main}" in one.text for one in clinic.look().findings)
    before = clinic.folder.stat().st_mode
    clinic.folder.chmod(0o700)
    try:
        found = [one.text for one in clinic.look("nobody").findings if one.level == "fault"]
        assert f"Asterisk, which runs as nobody, cannot read {clinic.folder}" in found or any(
            text.startswith("Asterisk, which runs as nobody, cannot read ") for text in found
        )
    finally:
        clinic.folder.chmod(before)


@pytest.mark.usefixtures("serving")
def test_a_sound_is_missing(clinic: Clinic) -> None:
    with kept(clinic.pbx.sounds / "routec" / "enter_pin.wav"):
        (clinic.pbx.sounds / "routec" / "enter_pin.wav").unlink()
        finding = clinic.only("fault", "sounds")
    assert "no sound `routec/enter_pin`" in finding.text
    assert "auth hotel_staff plays it" in finding.text
    assert finding.help.startswith("let Asterisk find the prompts: ln -s ")


# ---- the checker


def test_serve_does_not_run(clinic: Clinic) -> None:
    finding = clinic.only("fault", "checker")
    assert "`routec serve` does not answer on this machine" in finding.text
    assert "Connection refused" in finding.text


@pytest.mark.usefixtures("serving")
def test_asterisk_calls_another_address(clinic: Clinic) -> None:
    with clinic.settings(("[agi]\n", '[agi]\nconnect = "127.0.0.1:9"\n')):
        clinic.build()
        clinic.pbx.cli("dialplan reload")
        finding = clinic.only("fault", "checker")
    assert "Asterisk does not reach the checker at agi://127.0.0.1:9, though it answers on this machine" in finding.text
    assert "`connect`" in finding.help
    clinic.build()
    clinic.pbx.cli("dialplan reload")


@pytest.mark.usefixtures("serving")
def test_the_script(clinic: Clinic) -> None:
    link = clinic.pbx.agi_bin / "signin.agi"
    with kept(link):
        link.unlink()
        finding = clinic.only("fault", "script")
        assert f"Asterisk has no {link}" in finding.text
        assert finding.help.startswith("ln -s ")
        link.write_text("#!/bin/sh\n")
        assert "is not the one that is published" in clinic.only("fault", "script").text
    with clinic.settings(("[agi]\n", '[agi]\npython = "/bin/false"\n')):
        clinic.build()
        whole = dataclasses.replace(clinic, python=doctor_reach._python)
        assert "/bin/false has no routec" in whole.only("fault", "script").text
    clinic.build()


@pytest.mark.usefixtures("serving")
def test_the_pepper(clinic: Clinic) -> None:
    pepper = clinic.house.root / "state" / "pepper"
    with kept(pepper):
        pepper.chmod(0o644)
        assert "is open to others" in clinic.only("fault", "pepper").text
        pepper.unlink()
        assert "there is no pepper" in clinic.only("fault", "pepper").text
        assert "Asterisk's environment" in clinic.only("warn", "pepper", ROUTEC_PEPPER=PEPPER).text


@pytest.mark.usefixtures("serving")
def test_the_database_and_the_webhooks(clinic: Clinic) -> None:
    finding = clinic.only("fault", "database", ROUTEC_DATABASE="postgresql://routec:hidden@127.0.0.1:1/routec")
    assert "nobody is signed in for now" in finding.text
    assert "hidden" not in repr(finding)
    assert "SQLAlchemy URL" in clinic.only("fault", "database", ROUTEC_DATABASE="mysql://x").text
    route = clinic.house.root / "routes" / "house.route"
    with kept(route):
        line = 'purpose register\n  webhook "https://pms.example.org/x" secret env NO_SUCH_SECRET'
        route.write_text(route.read_text().replace("purpose register", line))
        found = [one for one in clinic.look().findings if one.check == "webhooks"]
        assert [one.level for one in found] == ["fault"]
        assert "NO_SUCH_SECRET" in found[0].text


def test_a_user_that_nobody_has(clinic: Clinic) -> None:
    done = command(clinic, "--user", "no-such-user")
    assert done.returncode == 2
    assert "no user `no-such-user`" in done.stderr

"""What `routec doctor` sees of prompts: languages that Asterisk does not find, recordings that cannot be kept."""

from pathlib import Path

import pytest

from routec.apply.doctor import prompts
from routec.apply.doctor.dialplan import _open_inside
from routec.apply.doctor.files import Project, _recorders
from routec.apply.doctor.findings import Finding
from routec.apply.doctor.host import Account, Host
from tests.unit.conftest import Write, put_in_force, wav

PIN = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"
ROUTES = {
    "routes/routec.toml": f'[prompts]\nlanguage = "nl"\npin = "{PIN}"\n',
    "routes/a.route": 'prompt hi "hi.wav" record 5001 record en_gb 5101\n'
    "route a { on extension 600; on did +3225551234; prompt hi; hangup }\n",
}


@pytest.fixture
def root(write: Write, tmp_path: Path) -> Path:
    write(ROUTES)
    for name in ("hi.wav", "en_gb/hi.wav", "en_gb/bar/hi.wav"):
        wav(tmp_path / "routes/prompts" / name)
    put_in_force(tmp_path)
    return tmp_path


def project(root: Path) -> Project:
    built, _ = put_in_force(root)
    return Project.of(root, built.settings, None)


def here(root: Path, account: Account | None = None) -> Host:
    return Host(pid=1, account=account, folders={"astdatadir": root / "data"})


def languages(root: Path) -> list[Finding]:
    return list(prompts.languages(project(root), here(root)))


def test_a_language_is_found_by_its_link(root: Path) -> None:
    link, published = root / "data/sounds/en_GB/routec", root / "generated/sounds/en_GB"
    (found,) = languages(root)
    assert (found.level, found.help) == ("fault", f"sudo mkdir -p {link.parent} && sudo ln -s {published} {link}")
    link.parent.mkdir(parents=True)
    (found,) = languages(root)
    assert found.help == f"sudo ln -s {published} {link}"
    link.symlink_to(published)
    (found,) = languages(root)
    assert (found.level, found.text) == ("ok", "Asterisk has the prompts in `en_GB`")


def test_a_part_of_a_language(root: Path) -> None:
    link = root / "data/sounds/en_GB/routec"
    link.mkdir(parents=True)
    wav(link / "hi.wav")
    (found,) = languages(root)
    assert (found.level, found.text) == ("fault", f"Asterisk does not find bar/hi.wav in {link}")


def test_a_link_to_what_is_not_published(root: Path) -> None:
    link = root / "data/sounds/en_GB/routec"
    link.mkdir(parents=True)
    (found,) = languages(root)
    assert (found.level, found.text) == ("fault", f"Asterisk does not find bar/hi.wav, hi.wav in {link}")


def test_a_prompt_in_a_folder_with_a_languages_name_is_of_none(write: Write, tmp_path: Path) -> None:
    write({"routes/a.route": 'prompt hi "nl/hi.wav"\nroute a { on extension 600; prompt hi; hangup }\n'})
    wav(tmp_path / "routes/prompts/nl/hi.wav")
    assert languages(tmp_path) == []


def test_where_there_is_nothing_to_find(root: Path, write: Write) -> None:
    assert [one.level for one in prompts.languages(project(root), Host("it is far away"))] == ["skipped"]
    write({"routes/routec.toml": ROUTES["routes/routec.toml"] + '[asterisk]\nsounds = "/srv/sounds"\n'})
    assert languages(root) == []


def test_recordings_have_a_place(root: Path, write: Write) -> None:
    folder = root / "routes/prompts"
    stranger = Account("pbx", 4_000_000, frozenset())
    (found,) = prompts.recordings(project(root), here(root, stranger))
    assert found.level == "fault"
    assert "cannot be written by pbx, whom Asterisk runs as" in found.text
    assert found.help.startswith(f"sudo chown -R pbx {folder}")
    (found,) = prompts.recordings(project(root), here(root))
    assert found.level == "ok"
    (folder / "en_gb/bar").chmod(0o500)
    found_of = list(prompts.recordings(project(root), here(root, Account("me", folder.stat().st_uid, frozenset()))))
    assert [one.level for one in found_of] == ["ok" if folder.stat().st_uid == 0 else "fault"]
    (folder / "en_gb/bar").chmod(0o700)
    write({"routes/routec.toml": '[prompts]\nlanguage = "nl"\n'})
    assert list(prompts.recordings(project(root), here(root, stranger))) == []


def test_recordings_without_a_folder(write: Write, tmp_path: Path) -> None:
    write(ROUTES)
    (found,) = prompts.recordings(project(tmp_path), here(tmp_path, Account("pbx", 4_000_000, frozenset())))
    assert (found.level, found.help) == ("fault", f"sudo install -d -o pbx -m 755 {tmp_path}/routes/prompts")


def test_the_recorders_sounds_are_looked_for(root: Path, write: Write) -> None:
    assert {"vm-press", "digits/1", "vm-msgsaved"} <= set(_recorders(project(root)))
    write({"routes/routec.toml": ""})
    assert _recorders(project(root)) == {}


def test_callers_from_outside_come_to_the_extensions(root: Path) -> None:
    apart = {"trunk": ("routec-dids",), "phones": ("routec-extensions",), "routec-x": ("trunk", "phones")}
    assert list(_open_inside(project(root), apart)) == []
    (found,) = _open_inside(project(root), apart | {"all": ("trunk", "phones")})
    assert found.level == "warn"
    assert "[all] leads to routec-dids and to routec-extensions" in found.text
    assert "5001, 5101 among them, where prompts are recorded" in found.text

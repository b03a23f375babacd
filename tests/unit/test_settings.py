import os
from collections.abc import Callable
from pathlib import Path

import pytest

from routec.settings import Runtime, Settings, SettingsError, parse_address


def fault(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as found:
        Settings.parse(text)
    return found.value


def test_defaults() -> None:
    settings = Settings.parse("")
    assert settings == Settings()
    assert settings.asterisk.target == 22
    assert settings.asterisk.dial == "PJSIP/{extension}"
    assert settings.asterisk.sounds == "routec"
    assert settings.connect == ("127.0.0.1", 4573)
    assert settings.script == "signin.agi"
    assert (settings.ami, settings.publish.to) == (None, None)


def test_every_key() -> None:
    settings = Settings.parse(
        """
        [asterisk]
        target = 18
        dial = "Local/{extension}@phones/n"
        sounds = "/var/sounds/routec/"
        [publish]
        to = "/etc/asterisk/routec"
        seen_as = "/mnt/routec/"
        [ami]
        host = "192.0.2.1"
        port = 5039
        username = "routec"
        [agi]
        listen = "0.0.0.0:1"
        connect = "[2001:db8::1]:65535"
        python = "/opt/routec/bin/python3"
        [signin]
        state = "/var/lib/routec"
        pepper_file = "/etc/routec/pepper"
        [metrics]
        listen = "127.0.0.1:9100"
        """
    )
    assert settings.asterisk.sounds == "/var/sounds/routec"
    assert settings.script == "/mnt/routec/signin.agi"
    assert settings.connect == ("2001:db8::1", 65535)
    assert settings.ami is not None
    assert (settings.ami.host, settings.ami.port, settings.ami.username) == ("192.0.2.1", 5039, "routec")
    assert settings.signin.state == "/var/lib/routec"
    assert (settings.publish.to, settings.publish.seen_as) == ("/etc/asterisk/routec", "/mnt/routec")
    assert settings.metrics is not None
    assert settings.metrics.listen == "127.0.0.1:9100"
    assert Settings.parse('[agi]\nscript = "a/b.agi"\n[publish]\nto = "/x"').script == "a/b.agi"


def test_all_faults_are_told_each_with_its_place() -> None:
    text = '[agi]\nlissten = "a"\n[ami]\nx = 1\n[asterisk]\nx = 1\ntarget = 17\n[sigin]\n'
    found = fault(text)
    places = [(one.message.split("`")[1], text[: one.offset].count("\n") + 1) for one in (found, *found.others)]
    assert places == [("agi.lissten", 2), ("ami.username", 3), ("ami.x", 4), ("asterisk.x", 6), ("asterisk.target", 7),
                      ("sigin", 8)]  # fmt: skip
    assert fault("[agi]\nx = 1").others == ()
    assert len(fault("".join(f"x{n} = 1\n" for n in range(1000))).others) == 99


@pytest.mark.parametrize("listen", ["0.0.0.0:5000", "[::]:5000"])
def test_asterisk_calls_the_loopback_where_the_checker_listens_everywhere(listen: str) -> None:
    assert Settings.parse(f'[agi]\nlisten = "{listen}"').connect == ("127.0.0.1", 5000)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("foo = 1", "foo"),
        ("[asterisk]\ntarget = 22\ntrget = 20\n", "trget"),
        ("[asterisk]\ntarget = 22\n[agi]\n  lsten = '1'\n", "lsten"),
        ("[x]\n", "x]"),
        ("[asterisk]\nsounds = 'a'\n[signin]\nsounds = 'a'\n", "sounds = 'a'\n"),
    ],
)
def test_an_unknown_key_has_its_place(text: str, place: str) -> None:
    error = fault(text)
    assert error.message.startswith("unknown key `")
    assert error.offset == text.rindex(place)


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ("target = 21", "asterisk"),
        ("target = '22'", "asterisk"),
        ("dial = 'PJSIP/101'", "asterisk"),
        ("dial = 'PJSIP/{extension}&PJSIP/{extension}'", "asterisk"),
        ("dial = 'PJSIP/{extension},30,g'", "asterisk"),
        ("dial = 'PJSIP/${X}{extension}'", "asterisk"),
        ('dial = "PJSIP/{extension}\\n"', "asterisk"),
        (f"dial = 'PJSIP/{{extension}}{'x' * 100}'", "asterisk"),
        ("dial = '{extension}'", "asterisk"),
        ("sounds = ''", "asterisk"),
        ("sounds = 'a&b'", "asterisk"),
        ('sounds = "a\\nb"', "asterisk"),
        ("to = 'a b'", "publish"),
        ("listen = '127.0.0.1:0'", "agi"),
        ("listen = '127.0.0.1:65536'", "agi"),
        ("listen = '127.0.0.1:x'", "agi"),
        ("listen = '::1:4573'", "agi"),
        ("listen = 'a b:4573'", "agi"),
        ("listen = ''", "agi"),
        ("listen = 4573", "agi"),
        ("connect = 'host:4573,x'", "agi"),
        ("python = 'python3'", "agi"),
        ('python = "/usr/bin/python3\\nimport os"', "agi"),
        ('python = "/usr/bin/python3\\n"', "agi"),
        ("port = 0\nusername = 'a'", "ami"),
        ("host = 'a'", "ami"),
        ("state = 1", "signin"),
        ("pepper_file = '/a b'", "signin"),
        ("seen_as = 'routec'", "publish"),
        ("listen = 'a b'", "metrics"),
        ("", "metrics"),
    ],
)
def test_bad_values(line: str, table: str) -> None:
    text = f"[{table}]\n{line}\n"
    error = fault(text)
    assert error.message.startswith(f"`{table}.")
    assert error.offset is not None
    assert 0 <= error.offset <= len(text)


@pytest.mark.parametrize(
    "text", ["[asterisk", "a = ", "a = 1\na = 2", "[asterisk]\n[asterisk]", "\x00", 'x = """', "= 1", "[a]\nb = 1\n\n["]
)
def test_what_is_no_toml_has_a_place(text: str) -> None:
    error = fault(text)
    assert "TOML" in error.message
    assert error.offset is not None
    assert 0 <= error.offset <= len(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("pbx.example.org", ("pbx.example.org", 4573)),
        ("[::1]", ("::1", 4573)),
        ("[fe80::1]:65535", ("fe80::1", 65535)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


class TestRuntime:
    def test_the_environment_wins(self) -> None:
        settings = Settings.parse(
            "[agi]\nlisten = '127.0.0.1:1'\n[signin]\nstate = '/of/settings'\npepper_file = '/of/settings/pepper'"
        )
        ours = Runtime.of({}, settings)
        assert ours.listen == ("127.0.0.1", 1)
        assert ours.state == Path("/of/settings")
        assert ours.pepper_file == Path("/of/settings/pepper")
        assert ours.database == "sqlite:////of/settings/signin.db"
        assert ours.pepper is None
        theirs = Runtime.of(
            {
                "ROUTEC_AGI_LISTEN": "[::1]:2",
                "ROUTEC_STATE": "/of/env",
                "ROUTEC_DATABASE": "postgresql://u:hidden@h/d",
                "ROUTEC_PEPPER": "hidden",
                "ROUTEC_PEPPER_FILE": "/of/env/p",
            },
            settings,
        )
        assert theirs.listen == ("::1", 2)
        assert theirs.state == Path("/of/env")
        assert theirs.database == "postgresql://u:hidden@h/d"
        assert (theirs.pepper, theirs.pepper_file) == ("hidden", Path("/of/env/p"))
        assert "hidden" not in repr(theirs)
        assert "hidden" not in str(theirs)

    def test_a_state_folder_whose_name_has_no_place_in_a_url(self) -> None:
        with pytest.raises(SettingsError, match=r"/tmp/st\\xff has a name that is not UTF-8"):
            Runtime.of({"ROUTEC_STATE": "/tmp/st\udcff"})

    def test_empty_is_unset(self) -> None:
        environ = dict.fromkeys(("ROUTEC_AGI_LISTEN", "ROUTEC_DATABASE", "ROUTEC_PEPPER", "ROUTEC_PEPPER_FILE"), "")
        runtime = Runtime.of({**environ, "ROUTEC_STATE": "/s"})
        assert runtime.listen == ("127.0.0.1", 4573)
        assert runtime.pepper is None
        assert runtime.pepper_file == Path("/s/pepper")

    def test_metrics(self) -> None:
        settings = Settings.parse("[metrics]\nlisten = '127.0.0.1'")
        assert Runtime.of({"ROUTEC_STATE": "/s"}).metrics is None
        assert Runtime.of({"ROUTEC_STATE": "/s"}, settings).metrics == ("127.0.0.1", 9473)
        assert Runtime.of({"ROUTEC_STATE": "/s", "ROUTEC_METRICS_LISTEN": "[::1]:9"}, settings).metrics == ("::1", 9)
        with pytest.raises(SettingsError, match="ROUTEC_METRICS_LISTEN: write it as HOST:PORT, such as"):
            Runtime.of({"ROUTEC_STATE": "/s", "ROUTEC_METRICS_LISTEN": "nowhere:x"})

    def test_a_bad_address_is_named(self) -> None:
        with pytest.raises(SettingsError, match="ROUTEC_AGI_LISTEN"):
            Runtime.of({"ROUTEC_AGI_LISTEN": "nowhere:x"})


class TestDatabaseFile:
    """The plain AGI process has Asterisk's environment and not routec's: a file in the state folder names the log."""

    URL = "postgresql://u:hidden@h/d"

    def write(self, state: Path, content: bytes, mode: int = 0o600) -> Path:
        file = state / "database"
        file.write_bytes(content)
        file.chmod(mode)
        return file

    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
    def test_is_read(self, tmp_path: Path, mode: int) -> None:
        self.write(tmp_path, f" {self.URL}\n".encode(), mode)
        runtime = Runtime.of({"ROUTEC_STATE": str(tmp_path)})
        assert runtime.database == self.URL
        assert "hidden" not in repr(runtime)

    def test_the_environment_wins_and_nothing_is_read_then(self, tmp_path: Path) -> None:
        self.write(tmp_path, b"", 0o666)
        assert Runtime.of({"ROUTEC_STATE": str(tmp_path), "ROUTEC_DATABASE": self.URL}).database == self.URL

    @pytest.mark.parametrize("state", ["", "none", "file/below"])
    def test_without_it_sqlite(self, tmp_path: Path, state: str) -> None:
        (tmp_path / "file").touch()
        folder = tmp_path / state
        assert Runtime.of({"ROUTEC_STATE": str(folder)}).database == f"sqlite:///{folder / 'signin.db'}"

    @pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o660, 0o644, 0o777])
    def test_open_to_others(self, tmp_path: Path, mode: int) -> None:
        file = self.write(tmp_path, self.URL.encode(), mode)
        with pytest.raises(SettingsError, match="open to others") as caught:
            Runtime.of({"ROUTEC_STATE": str(tmp_path)})
        assert str(file) in caught.value.message
        assert "chmod 600" in caught.value.help

    @pytest.mark.parametrize(
        "content", [b"", b" \n", b"\xff\xfe", b"x" * 5000, f"{URL}\n{URL}\n".encode(), b"a\x00b", b"a\x1bb"]
    )
    def test_unusable(self, tmp_path: Path, content: bytes) -> None:
        """Never another database in its place: locks and rows would be elsewhere, and nobody would know."""
        self.write(tmp_path, content)
        with pytest.raises(SettingsError) as caught:
            Runtime.of({"ROUTEC_STATE": str(tmp_path)})
        assert "hidden" not in caught.value.message + caught.value.help

    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_no_file(self, tmp_path: Path, make: Callable[[Path, int], None]) -> None:
        make(tmp_path / "database", 0o600)
        with pytest.raises(SettingsError, match="database"):
            Runtime.of({"ROUTEC_STATE": str(tmp_path)})

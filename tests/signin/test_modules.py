import json
import logging
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.contract import Again, Clock, Code, Lockout, Module, User, Webhook
from routec.signin.modules import ModulesError, ModuleStore, parse_modules, read_modules

from .fake import PIN, field, module, weak_hash, write_modules


@pytest.fixture
def good(tmp_path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(write_modules(tmp_path / "signin.json", module()).read_text())
    return content


def parse(content: object) -> dict[str, Module]:
    return parse_modules(json.dumps(content).encode()).modules


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    modules = [module(), module("clock", [field("extra1", 1, 2, optional=True)], users=(), log=())]
    path = write_modules(tmp_path / "m.json", *modules, state="/var/lib/x", pepper_file="/etc/p", listen="[::1]:9")
    compiled = read_modules(path)
    assert compiled.modules == {module.name: module for module in modules}
    assert compiled.settings.signin.state == "/var/lib/x"
    assert compiled.settings.signin.pepper_file == "/etc/p"
    assert compiled.settings.agi.listen == "[::1]:9"


WHOLE = replace(
    module("rooms", [field("login"), field("extra1", 3, 3), field("extra2", 1, 2, optional=True)], log=("login",)),
    users=(User("floor1", None, "1001"),),
    lockout=Lockout(3, 3600),
    confirm="routec/right",
    again=Again("routec/another", "extra2"),
    tells=(("wrong", "routec/wrong"), ("error", "vm-sorry")),
    webhook=Webhook("https://pms.example.org:8443/hooks?a=b", "PMS_SECRET", ordered=True),
    offline="grant",
    keep=86_400,
)
CLOCK = replace(
    module("clock", [field("login")], users=(User("anna", None, "1001"),)),
    purpose="timeclock",
    clock=Clock("routec/which", (("1", "in"), ("2", "out"), ("3", "break"), ("*", "back")), 43_200),
)
SURVEY = replace(
    module("survey", [replace(field("login"), codes=(Code("1000", "1999", "House;\t1"), Code("417203", "417203")))]),
    users=(),
    verify=False,
    webhook=Webhook("http://10.0.0.7/in", "S", private=True),
)


def test_all_settings_are_read(tmp_path: Path) -> None:
    simple = replace(CLOCK, name="simple", clock=Clock())
    modules = [WHOLE, CLOCK, SURVEY, simple]
    compiled = read_modules(write_modules(tmp_path / "m.json", *modules, extensions=["600", "*61"]))
    assert compiled.modules == {module.name: module for module in modules}
    assert compiled.extensions == {"600", "*61"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": 2}', b"NaN"])
def test_not_even_a_file_of_ours(content: bytes) -> None:
    with pytest.raises(ModulesError):
        parse_modules(content)


@pytest.mark.parametrize(
    ("key", "value"),
    [("state", "../x"), ("state", "x"), ("state", ""), ("pepper_file", "p"), ("listen", "::1:99999")],
)
def test_settings_that_do_not_hold(good: dict[str, Any], key: str, value: str) -> None:
    good["settings"][key] = value
    with pytest.raises(ModulesError, match=rf"^settings\.{key}: "):
        parse(good)


@pytest.mark.parametrize("number", [0, 1, 3, None, "2", 2.5])
def test_another_format(good: dict[str, Any], number: object) -> None:
    with pytest.raises(ModulesError, match="format"):
        parse(good | {"format": number})


MODULE_FAULTS: list[dict[str, Any]] = [
    {"name": "Hotel"},
    {"name": "a b"},
    {"name": ""},
    {"name": "x" * 90},
    {"name": None},
    {"purpose": "party"},
    {"tries": 0},
    {"tries": "3"},
    {"tries": True},
    {"seconds": 0},
    {"seconds": 10**9},
    {"fields": []},
    {"fields": None},
    {"log": ["secret"]},
    {"lockout": 5},
    {"lockout": {"after": 0, "seconds": 60}},
    {"lockout": {"after": 5, "seconds": 10**7}},
    {"lockout": {"after": 5, "seconds": 60, "never": True}},
    {"lockout": None},
    {"captcha": True},
    {"verify": "yes"},
    {"verify": False},
    {"verify": False, "users": []},
    {"purpose": "timeclock"},
    {"purpose": "timeclock", "clock": {"sound": "beep", "keys": [], "close": None}},
    {"clock": {"sound": None, "keys": [], "close": None}},
    {"confirm": "a b"},
    {"confirm": 5},
    {"purpose": "gate", "confirm": "beep"},
    {"again": {"sound": "beep", "kind": "login"}},
    {"again": {"sound": "beep", "kind": "extra2"}},
    {"again": {"sound": "x\n", "kind": "extra1"}},
    {"purpose": "gate", "again": {"sound": "beep", "kind": "extra1"}},
    {"tells": [["party", "beep"]]},
    {"tells": [["wrong", "a b"]]},
    {"tells": [["wrong", "beep"], ["wrong", "beep"]]},
    {"tells": [["wrong"]]},
    {"offline": "allow"},
    {"offline": None},
    {"keep": 60},
    {"keep": 10**12},
    {"keep": "90d"},
    {"webhook": "https://a.example/"},
    {"webhook": {"url": "http://a.example/", "secret_env": "A", "private": False, "ordered": False}},
    {"webhook": {"url": "ftp://a.example/", "secret_env": "A", "private": True, "ordered": False}},
    {"webhook": {"url": "https://u:p@a.example/", "secret_env": "A", "private": False, "ordered": False}},
    {"webhook": {"url": "https://a.example/\nX: y", "secret_env": "A", "private": False, "ordered": False}},
    {"webhook": {"url": "https:///x", "secret_env": "A", "private": False, "ordered": False}},
    {"webhook": {"url": "https://a.example:99999/", "secret_env": "A", "private": False, "ordered": False}},
    {"webhook": {"url": "https://[::1", "secret_env": "A", "private": True, "ordered": False}},
    {"webhook": {"url": "https://a.example/" + "x" * 3000, "secret_env": "A", "private": True, "ordered": False}},
    {"webhook": {"url": "https://a.example/", "secret_env": "a b", "private": False, "ordered": False}},
    {"webhook": {"url": "https://a.example/", "secret_env": "", "private": False, "ordered": False}},
    {"webhook": {"url": "https://a.example/", "secret_env": "A", "private": 1, "ordered": False}},
    {"users": [{"name": "a", "title": None, "login": None, "password": "1234"}]},
    {"users": [{"name": "a", "title": None, "login": None, "password": "$argon2i$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"}]},
    {"users": [{"name": "a", "title": None, "login": "12a4", "password": None}]},
    {"users": [{"name": "A", "title": None, "login": None, "password": None}]},
    {"users": [{"name": "a\n", "title": None, "login": None, "password": None}]},
    {"users": [{"name": "a", "title": None, "login": "1", "password": None}] * 2},
    {"users": [{"name": n, "title": None, "login": "1", "password": None} for n in "ab"]},
]

FIELD_FAULTS: list[dict[str, Any]] = [
    {"kind": "pin"},
    {"sound": "a b"},
    {"sound": ""},
    {"sound": "a\nSET VARIABLE X 1"},
    {"sound": 'x"'},
    {"least": 0},
    {"least": 5},
    {"most": 10_000},
    {"most": None},
    {"optional": "yes"},
    {"optional": True},
    {"codes": [{"first": "1001", "last": "1001", "text": None}]},
    {"regex": ".*"},
]

CODE_FAULTS: list[dict[str, Any]] = [
    {"first": "12"},
    {"first": "1201", "last": "1201"},
    {"first": "130"},
    {"first": ""},
    {"first": "1*1"},
    {"first": "\u0661\u0661\u0661"},
    {"first": 101},
    {"last": None},
    {"text": "a\nb"},
    {"text": 5},
    {"price": 2},
]

CLOCK_FAULTS: list[dict[str, Any]] = [
    {"keys": [["1", "in"]]},
    {"keys": [["1", "in"], ["2", "out"], ["3", "break"]]},
    {"keys": [["1", "in"], ["1", "out"]]},
    {"keys": [["1", "in"], ["22", "out"]]},
    {"keys": [["1", "in"], ["#", "out"]]},
    {"keys": [["1", "in"], ["2", "out"], ["3", "party"]]},
    {"keys": []},
    {"keys": [["1", "in", "out"]]},
    {"sound": None},
    {"sound": "a b"},
    {"close": 0},
    {"close": 10**9},
    {"round": 5},
]


@pytest.mark.parametrize("change", MODULE_FAULTS, ids=str)
def test_a_fault_in_a_module_refuses_the_file(good: dict[str, Any], change: dict[str, Any]) -> None:
    good["modules"][0] |= change
    with pytest.raises(ModulesError) as caught:
        parse(good)
    assert "$argon2" not in str(caught.value)


@pytest.mark.parametrize("change", FIELD_FAULTS, ids=str)
def test_a_fault_in_a_field_refuses_the_file(good: dict[str, Any], change: dict[str, Any]) -> None:
    good["modules"][0]["fields"][0] |= change
    with pytest.raises(ModulesError):
        parse(good)


@pytest.mark.parametrize("change", CODE_FAULTS, ids=str)
def test_a_fault_in_a_code_refuses_the_file(good: dict[str, Any], change: dict[str, Any]) -> None:
    code = {"first": "101", "last": "120", "text": "a room"}
    good["modules"][0]["fields"][2]["codes"] = [code]
    assert parse(good)["hotel_staff"].fields[2].codes == (Code("101", "120", "a room"),)
    good["modules"][0]["fields"][2]["codes"] = [code, code | change]
    with pytest.raises(ModulesError):
        parse(good)


@pytest.mark.parametrize("change", CLOCK_FAULTS, ids=str)
def test_a_fault_in_a_clock_refuses_the_file(tmp_path: Path, change: dict[str, Any]) -> None:
    good = json.loads(write_modules(tmp_path / "clock.json", CLOCK).read_text())
    assert parse(good)["clock"] == CLOCK
    good["modules"][0]["clock"] |= change
    with pytest.raises(ModulesError):
        parse(good)


@pytest.mark.parametrize(
    "change",
    [{"offline": "grant"}, {"clock": None}, {"purpose": "register"}, {"fields": [asdict(field("extra1"))], "log": []}],
    ids=str,
)
def test_what_a_clock_cannot_have(tmp_path: Path, change: dict[str, Any]) -> None:
    good = json.loads(write_modules(tmp_path / "clock.json", CLOCK).read_text())
    good["modules"][0] |= change
    with pytest.raises(ModulesError):
        parse(good)


@pytest.mark.parametrize("numbers", [None, "600", [600], ["6 0"], ["+32"], [""], ["6\n"]])
def test_extensions_are_numbers(good: dict[str, Any], numbers: object) -> None:
    with pytest.raises(ModulesError, match="extensions"):
        parse(good | {"extensions": numbers})
    with pytest.raises(ModulesError):
        parse({key: value for key, value in good.items() if key != "extensions"})


def test_twins(good: dict[str, Any]) -> None:
    with pytest.raises(ModulesError, match="two modules"):
        parse(good | {"modules": good["modules"] * 2})
    good["modules"][0]["fields"].append(good["modules"][0]["fields"][0])
    with pytest.raises(ModulesError, match="one code twice"):
        parse(good)


@given(st.data())
def test_cut_or_twisted_bytes_are_one_exception(data: st.DataObject) -> None:
    content = json.dumps(
        {"format": 2, "settings": {}, "extensions": [], "modules": [{"name": "a", "fields": [{}], "users": [1]}]}
    )
    place = data.draw(st.integers(0, len(content)))
    twisted = content[:place].encode() + data.draw(st.binary(max_size=3)) + content[place + 1 :].encode()
    with pytest.raises(ModulesError):
        parse_modules(twisted)


class TestStore:
    def test_reads_again_when_the_file_changed(self, tmp_path: Path) -> None:
        path = write_modules(tmp_path / "m.json", module())
        store = ModuleStore(path)
        assert store.compiled().modules.get("hotel_staff") == module_like(store, tries=3)
        write_modules(path, module(tries=5), module("other"))
        assert store.compiled().modules.get("hotel_staff") == module_like(store, tries=5)
        assert store.compiled().modules.get("other")
        assert store.compiled().modules.get("no-such") is None

    def test_does_not_read_when_nothing_changed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = ModuleStore(write_modules(tmp_path / "m.json", module()))
        store.compiled().modules.get("x")
        monkeypatch.setattr("routec.signin.modules.read_modules", lambda _path: pytest.fail("read again"))
        assert store.compiled().modules.get("hotel_staff")

    @pytest.mark.parametrize("fault", ["bad", "gone"])
    def test_keeps_the_last_good_and_says_so_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
    ) -> None:
        path = write_modules(tmp_path / "m.json", module())
        store = ModuleStore(path)
        store.compiled().modules.get("x")
        if fault == "bad":
            path.write_text('{"format": 2, "mod')
        else:
            path.unlink()
        with caplog.at_level(logging.ERROR):
            assert all(store.compiled().modules.get("hotel_staff") for _ in range(5))
        assert len(caplog.records) == 1
        assert str(path) in caplog.text
        write_modules(path, module("new"))
        assert store.compiled().modules.get("new")

    def test_with_no_good_one_ever(self, tmp_path: Path) -> None:
        store = ModuleStore(tmp_path / "m.json")
        for _ in range(2):
            with pytest.raises(ModulesError, match=r"m\.json"):
                store.compiled().modules.get("hotel_staff")
        write_modules(tmp_path / "m.json", module())
        assert store.compiled().modules.get("hotel_staff")


def module_like(store: ModuleStore, tries: int) -> Module:
    """The module of the tests with the hashes that were written, which are salted anew each time."""
    found = store.compiled().modules.get("hotel_staff")
    assert found
    return module(tries=tries, users=found.users)


def test_hashes_of_the_tests_are_hashes() -> None:
    assert PIN not in weak_hash(PIN)


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "signin.json")
    with pytest.raises(ModulesError, match="it is no file"):
        read_modules(tmp_path / "signin.json")

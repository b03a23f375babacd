import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.contract import Module
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


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}', b"NaN"])
def test_not_even_a_file_of_ours(content: bytes) -> None:
    with pytest.raises(ModulesError):
        parse_modules(content)


@pytest.mark.parametrize("number", [0, 2, None, "1", 1.5])
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
    {"regex": ".*"},
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


def test_twins(good: dict[str, Any]) -> None:
    with pytest.raises(ModulesError, match="two modules"):
        parse(good | {"modules": good["modules"] * 2})
    good["modules"][0]["fields"].append(good["modules"][0]["fields"][0])
    with pytest.raises(ModulesError, match="one code twice"):
        parse(good)


@given(st.data())
def test_cut_or_twisted_bytes_are_one_exception(data: st.DataObject) -> None:
    content = json.dumps({"format": 1, "settings": {}, "modules": [{"name": "a", "fields": [{}], "users": [1]}]})
    place = data.draw(st.integers(0, len(content)))
    twisted = content[:place].encode() + data.draw(st.binary(max_size=3)) + content[place + 1 :].encode()
    with pytest.raises(ModulesError):
        parse_modules(twisted)


class TestStore:
    def test_reads_again_when_the_file_changed(self, tmp_path: Path) -> None:
        path = write_modules(tmp_path / "m.json", module())
        store = ModuleStore(path)
        assert store.get("hotel_staff") == module_like(store, tries=3)
        write_modules(path, module(tries=5), module("other"))
        assert store.get("hotel_staff") == module_like(store, tries=5)
        assert store.get("other")
        assert store.get("no-such") is None

    def test_does_not_read_when_nothing_changed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = ModuleStore(write_modules(tmp_path / "m.json", module()))
        store.get("x")
        monkeypatch.setattr("routec.signin.modules.read_modules", lambda _path: pytest.fail("read again"))
        assert store.get("hotel_staff")

    @pytest.mark.parametrize("fault", ["bad", "gone"])
    def test_keeps_the_last_good_and_says_so_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
    ) -> None:
        path = write_modules(tmp_path / "m.json", module())
        store = ModuleStore(path)
        store.get("x")
        if fault == "bad":
            path.write_text('{"format": 1, "mod')
        else:
            path.unlink()
        with caplog.at_level(logging.ERROR):
            assert all(store.get("hotel_staff") for _ in range(5))
        assert len(caplog.records) == 1
        assert str(path) in caplog.text
        write_modules(path, module("new"))
        assert store.get("new")

    def test_with_no_good_one_ever(self, tmp_path: Path) -> None:
        store = ModuleStore(tmp_path / "m.json")
        for _ in range(2):
            with pytest.raises(ModulesError, match=r"m\.json"):
                store.get("hotel_staff")
        write_modules(tmp_path / "m.json", module())
        assert store.get("hotel_staff")


def module_like(store: ModuleStore, tries: int) -> Module:
    """The module of the tests with the hashes that were written, which are salted anew each time."""
    found = store.get("hotel_staff")
    assert found
    return module(tries=tries, users=found.users)


def test_hashes_of_the_tests_are_hashes() -> None:
    assert PIN not in weak_hash(PIN)

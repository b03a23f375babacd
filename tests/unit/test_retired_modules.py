"""Modules that went with their routes, while calls stand in these."""

import json
from pathlib import Path

import pytest

from routec.apply.held import Held, Priority, of_text
from routec.apply.retired_modules import are_as_written, asked, retired_modules
from routec.apply.shelf import MANIFEST_FILE, Shelf
from routec.contract import MODULES_FILE, RETIRED_MODULES_FILE
from routec.pipeline import Input, compile_routes, render
from routec.signin.modules import ModulesError, ModuleStore

GATE = 'auth gate { login ask "beep" digits 4; user anna login 2001 }\n'
DESK = 'auth desk { login ask "beep" digits 4; user bert login 2002 }\n'
ROUTE = "route front { on extension 600; auth gate else hangup; dial 101 }\n"
PLAIN = "route front { on extension 600; dial 101 }\n"


def built(text: str) -> dict[str, bytes]:
    return render(compile_routes(Input({"routes/a.route": text.encode()})))


def contexts(files: dict[str, bytes]) -> Held:
    return of_text(files["extensions.conf"].decode())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / MODULES_FILE).write_bytes(built(GATE + ROUTE)[MODULES_FILE])
    return Shelf(tmp_path)


def names(data: bytes | None) -> list[str]:
    return [module["name"] for module in json.loads(data or b'{"modules": []}')["modules"]]


def test_who_is_asked_for() -> None:
    assert asked(contexts(built(GATE + ROUTE))) == {"gate"}
    assert asked(contexts(built(PLAIN))) == set()
    assert asked({"routec-x": {"1": {1: Priority("", "AGI", "agi://[::1]:4573/signin/night_desk")}}}) == {"night_desk"}
    assert asked({"routec-x": {"1": {1: Priority("", "AGI", "agi://h:1/doctor")}}}) == set()


def test_a_module_that_went_is_kept_as_it_was(shelf: Shelf) -> None:
    old, new = built(GATE + ROUTE), built(DESK + PLAIN)
    kept = retired_modules(new[MODULES_FILE], contexts(old), shelf)
    assert names(kept) == ["gate"]
    assert json.loads(kept or b"")["modules"] == json.loads(old[MODULES_FILE])["modules"]


def test_one_that_is_there_is_the_builds_and_nobody_elses(shelf: Shelf) -> None:
    assert retired_modules(built(GATE + PLAIN)[MODULES_FILE], contexts(built(GATE + ROUTE)), shelf) is None


def test_it_stays_while_a_context_names_it_and_goes_with_it(shelf: Shelf) -> None:
    old, new = contexts(built(GATE + ROUTE)), built(PLAIN)[MODULES_FILE]
    kept = retired_modules(new, old, shelf)
    assert kept
    (shelf.folder / RETIRED_MODULES_FILE).write_bytes(kept)
    (shelf.folder / MODULES_FILE).write_bytes(new)
    assert retired_modules(new, old, shelf) == kept
    assert retired_modules(new, contexts(built(PLAIN)), shelf) is None


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]", b'{"format": 1, "modules": []}', b'{"format": 2, "modules": [1]}']
)
def test_what_cannot_be_read_is_not_there(shelf: Shelf, broken: bytes) -> None:
    (shelf.folder / MODULES_FILE).write_bytes(broken)
    assert retired_modules(built(PLAIN)[MODULES_FILE], contexts(built(GATE + ROUTE)), shelf) is None


def test_the_checker_finds_it_for_calls_that_still_ask(shelf: Shelf) -> None:
    new = built(DESK + PLAIN)[MODULES_FILE]
    kept = retired_modules(new, contexts(built(GATE + ROUTE)), shelf)
    (shelf.folder / MODULES_FILE).write_bytes(new)
    store = ModuleStore(shelf.folder / MODULES_FILE)
    assert store.module("gate")[0] is None
    (shelf.folder / RETIRED_MODULES_FILE).write_bytes(kept or b"")
    module, compiled = store.module("gate")
    assert module
    assert module.users[0].login == "2001"
    assert "gate" not in compiled.modules
    assert store.module("desk")[0] == compiled.modules["desk"]
    assert store.module("nobody")[0] is None
    (shelf.folder / RETIRED_MODULES_FILE).write_bytes(b"{")
    assert store.module("gate")[0] is None


def test_without_modules_of_a_build_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModulesError):
        ModuleStore(tmp_path / MODULES_FILE).module("gate")


def test_what_somebody_edited_is_not_kept(shelf: Shelf) -> None:
    old, new = built(GATE + ROUTE), built(PLAIN)[MODULES_FILE]
    kept = retired_modules(new, contexts(old), shelf)
    assert kept
    assert are_as_written(kept)
    (shelf.folder / MODULES_FILE).write_bytes(new)
    edited = kept.replace(b"2001", b"2009")
    assert not are_as_written(edited)
    (shelf.folder / RETIRED_MODULES_FILE).write_bytes(edited)
    assert retired_modules(new, contexts(old), shelf) is None
    assert retired_modules(b"{", contexts(old), shelf) is None
    (shelf.folder / RETIRED_MODULES_FILE).write_bytes(kept)
    assert retired_modules(new, contexts(old), shelf) == kept
    assert retired_modules(b"{", contexts(old), shelf) == kept


def test_an_edited_file_of_a_build_is_not_kept_from(shelf: Shelf) -> None:
    old, new = built(GATE + ROUTE), built(PLAIN)[MODULES_FILE]
    (shelf.folder / MANIFEST_FILE).write_bytes(old[MANIFEST_FILE])
    assert retired_modules(new, contexts(old), shelf)
    (shelf.folder / MODULES_FILE).write_bytes(old[MODULES_FILE].replace(b"2001", b"2009"))
    assert retired_modules(new, contexts(old), shelf) is None

"""A PIN is typed, wrong and right, into everything; then all that came out is searched for it."""

import logging
import sqlite3
from pathlib import Path

import pytest

from routec.settings import Runtime
from routec.signin.modules import ModuleStore
from routec.signin.server import Server
from routec.signin.session import Checker
from routec.signin.store import Log

from .fake import PEPPER, PIN, FakeAsterisk, HangUp, Keys, module, write_modules

WRONG = "90817263"

CALLS: dict[str, list[Keys]] = {
    "granted": ["1001", PIN, "204"],
    "wrong": ["1001", WRONG] * 3,
    "hangup after the PIN": ["1001", PIN, HangUp],
    "hangup in mid-PIN": ["1001", f"200 result={WRONG}".encode()],
    "a PIN in an answer that is not AGI": ["1001", f"{PIN}\n".encode()],
    "a PIN in a refusal": ["1001", f"510 {PIN}\n".encode()],
    "a PIN in a usage text": ["1001", f"520-{PIN}\n{PIN}\n520 {PIN}\n".encode()],
    "a PIN too long": ["1001", f"200 result={PIN}{WRONG}\n".encode()],
}


@pytest.mark.parametrize("fails", [False, True], ids=["all well", "the log fails"])
@pytest.mark.parametrize("keys", CALLS.values(), ids=CALLS)
def test_the_pin_is_nowhere(
    keys: list[Keys],
    fails: bool,
    checker: Checker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    if fails:
        monkeypatch.setattr("routec.signin.migrate.make_ready", lambda *_: None)
    with Server(checker, ("127.0.0.1", 0)) as server:
        call = FakeAsterisk(*keys).call(server.address)
    said = capfd.readouterr()
    shown = "\n".join(
        [
            caplog.text,
            *(repr(vars(record)) for record in caplog.records),
            said.out,
            said.err,
            *call.commands,
            repr(call.variables),
            *(path.read_bytes().decode("latin-1") for path in (tmp_path / "state").glob("*")),
        ]
    )
    assert call.verdict != "granted" or not fails
    for secret in (PIN, WRONG, PEPPER, "$argon2id"):
        assert secret not in shown


def test_a_logged_password_is_in_its_row_and_nowhere_else(
    modules_file: Path, runtime: Runtime, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    write_modules(modules_file, module(log=("password",)))
    with Server(Checker(ModuleStore(modules_file), log, runtime), ("127.0.0.1", 0)) as server:
        call = FakeAsterisk("1001", PIN, "204").call(server.address)
    said = caplog.text
    (row,) = log.read()
    assert row.password == PIN
    assert PIN not in said + repr(call.variables) + "".join(call.commands) + repr(row)
    assert "INSERT INTO signins" in said, "SQLAlchemy was to be heard in this test"


def test_a_password_that_was_to_be_logged_is_not_in_the_fault_of_its_row(
    modules_file: Path, runtime: Runtime, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    write_modules(modules_file, module(log=("login", "password")))
    with Server(Checker(ModuleStore(modules_file), log, runtime), ("127.0.0.1", 0)) as server:
        assert FakeAsterisk("1001", PIN, "204").call(server.address).verdict == "granted"
        with sqlite3.connect(runtime.state / "signin.db") as database:
            database.execute("ALTER TABLE signins RENAME TO gone")
        database.close()
        call = FakeAsterisk("1001", PIN, "204").call(server.address)
    assert call.verdict == "error"
    assert "the row of this sign-in" in caplog.text
    shown = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert PIN not in shown + repr(call.variables) + "".join(call.commands)

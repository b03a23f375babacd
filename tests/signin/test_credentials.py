import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from routec.contract import PASSWORD_HASH, User
from routec.settings import Runtime
from routec.signin import credentials
from routec.signin.credentials import CredentialsError, Verifier, hash_pin, read_pepper
from routec.signin.outcome import Secret

from .fake import PEPPER, PIN, field, module, weak_hash

pepper = Secret(PEPPER)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cost of each hash that is computed."""
    costs: list[str] = []
    matches = credentials._matches

    def counting(hash: str, keyed: bytes) -> bool:
        costs.append(hash.split("$")[3])
        return matches(hash, keyed)

    monkeypatch.setattr(credentials, "_matches", counting)
    return costs


def test_hash_is_argon2id_of_the_agreed_cost_and_matches_itself() -> None:
    made = hash_pin(Secret(PIN), pepper)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD_HASH.fullmatch(made)
    assert PIN not in made
    verifier = Verifier(module(users=[User("one", None, "1001", made)]), pepper)
    assert verifier.verify("1001", Secret(PIN)) == ("one",)
    assert verifier.verify("1001", Secret(PIN[:-1])) == ()
    assert hash_pin(Secret(PIN), pepper) != made


def test_another_pepper_matches_nothing() -> None:
    assert Verifier(module(), Secret("another")).verify("1001", Secret(PIN)) == ()


@pytest.mark.parametrize(("login", "pin"), [("1001", "2486"), ("1002", PIN), ("1003", PIN), ("", PIN), ("1001", "")])
def test_wrong_credentials(login: str, pin: str) -> None:
    assert Verifier(module(), pepper).verify(login, Secret(pin)) == ()


def test_a_credential_that_the_module_asks_for_cannot_be_left_out() -> None:
    both = Verifier(module(), pepper)
    assert both.verify("1001", None) == ()
    assert both.verify(None, Secret(PIN)) == ()
    assert Verifier(module(fields=[field("login")]), None).verify(None, None) == ()
    assert Verifier(module(fields=[field("extra1")]), None).verify("1001", None) == ()


def test_a_user_without_password_or_login_is_not_let_in_where_both_are_asked() -> None:
    users = [User("open", None, "1001", None), User("shared", None, None, weak_hash(PIN))]
    verifier = Verifier(module(users=users), pepper)
    assert verifier.verify("1001", Secret(PIN)) == ()
    assert verifier.verify("", Secret(PIN)) == ()


def test_an_unknown_login_costs_what_a_wrong_pin_costs(counted: list[str]) -> None:
    verifier = Verifier(module(), pepper)
    verifier.verify("1001", Secret("0000"))
    wrong_pin = counted.copy()
    verifier.verify("1009", Secret("0000"))
    assert wrong_pin
    assert counted == wrong_pin * 2


def test_of_shared_passwords_all_are_computed(counted: list[str]) -> None:
    users = [User(f"u{n}", None, None, weak_hash(str(1000 + n))) for n in range(4)]
    verifier = Verifier(module(fields=[field("password")], users=users), pepper)
    for pin, found in (("1000", ("u0",)), ("1003", ("u3",)), ("9999", ())):
        counted.clear()
        assert verifier.verify(None, Secret(pin)) == found
        assert len(counted) == 4


def test_a_password_of_several_is_all_of_theirs_at_the_cost_of_any_other(counted: list[str]) -> None:
    users = [User(f"u{n}", None, None, weak_hash(str(1000 + n % 2))) for n in range(4)]
    verifier = Verifier(module(fields=[field("password")], users=users), pepper)
    for pin, found in (("1000", ("u0", "u2")), ("1001", ("u1", "u3")), ("9999", ())):
        counted.clear()
        assert verifier.verify(None, Secret(pin)) == found
        assert len(counted) == 4


def test_a_module_without_users_lets_nobody_in(counted: list[str]) -> None:
    assert Verifier(module(users=[]), pepper).verify("1001", Secret(PIN)) == ()
    assert counted == ["m=19456,t=2,p=1"]


def test_login_only_needs_no_pepper() -> None:
    verifier = Verifier(module(fields=[field("login")]), None)
    assert verifier.verify("1001", None) == ("floor1",)
    assert verifier.verify("1009", None) == ()


def test_a_password_module_without_pepper_is_refused() -> None:
    with pytest.raises(CredentialsError, match="no pepper"):
        Verifier(module(), None)


def test_a_hash_that_cannot_be_computed_is_a_fault_and_no_wrong_pin() -> None:
    users = [User("one", None, "1001", "$argon2id$v=19$m=8,t=1,p=9$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA")]
    with pytest.raises(CredentialsError):
        Verifier(module(users=users), pepper).verify("1001", Secret(PIN))


class TestPepper:
    def runtime(self, tmp_path: Path, **environ: str) -> Runtime:
        return Runtime.of({"ROUTEC_STATE": str(tmp_path)} | environ)

    def test_environment_wins(self, tmp_path: Path) -> None:
        assert read_pepper(self.runtime(tmp_path, ROUTEC_PEPPER="a\n")) == Secret("a")

    def test_file(self, tmp_path: Path) -> None:
        file = tmp_path / "pepper"
        file.write_text("abc\n")
        for mode in (0o600, 0o400, 0o640):
            file.chmod(mode)
            assert read_pepper(self.runtime(tmp_path)) == Secret("abc")

    @pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o660, 0o666, 0o777])
    def test_open_to_others(self, tmp_path: Path, mode: int) -> None:
        file = tmp_path / "pepper"
        file.write_text("abc-pepper")
        file.chmod(mode)
        with pytest.raises(CredentialsError, match=re.escape(str(file))) as caught:
            read_pepper(self.runtime(tmp_path))
        assert "abc-pepper" not in str(caught.value) + caught.value.help

    @pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * 5000])
    def test_unusable(self, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "pepper"
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(CredentialsError, match=re.escape(str(file))):
            read_pepper(self.runtime(tmp_path))

    def test_missing_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialsError, match="no pepper") as caught:
            read_pepper(self.runtime(tmp_path))
        assert str(tmp_path / "pepper") in caught.value.help

    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_no_file(self, tmp_path: Path, make: Callable[[Path, int], None]) -> None:
        make(tmp_path / "pepper", 0o600)
        with pytest.raises(CredentialsError, match=re.escape(str(tmp_path / "pepper"))):
            read_pepper(self.runtime(tmp_path))

    def test_blank_environment_is_refused_and_not_passed_over(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialsError, match="ROUTEC_PEPPER"):
            read_pepper(self.runtime(tmp_path, ROUTEC_PEPPER=" "))

    def test_the_runtime_does_not_show_it(self, tmp_path: Path) -> None:
        shown = repr(self.runtime(tmp_path, ROUTEC_PEPPER="abc-pepper", ROUTEC_DATABASE="postgresql://a:hush@b/c"))
        assert "abc-pepper" not in shown
        assert "hush" not in shown

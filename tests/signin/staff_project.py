"""A project with one sign-in module, `staff`, for the verbs that change its users."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from routec.contract import User
from routec.pipeline import compile_routes
from routec.project import load
from routec.signin.credentials import Verifier
from routec.signin.outcome import Secret

from .fake import OTHER_PIN, PEPPER, module, weak_hash

HASH: Final = weak_hash(OTHER_PIN)
PROMPTS: Final = 'prompt enter_login "agent-user"\nprompt enter_pin "agent-pass"\n'
ROUTE: Final = "\nroute line {\n  on extension 600\n  auth staff else hangup\n  dial 101\n}\n"
BLOCK: Final = f"""\
# Who may pass
auth staff "Staff" {{
    login    ask enter_login  digits 4
    password ask enter_pin    digits 4..8   # the PIN

    user  anna "Anna"  login 1001 password "{HASH}"   # in the kitchen
    # the last one
}}
"""
IN_FORCE: Final = "in force at the next build; `routec serve` and `routec watch` build by themselves\n"
LINES: Final = 'user  anna "Anna"  login 1001 password "{hash}"   # in the kitchen\n'
"""A file of users, to be formatted with a hash."""


def project(block: str = BLOCK, **files: str) -> Path:
    """A project with one module, `staff`; files of users by their name."""
    route = Path("routes/staff.route")
    route.write_bytes((PROMPTS + block + ROUTE).encode())
    for name, text in files.items():
        Path(f"routes/{name}.users").write_bytes(text.encode())
    return route


def block_of(route: Path) -> str:
    text = route.read_bytes().decode()
    return text[len(PROMPTS) : -len(ROUTE)]


def people() -> Mapping[str, User]:
    """The users of `staff`, as the compiler understands what is on disk; there is no error."""
    compilation = compile_routes(load(Path()))
    assert not compilation.failed
    (staff,) = (each for each in compilation.system.modules if each.name == "staff")
    return {user.name: User(user.name, user.title, user.login, user.password) for user in staff.users}


def is_pin(pin: str, hash: str | None) -> bool:
    return bool(Verifier(module(users=[User("a", None, "1", hash)]), Secret(PEPPER)).verify("1", Secret(pin)))

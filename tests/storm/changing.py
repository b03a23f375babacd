"""Routes that change at random: what calls can stand in, and a gate that is now here, now there, now nowhere.

Behind a gate, and only there, stands `prompt "routec/ok"`; a path without a gate has `prompt "routec/open"` instead.
"""

import random

from tests.asterisk.house import PEPPER
from tests.signin.fake import weak_hash

NUMBERS = tuple(str(number) for number in range(600, 608))
PIN, WRONG_PIN = "2468", "1357"
LOGIN = "2001"
SOUNDS = {"welcome": 0.1, "ok": 0.1, "open": 0.1, "refused": 0.1, "enter_login": 0.1, "enter_pin": 0.1, "long": 1.5}
"""Every sound, and how long it is, in seconds."""

PLACES = (
    "wait 1s", "wait 2s", "wait 3s", "dial 103 for 1s else { prompt \"routec/welcome\" }", "dial 102 for 20s",
    'prompt "routec/long"', 'prompt "routec/welcome"',
)  # fmt: skip
ENDS = ("hangup", "hangup busy", "hangup congestion", "hangup rejected")


def modules() -> str:
    """Two gates, with one user."""
    hashed = weak_hash(PIN, PEPPER)
    return "".join(
        f'auth {name} {{ login ask "routec/enter_login" digits 4; password ask "routec/enter_pin" digits 4..8\n'
        f'  tries 1; lockout after 1000 for 1s\n  user anna login {LOGIN} password "{hashed}" }}\n'
        for name in ("north", "south")
    )


def routes(chance: random.Random) -> str:
    """The routes of one generation: most numbers have one, half of these lead on to another route."""
    texts = []
    for number in NUMBERS:
        if chance.random() < 0.1:
            continue
        steps = _steps(chance)
        cut = chance.randint(1, len(steps) - 1)
        first, second = steps[:cut], steps[cut:]
        if chance.random() < 0.5:
            texts.append(f"route inner{number} {{ {'; '.join(second)} }}\n")
            second = [f"goto inner{number}"]
        texts.append(f"route front{number} {{ on extension {number}; {'; '.join([*first, *second])} }}\n")
    return "".join(texts)


def _steps(chance: random.Random) -> list[str]:
    """One path: places, a gate among them or not, what it guards, and the end."""
    steps = [chance.choice(PLACES) for _ in range(chance.randint(1, 3))]
    is_guarded = chance.random() < 0.7
    if is_guarded:
        name = chance.choice(("north", "south"))
        gate = f'auth {name} else {{ prompt "routec/refused"; {chance.choice(ENDS)} }}'
        steps.insert(chance.randint(0, len(steps)), gate)
    return [*steps, 'prompt "routec/ok"' if is_guarded else 'prompt "routec/open"', chance.choice(ENDS)]

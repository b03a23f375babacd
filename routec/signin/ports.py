"""What a conversation needs of the world, as it sees it: a line, somebody who verifies, and a ledger.

The session hands in Asterisk, the users and the log; the call simulator and the tests hand in their own.
"""

from collections.abc import Sequence
from typing import Protocol

from routec.signin.outcome import Outcome, Recorded, Secret


class Line(Protocol):
    """The caller. Each method returns when the caller has heard it, and raises `CallerGone`.

    A sound that cannot be played is passed over: who knows what to key can still key it.
    """

    def ask(self, sound: str, most: int, seconds: float) -> str:
        """Play `sound` and return the keys pressed before `#`, `most` of them at most, perhaps none.

        `seconds` is the wait for the first key and between keys. With `most` 1, one key is enough.
        """
        ...

    def play(self, sound: str) -> None:
        """Play `sound`; keys pressed meanwhile are lost."""
        ...

    def say_digits(self, digits: str) -> None:
        """Say the digits one by one."""
        ...

    def say_time(self, when: int) -> None:
        """Say the hour and the minute of a time in seconds since 1970, in Asterisk's own zone."""
        ...


class Verifier(Protocol):
    """Who knows whose credentials these are."""

    def verify(self, login: str | None, password: Secret | None) -> Sequence[str]:
        """Return the names of the users whose credentials these are: none, one, or those who share a password."""
        ...


class Ledger(Protocol):
    """What is kept of a conversation, across calls. Whatever a method raises ends the conversation without a grant."""

    def charge(self, login: str | None) -> bool:
        """Count a failure before credentials are verified; False if there were too many, and nobody is verified."""
        ...

    def proved(self) -> None:
        """Give back the last charge: the credentials were right, and the caller has more to key before a row."""
        ...

    def record(self, outcome: Outcome) -> Recorded:
        """Write the row of a granted outcome, durable when this returns, and give back the last charge.

        Raises `ClashError`, with nothing written, if a time clock cannot do what is asked.
        """
        ...

"""What a sign-in can come to, and why; and the one type in which a PIN may be held.

The reasons stand in the log beside the verdict. They are for who reads the log, never for the caller.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, final

OK = "ok"
WRONG = "wrong"
"""The tries were used up, and at least one of them had keys in it."""
SILENCE = "silence"
"""The tries were used up and no key was ever pressed."""
LOCKED = "locked"
"""There were too many failures before; what was keyed was not even verified."""
AMBIGUOUS = "ambiguous"
"""The password is that of several users, and a time clock must know whose."""
INCOMPLETE = "incomplete"
"""The caller was verified, but did not give a further code that the module demands."""
UNKNOWN_CODE = "unknown-code"
"""The caller was verified, but gave no code that is in the field's table."""
UNCONFIRMED = "unconfirmed"
"""What was keyed was read back, and the caller never said that it is right."""
CLASH = "clash"
"""The time clock could not do what was asked: `in` for who is in already."""
HANGUP = "hangup"
DEADLINE = "deadline"
"""The module's `seconds` were over before all was asked."""
NO_SOUND = "no-sound"
"""Asterisk would not read keys, neither with the prompt nor without."""
NO_ANSWER = "no-answer"
"""Asterisk fell silent in mid-conversation: the link hangs, or its peer is not Asterisk."""
PROTOCOL = "protocol"
"""Asterisk's end said something that is not AGI."""
UNKNOWN_MODULE = "unknown-module"
FAULT = "fault"
"""Something of ours failed; the process log says what."""
FORGOTTEN = "forgotten"
"""Nobody called: a shift that was not clocked out was closed."""
REPEATED = "repeated"
"""The same call had clocked already, so nothing was clocked again."""


@final
class Secret:
    """A text that must not be seen: no repr, str, format, traceback or pickle shows it; `reveal` does."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself. Every call of this is a place to look at in a review."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a secret is no key of anything

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class CallerGone(Exception):  # noqa: N818 (what happened, and no error of anybody's)
    """Nobody is left to ask. `reason` is `HANGUP`, or what else ended the line."""

    def __init__(self, reason: str = HANGUP) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a conversation, or one item of it, came to.

    `user` is whom the credentials proved, even if the conversation was denied later on. `login` and `password` are
    the last well-formed ones keyed, the password only if it was keyed with that login; a field that the caller was
    still keying is not kept. `attempts` counts the times that credentials were asked for. `action` is what was asked
    of a time clock, None for the one that is due.
    """

    verdict: str
    reason: str
    user: str | None = None
    login: str | None = None
    password: Secret | None = None
    extra1: str | None = None
    extra2: str | None = None
    attempts: int = 0
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the log made of a granted outcome: what the time clock did, if anything, and when. `time` has a zone."""

    action: str | None
    time: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """How a conversation ended. `outcome` is what Asterisk is told; if it is granted, its row is durable.

    `left` is the row that is still to be written, if any: that of a refusal, or of an item that was begun and not
    finished. `is_gone` says that nobody is there to be told anything.
    """

    outcome: Outcome
    left: Outcome | None = None
    is_gone: bool = False

"""One sign-in conversation: which codes are asked for, how often, and what the answers come to.

This module is pure. It has no socket, no clock of its own, no hashing and no store: the line, the verifier and the
clock are handed in, so the call simulator runs the very code that real callers meet.

There is one place that grants, the last line of `Conversation._decide`, and it is reached only when the verifier has
named a user (or the module asks for no credentials) and every code that the module demands has been given.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol, final

from routec.contract import DENIED, DIGIT_SECONDS, FIELDS, GRANTED, Field, Module

OK = "ok"
WRONG = "wrong"
"""The tries were used up, and at least one of them had keys in it."""
SILENCE = "silence"
"""The tries were used up and no key was ever pressed."""
INCOMPLETE = "incomplete"
"""The caller was verified, but did not give a further code that the module demands."""
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


class Line(Protocol):
    """The caller, as a conversation sees one."""

    def ask(self, sound: str, most: int, seconds: float) -> str:
        """Play `sound` and return the keys pressed before `#`, `most` of them at most, perhaps none.

        `seconds` is the wait for the first key and between keys. Raises `CallerGone`.
        """
        ...


class Verifier(Protocol):
    """Who knows whose credentials these are."""

    def verify(self, login: str | None, password: Secret | None) -> str | None:
        """Return the user's name, or None if these credentials are nobody's."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a conversation came to.

    `user` is whom the credentials proved, even if the conversation was denied later on. `login` and `password` are
    the last well-formed ones keyed, the password only if it was keyed with that login; a field that the caller was
    still keying is not kept. `attempts` counts the times that credentials were asked for.
    """

    verdict: str
    reason: str
    user: str | None = None
    login: str | None = None
    password: Secret | None = None
    extra1: str | None = None
    extra2: str | None = None
    attempts: int = 0


class _Late(Exception):  # noqa: N818 (as above)
    """The module's time is over."""


class Conversation:
    """One conversation in progress: `run` it once; should that raise, `end` still tells how far it came.

    `clock` counts seconds from any start and never goes back. What `line` and `verifier` raise, other than
    `CallerGone`, goes through `run` to the caller of it.
    """

    def __init__(self, module: Module, line: Line, verifier: Verifier, clock: Callable[[], float]) -> None:
        self._module = module
        self._line = line
        self._verifier = verifier
        self._clock = clock
        self._deadline = clock() + module.seconds
        self._fields = {field.kind: field for field in module.fields}
        self._given: dict[str, str] = {}
        self._password: Secret | None = None
        self._user: str | None = None
        self._attempts = 0
        self._heard_keys = False

    def run(self) -> Outcome:
        """Ask what the module asks, and decide."""
        try:
            return self._decide()
        except CallerGone as gone:
            return self.end(DENIED, gone.reason)
        except _Late:
            return self.end(DENIED, DEADLINE)

    def end(self, verdict: str, reason: str) -> Outcome:
        """The outcome with what has been given so far."""
        return Outcome(
            verdict=verdict,
            reason=reason,
            user=self._user,
            login=self._given.get("login"),
            password=self._password,
            extra1=self._given.get("extra1"),
            extra2=self._given.get("extra2"),
            attempts=self._attempts,
        )

    def _decide(self) -> Outcome:
        if not self._fields:
            return self.end(DENIED, FAULT)
        credentials = [self._fields[kind] for kind in FIELDS if kind in self._fields and kind in ("login", "password")]
        extras = [self._fields[kind] for kind in FIELDS if kind in self._fields and kind not in ("login", "password")]
        if credentials and not self._verified(credentials):
            return self.end(DENIED, WRONG if self._heard_keys else SILENCE)
        if not all(self._took(field) for field in extras):
            return self.end(DENIED, INCOMPLETE)
        # Verifying and the last keys took time too; Asterisk may have cut the call off meanwhile.
        if self._clock() > self._deadline:
            raise _Late
        return self.end(GRANTED, OK)

    def _verified(self, credentials: list[Field]) -> bool:
        """Whether one of the attempts named a user."""
        while self._attempts < self._module.tries:
            self._attempts += 1
            if self._attempt(credentials):
                self._user = self._verifier.verify(
                    self._given["login"] if "login" in self._fields else None,
                    self._password if "password" in self._fields else None,
                )
                if self._user is not None:
                    return True
        return False

    def _attempt(self, credentials: list[Field]) -> bool:
        """Ask each credential once; False at the first that is not well-formed, which needs no verifying."""
        for field in credentials:
            keys = self._ask(field)
            if not _fits(keys, field):
                return False
            if field.kind == "login":
                self._given["login"], self._password = keys, None
            else:
                self._password = Secret(keys)
        return True

    def _took(self, field: Field) -> bool:
        """Ask for a further code until it is well-formed; whether the module may go on."""
        for _ in range(self._module.tries):
            keys = self._ask(field)
            if _fits(keys, field):
                self._given[field.kind] = keys
                return True
            if not keys and field.optional:
                return True
        return False

    def _ask(self, field: Field) -> str:
        # One key more than the field may have: so `#` ends the longest input too, and a key too many is seen as one
        # instead of being cut off, which would let 12345 pass for 1234.
        left = self._deadline - self._clock()
        if left <= 0:
            raise _Late
        keys = self._line.ask(field.sound, field.most + 1, min(DIGIT_SECONDS, left))
        self._heard_keys = self._heard_keys or bool(keys)
        return keys


def converse(module: Module, line: Line, verifier: Verifier, clock: Callable[[], float]) -> Outcome:
    """Hold one conversation from its first prompt to its verdict."""
    return Conversation(module, line, verifier, clock).run()


def _fits(keys: str, field: Field) -> bool:
    """Whether the keys are digits, as many as the field may have."""
    return field.least <= len(keys) <= field.most and keys.isascii() and keys.isdigit()

"""One sign-in conversation: which codes are asked for, how often, and what the answers come to.

This module and what it is made of (`asking`, `register`, `timeclock`) are pure. They have no socket, no clock of their
own, no hashing and no store: the line, the verifier, the ledger and the clock are handed in (`ports`), so the call
simulator runs the very code that real callers meet.

There is one place that grants, `Conversation._grant`. It is reached only when the verifier has named a user (or the
module asks for no credentials) and every code that the module demands has been given; and nothing that sounds like
success is heard before the ledger has the row. What Asterisk is told at the end is `granted` only if that row is there.

Verifying is charged for in advance: the ledger counts the failure before the credentials are looked at, so whoever
hangs up after a guess has paid for it.
"""

from collections.abc import Callable

from routec.contract import DENIED, FIELDS, GRANTED, LOCKED, Field, Module
from routec.signin.asking import Asking, Refused, fits
from routec.signin.outcome import (
    AMBIGUOUS,
    FAULT,
    HANGUP,
    NO_ANSWER,
    OK,
    SILENCE,
    WRONG,
    CallerGone,
    Ending,
    Outcome,
    Recorded,
    Secret,
)
from routec.signin.ports import Ledger, Line, Verifier
from routec.signin.register import register
from routec.signin.timeclock import clock_in_or_out

CREDENTIALS = ("login", "password")


class Conversation:
    """One conversation in progress: `run` it once; should that raise, `end` still tells how far it came.

    `clock` counts seconds from any start and never goes back. What the ports raise, other than `CallerGone` and a
    time clock's `ClashError`, goes through `run` to the caller of it.
    """

    def __init__(
        self, module: Module, line: Line, verifier: Verifier, ledger: Ledger, clock: Callable[[], float]
    ) -> None:
        self._module = module
        self._verifier = verifier
        self._ledger = ledger
        self._asking = Asking(module, line, clock)
        self._fields = {field.kind: field for field in module.fields}
        self._password: Secret | None = None
        self._user: str | None = None
        self._may_pass = False
        self._attempts = 0
        self._stored: Outcome | None = None
        self._is_open = True

    def run(self) -> Ending:
        """Ask what the module asks, and decide."""
        try:
            self._hold()
        except CallerGone as gone:
            return self._ended(DENIED, gone.reason, is_gone=gone.reason in (HANGUP, NO_ANSWER))
        except Refused as refused:
            return self._ended(refused.verdict, refused.reason)
        return self._ended(DENIED, FAULT)

    def end(self, verdict: str, reason: str, action: str | None = None) -> Outcome:
        """The outcome with what has been given so far."""
        return Outcome(
            verdict=verdict,
            reason=reason,
            user=self._user,
            login=self._asking.given.get("login"),
            password=self._password,
            extra1=self._asking.given.get("extra1"),
            extra2=self._asking.given.get("extra2"),
            attempts=self._attempts,
            action=action,
        )

    def _ended(self, verdict: str, reason: str, *, is_gone: bool = False) -> Ending:
        """Granted if anything was stored; what was begun since then, or all of it, is refused for this reason."""
        left = self.end(verdict, reason) if self._is_open else None
        if self._stored is not None:
            return Ending(self._stored, left, is_gone)
        refused = left or self.end(verdict, reason)
        return Ending(refused, refused, is_gone)

    def _hold(self) -> None:
        """The whole conversation; it has stored something when it returns."""
        if _is_unusable(self._module):
            raise Refused(FAULT)
        asked = [self._fields[kind] for kind in FIELDS if kind in self._fields]
        credentials = [field for field in asked if self._module.verify and field.kind in CREDENTIALS]
        others = tuple(field for field in asked if field not in credentials)
        if credentials:
            self._verify(credentials)
            if others or self._module.clock is not None:
                # Keying takes minutes: others who call from the same number must not be shut out meanwhile.
                self._ledger.proved()
        self._may_pass = True
        if self._module.purpose == "register":
            register(self._module, others, self._asking, self._grant, self._begin)
            return
        for field in others:
            self._asking.take(field)
        if self._module.clock is not None:
            clock_in_or_out(self._module.clock, self._module.tries, self._asking, self._grant)
        else:
            self._grant()

    def _grant(self, action: str | None = None) -> Recorded:
        """Keep the row of what was keyed. There is no other way to a grant."""
        if not self._may_pass:
            raise Refused(FAULT)
        # Verifying and the last keys took time too; Asterisk may have cut the call off meanwhile.
        self._asking.check_time()
        outcome = self.end(GRANTED, OK, action)
        recorded = self._ledger.record(outcome)
        self._stored, self._is_open = outcome, False
        return recorded

    def _begin(self) -> None:
        """Another item is being keyed; if it is not finished, that is a row of its own."""
        self._is_open = True

    def _verify(self, credentials: list[Field]) -> None:
        """Return when one of the attempts was somebody's. Raises `Refused`."""
        while self._attempts < self._module.tries:
            if self._attempts:
                self._asking.tell("wrong")
            self._attempts += 1
            if self._attempt(credentials) and self._is_somebody():
                return
        raise Refused(WRONG if self._asking.heard_keys else SILENCE)

    def _attempt(self, credentials: list[Field]) -> bool:
        """Ask each credential once; False at the first that is not well-formed, which needs no verifying."""
        for field in credentials:
            keys = self._asking.keys(field)
            if not fits(keys, field):
                return False
            if field.kind == "login":
                self._asking.given["login"], self._password = keys, None
            else:
                self._password = Secret(keys)
        return True

    def _is_somebody(self) -> bool:
        """Whether the credentials just keyed are anybody's. Raises `Refused` where nobody may even try."""
        login = self._asking.given["login"] if "login" in self._fields else None
        if not self._ledger.charge(login):
            raise Refused(LOCKED, LOCKED)
        users = self._verifier.verify(login, self._password if "password" in self._fields else None)
        if len(users) > 1 and self._module.purpose == "timeclock":
            raise Refused(AMBIGUOUS)
        self._user = users[0] if len(users) == 1 else None
        return bool(users)


def converse(module: Module, line: Line, verifier: Verifier, ledger: Ledger, clock: Callable[[], float]) -> Ending:
    """Hold one conversation from its first prompt to its end."""
    return Conversation(module, line, verifier, ledger, clock).run()


def _is_unusable(module: Module) -> bool:
    """Whether the module makes no sense; the compiler makes none of these, and nobody passes one."""
    kinds = {field.kind for field in module.fields}
    is_anybody = not module.verify or not kinds & {*CREDENTIALS}
    clock = module.clock
    return (
        not kinds
        or (is_anybody and module.purpose != "register")
        or (not module.verify and "password" in kinds)
        or (module.purpose == "timeclock") != (clock is not None)
        or (clock is not None and bool(clock.keys) != (clock.sound is not None))
    )

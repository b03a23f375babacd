"""What one conversation writes into the log: charges before the verifying, rows before the verdict."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from routec.contract import GRANTED, Module
from routec.signin import limits
from routec.signin.call import Call, clean
from routec.signin.outcome import Outcome, Recorded
from routec.signin.store import Attempt, Charge, ClashError, Entry, Log, LogError

_logger = logging.getLogger("routec.signin.ledger")


class CallLedger:
    """The `ports.Ledger` of one call at one module; `module` is None where `name` is no module's.

    `on_row` is called for every row that is durable. `patience` gives the seconds that this call can be kept waiting
    for its turn to write, which it needs when hundreds write at once.

    `has_granted` is set when a granted row is durable, and by nothing else. `has_failed` is set when the log could not
    do what was asked, so that nobody waits for it twice.
    """

    def __init__(
        self,
        log: Log,
        module: Module | None,
        name: str,
        call: Call,
        on_row: Callable[[], None],
        *,
        inside: bool,
        patience: Callable[[], float] = lambda: 0,
    ) -> None:
        self._log = log
        self._module = module
        self._name = name
        self._call = call
        self._on_row = on_row
        self._inside = inside
        self._patience = patience
        self._charge: Charge | None = None
        self.has_granted = False
        self.has_failed = False

    def charge(self, login: str | None) -> bool:
        """Count a failure ahead of the verifying; False if this caller, login or module is locked."""
        module = self._module
        if module is None:
            raise RuntimeError("nobody verifies for a module that is not there")
        self._charge = None
        attempt = Attempt(module.name, login, self._call.party, self._inside)
        try:
            with limits.patient(self._patience()):
                self._charge = self._log.charge(attempt, module.lockout, offline=module.offline == "grant")
        except BaseException:
            self.has_failed = True
            raise
        return self._charge is not None

    def proved(self) -> None:
        """Give back the last charge. Where that fails, it stays: it may have been given back all the same."""
        charge = self._charge
        if charge is None or not charge.buckets:
            return
        self._charge = replace(charge, buckets=())
        try:
            with limits.patient(self._patience()):
                self._charge = self._log.give_back(charge)
        except LogError as error:
            _logger.warning("call %s: a charge stays, though the credentials were right: %s", self._call.id, error)

    def record(self, outcome: Outcome) -> Recorded:
        """Write a granted row, with which the last charge is given back, once."""
        if outcome.verdict != GRANTED:
            raise ValueError("only what is granted is recorded in mid-conversation")
        try:
            with limits.patient(self._patience()):
                stored = self._log.write(self.entry(outcome), self._module, self._charge)
        except ClashError:
            raise  # nothing was written, and the log is well
        except BaseException:
            self.has_failed = True
            raise
        self._charge = None
        self.has_granted = True
        self._on_row()
        return Recorded(stored.action, stored.time)

    def write(self, entry: Entry) -> None:
        """Write a row that grants nothing. The charge stays, unless the credentials were right all the same."""
        if entry.verdict == GRANTED:
            raise ValueError("what is granted is recorded in mid-conversation")
        verified = entry.user is not None
        with limits.patient(self._patience()):
            self._log.write(entry, self._module, self._charge if verified else None, verified=verified)
        self._charge = None
        self._on_row()

    def entry(self, outcome: Outcome) -> Entry:
        """The row of an outcome: only what the module keeps is in it."""
        module, call = self._module, self._call
        kept = module.log if module else ()
        row = Entry(
            time=datetime.now(UTC),
            module=module.name if module else clean(self._name) or "",
            purpose=module.purpose if module else None,
            caller=call.caller,
            called=call.called,
            login=outcome.login if "login" in kept else None,
            user=outcome.user,
            password=None,
            extra1=outcome.extra1 if "extra1" in kept else None,
            extra2=outcome.extra2 if "extra2" in kept else None,
            verdict=outcome.verdict,
            call_id=call.id,
            attempts=outcome.attempts,
            reason=outcome.reason,
            action=outcome.action,
        )
        return replace(row, password=outcome.password.reveal()) if outcome.password and "password" in kept else row

"""One sign-in over AGI, from the call's facts to the verdict: the row is written before the verdict is said.

Whatever goes wrong, one row is tried for and the verdict is never `granted`: not when the row cannot be written, not
when something of ours fails. Once `Checker.sign_in` is entered, nothing is raised from it.

The module and what else the compiled file says are read once, when the call comes in: a file that changes meanwhile
is for the calls after this one.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from routec.contract import (
    ERROR,
    EVENTS,
    EXTRA1,
    EXTRA2,
    GRACE_SECONDS,
    GRANTED,
    LOGIN,
    USER,
    VERDICT,
    Module,
)
from routec.settings import Runtime
from routec.signin.agi import Agi, AgiError
from routec.signin.call import Call, clean
from routec.signin.conversation import Conversation
from routec.signin.credentials import CredentialsError, Verifier, read_pepper
from routec.signin.ledger import CallLedger
from routec.signin.modules import ModulesError, ModuleStore
from routec.signin.outcome import FAULT, NO_ANSWER, PROTOCOL, UNKNOWN_MODULE, CallerGone, Ending, Outcome
from routec.signin.store import Entry, Log, LogError

LAST_WORD_SECONDS = 3
"""How long Asterisk may take to hear the verdict."""

SORRY_SECONDS = 6
"""How long the caller may be told that something failed, before the verdict is said. Asterisk ends a sound when the
next command comes (`waitstream_core` in file.c), so a longer one is cut off."""

MOST_PATIENCE = 15
"""How long a caller may be kept waiting for the log while there is time, in seconds: five hundred at once need some."""

LATE_SECONDS = (1, 4, 10, 15, 30)
"""The pauses before a row that could not be written is tried again; a minute in all."""

_logger = logging.getLogger("routec.signin.session")


class Checker:
    """What all conversations share. One checker serves many threads. `on_row` is called for every durable row."""

    def __init__(
        self,
        modules: ModuleStore,
        log: Log,
        runtime: Runtime,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        on_row: Callable[[], None] = lambda: None,
    ) -> None:
        self._modules = modules
        self._log = log
        self._runtime = runtime
        self._clock = clock
        self._pause = pause
        self._on_row = on_row

    def sign_in(self, agi: Agi, name: str, release: Callable[[], None] = lambda: None) -> Outcome:
        """Hold the conversation of the module `name`, write its row, say the verdict. Raises nothing of its own.

        `release` lets Asterisk go on with the call, where there is more to do that the caller must not wait for.
        """
        one = _SignIn(agi, name, self._log, self._clock, self._on_row)
        return one.run(self._modules, self._runtime, release, self._pause)


class _SignIn:
    """One sign-in in progress."""

    def __init__(self, agi: Agi, name: str, log: Log, clock: Callable[[], float], on_row: Callable[[], None]) -> None:
        self._agi = agi
        self._name = name
        self._clock = clock
        self._call = Call.of(agi.env)
        self._module: Module | None = None
        self._cut_off = math.inf
        """When Asterisk will end the conversation by itself."""
        self._log = log
        self._on_row = on_row
        self._ledger = CallLedger(log, None, name, self._call, on_row, inside=False)

    def run(
        self, modules: ModuleStore, runtime: Runtime, release: Callable[[], None], pause: Callable[[float], None]
    ) -> Outcome:
        call, ending = self._call, self._converse(modules, runtime)
        outcome = ending.outcome
        late = None if ending.left is None else self._ledger.entry(ending.left)
        # A log that failed a moment ago would let the caller wait for it once more.
        if late is not None and not self._ledger.has_failed and self._write(late):
            late = None
        is_unkept = late is not None or (outcome.verdict == GRANTED and not self._ledger.has_granted)
        if is_unkept and not ending.is_gone and outcome.verdict != ERROR:
            outcome = replace(ending.left or outcome, verdict=ERROR, reason=FAULT)
            late = self._ledger.entry(outcome)
        _logger.info("call %s: %s %s (%s)", call.id, ascii(clean(self._name)), outcome.verdict, outcome.reason)
        if not ending.is_gone:
            self._tell(outcome)
        if late is not None:
            release()
            self._write_late(late, pause)
        return outcome

    def _converse(self, modules: ModuleStore, runtime: Runtime) -> Ending:
        agi, call = self._agi, self._call
        try:
            module, compiled = modules.module(self._name)
        except ModulesError as error:
            _logger.error("call %s: %s", call.id, error)  # noqa: TRY400 (a traceback shows what it should not)
            return _failed(Outcome(ERROR, FAULT))
        if module is None:
            _logger.error("call %s: there is no sign-in module %s", call.id, ascii(clean(self._name)))
            return _failed(Outcome(ERROR, UNKNOWN_MODULE))
        self._module = module
        inside = call.extension in compiled.extensions
        deadline = self._clock() + module.seconds

        def patience() -> float:
            return min(MOST_PATIENCE, deadline - self._clock())

        self._ledger = CallLedger(self._log, module, self._name, call, self._on_row, inside=inside, patience=patience)
        try:
            asks_password = module.verify and any(field.kind == "password" for field in module.fields)
            verifier = Verifier(module, read_pepper(runtime) if asks_password else None)
        except CredentialsError as error:
            _logger.error("call %s: %s", call.id, error)  # noqa: TRY400
            return _failed(Outcome(ERROR, FAULT))
        self._cut_off = deadline + GRACE_SECONDS
        # If not even Asterisk ends the call then, we do.
        agi.wire.deadline = self._cut_off + GRACE_SECONDS
        conversation = Conversation(module, agi, verifier, self._ledger, self._clock)
        try:
            ending = conversation.run()
        except AgiError as error:
            _logger.warning("call %s: %s", call.id, error)
            ending = _failed(conversation.end(ERROR, PROTOCOL))
        except (CredentialsError, LogError) as error:
            _logger.error("call %s: %s", call.id, error)  # noqa: TRY400
            ending = _failed(conversation.end(ERROR, FAULT))
        except Exception as error:  # noqa: BLE001 (a bug of ours must not end in silence, nor in a grant)
            _logger.error("call %s: %s", call.id, described(error))  # noqa: TRY400
            ending = _failed(conversation.end(ERROR, FAULT))
        for sound in dict.fromkeys(agi.unplayed):
            _logger.error("call %s: Asterisk could not play %s, a sound of module %s", call.id, sound, module.name)
        return ending

    def _write(self, entry: Entry) -> bool:
        """Write the row of a refusal, and tell whether it is durable."""
        try:
            self._ledger.write(entry)
        except LogError as error:
            _logger.error("call %s: %s", self._call.id, error)  # noqa: TRY400
        except Exception as error:  # noqa: BLE001
            _logger.error("call %s: the row was not written: %s", self._call.id, described(error))  # noqa: TRY400
        else:
            return True
        return False

    def _write_late(self, entry: Entry, pause: Callable[[float], None]) -> None:
        """Try again for a row that nobody waits for any more: the caller was refused, or has gone."""
        for seconds in LATE_SECONDS:
            pause(seconds)
            if self._write(entry):
                return
        _logger.error("call %s: the row of this sign-in at %s is lost", self._call.id, ascii(clean(self._name)))

    def _tell(self, outcome: Outcome) -> None:
        """Say the verdict; and before, to a caller who did nothing wrong, that something failed."""
        if outcome.verdict == ERROR and not self._told_sorry():
            return
        self._agi.wire.deadline = self._clock() + LAST_WORD_SECONDS
        self._say(outcome)

    def _told_sorry(self) -> bool:
        """Play the sound for an error, and tell whether Asterisk may still be there; what fails here is passed over."""
        sound = self._module.tell("error") if self._module else EVENTS["error"]
        if sound is None:
            return True
        self._agi.wire.deadline = min(self._clock() + SORRY_SECONDS, self._cut_off - LAST_WORD_SECONDS)
        try:
            self._agi.play(sound)
        except CallerGone as gone:
            return gone.reason == NO_ANSWER  # it plays for longer than that, or will never answer again
        except AgiError as error:
            _logger.warning("call %s: %s", self._call.id, error)
        except Exception as error:  # noqa: BLE001
            _logger.error("call %s: %s", self._call.id, described(error))  # noqa: TRY400
        return True

    def _say(self, outcome: Outcome) -> None:
        """Set the channel variables, all of them, since an earlier sign-in may have left some; the verdict last."""
        agi, call = self._agi, self._call
        is_granted, is_error = outcome.verdict == GRANTED, outcome.verdict == ERROR
        said = replace(outcome, login=None, extra1=None, extra2=None) if is_error else outcome
        try:
            agi.set_variable(USER, (said.user or "") if is_granted else "")
            agi.set_variable(LOGIN, said.login or "")
            agi.set_variable(EXTRA1, said.extra1 or "")
            agi.set_variable(EXTRA2, said.extra2 or "")
            agi.set_variable(VERDICT, said.verdict)
        except CallerGone:
            _logger.info("call %s: the caller hung up before the verdict was said", call.id)
        except AgiError as error:
            _logger.warning("call %s: the verdict was not taken: %s", call.id, error)
        except Exception as error:  # noqa: BLE001 (the verdict stays unsaid, which Asterisk takes for no)
            _logger.error("call %s: the verdict was not said: %s", call.id, described(error))  # noqa: TRY400


def described(error: BaseException) -> str:
    """Where an exception comes from, without its message and its variables, which may hold what a caller typed."""
    place: TracebackType | None = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
    return type(error).__name__ + where


def _failed(outcome: Outcome) -> Ending:
    return Ending(outcome, outcome)

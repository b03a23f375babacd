"""One sign-in over AGI, from the call's facts to the verdict: the row is written before the verdict is said.

Whatever goes wrong, one row is tried for and the verdict is never `granted`: not when the row cannot be written, not
when something of ours fails. Once `Checker.sign_in` is entered, nothing is raised from it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from routec.contract import (
    ERROR,
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
from routec.signin.conversation import (
    FAULT,
    HANGUP,
    NO_ANSWER,
    PROTOCOL,
    UNKNOWN_MODULE,
    CallerGone,
    Conversation,
    Outcome,
)
from routec.signin.credentials import CredentialsError, Verifier, read_pepper
from routec.signin.modules import ModulesError, ModuleStore
from routec.signin.store import Entry, Log, LogError

MOST_FACT = 80
"""The longest fact about a call that is kept, in characters."""

LAST_WORD_SECONDS = 3
"""How long Asterisk may take to hear the verdict."""

LATE_SECONDS = (1, 4, 10, 15, 30)
"""The pauses before a row that could not be written is tried again; a minute in all."""

_logger = logging.getLogger("routec.signin.session")


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls whom, as Asterisk gives it. The caller chose some of it, so it is cleaned and cut, but not believed."""

    id: str | None
    caller: str | None
    called: str | None

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Call":
        """Read the AGI headers."""
        return cls(
            id=clean(env.get("agi_uniqueid", "")),
            caller=_known(env.get("agi_callerid", "")),
            called=_known(env.get("agi_dnid", ""), "s") or _known(env.get("agi_extension", ""), "s"),
        )


class Checker:
    """What all conversations share. One checker serves many threads."""

    def __init__(
        self,
        modules: ModuleStore,
        log: Log,
        runtime: Runtime,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._modules = modules
        self._log = log
        self._runtime = runtime
        self._clock = clock
        self._pause = pause

    def sign_in(self, agi: Agi, name: str, release: Callable[[], None] = lambda: None) -> Outcome:
        """Hold the conversation of the module `name`, write its row, say the verdict. Raises nothing of its own.

        `release` lets Asterisk go on with the call, where there is more to do that the caller must not wait for.
        """
        call = Call.of(agi.env)
        module, outcome = self._converse(agi, name, call)
        is_written = self._write(module, name, call, outcome)
        is_gone = outcome.reason in (HANGUP, NO_ANSWER)
        if not is_written and not is_gone:
            outcome = replace(outcome, verdict=ERROR, reason=FAULT)
        if not is_gone:
            agi.wire.deadline = self._clock() + LAST_WORD_SECONDS
            self._say(agi, call, outcome)
        if not is_written:
            release()
            self._write_late(module, name, call, outcome)
        return outcome

    def _write_late(self, module: Module | None, name: str, call: Call, outcome: Outcome) -> None:
        """Try again for a row that nobody waits for any more: the caller was refused, or has gone."""
        for seconds in LATE_SECONDS:
            self._pause(seconds)
            if self._write(module, name, call, outcome):
                return
        _logger.error("call %s: the row of this sign-in at %s is lost", call.id, ascii(clean(name)))

    def _converse(self, agi: Agi, name: str, call: Call) -> tuple[Module | None, Outcome]:
        try:
            module = self._modules.get(name)
        except ModulesError as error:
            _logger.error("call %s: %s", call.id, error)  # noqa: TRY400 (a traceback shows what it should not)
            return None, Outcome(ERROR, FAULT)
        if module is None:
            _logger.error("call %s: there is no sign-in module %s", call.id, ascii(clean(name)))
            return None, Outcome(ERROR, UNKNOWN_MODULE)
        try:
            asks_password = any(field.kind == "password" for field in module.fields)
            verifier = Verifier(module, read_pepper(self._runtime) if asks_password else None)
        except CredentialsError as error:
            _logger.error("call %s: %s", call.id, error)  # noqa: TRY400
            return module, Outcome(ERROR, FAULT)
        # Asterisk ends the call after `seconds` and its grace; if not even that happens, we do.
        agi.wire.deadline = self._clock() + module.seconds + 2 * GRACE_SECONDS
        conversation = Conversation(module, agi, verifier, self._clock)
        try:
            outcome = conversation.run()
        except AgiError as error:
            _logger.warning("call %s: %s", call.id, error)
            outcome = conversation.end(ERROR, PROTOCOL)
        except CredentialsError as error:
            _logger.error("call %s: %s", call.id, error)  # noqa: TRY400
            outcome = conversation.end(ERROR, FAULT)
        except Exception as error:  # noqa: BLE001 (a bug of ours must not end in silence, nor in a grant)
            _logger.error("call %s: %s", call.id, described(error))  # noqa: TRY400
            outcome = conversation.end(ERROR, FAULT)
        for sound in dict.fromkeys(agi.unplayed):
            _logger.error("call %s: Asterisk could not play %s, a sound of module %s", call.id, sound, module.name)
        return module, outcome

    def _write(self, module: Module | None, name: str, call: Call, outcome: Outcome) -> bool:
        """Write the row, and tell whether it is durable. No row, no grant, whatever the cause."""
        try:
            self._log.write(_entry(module, name, call, outcome))
        except LogError as error:
            _logger.error("call %s: %s", call.id, error)  # noqa: TRY400
        except Exception as error:  # noqa: BLE001
            _logger.error("call %s: the row was not written: %s", call.id, described(error))  # noqa: TRY400
        else:
            _logger.info("call %s: %s %s (%s)", call.id, ascii(clean(name)), outcome.verdict, outcome.reason)
            return True
        return False

    def _say(self, agi: Agi, call: Call, outcome: Outcome) -> None:
        """Set the channel variables, all of them, since an earlier sign-in may have left some; the verdict last."""
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


def clean(text: str) -> str | None:
    """Hostile text without what is not printable, and cut; None if nothing is left."""
    return "".join(c for c in text[: 4 * MOST_FACT] if c.isprintable()).strip()[:MOST_FACT] or None


def described(error: BaseException) -> str:
    """Where an exception comes from, without its message and its variables, which may hold what a caller typed."""
    place: TracebackType | None = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
    return type(error).__name__ + where


def _known(text: str, *unknown: str) -> str | None:
    """The text, unless it is one of Asterisk's words for not knowing (`setup_env` in res_agi.c)."""
    cleaned = clean(text)
    return None if cleaned is None or cleaned in ("unknown", *unknown) else cleaned


def _entry(module: Module | None, name: str, call: Call, outcome: Outcome) -> Entry:
    kept = module.log if module else ()
    return Entry(
        time=datetime.now(UTC),
        module=module.name if module else clean(name) or "",
        purpose=module.purpose if module else None,
        caller=call.caller,
        called=call.called,
        login=outcome.login if "login" in kept else None,
        user=outcome.user,
        password=outcome.password.reveal() if outcome.password and "password" in kept else None,
        extra1=outcome.extra1 if "extra1" in kept else None,
        extra2=outcome.extra2 if "extra2" in kept else None,
        verdict=outcome.verdict,
        call_id=call.id,
        attempts=outcome.attempts,
        reason=outcome.reason,
    )

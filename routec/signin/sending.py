"""One webhook of the outbox: it is posted, what came of it is judged, and that is written."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from routec.contract import Webhook
from routec.signin.backoff import next_attempt
from routec.signin.outbox import Delivery, Outbox
from routec.signin.session import described
from routec.signin.store import LogError
from routec.signin.webhooks import Answer, Poster, UnreadyError

WRITE_PAUSES = (0.2, 1, 2, 5, 10, 10)
"""The pauses, in seconds, before it is tried again to write what came of a webhook, as long as its lease lasts."""

UNREADY_PAUSE = timedelta(minutes=1)

_logger = logging.getLogger("routec.signin.delivery")

Mark = Callable[[Outbox], None]
"""Writes what came of a webhook."""


class HasOutbox(Protocol):
    """What is needed of `store.Log`."""

    @property
    def outbox(self) -> Outbox:
        """Its webhooks."""
        ...


class Sender:
    """Sends what was claimed; one serves many threads."""

    def __init__(
        self, log: HasOutbox, poster: Poster, clock: Callable[[], datetime], jitter: Callable[[], float]
    ) -> None:
        self._log = log
        self._poster = poster
        self._clock = clock
        self._jitter = jitter

    def send(
        self,
        letter: Delivery,
        webhook: Webhook,
        lease_seconds: float,
        is_stopped: Callable[[float], bool],
        on_answer: Callable[[bool], None],
    ) -> None:
        """Send a webhook whose lease began just now. `is_stopped` waits for so many seconds, or for the end.

        `on_answer` is told, as soon as it is known, whether the receiver answered at all.
        """
        until = time.monotonic() + lease_seconds
        mark = self._attempted(letter, webhook, on_answer)
        for pause in (*WRITE_PAUSES, None):
            try:
                mark(self._log.outbox)
            except LogError as error:
                if pause is None or time.monotonic() + pause > until or is_stopped(pause):
                    _logger.error("webhook %d (%s) will be sent again: %s", letter.id, letter.module, error)  # noqa: TRY400
                    return
            else:
                return

    def _attempted(self, letter: Delivery, webhook: Webhook, on_answer: Callable[[bool], None]) -> Mark:
        try:
            answer = self._poster.post(webhook, f"msg_{letter.uid}", letter.payload)
        except UnreadyError as error:
            why, again = str(error), self._clock() + UNREADY_PAUSE
            return lambda outbox: outbox.failed(letter.id, again, None, why)
        except Exception as error:  # noqa: BLE001 (what cannot be sent is to be seen, and must not come back at once)
            answer = Answer(None, f"a bug of routec's: {described(error)}")
        else:
            on_answer(answer.status is not None)
        return self._judged(letter, answer)

    def _judged(self, letter: Delivery, answer: Answer) -> Mark:
        """What is to be written after an answer. The process log is told, too, but not what the receiver said."""
        what = str(answer.status or answer.text)
        if answer.status is not None and answer.is_delivered:
            status = answer.status
            _logger.info("webhook %d (%s): delivered, %d", letter.id, letter.module, status)
            return lambda outbox: outbox.delivered(letter.id, status, answer.text)
        now = self._clock()
        again = next_attempt(letter.attempts, letter.created, now, answer.retry_after, self._jitter)
        if again is None or answer.is_final:
            _logger.error("webhook %d (%s): %s; a dead letter", letter.id, letter.module, what)
            return lambda outbox: outbox.bury(letter.id, answer.status, answer.text)
        seconds = (again - now).total_seconds()
        _logger.warning("webhook %d (%s): %s; again in %.0f s", letter.id, letter.module, what, seconds)
        return lambda outbox: outbox.failed(letter.id, again, answer.status, answer.text)

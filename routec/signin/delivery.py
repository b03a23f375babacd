"""The delivery of the outbox: several webhooks at once, one slow receiver in nobody's way, each until it is taken.

Any number of processes may do this over one database. What is sent here is leased from it for longer than sending
takes; if this process dies in between, the lease runs out and another one sends the same webhook under the same id.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from routec.contract import Module, Webhook
from routec.signin.modules import ModulesError
from routec.signin.outbox import PENDING, Delivery
from routec.signin.sending import HasOutbox, Sender
from routec.signin.session import described
from routec.signin.store import LogError
from routec.signin.webhooks import Poster, UnreadyError

MOST_AT_ONCE = 8
MOST_A_HOST = 2
"""How many deliveries there are at once, and to one host: a slow receiver takes no more than its share."""

MOST_SILENT = MOST_AT_ONCE // 2
"""How many deliveries there are at once to all hosts together whose last one had no answer, and one to each: whatever
their backlogs, there is room for the others."""

LEASE_SECONDS = 60
"""How long a webhook is ours: three times the longest delivery, so that what came of it can be written, too."""

POLL_SECONDS = 3
"""How soon a row is noticed that another process wrote."""

AWAY_SECONDS = 2
"""The pause when the database cannot be reached, or no thread be started."""

HOLD_SECONDS = 5
"""After so long, a webhook that nobody can send for want of a secret is marked with that, for `routec webhooks`."""

_MOST_HELD = 1_000

_logger = logging.getLogger("routec.signin.delivery")


class Deliverer:
    """A dispatcher, and a thread for each delivery; `start` it, `stop` it, once.

    `modules` gives the modules of the present routes. A webhook whose module has none there any more waits.
    """

    def __init__(
        self,
        log: HasOutbox,
        modules: Callable[[], Mapping[str, Module]],
        poster: Poster | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._log = log
        self._modules = modules
        self._poster = poster or Poster()
        self._clock = clock
        self._sender = Sender(log, self._poster, clock, jitter)
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._change = threading.Condition()
        self._is_nudged = False
        self._is_stopping = False
        self._at_hosts: Counter[str] = Counter()
        self._at_modules: Counter[str] = Counter()
        self._silent: dict[str, None] = {}
        """The hosts whose last delivery had no answer, in the order of those."""
        self._complaint = ""
        self._told: dict[str, str] = {}
        self._next_hold = 0.0
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether it goes on delivering."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to deliver, in threads of its own."""
        self._thread.start()

    def nudge(self) -> None:
        """A row was written in this process: look at once."""
        with self._change:
            self._is_nudged = True
            self._change.notify_all()

    def stop(self, grace_seconds: float = 25) -> None:
        """Begin no delivery any more, and let those that run end; what takes longer will be sent again."""
        until = time.monotonic() + grace_seconds
        with self._change:
            self._is_stopping = True
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join(max(0.0, until - time.monotonic()))
        with self._change:
            self._change.wait_for(lambda: not self._at_hosts.total(), max(0.0, until - time.monotonic()))
            if left := self._at_hosts.total():
                _logger.warning("%d webhooks were under way; they will be sent again", left)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while True:
            seconds = self._round()
            with self._change:
                self._change.wait_for(lambda: self._is_nudged or self._is_stopping, seconds)
                self._is_nudged = False
                if self._is_stopping:
                    return

    def _round(self) -> float:
        """Begin all that is due and has room; gives the seconds until the next look."""
        try:
            modules = self._modules()
            unready = self._unready(modules)
            self._tell(unready)
            self._hold(unready)
            webhooks = {
                name: one.webhook for name, one in modules.items() if one.webhook is not None and name not in unready
            }
            seconds = self._begin(webhooks)
        except (LogError, ModulesError) as error:
            self._complain(f"webhooks wait: {error}")
            return AWAY_SECONDS
        except Exception as error:  # noqa: BLE001 (the next round may go well)
            self._complain(f"webhooks wait, a bug of routec's: {described(error)}")
            return AWAY_SECONDS
        self._complain("")
        return seconds

    def _begin(self, webhooks: Mapping[str, Webhook]) -> float:
        while not self._is_stopping:
            letters, seconds = self._claim(webhooks)
            if not letters:
                return seconds
            launched = [self._launch(letter, webhooks[letter.module]) for letter in letters]
            if not all(launched):
                return AWAY_SECONDS
        return 0

    def _claim(self, webhooks: Mapping[str, Webhook]) -> tuple[list[Delivery], float]:
        """What is to be sent now; and the seconds until the next look, where that is nothing."""
        seconds = self._poll_seconds  # the end of a delivery nudges
        for free, limit in self._free(webhooks):
            due = self._log.outbox.next_due(free)
            wait = (due - self._clock()).total_seconds() if due is not None else seconds
            if wait <= 0:
                if letters := self._log.outbox.claim(free, limit, self._lease_seconds):
                    return letters, 0
                wait = 1  # another process was quicker
            seconds = min(wait, seconds)
        return [], seconds

    def _free(self, webhooks: Mapping[str, Webhook]) -> list[tuple[dict[str, bool], int]]:
        """The modules that have room for another delivery, with whether they are ordered; and room for how many.

        First all whose hosts answer, and then each host that did not, the one that was tried longest ago first.
        """
        with self._change:
            left = MOST_AT_ONCE - self._at_hosts.total()
            groups: dict[str, dict[str, bool]] = {group: {} for group in ("", *self._silent)}
            rooms = dict.fromkeys(groups, left)
            for name, webhook in webhooks.items():
                host = _host(webhook)
                group, room = host if host in self._silent else "", self._room(host)
                if room > 0 and not (webhook.ordered and self._at_modules[name]):
                    groups[group][name] = webhook.ordered
                    rooms[group] = min(rooms[group], room)
            return [(free, rooms[group]) for group, free in groups.items() if free and left > 0]

    def _room(self, host: str) -> int:
        if host not in self._silent:
            return MOST_A_HOST - self._at_hosts[host]
        return min(1 - self._at_hosts[host], MOST_SILENT - sum(self._at_hosts[each] for each in self._silent))

    def _heard(self, host: str, *, is_answer: bool) -> None:
        with self._change:
            self._silent.pop(host, None)
            if not is_answer:
                self._silent[host] = None

    def _launch(self, letter: Delivery, webhook: Webhook) -> bool:
        """Send a webhook in a thread of its own; False where there is none to be had."""
        host = _host(webhook)
        with self._change:
            self._at_hosts[host] += 1
            self._at_modules[letter.module] += 1

        def deliver() -> None:
            try:
                self._sender.send(
                    letter,
                    webhook,
                    self._lease_seconds,
                    self._is_stopped,
                    lambda is_answer: self._heard(host, is_answer=is_answer),
                )
            except Exception as error:  # noqa: BLE001 (one delivery's bug is no other's; its lease runs out)
                _logger.error("webhook %d (%s) failed: %s", letter.id, letter.module, described(error))  # noqa: TRY400
            finally:
                self._done(letter, host)

        try:
            threading.Thread(target=deliver, name="webhook", daemon=True).start()
        except RuntimeError:
            _logger.error("webhook %d (%s) waits: no thread could be started", letter.id, letter.module)  # noqa: TRY400
            self._done(letter, host, looks=False)
            return False
        return True

    def _done(self, letter: Delivery, host: str, *, looks: bool = True) -> None:
        with self._change:
            self._at_hosts[host] -= 1
            self._at_modules[letter.module] -= 1
            self._is_nudged |= looks
            self._change.notify_all()

    def _is_stopped(self, seconds: float) -> bool:
        with self._change:
            return self._change.wait_for(lambda: self._is_stopping, seconds)

    def _unready(self, modules: Mapping[str, Module]) -> dict[str, str]:
        """The modules whose webhooks cannot be sent, and why."""
        unready = {}
        for name, module in modules.items():
            if module.webhook is not None:
                try:
                    self._poster.check(module.webhook)
                except UnreadyError as error:
                    unready[name] = str(error)
        return unready

    def _hold(self, unready: Mapping[str, str]) -> None:
        """Mark what waits for want of a secret. It stays due: another process may have what this one has not."""
        if not unready or time.monotonic() < self._next_hold:
            return
        self._next_hold = time.monotonic() + self._poll_seconds
        before = self._clock() - timedelta(seconds=HOLD_SECONDS)
        for name, why in unready.items():
            for letter in list(self._log.outbox.list(PENDING, name, _MOST_HELD)):
                due = letter.next_attempt
                if letter.answer != why and due is not None and due < before:
                    self._log.outbox.failed(letter.id, due, None, why)

    def _tell(self, unready: Mapping[str, str]) -> None:
        """Say which webhooks wait when they begin to, and when it is over; not once a round."""
        for name, why in unready.items():
            if self._told.get(name) != why:
                _logger.error("the webhook of %s waits: %s", name, why)
        for name in self._told.keys() - unready.keys():
            _logger.info("the webhook of %s waits no longer", name)
        self._told = dict(unready)

    def _complain(self, what: str) -> None:
        if what and what != self._complaint:
            _logger.error("%s", what)
        elif self._complaint and not what:
            _logger.info("webhooks are delivered again")
        self._complaint = what


def _host(webhook: Webhook) -> str:
    try:
        return urlsplit(webhook.url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return webhook.url

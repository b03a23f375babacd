"""When the loop of `live` is to do what: clocks and pauses, and nothing of what is done."""

import math
import time
from collections.abc import Callable

AWAY_SECONDS = (0.5, 15.0)
"""The pauses between tries while the PBX is away double from the one to the other."""

REFUSED_SECONDS = (15.0, 300.0)
"""The same after a refusal. What Asterisk did not take is only looked at then: a try would put it live for a moment."""

REBUILD_SECONDS = 15.0
"""How soon a build is tried again that failed for the disk, or for a bug of ours."""

QUIET_SECONDS = 2.0
"""How long after an apply everything is read back."""

FULL_SECONDS = 300.0
"""How often everything is read back although nothing happened: somebody may change the PBX's memory by hand."""

ALIVE_SECONDS = 2.0
"""How often the PBX is asked for the seal of its dialplan: a restart or a reload by somebody else shows there."""

SWEEP_SECONDS = 1.0
STALE_SECONDS = 5.0
"""How long a build may wait for one of newer files. Files that never rest shall go live all the same."""

STALE_AGAIN_SECONDS = 0.2
_SHORTEST = 0.02


class Pauses:
    """The moments at which something is due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._retry_at = math.inf
        self._rebuild_at = math.inf
        self._full_at = math.inf
        self._last: dict[str, float] = {}
        self._failures = 0
        self._stale_since: float | None = None

    def next(self, *, has_retired: bool) -> float:
        """How long to wait for a change at most, in seconds."""
        soonest = min(self._retry_at, self._rebuild_at, self._full_at) - self._clock()
        return max(_SHORTEST, min(SWEEP_SECONDS if has_retired else ALIVE_SECONDS, soonest))

    def is_due(self, what: str, every: float) -> bool:
        """Whether something is due that is done every so many seconds; asking yes counts as doing it."""
        now = self._clock()
        if now - self._last.get(what, -math.inf) < every:
            return False
        self._last[what] = now
        return True

    # ---- builds

    def built(self) -> None:
        """A build came to an end."""
        self._rebuild_at = math.inf

    def retry_build(self) -> None:
        """A build failed for something of ours or of the disk's."""
        self._rebuild_at = self._clock() + REBUILD_SECONDS

    def is_build_due(self) -> bool:
        """Whether to build again without a change."""
        return self._clock() >= self._rebuild_at

    # ---- tries to put something in force

    def fresh(self) -> None:
        """Something new is to be put in force: the pauses begin anew."""
        self._failures = 0

    def failed(self, *, is_away: bool) -> None:
        """A try failed."""
        first, longest = AWAY_SECONDS if is_away else REFUSED_SECONDS
        self._retry_at = self._clock() + min(longest, first * 2**self._failures)
        self._full_at = math.inf
        self._failures = min(self._failures + 1, 10)

    def put_off(self) -> bool:
        """A newer build should come soon: try again then; False where it has been waited for long enough."""
        now = self._clock()
        if self._stale_since is None:
            self._stale_since = now
        if now - self._stale_since >= STALE_SECONDS:
            return False
        self._retry_at = now + STALE_AGAIN_SECONDS
        return True

    def is_retry_due(self) -> bool:
        """Whether to try again."""
        return self._clock() >= self._retry_at

    def done(self) -> None:
        """It is in force."""
        self._retry_at = math.inf
        self._failures = 0
        self._stale_since = None

    # ---- reading everything back

    def read_back_in(self, seconds: float) -> None:
        """Everything is to be read back after so long."""
        self._full_at = self._clock() + seconds

    def is_full_due(self) -> bool:
        """Whether to read everything back."""
        return self._clock() >= self._full_at

"""When a webhook that was not taken is tried again, and when it no longer is; pure."""

from collections.abc import Callable
from datetime import datetime, timedelta

_MINUTE, _HOUR = 60, 3_600

PAUSES = (
    5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 1 * _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 9 * _HOUR,
)  # fmt: skip
"""The pauses after the first failure, the second, and so on, in seconds: over a day in all, jitter apart."""

JITTER = 0.2
"""Each pause is up to this part longer, so that what failed together does not come back together."""

LEAST_LIFE = timedelta(days=1)
"""No webhook is given up sooner, even if it was tried more often because somebody asked for that."""


def next_attempt(
    failures: int, created: datetime, now: datetime, retry_after: timedelta | None, random: Callable[[], float]
) -> datetime | None:
    """When to try again after so many failures, this one included; None when it has been tried for long enough.

    A receiver may ask for a longer pause, never for a shorter: ten of those would be over in no time.
    """
    if failures > len(PAUSES) and now - created >= LEAST_LIFE:
        return None
    index = min(max(failures, 1), len(PAUSES)) - 1
    pause = timedelta(seconds=PAUSES[index] * (1 + JITTER * random()))
    return now + max(pause, retry_after or pause)

"""Who is locked out, and for how long: rules without a database. `guard` keeps the counters.

A failure is counted before the credentials are verified, and given back when they were right: so neither hanging up nor
many calls at once get a guess for nothing. The counters (buckets) that an attempt fills:

- of a *known* caller, granted before from this number with this login: the `pair` of the two, and no other. So whoever
  shuts all else does not keep them out.
- of anybody else: the `login`, the `caller` and the whole `module`, each apart for calls from inside and from outside.
  So a changed number does not dodge the first and the third, and an outsider does not shut out those inside.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from routec.contract import Lockout
from routec.signin.plain import storable
from routec.signin.store import Attempt, Counted

LONGEST = timedelta(days=1)
"""The longest lock; and how long after the last failure all are forgotten."""

SKEW = timedelta(hours=1)
"""How far the clocks of two machines may be apart. A lock that ends later than a lock set now could, and so long after
it, was set by a clock that was wrong."""

KNOWN = timedelta(days=90)
"""How long after their latest grant a caller is known."""

MODULE_TIMES = 10
"""The bucket of a whole module shuts at so many times the failures that shut the others."""

_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Counter:
    """The failures in a bucket, the latest of them, and the end of its lock."""

    failures: int
    last: datetime
    until: datetime | None = None

    def is_shut(self, now: datetime) -> bool:
        """Whether the lock holds. None is longer than the longest: what a wrong clock has set does not outlive it."""
        return self.until is not None and now < self.until <= now + LONGEST + SKEW

    def charged(self, after: int, lockout: Lockout, now: datetime) -> "Counter":
        """With one failure more, and the lock that it brings."""
        failures = (self.failures if abs(now - self.last) < LONGEST else 0) + 1
        if failures < after:
            return Counter(failures, now)
        lock = timedelta(seconds=lockout.seconds * 2 ** min(failures - after, _MOST_DOUBLINGS))
        return Counter(failures, now, now + min(lock, LONGEST))

    def given_back(self, counted: Counted, *, is_own: bool) -> "Counter":
        """Without a failure that was none, and the lock that it set. What is somebody's own is cleared altogether.

        Unless something was counted since, the latest failure is again the one before: a success keeps none alive.
        """
        is_latest = self.last == counted.last and self.failures <= counted.failures
        last = counted.before if is_latest else self.last
        if is_own:
            return Counter(0, last)
        return Counter(max(0, self.failures - 1), last, None if self.until == counted.until else self.until)


def digest(module: str, login: str | None) -> str:
    """What stands for a login in the database."""
    return _sha256(module, "none" if login is None else f"login {login}")


def pair(attempt: Attempt) -> str | None:
    """What stands for a login and a number together. None without a number: nobody can be known by none."""
    if not attempt.caller:
        return None
    return f"pair/{digest(attempt.module, attempt.login)}/{caller_digest(attempt.module, attempt.caller)}"


def caller_digest(module: str, caller: str) -> str:
    """What stands for a number in a pair."""
    return _sha256(module, f"caller {storable(caller)}")


def buckets(attempt: Attempt, lockout: Lockout, *, is_known: bool) -> dict[str, int]:
    """The buckets that an attempt fills, each with the failures that shut it, in the order in which they are locked."""
    own = pair(attempt)
    if is_known and own:
        return {own: lockout.after}
    side = "inside" if attempt.inside else "outside"
    found = {
        f"caller/{side}/{storable(attempt.caller or '')}": lockout.after,
        f"module/{side}": MODULE_TIMES * lockout.after,
    }
    if attempt.login is not None:
        found[f"login/{side}/{digest(attempt.module, attempt.login)}"] = lockout.after
    return dict(sorted(found.items()))


def is_own(attempt: Attempt, bucket: str) -> bool:
    """Whether a bucket is of one login alone. Without a login there is none: a number may be anybody's."""
    return attempt.login is not None and bucket.startswith(("pair/", "login/"))


def in_words(module: str, bucket: str, logins: Iterable[str] = ()) -> str:
    """A bucket for an admin. A login is named if it is one of `logins`."""
    kind, _, rest = bucket.partition("/")
    if kind == "pair":
        return f"{_login(module, rest.partition('/')[0], logins)}, for a caller who is known"
    side, _, who = rest.partition("/")
    if kind == "login":
        return f"{_login(module, who, logins)}, from {side}"
    if kind == "caller":
        return f"caller {who}, from {side}" if who else f"callers without a number, from {side}"
    return f"all callers who are not known, from {side}"


def _login(module: str, known_digest: str, logins: Iterable[str]) -> str:
    if known_digest == digest(module, None):
        return "the password"
    return next((f"login {login}" for login in logins if digest(module, login) == known_digest), "a login")


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()

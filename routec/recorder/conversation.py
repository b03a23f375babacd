"""One prompt being recorded: what the caller hears, which keys do what, and when it is enough.

Pure, as `signin.conversation` is: the line, the keeper and the clock are handed in (`ports`).

There is one place that changes anything, `Conversation._keep`. It is reached only past the verdict `granted`, with a
take that the caller could have listened to, by the key for it, while the caller is there.
"""

from collections.abc import Callable

from routec.contract import DIGIT_SECONDS, GRANTED
from routec.recorder.ports import (
    FAILED,
    GIVEN_UP,
    HUNG_UP,
    KEPT,
    REFUSED,
    Ending,
    Keeper,
    Line,
    Said,
    TakeError,
)
from routec.signin.outcome import CallerGone

LISTEN, KEEP, AGAIN = "1", "2", "3"
CHOICES = LISTEN + KEEP + AGAIN

KEYS = "0123456789*"
"""The keys that end the menu's sounds. `#` is not among them: out of habit it follows another key."""

ANY_KEY = KEYS + "#"
TONE = "beep"

LEAST_SECONDS = 0.5
"""A shorter recording is a slip of the finger, and is made anew."""

MOST_MISSES = 3
"""How often the menu is heard without a choice, and how often in a row a recording is too short."""

MOST_CHOICES = 100
"""How many choices one call may make: a peer that is no caller makes them without an end."""


class _Enough(Exception):  # noqa: N818 (what happened, and no error of anybody's)
    """The recording is given up; nothing has changed."""


class Conversation:
    """One recording in progress: `run` it once; should that raise, `end` still tells what came of it.

    `current` is the sound that the prompt has now, or None. A recording has `longest` seconds at most; the whole takes
    no longer than `seconds` of `clock`. What the ports raise, other than `CallerGone` and `TakeError`, goes through.
    """

    def __init__(
        self,
        current: str | None,
        said: Said,
        longest: int,
        seconds: float,
        line: Line,
        keeper: Keeper,
        clock: Callable[[], float],
    ) -> None:
        self._current = current
        self._said = said
        self._longest = longest
        self._line = line
        self._keeper = keeper
        self._clock = clock
        self._deadline = clock() + seconds
        self._choices = 0
        self._ending: Ending | None = None
        self.user = ""
        """Who was let in, once that is known."""

    def run(self) -> Ending:
        """Hold the conversation."""
        try:
            if self._line.verdict() != GRANTED:
                return self.end(REFUSED, "nobody has let this caller in")
            self.user = self._line.user()
            return self._hold()
        except CallerGone as gone:
            return self.end(HUNG_UP, gone.reason)
        except _Enough as enough:
            return self.end(GIVEN_UP, str(enough))
        except TakeError as error:
            return self.fail(str(error))

    def end(self, result: str, why: str) -> Ending:
        """The ending for this reason, unless there is one already: what was kept is kept, whatever comes after it."""
        self._ending = self._ending or Ending(result, why)
        return self._ending

    def fail(self, why: str) -> Ending:
        """End it for what is no fault of the caller's, who is told."""
        ending = self.end(FAILED, why)
        try:
            self._line.hear(self._said.failed)
        except CallerGone:
            return ending
        return ending

    def _hold(self) -> Ending:
        if self._current is not None:
            self._line.hear((self._current,), ANY_KEY)
        while True:
            self._take()
            if self._choose() == KEEP:
                return self._keep()

    def _take(self) -> None:
        """Have one recording that is long enough. Raises `_Enough`."""
        for _ in range(MOST_MISSES):
            self._line.hear(self._said.start, ANY_KEY)
            self._line.hear((TONE,))
            left = int(self._left())
            self._line.record(min(self._longest, left))
            if self._keeper.seconds() >= LEAST_SECONDS:
                return
            self._line.hear(self._said.short)
        raise _Enough("nothing was spoken in")

    def _choose(self) -> str:
        """What the caller wants of the recording: `KEEP` or `AGAIN`. Raises `_Enough`."""
        misses = 0
        while misses < MOST_MISSES:
            key = self._line.hear(self._said.menu, KEYS) or self._line.key(min(DIGIT_SECONDS, self._left()))
            misses = 0 if key in CHOICES and key else misses + 1
            while key == LISTEN:
                self._count()
                key = self._line.hear_take(CHOICES)
            if key in (KEEP, AGAIN):
                self._count()
                return key
        raise _Enough("no key was pressed that does anything")

    def _keep(self) -> Ending:
        """Put the recording in place. There is no other way to it."""
        self._line.stay()
        ending = self.end(KEPT, self._keeper.keep())
        self._line.hear(self._said.kept)
        return ending

    def _count(self) -> None:
        self._left()
        self._choices += 1
        if self._choices > MOST_CHOICES:
            raise _Enough("too many keys were pressed")

    def _left(self) -> float:
        """The seconds that are left, one at least. Raises `_Enough`."""
        left = self._deadline - self._clock()
        if left < 1:
            raise _Enough("it took too long")
        return left

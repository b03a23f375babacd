"""The ports of a conversation without any Asterisk, hash or database; all write into one `story`, in order."""

from collections.abc import Iterable
from datetime import UTC, datetime

from routec.contract import GRANTED, Module
from routec.signin.conversation import converse
from routec.signin.outcome import CallerGone, Ending, Outcome, Recorded, Secret
from routec.signin.store import ClashError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Caller:
    """Presses the keys that it was given, then hangs up; `deaf_to` are the sounds at which it hangs up."""

    def __init__(self, keys: Iterable[str], seconds_a_key: float = 0, deaf_to: Iterable[str] = ()) -> None:
        self.keys = list(keys)
        self.asked: list[tuple[str, int, float]] = []
        self.story: list[str] = []
        self.now = 1000.0
        self.seconds_a_sound = 0.0
        self._seconds = seconds_a_key
        self._deaf_to = set(deaf_to)

    def ask(self, sound: str, most: int, seconds: float) -> str:
        self.asked.append((sound.removeprefix("routec/enter_"), most, seconds))
        self.story.append(f"ask {sound.removeprefix('routec/enter_')}")
        self.now += self._seconds
        if not self.keys:
            raise CallerGone
        keys = self.keys.pop(0)
        assert len(keys) <= most, f"Asterisk takes {most} keys, and the test presses {keys}"
        return keys

    def play(self, sound: str) -> None:
        self._hear(f"play {sound}", sound)

    def say_digits(self, digits: str) -> None:
        self._hear(f"digits {digits}", "digits")

    def say_time(self, when: int) -> None:
        self._hear(f"time {when}", "time")

    def clock(self) -> float:
        return self.now

    def _hear(self, what: str, name: str) -> None:
        self.story.append(what)
        self.now += self.seconds_a_sound
        if name in self._deaf_to:
            raise CallerGone


class Book:
    """Verifies against a plain list, and remembers what it was asked."""

    def __init__(self, *known: tuple[str | None, str | None, str]) -> None:
        self._known = known
        self.asked: list[tuple[str | None, str | None]] = []

    def verify(self, login: str | None, password: Secret | None) -> list[str]:
        pin = password.reveal() if password else None
        self.asked.append((login, pin))
        return [user for *credentials, user in self._known if credentials == [login, pin]]


class Rows:
    """A ledger in memory: refuses the charges after `most`, and clashes on the actions in `clashes`."""

    def __init__(self, story: list[str], most: int = 1000, clashes: Iterable[str | None] = ()) -> None:
        self.story = story
        self.charges: list[str | None] = []
        self.given_back = 0
        self.kept: list[Outcome] = []
        self._most = most
        self.proofs = 0
        self._clashes = list(clashes)

    def charge(self, login: str | None) -> bool:
        if len(self.charges) >= self._most:
            self.story.append("locked")
            return False
        self.story.append("charge")
        self.charges.append(login)
        return True

    def proved(self) -> None:
        self.proofs += 1

    def record(self, outcome: Outcome) -> Recorded:
        assert outcome.verdict == GRANTED
        if outcome.action in self._clashes:
            self._clashes.remove(outcome.action)
            raise ClashError("in")
        self.story.append("row")
        self.given_back = len(self.charges)
        self.kept.append(outcome)
        return Recorded(outcome.action or "in", NOON)


FLOOR1 = ("1001", "4321", "floor1")


class Held:
    """A conversation that was held, and all that took part in it."""

    def __init__(
        self,
        keys: Iterable[str],
        module: Module,
        *known: tuple[str | None, str | None, str],
        caller: Caller | None = None,
        rows: Rows | None = None,
        most: int = 1000,
        clashes: Iterable[str | None] = (),
    ) -> None:
        self.caller = caller or Caller(keys)
        self.book = Book(*(known or (FLOOR1,)))
        self.rows = rows or Rows(self.caller.story, most, clashes)
        self.ending: Ending = converse(module, self.caller, self.book, self.rows, self.caller.clock)

    @property
    def outcome(self) -> Outcome:
        return self.ending.outcome

    @property
    def reason(self) -> str:
        return self.outcome.reason

    @property
    def story(self) -> list[str]:
        return self.caller.story

    @property
    def asked(self) -> list[str]:
        return [sound for sound, *_ in self.caller.asked]

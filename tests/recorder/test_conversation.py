"""The conversation itself: no AGI, no files. Nothing is kept but by the key for it."""

from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.recorder.conversation import MOST_CHOICES, MOST_MISSES, Conversation
from routec.recorder.ports import RESULTS, Ending, Said, TakeError
from routec.signin.outcome import CallerGone

SAID = Said(start=("start",), menu=("menu",), kept=("kept",), short=("short",), failed=("failed",))


class Desk:
    """The line and the keeper at once, with one `story` of all that happens.

    `keys` are pressed in turn where one is waited for; `at` has what comes of hearing a sound: a key, or an exception.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        *,
        verdict: str = "granted",
        lengths: Iterable[float] = (),
        at: dict[str, str | Exception] | None = None,
        keep: Callable[[], str] = lambda: "in place",
    ) -> None:
        self.story: list[str] = []
        self.now = 100.0
        self.seconds_a_take = 5.0
        self.asked: list[int] = []
        self.waits: list[float] = []
        self._keys = list(keys)
        self._verdict = verdict
        self._lengths = list(lengths)
        self._at = at or {}
        self._keep = keep

    def verdict(self) -> str:
        return self._verdict

    def user(self) -> str:
        return "anna"

    def hear(self, sounds: Sequence[str], keys: str = "") -> str:
        for sound in sounds:
            self.story.append(sound)
            what = self._at.get(sound, "")
            if isinstance(what, Exception):
                raise what
            if what and what in keys:
                return what
        return ""

    def key(self, seconds: float) -> str:
        self.waits.append(seconds)
        if not self._keys:
            raise CallerGone
        return self._keys.pop(0)

    def record(self, seconds: int) -> None:
        self.asked.append(seconds)
        self.now += self.seconds_a_take
        self.hear(("record",))

    def hear_take(self, keys: str) -> str:
        return self.hear(("take",), keys)

    def stay(self) -> None:
        self.hear(("stay",))

    def seconds(self) -> float:
        self.hear(("seconds",))
        self.story.pop()
        return self._lengths.pop(0) if self._lengths else 2.0

    def keep(self) -> str:
        self.story.append("keep")
        return self._keep()


def held(desk: Desk, *, current: str | None = None, seconds: float = 3600, longest: int = 300) -> Ending:
    return Conversation(current, SAID, longest, seconds, desk, desk, lambda: desk.now).run()


TAKE = ["start", "beep", "record"]


def test_recorded_and_kept() -> None:
    desk = Desk("2")
    assert held(desk, current="welcome") == Ending("kept", "in place")
    assert desk.story == ["welcome", *TAKE, "menu", "stay", "keep", "kept"]
    assert (desk.asked, desk.waits) == ([300], [5])


def test_no_current_one_is_not_played() -> None:
    desk = Desk("2")
    held(desk)
    assert desk.story[:1] == ["start"]


def test_listened_to_and_recorded_again() -> None:
    desk = Desk("1132")
    assert held(desk).result == "kept"
    assert desk.story == [*TAKE, "menu", "take", "menu", "take", "menu", *TAKE, "menu", "stay", "keep", "kept"]


def test_a_key_during_the_menu_is_the_choice() -> None:
    desk = Desk(at={"menu": "2"})
    assert held(desk).result == "kept"
    assert desk.waits == []


def test_a_key_while_listening_is_the_choice() -> None:
    desk = Desk("1", at={"take": "2"})
    assert held(desk).result == "kept"
    assert desk.story == [*TAKE, "menu", "take", "stay", "keep", "kept"]


@pytest.mark.parametrize("key", ["#", "5"])
def test_the_current_one_can_be_cut_short(key: str) -> None:
    assert held(Desk("2", at={"welcome": key}), current="welcome").result == "kept"


@pytest.mark.parametrize("key", ["", "4", "0", "*", "#", "A"])
def test_other_keys_and_silence_bring_the_menu_a_few_times(key: str) -> None:
    desk = Desk([key] * 10)
    assert held(desk).result == "given_up"
    assert desk.story == [*TAKE, *["menu"] * MOST_MISSES]


def test_a_choice_makes_up_for_the_misses_before() -> None:
    desk = Desk(["", "9", "1", "", "9", "3", "", "9", "2"])
    assert held(desk).result == "kept"


@pytest.mark.parametrize("verdict", ["", "denied", "locked", "error", "Granted", "granted ", " granted", "granted\0"])
def test_nobody_gets_in_without_the_verdict(verdict: str) -> None:
    desk = Desk("2", verdict=verdict)
    assert held(desk, current="welcome").result == "refused"
    assert desk.story == []


def test_too_short_is_recorded_again() -> None:
    desk = Desk("2", lengths=[0, 0.49, 0.5])
    assert held(desk).result == "kept"
    assert desk.story == [*TAKE, "short", *TAKE, "short", *TAKE, "menu", "stay", "keep", "kept"]


def test_too_short_again_and_again_is_given_up() -> None:
    desk = Desk("2", lengths=[0.1] * 10)
    assert held(desk).result == "given_up"
    assert desk.story == [*TAKE, "short"] * MOST_MISSES


@pytest.mark.parametrize("at", ["welcome", "start", "beep", "record", "seconds", "menu", "take", "stay"])
def test_a_hangup_before_it_is_kept_changes_nothing(at: str) -> None:
    desk = Desk("12", at={at: CallerGone()})
    assert held(desk, current="welcome").result == "hung_up"
    assert "keep" not in desk.story


def test_a_hangup_while_a_key_is_waited_for_changes_nothing() -> None:
    desk = Desk()
    assert held(desk).result == "hung_up"
    assert desk.story == [*TAKE, "menu"]


def test_a_hangup_after_it_is_kept_leaves_it_kept() -> None:
    assert held(Desk("2", at={"kept": CallerGone()})) == Ending("kept", "in place")


def test_what_cannot_be_kept_is_told() -> None:
    def keep() -> str:
        raise TakeError("no space left on device")

    desk = Desk("2", keep=keep)
    assert held(desk) == Ending("failed", "no space left on device")
    assert desk.story[-2:] == ["keep", "failed"]


@pytest.mark.parametrize("at", ["record", "seconds"])
def test_what_cannot_be_recorded_is_told(at: str) -> None:
    desk = Desk("2", at={at: TakeError("no")})
    assert held(desk) == Ending("failed", "no")
    assert desk.story[-1] == "failed"
    gone = Desk("2", at={at: TakeError("no"), "failed": CallerGone()})
    assert held(gone) == Ending("failed", "no")


def test_time_is_over() -> None:
    desk = Desk("3" * 1000)
    desk.seconds_a_take = 200
    assert held(desk, seconds=1000).result == "given_up"
    assert desk.asked == [300, 300, 300, 300, 200]


def test_a_peer_without_an_end_is_given_up() -> None:
    desk = Desk("1" * 10_000)
    assert held(desk).result == "given_up"
    assert desk.story.count("take") == MOST_CHOICES


@given(
    keys=st.lists(st.sampled_from(["", "1", "2", "3", "4", "#"]), max_size=20),
    lengths=st.lists(st.sampled_from([0.0, 0.4, 0.5, 9.0]), max_size=10),
    at=st.dictionaries(
        st.sampled_from(["welcome", "start", "beep", "record", "seconds", "menu", "take", "stay", "kept"]),
        st.sampled_from(["1", "2", "3", CallerGone(), TakeError("x")]),
        max_size=2,
    ),
    seconds=st.sampled_from([1.0, 20.0, 3600.0]),
)
def test_kept_only_by_its_key(
    keys: list[str], lengths: list[float], at: dict[str, str | Exception], seconds: float
) -> None:
    desk = Desk(keys, lengths=lengths, at=at)
    ending = held(desk, current="welcome", seconds=seconds)
    assert ending.result in RESULTS
    assert desk.story.count("keep") == (ending.result == "kept")
    if ending.result == "kept":
        assert "2" in [*keys, *at.values()]

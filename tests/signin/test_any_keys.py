"""Whatever is keyed, hung up on or waited for, at whatever module: no grant without credentials and a row."""

from collections.abc import Iterable
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from routec.contract import DENIED, GRANTED, LOCKED, Again, Clock, Code, Module
from routec.signin.asking import fits, is_known
from routec.signin.outcome import AMBIGUOUS, OK, CallerGone, Outcome

from .fake import field, module
from .pure import NOON, Caller, Held

CREDENTIALS = st.sampled_from([("login", "password"), ("login",), ("password",)])
KNOWN: dict[tuple[str, ...], list[tuple[str | None, str | None, str]]] = {
    ("login", "password"): [("1001", "4321", "floor1"), ("1002", "2486", "floor2")],
    ("login",): [("1001", None, "floor1"), ("1002", None, "floor2")],
    ("password",): [(None, "4321", "floor1"), (None, "4321", "floor2"), (None, "2486", "floor3")],
}
CODES = (Code("1", "1", "clean"), Code("204", "220"))
KEYS = (("1", "in"), ("2", "out"), ("3", "break"), ("4", "back"))
SUCCESS = ("play agent-loginok", "play agent-loggedoff", "play beep", f"time {int(NOON.timestamp())}")
TELLS = (("wrong", "told-wrong"), ("unknown", "told-unknown"), ("clash", "told-clash"))

pressed = st.one_of(
    st.sampled_from(["1", "1001", "4321", "2486", "204", "1002", "", "2"]), st.text("0123456789*#ABCD", max_size=5)
)
clashes = st.lists(st.sampled_from([None, "in", "out"]), max_size=4)
extras = st.lists(
    st.builds(
        lambda kind, optional, codes: field(kind, 1, 4, optional=optional, codes=codes),
        st.sampled_from(["extra1", "extra2"]),
        st.booleans(),
        st.sampled_from([(), CODES]),
    ),
    max_size=2,
    unique_by=lambda made: made.kind,
)


@st.composite
def modules(draw: st.DrawFn) -> tuple[Module, tuple[str, ...]]:
    """Any module that the compiler makes, and which credentials it verifies."""
    purpose = draw(st.sampled_from(["gate", "timeclock", "register"]))
    kinds = draw(CREDENTIALS if purpose != "register" else st.one_of(CREDENTIALS, st.just(())))
    fields = [*(field(kind, 3, 4) for kind in kinds), *draw(extras)]
    changes: dict[str, Any] = {"verify": bool(kinds)}
    if purpose == "register":
        if not kinds:
            fields = [field("login", 3, 4), *fields]
        changes["confirm"] = draw(st.sampled_from([None, "right"]))
        changes["again"] = draw(st.sampled_from([None, Again("another", "extra1"), Again("another", "extra2")]))
    if purpose == "timeclock":
        changes["clock"] = draw(st.sampled_from([Clock(), Clock("which", KEYS), Clock("which", KEYS[:2])]))
    tries, seconds = draw(st.integers(1, 4)), draw(st.integers(1, 60))
    return module(fields=fields, tries=tries, seconds=seconds, purpose=purpose, tells=TELLS, **changes), kinds


class Fickle(Caller):
    """Hangs up at the turns in `hangups`, and takes as long over each as `pauses` says."""

    def __init__(self, keys: Iterable[str], hangups: set[int], pauses: list[float]) -> None:
        super().__init__(keys)
        self._turn = 0
        self._hangups = hangups
        self._pauses = pauses

    def ask(self, sound: str, most: int, seconds: float) -> str:
        self._take_turn()
        self.keys[:1] = [keys[:most] for keys in self.keys[:1]]
        return super().ask(sound, most, seconds)

    def _hear(self, what: str, name: str) -> None:
        self._take_turn()
        super()._hear(what, name)

    def _take_turn(self) -> None:
        self.now += self._pauses[self._turn % len(self._pauses)]
        self._turn += 1
        if self._turn in self._hangups:
            raise CallerGone


def held_at(draw: st.DataObject, made: Module, kinds: tuple[str, ...]) -> Held:
    keys = draw.draw(st.lists(pressed, max_size=30), label="keys")
    known = KNOWN.get(kinds, [("nobody", None, "nobody")])
    if draw.draw(st.booleans(), label="knows the credentials"):
        keys = [part for part in draw.draw(st.sampled_from(known))[:2] if part] + keys
    return Held(
        [],
        made,
        *known,
        caller=Fickle(
            keys,
            draw.draw(st.sets(st.integers(1, 30), max_size=2), label="hangups"),
            draw.draw(st.lists(st.sampled_from([0.0, 0.5, 7.0]), min_size=1, max_size=5), label="pauses"),
        ),
        most=draw.draw(st.integers(0, 6), label="charges until locked"),
        clashes=draw.draw(clashes, label="clashes") if made.clock else (),
    )


@given(modules(), st.data())
def test_no_grant_without_credentials_and_a_row(shape: tuple[Module, tuple[str, ...]], draw: st.DataObject) -> None:
    made, kinds = shape
    held = held_at(draw, made, kinds)
    ending, rows, story = held.ending, held.rows, held.story
    event(f"{made.purpose} {ending.outcome.verdict} {ending.outcome.reason} {len(rows.kept)}")

    assert ending.outcome.verdict in (GRANTED, DENIED, LOCKED)
    assert (ending.outcome.verdict == GRANTED) == bool(rows.kept)
    if rows.kept:
        assert ending.outcome == rows.kept[-1]
    else:
        assert ending.left == ending.outcome
    assert ending.left is None or (ending.left.verdict != GRANTED and ending.left.reason != OK)
    assert all(row == _as_it_must_be(row, made) for row in rows.kept)
    assert (ending.outcome.reason != AMBIGUOUS) or made.purpose == "timeclock"

    # Nothing is verified that was not charged for, and nothing is given back that was not right.
    assert len(held.book.asked) == len(rows.charges)
    assert len(rows.charges) <= made.tries
    assert not rows.given_back or rows.kept
    if kinds and rows.kept:
        proved = [user for *credentials, user in KNOWN[kinds] if tuple(credentials) == held.book.asked[-1]]
        assert proved
        assert {row.user for row in rows.kept} == {proved[0] if len(proved) == 1 else None}
        assert made.purpose != "timeclock" or len(proved) == 1
    if not kinds:
        assert held.book.asked == []

    # Nothing that sounds like success is heard before there is a row.
    first = story.index("row") if "row" in story else len(story)
    assert not set(story[:first]) & {*SUCCESS, "ask another"}
    if made.purpose != "register":
        assert len(rows.kept) <= 1
    if made.confirm and any(field.kind not in kinds for field in made.fields):
        assert all(story[n - 1] == "ask right" for n, what in enumerate(story) if what == "row")


def _as_it_must_be(row: Outcome, made: Module) -> Outcome | None:
    """The row, if each code that the module demands is in it, and as it must be."""
    for asked in made.fields:
        given = row.password.reveal() if asked.kind == "password" and row.password else getattr(row, asked.kind)
        if given is None and asked.optional:
            continue
        if not isinstance(given, str) or not fits(given, asked) or not is_known(given, asked):
            return None
    return row if (row.verdict, row.reason) == (GRANTED, OK) else None


@given(modules(), st.data())
def test_a_verifier_that_knows_nobody_grants_nobody(shape: tuple[Module, tuple[str, ...]], draw: st.DataObject) -> None:
    made, kinds = shape
    keys = draw.draw(st.lists(pressed, max_size=20))
    held = Held([], made, ("no", "one", "x"), caller=Fickle(keys, set(), [0.0]))
    assert not kinds or held.outcome.verdict == DENIED

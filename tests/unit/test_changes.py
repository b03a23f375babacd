"""What changes for callers, in sentences."""

import pytest

from routec.apply.priority import again, beside
from routec.apply.words.changes import Change, changes
from routec.apply.words.plan_diff import contexts, diff
from routec.apply.words.story import Entry, Story, Teller
from routec.backend.dialplan import ANY_NUMBER
from tests.unit.dialplans import app, edited, held, printed

ROUTES = """
route front {
  on did +3225551234
  on extension 600
  prompt "welcome"; auth staff else hangup; prompt "ok"; dial 101
}
route closed { on extension 1; prompt "closed" }
route back { on extension 2; auth guests else { locked: goto closed; denied { prompt "no"; hangup busy } }
  wait 2s; goto front }
"""
OPEN = "! {} no longer asks for staff before 101"


def after(*edits: tuple[str, str]) -> list[str]:
    new = ROUTES
    for old, instead in edits:
        assert old in new
        new = new.replace(old, instead)
    return printed(changes(held(ROUTES), held(new)))


def test_nothing() -> None:
    assert changes(held(ROUTES), held(ROUTES)) == []
    assert after(("route back", "# moved\n\n\nroute back")) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("auth staff else hangup; ", "", ["! +3225551234 no longer asks for staff before 101",
                                          "! 2 no longer asks for staff before 101",
                                          "! 600 no longer asks for staff before 101"]),
        ("dial 101", "dial 102", ["+3225551234 now rings 102 instead of 101",
                                  "2 now rings 102 instead of 101, in the route front",
                                  "600 now rings 102 instead of 101"]),
        ("  on extension 600\n", "", ["600 is no longer answered"]),
        ("on extension 1;", "on extension 1; on extension 3;", ["3 is answered: plays closed, hangs up"]),
        ("goto front", "goto closed", ["2 no longer asks for staff",
                                       "2 now goes to the route closed instead of front"]),
        ("wait 2s", "wait 3s", ["2 now waits 3s instead of 2s"]),
        ("wait 2s", "wait 2s; answer", ["2 now answers before going to the route front"]),
        ("wait 2s; ", "", ["2 no longer waits 2s"]),
        ('prompt "closed"', "hangup busy", ["1 now hangs up (busy) instead of playing closed",
                                            "2 now hangs up (busy) instead of playing closed, in the route closed"]),
        ("hangup busy", "hangup rejected",
         ["2 now plays no, hangs up (rejected) (before: plays no, hangs up (busy)) where guests denies"]),
        ("wait 2s", "dial 7", ["! 2 comes to 7 without being asked for staff", "2 now rings 7 instead of waiting 2s"]),
    ],
)  # fmt: skip
def test_sentences(old: str, new: str, said: list[str]) -> None:
    assert sorted(after((old, new))) == sorted(said)


class TestGates:
    def test_a_new_one(self) -> None:
        old, new = 'prompt "welcome"; auth staff else hangup', 'prompt "welcome"'
        found = printed(changes(held(ROUTES.replace(old, new)), held(ROUTES)))
        assert sorted(found) == [f"{number} now asks for staff before 101" for number in ("+3225551234", "2", "600")]

    def test_another_one(self) -> None:
        assert sorted(after(("auth staff", "auth guests"))) == [
            "! +3225551234 now asks for guests instead of staff before 101",
            "! 2 no longer asks for staff before 101",
            "! 600 now asks for guests instead of staff before 101",
        ]

    def test_what_it_guarded_now_stands_before_it(self) -> None:
        found = after(('prompt "welcome"; auth staff', "dial 101 for 5s; auth staff"))
        assert OPEN.format("600") in found

    def test_the_else_leads_to_what_it_guarded(self) -> None:
        found = after(("auth staff else hangup", "auth staff else { dial 101; hangup }"))
        assert found[:3] == [line for line in found if line.startswith("!")]
        assert OPEN.format("600") in found

    def test_a_way_round_by_another_route(self) -> None:
        found = after(("locked: goto closed", "locked: goto front"))
        assert "! 2 no longer asks for guests before 101" in found

    def test_the_gate_goes_and_what_is_behind_it_is_another(self) -> None:
        found = after(('auth staff else hangup; prompt "ok"; dial 101', 'prompt "ok"; dial 102'))
        assert "! 600 no longer asks for staff" in found
        assert "600 now rings 102 instead of 101" in found

    def test_they_come_first(self) -> None:
        found = after(("on extension 1;", "on extension 1; on extension 3;"), ("auth staff else hangup; ", ""))
        marked = [line.startswith("! ") for line in found]
        assert marked == sorted(marked, reverse=True)
        assert sum(marked) == 3

    def test_a_hand_edit_that_closes_again(self) -> None:
        """What the PBX runs has been opened by hand: putting the sign-in back is told as a sign-in that is new."""
        opened = edited(held(ROUTES), "routec-front", ANY_NUMBER, {5: app("NoOp")})
        assert "600 now asks for staff before 101" in printed(changes(opened, held(ROUTES)))
        assert OPEN.format("600") in printed(changes(held(ROUTES), opened))


class TestNewNumbers:
    def test_one_that_comes_behind_a_sign_in_without_it(self) -> None:
        found = printed(changes(held(ROUTES), held(ROUTES + "route side { on extension 7; dial 101 }")))
        assert found == ["! 7 is answered: rings 101"]

    @pytest.mark.parametrize("steps", ["auth staff else hangup; dial 101", "dial 999", "goto front"])
    def test_one_that_does_not(self, steps: str) -> None:
        (found,) = changes(held(ROUTES), held(ROUTES + f"route side {{ on extension 7; {steps} }}"))
        assert (found.kind, found.gate) == ("answered", False)

    def test_what_was_open_before(self) -> None:
        open_before = ROUTES + "route other { on extension 8; dial 101 }\n"
        (found,) = changes(held(open_before), held(open_before + "route side { on extension 7; dial 101 }"))
        assert not found.gate


BEHIND = """
route vault { on extension 600; auth staff else hangup; goto behind }
route behind { prompt "secret"; dial 101 }
route tale { prompt "tale"; hangup }
route teller { on extension 602; auth staff else hangup; goto tale }
route b { on extension 601; dial 109 }
"""


class TestNumbersThatWereThere:
    """They come to what was always behind a sign-in: as bad as for a new number."""

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("dial 109", "dial 101", "! 601 comes to 101 without being asked for staff"),
            ("dial 109", "dial 109 for 5s else { dial 101 }", "! 601 comes to 101 without being asked for staff"),
            ("dial 109", "goto behind", "! 601 comes to 101 without being asked for staff"),
            ("dial 109", "goto tale", "! 601 comes to the route tale without being asked for staff"),
            ("dial 109", "auth guests else hangup; dial 101", "! 601 comes to 101 without being asked for staff"),
        ],
    )
    def test_one_that_is_marked(self, old: str, new: str, said: str) -> None:
        found = printed(changes(held(BEHIND), held(BEHIND.replace(old, new))))
        assert found[0] == said
        assert not [line for line in found[1:] if line.startswith("!")]

    @pytest.mark.parametrize("route", ["behind", "tale"])
    def test_one_that_moved_to_a_route_behind(self, route: str) -> None:
        new = BEHIND.replace(f"route {route} {{", f"route {route} {{ on extension 601;")
        new = new.replace("route b { on extension 601; dial 109 }", "")
        what = {"behind": "101", "tale": "the route tale"}[route]
        found = printed(changes(held(BEHIND), held(new)))
        assert found[0] == f"! 601 comes to {what} without being asked for staff"

    @pytest.mark.parametrize("route", ["behind", "tale"])
    def test_a_new_one_that_comes_into_a_route_behind(self, route: str) -> None:
        new = BEHIND + f"route c {{ on extension 603; goto {route} }}"
        assert printed(changes(held(BEHIND), held(new)))[0].startswith("! 603 is answered")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("dial 109", "auth staff else hangup; dial 101"),
            ("dial 109", "auth staff else hangup; goto tale"),
            ("dial 109", "dial 999"),
        ],
    )
    def test_one_that_is_not(self, old: str, new: str) -> None:
        assert not [change for change in changes(held(BEHIND), held(BEHIND.replace(old, new))) if change.gate]

    def test_a_sign_in_that_moves_along_over_a_goto(self) -> None:
        new = BEHIND.replace("auth staff else hangup; goto tale", "goto tale").replace(
            'route tale { prompt "tale"', 'route tale { auth staff else hangup; prompt "tale"'
        )
        new = new.replace("dial 109", "goto tale")
        assert not [change for change in changes(held(BEHIND), held(new)) if change.gate and change.subject == "601"]

    def test_what_one_number_reaches_openly_is_open(self) -> None:
        old = BEHIND + "route c { on extension 603; goto behind }"
        assert not [change for change in changes(held(old), held(old.replace("109", "101"))) if change.gate]


class TestHandEditsThatOnlySomeCallersMeet:
    """As Asterisk's memory is read: an extension once more, and what a context includes."""

    def test_what_they_reach_without_the_sign_in(self) -> None:
        running = edited(held(ROUTES), "routec-front", again(ANY_NUMBER, {}), {1: app("Dial", "PJSIP/101")})
        assert "600 now asks for staff before 101" in printed(changes(running, held(ROUTES)))
        assert OPEN.format("600") in printed(changes(held(ROUTES), running))

    def test_one_in_an_entry_is_told_of_its_number(self) -> None:
        running = edited(held(ROUTES), "routec-extensions", again("600", {}), {1: app("Dial", "PJSIP/666")})
        found = changes(running, held(ROUTES))
        assert {change.subject for change in found} == {"600"}
        assert "some callers" in found[0].text or "other steps" in found[0].text

    def test_what_is_included_is_no_number(self) -> None:
        name = beside("include", "phones")
        running = edited(held(ROUTES), "routec-extensions", name, {1: app("include", "phones")})
        assert changes(running, held(ROUTES)) == []
        assert "-include => phones\n" in diff(running, held(ROUTES), contexts(running, held(ROUTES)))


class TestNumbers:
    def test_four_forms_are_one_sentence(self) -> None:
        found = printed(changes(held("route a { on extension 5; hangup }"), held(ROUTES)))
        assert [line for line in found if "25551234" in line] == [
            "+3225551234 is answered: plays welcome, asks for staff (else hangs up), plays ok, rings 101"
        ]

    def test_one_form_that_somebody_changed(self) -> None:
        running = edited(held(ROUTES), "routec-dids", "025551234", {1: app("Hangup")})
        (found,) = changes(running, held(ROUTES))
        assert found.subject == "025551234 (a form of +3225551234)"
        assert found.kind == "steps"

    def test_an_extension_that_somebody_added(self) -> None:
        running = edited(held(ROUTES), "routec-extensions", "666", {1: app("Dial", "PJSIP/1")})
        assert printed(changes(running, held(ROUTES))) == ["666 is no longer answered"]

    def test_the_first_of_all(self) -> None:
        found = changes({}, held(ROUTES))
        assert {change.kind for change in found} == {"answered"}
        assert {change.subject for change in found} == {"+3225551234", "600", "1", "2"}


def test_how_an_extension_is_rung() -> None:
    found = printed(changes(held(ROUTES), held(ROUTES, '[asterisk]\ndial = "Local/{extension}@phones"\n')))
    assert "600 now rings 101 by Local/101@phones instead of PJSIP/101" in found


def test_where_the_checker_is() -> None:
    found = changes(held(ROUTES), held(ROUTES, '[agi]\nconnect = "10.0.0.1:4573"\n'))
    assert Change(
        "module", "module", "staff",
        "staff: asks the checker at agi://10.0.0.1:4573/signin/staff instead of agi://127.0.0.1:4573/signin/staff",
    ) in found  # fmt: skip
    assert [change for change in found if change.kind == "same"]


def test_routes_that_changed_altogether() -> None:
    new = 'answer; wait 1s; prompt "b"; auth staff else hangup; prompt "ok", "c"; dial 107'
    (line,) = [line for line in after(('prompt "welcome"; auth staff else hangup; prompt "ok"; dial 101', new))
               if line.startswith("600")]  # fmt: skip
    assert line == (
        "600: its steps change: answers, waits 1s, plays b, asks for staff (else hangs up), plays ok, c, rings 107 "
        "(before: plays welcome, asks for staff (else hangs up), plays ok, rings 101)"
    )


def test_few_changes_among_many_routes_are_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not change is not read."""
    routes = [
        f'route r{number} {{ on extension {number}; prompt "a"; auth staff else hangup; dial {number} }}'
        for number in range(300)
    ]
    one = held("\n".join(routes))
    other = held("\n".join(["route r7 { on extension 7; dial 7 }", *routes[:7], *routes[8:]]))
    read: list[str] = []
    story = Teller.story

    def counted(self: Teller, number: str, entry: Entry) -> Story | None:
        read.append(number)
        return story(self, number, entry)

    monkeypatch.setattr(Teller, "story", counted)
    assert len(changes(one, other)) == 2
    assert read == ["7", "7"]
    read.clear()
    assert len(changes({}, other)) == 300
    assert len(read) == 600

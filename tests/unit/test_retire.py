from pathlib import Path

import pytest

from routec.apply.held import Held, Priority
from routec.apply.retire import needed
from routec.apply.retired_conf import (
    RetireError,
    is_as_written,
    listed,
    retired_file,
    retired_sounds,
    tail,
    without_tail,
)
from tests.unit.fake_pbx import FakeAmi, FakePbx

SIGNIN = "routec-signin.staff-1"


def context(*lines: str) -> dict[str, dict[int, Priority]]:
    """Lines such as `Goto(a,b,1)`."""
    parts = [line.partition("(") for line in lines]
    return {"_X.": {number: Priority("", app, data[:-1]) for number, (app, _, data) in enumerate(parts, 1)}}


RETIRED: Held = {
    "routec-a-1": context(f"Gosub({SIGNIN},${{EXTEN}},1)", "Goto(routec-b-1,${EXTEN},1)"),
    "routec-b-1": context("Wait(9)"),
    "routec-c-1": context(f"Gosub({SIGNIN},${{EXTEN}},1)", "Wait(9)"),
    "routec-d-1": context("Wait(9)"),
}


@pytest.fixture
def pbx(tmp_path: Path) -> FakePbx:
    return FakePbx(tmp_path / "extensions.conf")


def of(pbx: FakePbx) -> tuple[set[str], int]:
    need = needed(FakeAmi(pbx), RETIRED)
    return set(need.contexts), need.calls


def test_what_a_call_is_in_and_what_that_leads_to(pbx: FakePbx) -> None:
    assert of(pbx) == (set(), 0)
    pbx.call("routec-a-1")
    assert of(pbx) == ({"routec-a-1", "routec-b-1"}, 1)
    pbx.call("routec-b-1")
    pbx.call("routec-b-1")
    pbx.call("from-trunk")
    pbx.call("routec-new-2")
    assert of(pbx) == ({"routec-a-1", "routec-b-1"}, 3)


def test_what_a_sign_in_returns_to(pbx: FakePbx) -> None:
    pbx.call(SIGNIN, "routec-c-1")
    assert of(pbx) == ({"routec-c-1"}, 1)
    pbx.call(SIGNIN, "routec-new-2")
    assert of(pbx) == ({"routec-c-1"}, 1)


def test_what_a_subroutine_of_the_admins_returns_to(pbx: FakePbx) -> None:
    pbx.call("slow", "routec-c-1")
    pbx.call("slow", SIGNIN, "routec-d-1")
    assert of(pbx) == ({"routec-c-1", "routec-d-1"}, 2)


def test_where_asterisk_does_not_say_to_where_it_may_be_any(pbx: FakePbx) -> None:
    pbx.call(SIGNIN)
    assert of(pbx) == ({"routec-a-1", "routec-b-1", "routec-c-1"}, 1)


@pytest.mark.parametrize(
    ("priority", "app", "is_entering"),
    [(1, "Goto", True), (1, "", True), (2, "Goto", False), (1, "Dial", False)],
)
def test_who_may_be_on_the_way_in(pbx: FakePbx, priority: int, app: str, is_entering: bool) -> None:
    channel = pbx.call("from-trunk", priority=priority, app=app)
    assert needed(FakeAmi(pbx), RETIRED).entering == ({channel.uniqueid} if is_entering else set())


# ---- the file

MAIN = b"; Made by routec\n[routec-dids]\n"


def test_the_tail() -> None:
    main = MAIN + tail(Path("/srv/pbx/generated"))
    assert main.endswith(b'\n#tryinclude "/srv/pbx/generated/retired.conf"\n')
    assert without_tail(main) == MAIN
    assert without_tail(MAIN) == MAIN
    assert without_tail(main + b"exten => 1,1,Hangup()\n") != MAIN, "a hand has written behind it"
    long = Path("/" + "/".join(["a" * 200] * 20))
    assert without_tail(MAIN + tail(long)) == MAIN


@pytest.mark.parametrize("folder", ['/srv/a"b', "/srv/a\nb", "/srv/*", "/srv/[a]", "/srv/a;b", "/srv/a{b,c}", "/srv/é"])
def test_folders_that_asterisk_would_take_for_something_else(folder: str) -> None:
    with pytest.raises(RetireError) as refused:
        tail(Path(folder))
    assert refused.value.what == folder


@pytest.mark.parametrize(
    "hostile",
    [
        {"routec-x-1": context("NoOp(a\n[routec-extensions])")},
        {"routec-x-1": context("NoOp(a\n#include /etc/passwd)")},
        {"routec-x-1": context("NoOp(a\r\nb)")},
        {"routec-x-1": {"600\nexten => 1": {1: Priority("", "Hangup", "")}}},
        {"routec-x-1": {"600": {1: Priority("a)b", "Hangup", "")}}},
        {"routec-x-1": {"600": {1: Priority("", "Hangup()\n#exec rm", "")}}},
        {"routec-x]\n[y": context("Hangup()")},
        {"routec-x-1": context(f"NoOp({'x' * 9000})")},
    ],
)
def test_text_out_of_memory_that_would_be_more_than_it_is(hostile: Held) -> None:
    with pytest.raises(RetireError) as refused:
        retired_file({**RETIRED, **hostile}, [])
    assert refused.value.what in hostile


@pytest.mark.parametrize("data", ["a;b", ";-- x", "#include x", "a\\;b;", '"', "[routec-extensions]", "é中"])
def test_text_out_of_memory_that_is_harmless(data: str) -> None:
    from routec.apply.held import held_of

    held = {**RETIRED, "routec-x-1": context(f"NoOp({data})")}
    try:
        text = retired_file(held, ["sounds/a;--b.wav", "sounds/\n[x].wav"])
    except RetireError:
        assert "\\" in data, "what cannot be read back the same is refused"
        return
    assert held_of([text]) == held
    assert retired_sounds(text) == ["sounds/\n[x].wav", "sounds/a;--b.wav"]


def test_sounds_of_a_file_that_somebody_wrote() -> None:
    assert retired_sounds(b"; x\n; sounds: {]\n") == []
    assert retired_sounds(b'; x\n; sounds: ["../x", "sounds/a"]\n') == []
    assert retired_sounds(b"; x\n; sounds: 5\n") == []
    assert retired_sounds(b"") == []


def test_a_file_that_somebody_wrote_in_is_not_taken_for_ours() -> None:
    data = retired_file(RETIRED, ["sounds/a.wav"])
    assert is_as_written(data)
    assert listed(data) == RETIRED
    for edited in (data.replace(b"Wait(9)", b"Wait(8)"), data.replace(b"a.wav", b"b.wav"), data + b"\n", b"", b"\n\n"):
        assert not is_as_written(edited)
        assert listed(edited) == {}
        assert retired_sounds(edited) == []
    assert listed(None) == {}


def test_only_sounds_below_their_folder_are_named() -> None:
    good = ["sounds/a.wav", "sounds/x/b.wav"]
    bad = ["/etc/passwd", "admins.conf", ".routec.lock", "sounds", "sounds/", "sounds/../x", "sounds//x", "sounds/\0"]
    assert retired_sounds(retired_file({}, [*good, *bad])) == good


def test_no_line_is_longer_than_asterisk_reads() -> None:
    names = [f"sounds/{'é' * 200}{number}.wav" for number in range(300)]
    data = retired_file(RETIRED, names)
    assert max(map(len, data.split(b"\n"))) < 8_190
    assert retired_sounds(data) == sorted(names)

"""A rebuild is a build: whatever is edited, a resident builder comes to what a new one comes to, to the byte."""

import os
import shutil
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from routec.apply.build import Builder, Built, compile_project
from routec.backend.dialplan import FIXED, Context
from routec.kept import Memory
from routec.pipeline import Input, compile_routes, render
from tests.properties.systems import Project, projects
from tests.unit.conftest import wav

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"

TOMLS = (
    "",
    '[asterisk]\ndial = "SIP/{extension}"\n',
    '[asterisk]\nsounds = "ours"\n',
    '[agi]\nlisten = "127.0.0.1:14573"\n',
    f'[prompts]\npin = "{HASH}"\n',
    "nonsense\n",
    '[targets.one.on]\nfront = ["extension 9"]\nnobody = ["did +3225551299"]\n[targets.two]\n',
)

FRONT = (
    'route front "Front" { on extension 600; on did +3225551234; prompt hello; auth staff else goto closed; dial 101 }'
)
STAFF = 'auth staff "Staff" { login ask hello digits 4; extra1 ask hello digits 3 as room; users from "a.users" }'

PARTS = {
    "routes/front.route": (
        FRONT,
        FRONT.replace("; ", "\n "),  # the same places, counted from the beginning, and other lines
        "route front { on extension 60; prompt hello, bye; auth staff else { locked: goto closed; error: goto back } }",
        "route front { on extension 600; prompt hello; say time; auth staff else hangup; say digits room; goto back }",
        "\n\nroute front { on extension 610; language nl; auth staff else goto back; say number room; goto front }",
        'route front { on extension 600; prompt helo }\nprompt helo "vm-goodbye"',
        "route front { on extension 600; hangup; wait 1s }  # routec: ignore RT302 it is so",
        "route front { on extension 600; prompt unknown; goto nowhere; auth nobody else hangup; dial 1 }",
    ),
    "routes/more.route": (
        "route closed { prompt bye; hangup }\nroute back { dial 101, 102 for 20s else wait 1s; goto closed }",
        "route closed { prompt bye; hangup }\nroute back { on did +31201234567; auth staff else goto back; hangup }",
        "# a line more\nroute closed { prompt bye; hangup }\nroute back { on extension 17; dial 101; hangup }",
        "route closed { on extension 620; hangup }",
        "route closed {prompt bye;hangup}\nroute back {on did +3225551234; on did +32255512345; dial 101;hangup}",
        "route closed { wait 1s; goto back }\nroute back { wait 1s; goto closed }",
        "route closed { prompt bye\nroute back { dial 101; hangup }",
        "route closed { prompt bye; hangup }\nroute closed { hangup }\nroute back { on extension 600; hangup }",
    ),
    "routes/auths.route": (
        STAFF,
        STAFF.replace('"Staff"', '"House"'),
        STAFF.replace("hello digits 3", "bye digits 12").replace("; users", "; user bob login 1001; users"),
        "# moved\nauth staff { login ask hello digits 4; extra1 ask hello digits 3 as minibar; user bob login 1002 }",
        'auth staff { login ask hello digits 4; within 20s; user from "a.users"; user bob login 1003 }',
        "auth staff { login ask hello digits 4; tries x; user bob login 1001 }",
        "auth staff { login ask hello digits 4; user bob login 1001",
        "auth other { login ask hello digits 4; user bob login 1001 }",
    ),
    "routes/prompts.route": (
        'prompt hello "hello.wav"\nprompt bye "vm-goodbye"',
        'prompt hello text "Hello"\nprompt bye "vm-goodbye" text "Bye"',
        '\nprompt bye "vm-goodbye"\nprompt hello "vm-hello"',
        'prompt bye "vm-goodbye" text "Bye"\nprompt hello "hello.wav" record 5001 record nl 5002 text nl "Hallo"',
        'prompt hello "hello.wav',
    ),
    "routes/a.users": (
        f'user ann "Ann" login 1007 password "{HASH}"\n',
        "user ann login 1008\nuser cid login 1009\n",
        "",
        "user ann login 12345\n",
        "usr ann\n",
    ),
    "routes/night.route": (
        "prompt hello; goto front",
        "dial 101",
        "auth staff else hangup; say letters room; hangup",
        "on",
    ),
    "routes/deep/x.route": (
        "route x { on extension 7; goto closed }",
        "route x { on did +34201234567; goto closed }",
        "route front { on extension 8; hangup }",
        "\xff",
    ),
    "routes/routec.toml": TOMLS,
}
"""Files, each with what may stand in it; each may be missing, too."""

SOUNDS = ("hello", "bye", "nl/hello", "en/bye")

Edit = tuple[str, int]

choices = st.sampled_from([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, -1])
"""What comes first is sound: most of the time there should be something to build."""

edits = st.one_of(
    st.tuples(st.sampled_from(sorted(PARTS)), choices),
    st.tuples(st.sampled_from(SOUNDS), st.sampled_from([0, 0, 1, -1])),
    st.tuples(st.sampled_from(("rename", "touch", "link")), st.integers(0, 1)),
)

many = settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def is_equal(warm: Built, cold: Built) -> None:
    """All that a build comes to, orders included."""
    assert warm.compilation.diagnostics == cold.compilation.diagnostics
    assert warm.compilation.system == cold.compilation.system
    assert warm.compilation.settings == cold.compilation.settings
    assert list(warm.compilation.sources.items()) == list(cold.compilation.sources.items())
    assert warm.compilation.dialplan == cold.compilation.dialplan
    assert list(warm.files.items()) == list(cold.files.items())
    assert warm.held == cold.held


def edit(root: Path, what: Edit) -> None:
    """Make one edit, which may be none."""
    name, choice = what
    if name in PARTS:
        write(root / name, choice)
    elif name in SOUNDS:
        sound = root / "routes/prompts" / f"{name}.wav"
        sound.parent.mkdir(parents=True, exist_ok=True)
        sound.unlink(missing_ok=True)
        if choice == 0:
            wav(sound)
        elif choice == 1:
            sound.write_bytes(b"RIFF")
    else:
        move(root, name, away=bool(choice))


def write(path: Path, choice: int) -> None:
    """Give a file one of the texts that may stand there, or take it away."""
    texts = PARTS[f"routes/{path.as_posix().rpartition('/routes/')[2]}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    if choice < 0:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(texts[choice % len(texts)].encode("latin-1"))


def move(root: Path, how: str, *, away: bool) -> None:
    """Change something else than what stands in a file."""
    front, here, there = (root / "routes" / f"{name}.route" for name in ("front", "more", "renamed"))
    link = root / "routes/link.route"
    if how == "rename" and (here if away else there).exists():
        (here if away else there).rename(there if away else here)
    elif how == "touch" and front.exists():
        os.utime(front)
    elif how == "link":
        link.unlink(missing_ok=True)
        if away:
            link.symlink_to("/nowhere/at/all")


@example(sequence=[[("routes/front.route", 1)], [("routes/front.route", 0)]])
@example(sequence=[[("routes/routec.toml", 4), ("routes/prompts.route", 3)], [("hello", -1)], [("nl/hello", 0)]])
@example(sequence=[[("routes/routec.toml", 6)], [("routes/front.route", 4)], [("routes/routec.toml", 0)]])
@example(
    sequence=[[("routes/auths.route", 6)], [("routes/auths.route", 1)], [("routes/prompts.route", 4)], [("bye", 0)]]
)
@given(sequence=st.lists(st.lists(edits, min_size=1, max_size=3), min_size=1, max_size=8))
@many
def test_a_rebuild_is_a_build(sequence: list[list[Edit]], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("rebuild")
    for name in (*PARTS, "hello"):
        edit(root, (name, 0))
    builders = [Builder(root), Builder(root, "one")]
    for changes in [[], *sequence]:
        for change in changes:
            note(f"{change}")
            edit(root, change)
        for target, builder in zip((None, "one"), builders, strict=True):
            is_equal(builder.build(), compile_project(root, target))
    shutil.rmtree(root)


@given(first=projects(), then=st.lists(st.tuples(projects(), st.integers(0, 9)), min_size=1, max_size=3))
@many
def test_whole_systems_after_each_other(first: Project, then: list[tuple[Project, int]]) -> None:
    """Of one memory, whatever stood there before: systems that share some of their files."""
    memory = Memory()
    files = first.files
    for project, taken in [(first, 9), *then]:
        files = {**files, **dict(sorted(project.files.items())[:taken])}
        one = Input(files, project.settings, users=project.users)
        warm, cold = compile_routes(one, memory=memory), compile_routes(one)
        assert warm == cold
        if not cold.failed:
            assert render(warm, memory) == render(cold)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that is sound."""
    for name in (*PARTS, "hello"):
        edit(tmp_path, (name, 0))
    assert not compile_project(tmp_path).failed
    return tmp_path


def contexts(built: Built) -> dict[str, Context]:
    """Those whose names say what is in them, by route or module."""
    assert built.compilation.dialplan is not None
    return {c.name.split("-")[1]: c for c in built.compilation.dialplan.contexts if c.name not in FIXED}


def test_what_did_not_change_is_the_same_object(root: Path) -> None:
    """Whoever compares two dialplans need not look into what is the same."""
    builder = Builder(root)
    before, again = contexts(builder.build()), contexts(builder.build())
    assert all(again[name] is before[name] for name in before)
    edit(root, ("routes/more.route", 2))
    after = contexts(builder.build())
    assert {name for name in after if after[name] is not before[name]} == {"closed", "back"}
    edit(root, ("routes/deep/x.route", 1))
    last = contexts(builder.build())
    assert {name for name in last if last[name] is not after[name]} == {"x"}


def test_a_file_is_read_again_only_when_it_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    opened = Path.open

    def count(self: Path, mode: str = "r", **others: Any) -> IO[Any]:
        read.append(self.name)
        return opened(self, mode, **others)

    monkeypatch.setattr(Path, "open", count)
    builder = Builder(root)
    builder.build()
    first = sorted(read)
    read.clear()
    builder.build()
    assert sorted(read) == first, "all are young: they may change once more within one tick of their clock"
    monkeypatch.setattr("routec.files.SETTLED_NANOSECONDS", -(10**18))
    builder.build()
    read.clear()
    builder.build()
    assert read == []
    path = root / "routes/front.route"
    path.write_text(path.read_text("utf-8").replace("101", "102"), "utf-8")
    read.clear()
    built = builder.build()
    assert read == ["front.route"]
    monkeypatch.undo()
    is_equal(built, compile_project(root))

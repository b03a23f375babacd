"""The places in a TOML text, which tomllib does not keep: each key and each element of an array has its own."""

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from routec.settings import Settings, SettingsError
from routec.settings.places import Path, places
from tests.properties.test_any_input import many

BLANKS = st.sampled_from(["", " ", "\t", "  "])
GAPS = st.sampled_from(["", " ", "\n", "\r\n", " # a ] comment } = [x]\n", "\n\n  "])
TEXTS = st.sampled_from([
    '""', "''", '"a"', "'it # is'", '"\\" ] # \\\\"', "'\\'",
    '"""a"b""c"""', "'''x'y''z'''", '"""\n# no\n\\""" """"', "''''a''''",
    '"""a"""', '"""""a"""""', "'''\n[x]\n'''", '"did +3225551234"', '"""line \\\n  on"""',
])  # fmt: skip
PLAIN = st.sampled_from(["1", "-1.5e3", "true", "0x1F", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "inf"])
KEYS = st.sampled_from(["a", "b-c", "1", '"a b"', "'x.y'", '"q\\"]"', "targets", "on", '""'])


@st.composite
def values(draw: st.DrawFn, depth: int = 0) -> str:
    kind = draw(st.integers(0, 3 if depth < 3 else 1))
    if kind < 2:
        return draw(PLAIN if kind else TEXTS)
    if kind == 2:
        gaps = [draw(GAPS) for _ in range(6)]
        inner = [f"{gaps[1]}{draw(values(depth + 1))}{gaps[2]}" for _ in range(draw(st.integers(0, 3)))]
        comma = draw(st.sampled_from(["", f",{gaps[3]}"])) if inner else ""
        return f"[{gaps[0]}{f',{gaps[4]}'.join(inner)}{comma}{gaps[5]}]"
    pairs = [f"{draw(BLANKS)}{draw(keys())} = {draw(values(3))} " for _ in range(draw(st.integers(0, 2)))]
    return "{" + ",".join(pairs) + "}"


@st.composite
def keys(draw: st.DrawFn) -> str:
    return f"{draw(BLANKS)}.{draw(BLANKS)}".join(draw(st.lists(KEYS, min_size=1, max_size=3)))


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.integers(0, 5))
        key = draw(keys())
        if kind == 0:
            lines.append(f"{draw(BLANKS)}[{draw(BLANKS)}{key}{draw(BLANKS)}] # x")
        elif kind == 1:
            lines.append(f"[[{key}]]")
        else:
            lines.append(f"{draw(BLANKS)}{key}{draw(BLANKS)}={draw(BLANKS)}{draw(values())} # = [x]")
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*path, key), below
        yield from walk(below, (*path, key))


@given(text=documents())
@example(text='[targets.a.on]\nx = ["did +32",\n # "no"\n "extension 600"]\n[targets.b]\ny.z = 1')
@example(text="[[a]]\n[[a]]\n[a.b]\nc = 1\n[[a.d]]\n[[a.d]]\ne.f = 1\n[a.d.g]\nh = [1]")
@many
def test_each_key_and_element_has_its_place(text: str) -> None:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = places(text)
    for path, value in walk(table):
        key = path[-1]
        if path not in found:
            assert isinstance(key, int), path
            assert isinstance(value, dict), path  # one of an array of tables
            continue
        offset, length = found[path]
        shown = text[offset : offset + length]
        if isinstance(key, int):
            assert repr(tomllib.loads(f"x = {shown}")["x"]) == repr(value)
        else:
            assert tomllib.loads(f"{shown} = 1") == {key: 1}


@given(text=documents())
@many
def test_no_table_of_targets_surprises(text: str) -> None:
    for whole in (text, "targets.a.on.x = ['extension 600']\n" + text, "[targets.a]\n" + text):
        try:
            Settings.parse(whole)
        except SettingsError as error:
            for one in (error, *error.others):
                assert one.offset is not None
                assert 0 <= one.offset <= len(whole)

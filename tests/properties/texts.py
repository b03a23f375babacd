"""What names, titles and sounds hypothesis makes up, and how text is written."""

from typing import Any

from hypothesis import strategies as st

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"

Draw = Any

names = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)
titles = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")).filter(
        lambda char: ord(char) & 0xFFFF < 0xFFFE
    ),
    max_size=40,
).filter(lambda text: "${" not in text and "$[" not in text)
sounds = st.from_regex(r"[A-Za-z0-9_+-]{1,10}([./][A-Za-z0-9_+-]{1,10}){0,2}", fullmatch=True).filter(
    lambda name: not name.endswith(".")
)


def quoted(text: str) -> str:
    """A text as it is written in a route file."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace(";", "\\;") + '"'


def make_sound(draw: Draw, sound_of: dict[str, str]) -> tuple[str, str, str]:
    """How a sound is written, the admin's word for it, and Asterisk's."""
    if sound_of and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(sound_of)))
        return name, name, sound_of[name]
    name = draw(sounds)
    return quoted(name), name, name

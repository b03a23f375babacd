"""Who calls whom, as Asterisk gives it: facts that the caller may have chosen, cleaned and cut, but not believed."""

from collections.abc import Mapping
from dataclasses import dataclass

WITHHELD = ("anonymous", "private", "restricted", "unavailable", "unknown", "withheld")
"""What stands for a number that the caller does not show: all who do not are one."""

MOST_FACT = 80
"""The longest fact about a call that is kept, in characters."""


@dataclass(frozen=True, slots=True)
class Call:
    """The facts of one call. `extension` is what was dialled, as the dialplan matched it."""

    id: str | None
    caller: str | None
    called: str | None
    extension: str | None = None

    @property
    def party(self) -> str | None:
        """The caller where it is one, and not a word for those who do not show their number."""
        return None if self.caller is None or self.caller.casefold() in WITHHELD else self.caller

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Call":
        """Read the AGI headers."""
        extension = _known(env.get("agi_extension", ""), "s")
        return cls(
            id=clean(env.get("agi_uniqueid", "")),
            caller=_known(env.get("agi_callerid", "")),
            called=_known(env.get("agi_dnid", ""), "s") or extension,
            extension=extension,
        )


def clean(text: str) -> str | None:
    """Hostile text without what is not printable, and cut; None if nothing is left."""
    return "".join(c for c in text[: 4 * MOST_FACT] if c.isprintable()).strip()[:MOST_FACT] or None


def _known(text: str, *unknown: str) -> str | None:
    """The text, unless it is one of Asterisk's words for not knowing (`setup_env` in res_agi.c)."""
    cleaned = clean(text)
    return None if cleaned is None or cleaned in ("unknown", *unknown) else cleaned

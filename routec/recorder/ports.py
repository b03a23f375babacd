"""What the recording of a prompt needs of the world: a line, and somebody who keeps what was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

KEPT = "kept"
GIVEN_UP = "given_up"
"""The caller was there, and never said that it is good."""
HUNG_UP = "hung_up"
REFUSED = "refused"
"""Nobody had let this caller in, or there is no such recording."""
FAILED = "failed"
"""Something of ours or of Asterisk's failed; the process log says what."""

RESULTS = (KEPT, GIVEN_UP, HUNG_UP, REFUSED, FAILED)
"""What a recording can come to. The prompt has changed after `KEPT`, and after nothing else."""


class TakeError(Exception):
    """What was recorded cannot be had, or cannot be kept; nothing has changed. The message is for the process log."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the recorder says when, as sounds of Asterisk's: before the tone; what each key does; what came of it."""

    start: tuple[str, ...]
    menu: tuple[str, ...]
    kept: tuple[str, ...]
    short: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a recording ended: one of `RESULTS`, and why, for the process log."""

    result: str
    why: str


class Line(Protocol):
    """The caller. Each method raises `CallerGone`; a sound that cannot be played is passed over."""

    def verdict(self) -> str:
        """What the sign-in before this said, as it stands on the channel; empty where there was none."""
        ...

    def user(self) -> str:
        """Who that sign-in says it is; empty where it let in somebody of no name."""
        ...

    def hear(self, sounds: Sequence[str], keys: str = "") -> str:
        """Play sounds in order until one of `keys` is pressed, and give that key, or an empty string."""
        ...

    def key(self, seconds: float) -> str:
        """Wait so long for one key, and give it, or an empty string."""
        ...

    def record(self, seconds: int) -> None:
        """Record until `#` is pressed or so much time is over, in what quality the phone has; the take before is gone.

        Raises `TakeError`.
        """
        ...

    def hear_take(self, keys: str) -> str:
        """Play what was recorded, as `hear` plays a sound."""
        ...

    def stay(self) -> None:
        """Return where the caller is still there."""
        ...


class Keeper(Protocol):
    """Who has the recording, and puts it in the place of the prompt's file."""

    def seconds(self) -> float:
        """How long the last recording is. Raises `TakeError`."""
        ...

    def keep(self) -> str:
        """Put it in place, with the one before kept aside; tells what was done. Raises `TakeError`."""
        ...

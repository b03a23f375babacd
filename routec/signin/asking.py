"""The questions of one conversation: each within the module's time, each answer looked at before it is taken."""

from collections.abc import Callable

from routec.contract import DENIED, DIGIT_SECONDS, Field, Module
from routec.signin.outcome import DEADLINE, INCOMPLETE, UNKNOWN_CODE
from routec.signin.ports import Line


class Refused(Exception):  # noqa: N818 (what happened, and no error of anybody's)
    """The conversation ends here, and not well."""

    def __init__(self, reason: str, verdict: str = DENIED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.verdict = verdict


class Asking:
    """One caller being asked. `given` holds the well-formed codes by kind; a password is never among them."""

    def __init__(self, module: Module, line: Line, clock: Callable[[], float]) -> None:
        self._module = module
        self._line = line
        self._clock = clock
        self._deadline = clock() + module.seconds
        self.given: dict[str, str] = {}
        self.heard_keys = False

    def check_time(self) -> None:
        """Raise `Refused` when the module's time is over."""
        if self._is_late():
            raise Refused(DEADLINE)

    def keys(self, field: Field) -> str:
        """What the caller keys for a field, well-formed or not."""
        # One key more than the field may have: so `#` ends the longest input too, and a key too many is seen as one
        # instead of being cut off, which would let 12345 pass for 1234.
        return self._ask(field.sound, field.most + 1)

    def key(self, sound: str) -> str:
        """The one key that the caller presses, or nothing."""
        return self._ask(sound, 1)

    def take(self, field: Field) -> None:
        """Ask for a further code until it is well-formed and in its table. Raises `Refused` after the last try."""
        self.given.pop(field.kind, None)
        reason = INCOMPLETE
        for _ in range(self._module.tries):
            keys = self.keys(field)
            if not keys and field.optional:
                return
            if not fits(keys, field):
                reason = INCOMPLETE
            elif not is_known(keys, field):
                reason = UNKNOWN_CODE
                self.tell("unknown")
            else:
                self.given[field.kind] = keys
                return
        raise Refused(reason)

    def forget(self, fields: tuple[Field, ...]) -> None:
        """What was given for these is given no more."""
        for field in fields:
            self.given.pop(field.kind, None)

    def tell(self, event: str) -> None:
        """Play the module's sound for one of `contract.EVENTS`; past the deadline there is no time for that."""
        sound = self._module.tell(event)
        if sound is not None and not self._is_late():
            self._line.play(sound)

    def read_back(self, field: Field) -> None:
        """Say what was given for a field, if anything was."""
        digits = self.given.get(field.kind)
        if digits is not None and not self._is_late():
            self._line.say_digits(digits)

    def say_time(self, when: int) -> None:
        """Say a time of day, if there is time for that."""
        if not self._is_late():
            self._line.say_time(when)

    def _ask(self, sound: str, most: int) -> str:
        self.check_time()
        left = self._deadline - self._clock()
        keys = self._line.ask(sound, most, min(DIGIT_SECONDS, left))
        self.heard_keys = self.heard_keys or bool(keys)
        return keys

    def _is_late(self) -> bool:
        return self._clock() >= self._deadline


def fits(keys: str, field: Field) -> bool:
    """Whether the keys are digits, as many as the field may have."""
    return field.least <= len(keys) <= field.most and keys.isascii() and keys.isdigit()


def is_known(keys: str, field: Field) -> bool:
    """Whether digits are in the field's table, if it has one. A range holds only codes as long as its ends."""
    return not field.codes or any(
        len(code.first) == len(keys) == len(code.last) and code.first <= keys <= code.last for code in field.codes
    )

"""What can go wrong between routec and a PBX's manager interface."""

_MOST_QUOTED = 200


class AmiError(Exception):
    """The PBX cannot be worked with over AMI. `help` is a way out. No secret is in either."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class UnreachableError(AmiError):
    """Nobody answers there, the connection broke, or what answers is no Asterisk manager."""


class RefusedLoginError(AmiError):
    """Asterisk does not know the user, or not with this secret, or not from this address."""


class AnswerError(AmiError):
    """What was asked comes to nothing, and the connection is as good as before."""


class NotPermittedError(AnswerError):
    """The user may not do this."""


class SilentError(AmiError):
    """Asterisk did not answer in time, or only half."""


class ReloadRefusedError(AnswerError):
    """Asterisk would not read its dialplan."""


class RefusedError(AnswerError):
    """Asterisk answered an action with an error; `said` is its message, for us and not for the user."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


class UnsentError(AnswerError):
    """Nothing was sent, since it would have been something else than was meant."""


def quoted(text: str) -> str:
    """What a peer said, fit to be shown: one line, bounded."""
    return "".join(char if char.isprintable() else " " for char in text[:_MOST_QUOTED])

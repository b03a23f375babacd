"""What is not shown of a source: PINs and other secrets, wherever a slip may have put them.

What routec prints ends in CI's log. A digit or a letter that is hidden becomes a star, so that places stay what they
were.
"""

import re

from routec.source import Source

LONGEST_SECRET = 1000

USERS_SUFFIX = ".users"
"""Files of users hold nothing but users: all of their lines are taken for such."""

_NEAR_SECRETS = ("secret", "whsec_", "://", "$argon2")
_SECRET = re.compile(
    r'(\bsecret[ \t]+(?:env[ \t]+)?")([^"]+)|(\bwhsec_)(\w+)|(://)([^/"\s]+(?=@))'
    r'|(\bpin[ \t]*=[ \t]*["\']\$argon2)([^"\'\s]+)'
)
"""The secret of a webhook in place of its variable, who stands in a URL, and the hash of the PIN in routec.toml."""

_PIN = re.compile(r'(\b(?:p\w{0,5}s\w{0,8}[dt]e?|pin|pw|code)[ \t]*[:=]?[ \t]*"?)([0-9]+)', re.IGNORECASE)
"""A PIN behind a word that is `password`, well written or not."""

_USER = re.compile(r"(?:^|[;{}])[ \t]*(?!users[ \t]+(?:from|any)\b)(?:u\w{0,7}|suer|ser)(?![\w:])", re.IGNORECASE)
_PASTED = re.compile(r"""[ \t]*"?[^\W\d](?:[^\W\d]|[ .'-])*"?[;,][ \t]*"?[0-9]""")
"""The line of a user, well written or not; and one pasted from a table, `anna;1001;4711`."""

_PART = re.compile(
    r'(?P<head>(?:^|[;{])[ \t]*u\w{0,7}[ \t]+(?!login\b)[a-z][a-z0-9_-]*(?:[ \t]*(?P<title>"(?:[^"\\]|\\.)*"?))?)'
    r'|(?P<login>\blogin[ \t]+[+-]?[0-9*]+)|(?P<text>"(?:[^"\\]|\\.)*"?)|(?P<digits>\d+)',
    re.IGNORECASE,
)
"""On the line of a user: the name and the title are shown, and the login; no other text, and no other digits."""


def shown(source: Source, offset: int, length: int) -> str:
    """What may be shown of a stretch within a line."""
    line, column = source.position(offset)
    return shown_of_line(source, line, column - 1, length)


def shown_of_line(source: Source, line: int, left: int, length: int) -> str:
    """What may be shown of a part of a line. A secret may begin before it."""
    text = source.line_text(line)
    begin = max(0, left - LONGEST_SECRET)
    window = text[begin : left + length + LONGEST_SECRET]
    start = _user_from(source.path, text, window, begin)
    if start is not None:
        window = window[:start] + _PART.sub(_part_shown, window[start:])
    # Searches for words take a hundredth of the time of those for patterns.
    if any(word in window for word in _NEAR_SECRETS):
        window = _SECRET.sub(_secret_masked, window)
    return _PIN.sub(_secret_masked, window)[left - begin :][:length]


def _user_from(path: str, text: str, window: str, begin: int) -> int | None:
    """Where in a window the line of a user begins, or None."""
    if path.endswith(USERS_SUFFIX) or (begin and text.find("user", 0, begin) >= 0) or _PASTED.match(window):
        return 0
    found = _USER.search(window)
    return found.start() if found else None


def _part_shown(found: re.Match[str]) -> str:
    part = found[0]
    if found["login"]:
        return part
    if found["head"]:
        title = found["title"] or ""
        return part[: len(part) - len(title)] + re.sub(r"\d", "*", title)
    if found["digits"]:
        return "*" * len(part)
    closed = len(part) > 1 and part.endswith('"')
    return '"' + "*" * (len(part) - 1 - closed) + '"' * closed


def _secret_masked(found: re.Match[str]) -> str:
    before, secret = (part for part in found.groups() if part is not None)
    return f"{before}{'*' * len(secret)}"

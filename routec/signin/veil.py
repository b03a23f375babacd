"""What the outside world says, made fit to be kept and shown: printable, short, and without the secrets we sent."""

import json
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote, urlsplit

MOST_SHOWN = 500
"""How much of a receiver's answer is kept, in characters."""

MASK = "***"

_LEAST_OF_URL = 4
"""A value in a URL that is shorter is no secret, and would blot out half an answer."""

_LEAST_CUT = 8
"""A secret's beginning at the end of an answer that was cut is masked from so many characters on."""


def printable(text: str) -> str:
    """The text without what could steer a terminal, on one line."""
    return " ".join("".join(c if c.isprintable() else " " if c.isspace() else "" for c in text).split())


def veiled(text: str, secrets: Iterable[str]) -> str:
    """The text, printable and cut, with a mask for each secret, also as JSON and URLs write it."""
    text = printable(text)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in dict.fromkeys((secret, secret.replace("/", "\\/"), quote(secret, safe=""), quote(secret))):
            text = text.replace(form, MASK)
        for length in range(len(secret) - 1, _LEAST_CUT - 1, -1):
            if text.endswith(secret[:length]):
                text = text[:-length] + MASK
                break
    return text[:MOST_SHOWN]


def secrets_of_url(url: str) -> set[str]:
    """What of a URL is nobody else's business: a user, a password, and the values of its query."""
    try:
        parts = urlsplit(url)
        user, password = parts.username or "", parts.password or ""
    except ValueError:
        return set()
    queried = {value for pair in parts.query.split("&") for value in [pair.partition("=")[2] or pair]}
    values = {user, password, *queried, *(value for _, value in parse_qsl(parts.query))}
    return {form for value in values for form in (value, unquote(value)) if len(form) >= _LEAST_OF_URL}


def secrets_of_payload(payload: str) -> set[str]:
    """The password of a sign-in, where the module logs it."""
    try:
        sent = json.loads(payload)
    except ValueError:
        return set()
    password = sent.get("password") if isinstance(sent, dict) else None
    return {password} if isinstance(password, str) and password else set()


def shown_url(url: str) -> str:
    """A URL for a message: without user and password, and with no value of its query."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the webhook's URL"
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    query = "&".join(f"{key}={MASK}" if equals else MASK for key, equals, _ in pairs)
    return printable(f"{parts.scheme}://{place}{parts.path}" + (f"?{query}" if query else ""))

"""What becomes of a sign-in: what the log keeps and for how long, and where it is sent."""

import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from routec.contract import FIELDS
from routec.diagnostics import codes
from routec.frontend import syntax
from routec.frontend.module_scope import ModuleScope
from routec.frontend.syntax import Duration, Text, Word
from routec.frontend.texts import unescape

OFFLINE = ("deny", "grant")

SHORTEST_KEEP, LONGEST_KEEP = 3600, 3650 * 86_400

LONGEST_URL = 2000
_URL = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")


def resolve_log(module: ModuleScope) -> list[str]:
    """The kinds of the fields that the log keeps: those named, or without a `log` line all but the password."""
    line = module.settings.get("log")
    if line is None:
        return [field["kind"] for field in module.fields if field["kind"] != "password"]
    kept: dict[str, Word] = {}
    for word in line.values:
        kind = module.named_field(word) if isinstance(word, Word) else None
        if kind is None or not isinstance(word, Word):
            continue
        if kind in kept:
            module.repeated(f"`{word.text}` is in the log twice", word, kept[kind])
        else:
            kept[kind] = word
    if "password" in kept:
        note = "whoever reads the log can sign in as these users"
        module.fault(codes.PASSWORD_LOGGED, "the log keeps the password", kept["password"], note)
    return [kind for kind in FIELDS if kind in kept]


def resolve_keep(module: ModuleScope) -> int | None:
    """`keep 90d`, in seconds; None is for good."""
    setting = module.settings.get("keep")
    if setting is None or not isinstance(setting.values[0], Duration):
        return None
    return module.duration(setting.values[0], SHORTEST_KEEP, LONGEST_KEEP, "rows are kept for 1h to 3650d")


def resolve_offline(module: ModuleScope) -> str:
    """`offline deny` (where nothing is said) or `offline grant`."""
    setting = module.settings.get("offline")
    if setting is None or not isinstance(setting.values[0], Word):
        return OFFLINE[0]
    value = module.choice(setting.values[0], OFFLINE, "choice") or OFFLINE[0]
    if value == "grant" and module.purpose == "timeclock":
        note = "whether a caller is in or out stands in the log: without it nobody can be clocked"
        module.fault(codes.SETTING_OUT_OF_PLACE, "`offline grant` is nothing for a timeclock", setting, note)
        return OFFLINE[0]
    return value


# ---- webhooks


def resolve_webhook(module: ModuleScope) -> dict[str, Any] | None:
    """`webhook "URL" secret env NAME [allow private] [ordered]`."""
    webhook = module.settings.get("webhook")
    if not isinstance(webhook, syntax.Webhook):
        return None
    text, name = webhook.values
    if not isinstance(text, Text) or not isinstance(name, Word):
        return None
    url = unescape(module.path, text, module.scope.report)
    if fault := _url_fault(url, private=webhook.private):
        message, note = fault
        module.fault(codes.BAD_WEBHOOK_URL, message, text, note)
        return None
    return {
        "span": module.span(webhook),
        "url": url,
        "secret_env": name.text,
        "private": webhook.private,
        "ordered": webhook.ordered,
    }


def _url_fault(url: str, *, private: bool) -> tuple[str, str] | None:
    """What is wrong with the address of a webhook, and why that matters."""
    if len(url) > LONGEST_URL:
        return "this URL is too long", f"{LONGEST_URL} characters at the most"
    if bad := _URL.sub("", url)[:1]:
        what = "a blank" if bad == " " else f"`{bad}`"
        return f"{what} in a URL", "written as `%20` and the like, or for a host in its `xn--` form"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "this URL has no sound host and port", "https://HOST/PATH"
    unsound = port == 0 or not (_is_address(host) or _HOST.fullmatch(host)) or ".." in host
    faults = (
        (not url.startswith(("https://", "http://")), "this is no URL of a webhook", "https://HOST/PATH"),
        ("@" in parts.netloc, "a URL with a user in it", "it stands in git and in logs; callers are told by signature"),
        (unsound, "this URL has no sound host and port", "https://HOST/PATH"),
        (parts.scheme == "http" and not private, "a webhook without TLS", "plain http goes with `allow private` alone"),
        (not private and _is_private(host), f"`{host}` is in a private network", "it needs `allow private`"),
    )
    return next(((message, note) for found, message, note in faults if found), None)


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    return not ip_address(host).is_global if _is_address(host) else host.rstrip(".") == "localhost"

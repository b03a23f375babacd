"""One webhook, sent: signed after the Standard Webhooks specification, to an address that it may go to, within a limit.

What comes back is an `Answer`, whatever happened: the receiver's status and the beginning of what it said, or a few
words of ours. No secret is in either. The exceptions of requests hold URLs and headers, so none of them leaves here.
"""

import base64
import binascii
import logging
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from standardwebhooks import Webhook as Signing

from routec import __version__
from routec.contract import Webhook
from routec.signin.addresses import resolve
from routec.signin.guarded import Dial, Guard, Pace, RefusalError, Resolve, dial, pool, read_body, tls_context
from routec.signin.veil import secrets_of_payload, secrets_of_url, veiled

WHOLE_SECONDS = 20
"""The longest that one delivery takes, from the look-up of the name to the end of the answer."""

BODY_SECONDS = 5
"""How long an answer may go on once its status is known; it is only for people to read."""

MOST_BODY = 64 * 1024
MOST_REDIRECTS = 3
MOST_PAUSE = timedelta(days=1)
"""The longest pause that a receiver can ask for by `Retry-After`."""

_PREFIX = "whsec_"

# urllib3 logs URLs with their queries, and a receiver can make it warn of one.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


class UnreadyError(Exception):
    """Nothing was sent, and nothing can be until somebody mends the environment; the message says what, no secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one delivery: a status and what the receiver said, or no status and our own words."""

    status: int | None
    text: str
    retry_after: timedelta | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """Whether the receiver says that it never will."""
        return self.status == 410


class Signer:
    """Signs with one secret. No repr shows it."""

    def __init__(self, environ: Mapping[str, str], name: str) -> None:
        text = (environ.get(name) or "").strip()
        if not text:
            raise UnreadyError(f"the environment has no {name}")
        encoded = text.removeprefix(_PREFIX).rstrip("=")
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not key or not text.startswith(_PREFIX):
            raise UnreadyError(f"{name} is no webhook secret; it must be {_PREFIX} and base64")
        self._encoded = encoded
        self._signing = Signing(key)

    def headers(self, identity: str, moment: datetime, payload: str) -> dict[str, str]:
        """The three headers of the specification."""
        moment = moment.astimezone(UTC)  # any other zone would be signed wrongly
        return {
            "webhook-id": identity,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._signing.sign(identity, moment, payload),
        }

    @property
    def secrets(self) -> set[str]:
        """What no message may hold."""
        return {self._encoded}


class Poster:
    """Sends webhooks; one serves many threads.

    Certificates are verified against the bundle that REQUESTS_CA_BUNDLE or SSL_CERT_FILE names, or else Mozilla's. No
    proxy and no netrc is taken from the environment.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        seconds: float = WHOLE_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        resolve: Resolve = resolve,
        dial: Dial = dial,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._seconds = seconds
        self._now = now
        self._resolve = resolve
        self._dial = dial
        self._loading = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def check(self, webhook: Webhook) -> None:
        """Raise `UnreadyError` where `post` would."""
        self._signer(webhook)

    def post(self, webhook: Webhook, identity: str, payload: str) -> Answer:
        """Deliver a payload under its id. Raises `UnreadyError` and nothing else."""
        signer, context = self._signer(webhook)
        headers = signer.headers(identity, self._now(), payload)
        secrets = signer.secrets | secrets_of_url(webhook.url) | secrets_of_payload(payload)
        secrets.add(headers["webhook-signature"].removeprefix("v1,").rstrip("="))
        pace = Pace(time.monotonic() + self._seconds)
        guard = Guard(webhook.private, pace, self._resolve, self._dial)
        try:
            with _Session(_Adapter(guard, context), headers) as session:
                return self._exchange(session, guard, webhook.url, payload.encode(), secrets)
        except Exception as error:  # noqa: BLE001 (whatever a library raises may hold the URL)
            return Answer(None, veiled(self._words(error), secrets))

    def _signer(self, webhook: Webhook) -> tuple[Signer, ssl.SSLContext | None]:
        """Who signs, and the TLS of an https URL."""
        signer = Signer(self._environ, webhook.secret_env)
        is_plain = webhook.url[:5].lower() == "http:"
        if is_plain and not webhook.private:
            raise UnreadyError("plain http is for webhooks that `allow private`")
        return signer, None if is_plain else self._tls()

    def _tls(self) -> ssl.SSLContext:
        """One context for all, made when it is first needed: reading a bundle takes 20 ms."""
        with self._loading:
            if self._context is None:
                name = next((name for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if self._environ.get(name)), None)
                bundle = Path(self._environ[name] if name else DEFAULT_CA_BUNDLE_PATH)
                try:
                    is_folder = bundle.is_dir()
                    self._context = tls_context(*((None, str(bundle)) if is_folder else (str(bundle), None)))
                except OSError:  # ssl's own errors are of this kind
                    raise UnreadyError(f"{name or 'requests'} names no usable file of certificates") from None
            return self._context

    def _exchange(self, session: "_Session", guard: Guard, url: str, body: bytes, secrets: set[str]) -> Answer:
        for _ in range(MOST_REDIRECTS + 1):
            # The pace of the sockets is what counts; without a limit of its own requests would lift theirs.
            with session.post(url, data=body, timeout=self._seconds, allow_redirects=False, stream=True) as response:
                status = response.status_code
                location = response.headers.get("location")
                if status not in (307, 308) or location is None:
                    pause = retry_after(response.headers.get("retry-after"), self._now())
                    text = read_body(response.raw, guard, MOST_BODY, BODY_SECONDS).decode(errors="replace")
                    if 300 <= status < 400 and location is not None:
                        text = f"a redirect by {status} is not followed, only one by 307 or 308"
                    return Answer(status, veiled(text, secrets), pause)
            target = _target(url, location)
            if target is None:
                return Answer(status, "a redirect to another host, port or scheme is not followed")
            url = target
        return Answer(status, f"more than {MOST_REDIRECTS} redirects")

    def _words(self, error: BaseException) -> str:
        """What happened, in short words of ours."""
        causes = _causes(error)
        kinds = {
            RefusalError: "",
            TimeoutError: f"no answer within {self._seconds:g} s",
            RemoteDisconnected: "it closed the connection without an answer",
            ConnectionError: "it broke off the connection",
            HTTPException: "its answer is not HTTP",
            requests.exceptions.RequestException: "the exchange failed",
        }
        for kind, words in kinds.items():
            if found := next((cause for cause in causes if isinstance(cause, kind)), None):
                return words or str(found)
        return f"it could not be sent: {type(error).__name__}"


class _Session(requests.Session):
    """A session for one exchange, which knows nothing of the environment and nothing of what was before."""

    def __init__(self, adapter: HTTPAdapter, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.headers.update(
            {
                "user-agent": f"routec/{__version__}",
                "accept": "*/*",
                "accept-encoding": "identity",
                "connection": "close",
                "content-type": "application/json",
                **headers,
            }
        )
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: requests would read the whole of an answer that it thinks a redirect, though it must not follow."""


class _Adapter(HTTPAdapter):
    """Gives requests our own connections, all to one origin."""

    def __init__(self, guard: Guard, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self._guard = guard
        self._context = context
        self._origin: tuple[str, str, int | None] | None = None

    def get_connection_with_tls_context(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> Any:
        """The connection for a request."""
        parts = urlsplit(str(request.url))
        self._origin = self._origin or _origin(parts)
        if _origin(parts) != self._origin or not parts.hostname:
            raise RefusalError("the URL cannot be used")
        return pool(parts.hostname, parts.port, self._guard, self._context)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """The context verifies, always."""


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The pause that a `Retry-After` asks for, in seconds or as a date; None where there is none that can be read."""
    text = (value or "").strip()
    try:
        if re.fullmatch(r"[0-9]{1,9}", text):
            pause = timedelta(seconds=int(text))
        else:
            moment = parsedate_to_datetime(text)
            pause = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return min(max(pause, timedelta()), MOST_PAUSE)


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").rstrip("."), port


def _target(url: str, location: str) -> str | None:
    """Where a redirect leads, if it is the same host, port and scheme."""
    try:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
        return target if _origin(here) == _origin(there) and there.username is None else None
    except ValueError:
        return None


def _causes(error: BaseException) -> list[BaseException]:
    """An exception and what it was made of; libraries hide the first cause in several places."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found

import base64
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from routec import __version__
from routec.contract import Webhook
from routec.signin.addresses import is_public, resolve
from routec.signin.guarded import PlainSocket
from routec.signin.guarded import dial as dial_really
from routec.signin.veil import shown_url, veiled
from routec.signin.webhooks import WHOLE_SECONDS, Answer, Poster, Signer, UnreadyError, retry_after

from .sink import CERTIFICATE, NAME, Answering, Sink, close, drip, echo, hang, pour, raw, reply

KEY = b"secret of the tests/+?>~ \xff\xfe"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ENVIRON = {"HOOK_SECRET": SECRET}
PAYLOAD = '{"time": "2026-11-23T09:00:00.000+00:00", "module": "rooms", "password": null, "caller": "\\u20ac"}'
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def hook(url: str, *, private: bool = True, ordered: bool = False) -> Webhook:
    return Webhook(url, "HOOK_SECRET", private, ordered)


def post(sink: Sink, path: str = "/hook", payload: str = PAYLOAD, seconds: float = WHOLE_SECONDS) -> Answer:
    return Poster(ENVIRON, seconds=seconds).post(hook(sink.url(path)), "msg_1", payload)


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that was logged, at the most talkative level, and printed."""
    caplog.set_level(logging.DEBUG)

    def said() -> str:
        out, err = capfd.readouterr()
        return caplog.text + out + err

    return said


class TestOnePost:
    def test_what_is_sent(self) -> None:
        with Sink(reply(202, "taken")) as sink:
            assert post(sink, "/hook?to=rooms") == Answer(202, "taken")
        (request,) = sink.received
        assert (request.method, request.path, request.body) == ("POST", "/hook?to=rooms", PAYLOAD.encode())
        assert request.headers == {
            "host": f"127.0.0.1:{sink.port}",
            "user-agent": f"routec/{__version__}",
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "close",
            "content-type": "application/json",
            "content-length": str(len(PAYLOAD)),
            "webhook-id": "msg_1",
            "webhook-timestamp": request.headers["webhook-timestamp"],
            "webhook-signature": request.headers["webhook-signature"],
        }
        assert request.verified(SECRET) == json.loads(PAYLOAD)

    @pytest.mark.parametrize("hours", [-11, 0, 5.5, 14])
    def test_the_signature_holds_in_any_zone(self, hours: float) -> None:
        moment = datetime.now(timezone(timedelta(hours=hours)))
        with Sink() as sink:
            Poster(ENVIRON, now=lambda: moment).post(hook(sink.url()), "msg_1", PAYLOAD)
        assert sink.received[0].verified(SECRET)

    def test_a_payload_beyond_ascii(self) -> None:
        with Sink() as sink:
            assert post(sink, payload='{"caller": "€𝄞"}').status == 200
        assert sink.received[0].verified(SECRET) == {"caller": "€𝄞"}

    @pytest.mark.parametrize("status", [200, 201, 204, 299])
    def test_delivered(self, status: int) -> None:
        with Sink(reply(status)) as sink:
            answer = post(sink)
        assert (answer.status, answer.is_delivered, answer.is_final) == (status, True, False)

    @pytest.mark.parametrize("status", [300, 400, 401, 404, 410, 429, 500, 503, 599])
    def test_not_delivered(self, status: int) -> None:
        with Sink(reply(status, "why")) as sink:
            answer = post(sink)
        assert answer == Answer(status, "why")
        assert (answer.is_delivered, answer.is_final) == (False, status == 410)

    def test_nothing_of_the_environment_leads_elsewhere(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with Sink(reply(500)) as proxy, Sink() as sink:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url(""))
            (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hush\n")
            monkeypatch.setenv("HOME", str(tmp_path))
            assert post(sink).status == 200
        assert proxy.received == []
        assert "authorization" not in sink.received[0].headers

    def test_one_poster_serves_many_threads(self) -> None:
        poster, answers = Poster(ENVIRON), list[Answer]()
        with Sink() as sink:
            threads = [
                threading.Thread(target=lambda n=n: answers.append(poster.post(hook(sink.url()), f"msg_{n}", PAYLOAD)))
                for n in range(20)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert answers == [Answer(200, "")] * 20
        assert sorted(sink.ids) == sorted(f"msg_{n}" for n in range(20))


class TestSecret:
    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (None, "the environment has no HOOK_SECRET"),
            ("", "the environment has no HOOK_SECRET"),
            (" ", "the environment has no HOOK_SECRET"),
            ("whsec_", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
            ("whsec_====", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
            ("whsec_not base64", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
            ("whsec_a", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
            ("whsec_ümlaut==", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
            ("c2VjcmV0", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
            ("hunter2", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
        ],
    )
    def test_unusable(self, value: str | None, why: str) -> None:
        environ = {} if value is None else {"HOOK_SECRET": value}
        with Sink() as sink:
            for use in (
                lambda: Poster(environ).check(hook(sink.url())),
                lambda: Poster(environ).post(hook(sink.url()), "msg_1", PAYLOAD),
            ):
                with pytest.raises(UnreadyError) as caught:
                    use()
                assert str(caught.value) == why
        assert sink.received == []

    @pytest.mark.parametrize("value", [SECRET, SECRET.rstrip("="), f"{SECRET}\n", f" {SECRET}"])
    def test_usable(self, value: str) -> None:
        with Sink() as sink:
            Poster({"HOOK_SECRET": value}).post(hook(sink.url()), "msg_1", PAYLOAD)
        assert sink.received[0].verified(SECRET)

    def test_it_is_read_at_each_delivery(self) -> None:
        environ = dict(ENVIRON)
        poster, other = Poster(environ), "whsec_" + base64.b64encode(b"another").decode()
        with Sink() as sink:
            poster.post(hook(sink.url()), "msg_1", PAYLOAD)
            environ["HOOK_SECRET"] = other
            poster.post(hook(sink.url()), "msg_2", PAYLOAD)
        assert sink.received[0].verified(SECRET)
        assert sink.received[1].verified(other)

    def test_no_repr_shows_it(self) -> None:
        signer = Signer(ENVIRON, "HOOK_SECRET")
        poster = Poster(ENVIRON)
        shown = repr(signer) + str(signer) + repr(poster) + repr(poster.__dict__["_context"])
        assert SECRET[6:20] not in shown


def masked(status: int, body: bytes, secret: str = SECRET, payload: str = PAYLOAD, path: str = "/hook") -> str:
    with Sink(reply(status, body)) as sink:
        return Poster({"HOOK_SECRET": secret}).post(hook(sink.url(path)), "msg_1", payload).text


class TestWhatIsKeptOfAnAnswer:
    def test_the_beginning_printable_and_on_one_line(self) -> None:
        assert masked(500, b"a\x00b\x1b[2J\r\n\t c\xff\x9b" + "é\u202e€".encode()) == "ab[2J c\ufffd\ufffdé€"
        assert masked(500, b"x" * 10_000) == "x" * 500
        assert masked(500, b"\x00" * 1_000 + b"x" * 10_000) == "x" * 500

    @pytest.mark.parametrize("status", [200, 410, 500])
    def test_an_echo_of_all_we_sent(self, status: int, everything: Callable[[], str]) -> None:
        payload = '{"module": "rooms", "login": "1001", "password": "73519846"}'
        with Sink(echo(status)) as sink:
            answer = post(sink, payload=payload)
        signature = sink.received[0].headers["webhook-signature"].removeprefix("v1,").rstrip("=")
        assert '"password": "***"' in answer.text
        said = answer.text + repr(answer) + everything()
        assert signature not in said
        assert "73519846" not in said

    @pytest.mark.parametrize(
        "form",
        [
            SECRET,
            SECRET[6:],
            SECRET.rstrip("="),
            SECRET.replace("/", "\\/"),
            quote(SECRET),
            quote(SECRET, safe=""),
            "\0".join(SECRET),
        ],
        ids=["whole", "bare", "unpadded", "json", "url", "url component", "utf-16"],
    )
    @pytest.mark.parametrize("before", ["", "x" * 480, "\0" * 3_000])
    def test_an_echo_of_the_secret(self, form: str, before: str) -> None:
        text = masked(500, f"{before}key={form}; bye".encode())
        assert "***" in text
        plain = text.replace("\\/", "/").replace("%2B", "+").replace("%2F", "/")
        assert not any(SECRET[start : start + 8] in plain for start in range(6, len(SECRET) - 8))

    def test_an_answer_that_is_cut_within_the_secret(self) -> None:
        size = 64 * 1024
        for kept in (8, 20, len(SECRET) - 2):
            text = masked(500, b"\0" * (size - kept) + SECRET[6:].encode())
            assert text == "***"

    def test_what_the_url_holds(self) -> None:
        path = "/hook?token=abc%2Fdef0123&v=1&bare0123"
        assert masked(404, b"no abc/def0123, abc%2Fdef0123, bare0123 in 1", path=path) == "no ***, ***, *** in 1"

    def test_an_encoding_that_nobody_asked_for_is_not_decoded(self) -> None:
        with Sink(reply(500, b"\x1f\x8b" + b"\0" * 100, content_encoding="gzip")) as sink:
            assert post(sink).status == 500

    def test_urls_for_messages(self) -> None:
        shown = {
            "https://me:hush@Host.example:8443/a/b?k=hush&x=&hush#hush": "https://host.example:8443/a/b?k=***&x=***&***",
            "https://[::1]:1/": "https://[::1]:1/",
            "https://h/\x1b[2J": "https://h/[2J",
            "https://[hush": "the webhook's URL",
            "https://h:hush/": "the webhook's URL",
        }
        assert {url: shown_url(url) for url in shown} == shown

    def test_no_secret_masks_all(self) -> None:
        assert veiled("abc", [""]) == "abc"


def status_line(status: int = 200, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} x", *headers, "", ""]).encode()


class TestLimits:
    """The whole delivery has 20 seconds; here it has less."""

    BAD: dict[str, tuple[Answering, int | None, str]] = {  # noqa: RUF012
        "hang": (hang, None, "no answer within 0.4 s"),
        "no end of the status": (drip(b"HTTP/1.1 200", b"O"), None, "no answer within 0.4 s"),
        "no end of the headers": (drip(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"), None, "no answer within 0.4 s"),
        "continue for ever": (drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), None, "no answer within 0.4 s"),
        "a drip of a body": (drip(status_line(200, "content-length: 1000"), b"."), 200, ""),
        "a drip of chunks": (drip(status_line(503, "transfer-encoding: chunked"), b"1\r\n.\r\n"), 503, ""),
        "a drip without length": (drip(status_line(500), b"."), 500, ""),
        "a flood of continue": (pour(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), None, "its answer has no end"),
        "a flood of trailers": (
            pour(status_line(200, "transfer-encoding: chunked") + b"0\r\n", b"x: y\r\n" * 500),
            200,
            "",
        ),
        "a flood of headers": (pour(status_line()[:-2], b"x: y\r\n" * 500), None, "its answer is not HTTP"),
        "a long header": (pour(status_line()[:-2] + b"x: ", b"y" * 5_000), None, "its answer is not HTTP"),
        "a flood of a body": (pour(status_line(), b"z" * 5_000), 200, "z" * 500),
        "a flood in one chunk": (
            pour(status_line(200, "transfer-encoding: chunked") + b"fffffff\r\n", b"z" * 5_000),
            200,
            "z" * 500,
        ),
        "close": (close, None, "it closed the connection without an answer"),
        "no HTTP": (raw(b"SSH-2.0-OpenSSH\r\n"), None, "its answer is not HTTP"),
        "binary": (raw(bytes(range(256)) * 10), None, "its answer is not HTTP"),
        "a status that is none": (raw(b"HTTP/1.1 ok\r\n\r\n"), None, "its answer is not HTTP"),
        "HTTP 0.9": (raw(b"hello\r\n"), None, "its answer is not HTTP"),
        "a body that is cut": (raw(status_line(500, "content-length: 1000") + b"abc"), 500, "abc"),
        "chunks that are none": (raw(status_line(500, "transfer-encoding: chunked") + b"zz\r\n"), 500, ""),
        "headers that are none": (raw(b"HTTP/1.1 500 x\r\nno header\r\n\r\nabc"), 500, "abc"),
        "two lengths": (raw(status_line(500, "content-length: 3", "content-length: 4") + b"abcd"), None, ""),
    }

    @pytest.mark.parametrize(("answering", "status", "text"), BAD.values(), ids=BAD)
    def test_bad_manners(
        self, answering: Answering, status: int | None, text: str, everything: Callable[[], str]
    ) -> None:
        began = time.monotonic()
        with Sink(answering) as sink:
            answer = post(sink, "/hook?token=hush1234", seconds=0.4)
        assert time.monotonic() - began < 2
        assert (answer.status, answer.text[: len(text)]) == (status, text)
        said = everything() + answer.text
        assert "hush1234" not in said
        assert PAYLOAD not in said

    def test_no_more_than_64_kb_are_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken: list[int] = []
        monkeypatch.setattr("routec.signin.guarded.Pace.took", lambda _, number: taken.append(number))
        with Sink(pour(status_line(), b"z" * 5_000)) as sink:
            assert post(sink).text == "z" * 500
        assert sum(taken) < 80 * 1024

    def test_nobody_listens(self) -> None:
        with Sink() as sink:
            pass
        assert post(sink) == Answer(None, "no connection: connection refused")

    def test_it_does_not_let_us_in(self) -> None:
        """A full queue: the connection is neither taken nor refused."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            began = time.monotonic()
            answer = Poster(ENVIRON, seconds=0.3).post(hook(url), "msg_1", PAYLOAD)
            assert (answer, time.monotonic() - began < 2) == (Answer(None, "no answer within 0.3 s"), True)
            for one in waiting:
                one.close()

    def test_a_name_server_that_is_silent(self) -> None:
        def silent(_host: str, _port: int, seconds: float) -> Sequence[str]:
            assert 0 < seconds <= 5
            raise TimeoutError

        answer = Poster(ENVIRON, resolve=silent).post(hook("http://name.test/"), "msg_1", PAYLOAD)
        assert answer == Answer(None, "the name servers do not answer")

    def test_the_system_s_resolver_has_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        release = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(10) and [])
        with pytest.raises(TimeoutError):
            resolve("name.test", 80, 0.05)
        release.set()

    @pytest.mark.parametrize("host", ["a" * 64 + ".test", "no-such-name.invalid", "a..b"])
    def test_no_such_name(self, host: str) -> None:
        answer = Poster(ENVIRON).post(hook(f"http://{host}/"), "msg_1", PAYLOAD)
        assert answer.status is None
        assert answer.text in ("the host's name is not known", "the name servers do not answer", "the exchange failed")

    @pytest.mark.parametrize(
        "url", ["http://", "http:///x", "http://[::1", "http://h:99999/", "http://h:x/", "ftp://h/", "", "nonsense"]
    )
    def test_a_url_that_cannot_be_used(self, url: str, everything: Callable[[], str]) -> None:
        answer = Poster(ENVIRON).post(hook(url), "msg_1", PAYLOAD)
        assert answer.status is None
        assert answer.text
        assert everything() == ""


PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a01::1", "64:ff9b::101:101"]
NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:1.1.1.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1",
    "64:ff9b::169.254.169.254", "64:ff9b:1::1.1.1.1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1", "2002:101:101::1", "3fff::1", "4000::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "ff0e::1",
    "nonsense", "127.1", "0177.0.0.1", "1.1.1.1.1", "1.1.1",
]  # fmt: skip


class Net:
    """A resolver and a network: names that change with each look-up, and addresses all of which lead to the sink."""

    def __init__(self, sink: Sink, *answers: Sequence[str]) -> None:
        self._sink = sink
        self._answers = list(answers)
        self.asked: list[str] = []
        self.dialled: list[str] = []

    def resolve(self, host: str, _port: int, _seconds: float) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def dial(self, address: str, _port: int, seconds: float) -> socket.socket:
        self.dialled.append(address)
        return dial_really("127.0.0.1", self._sink.port, seconds)

    def post(self, url: str, environ: Mapping[str, str] = ENVIRON, *, private: bool = False) -> Answer:
        poster = Poster(environ, resolve=self.resolve, dial=self.dial)
        return poster.post(hook(url, private=private), "msg_1", PAYLOAD)


REFUSED = Answer(None, "the host's address is not public, and the webhook does not `allow private`")
TLS = ENVIRON | {"REQUESTS_CA_BUNDLE": str(CERTIFICATE)}


class TestAddresses:
    def test_public(self) -> None:
        assert [address for address in PUBLIC if not is_public(address)] == []

    def test_not_public(self) -> None:
        assert [address for address in NOT_PUBLIC if is_public(address)] == []

    @pytest.fixture
    def sink(self) -> Iterator[Sink]:
        with Sink(tls=True) as sink:
            yield sink

    @pytest.mark.parametrize("address", ["10.0.0.1", "::1", "169.254.169.254", "fe80::1%eth0", "::ffff:10.1.1.1"])
    def test_a_name_that_leads_inside(self, sink: Sink, address: str) -> None:
        net = Net(sink, [address])
        assert net.post(f"https://{NAME}/") == REFUSED
        assert net.dialled == []

    @pytest.mark.parametrize("found", [["10.0.0.1", "93.184.216.34"], ["93.184.216.34", "10.0.0.1"]])
    def test_a_name_that_leads_inside_and_outside(self, sink: Sink, found: list[str]) -> None:
        net = Net(sink, found)
        assert net.post(f"https://{NAME}/", TLS).status == 200
        assert net.dialled == ["93.184.216.34"]

    def test_a_name_that_is_changed_between_check_and_connection(self, sink: Sink) -> None:
        net = Net(sink, ["93.184.216.34"], ["127.0.0.1"])
        assert net.post(f"https://{NAME}/", TLS).status == 200
        assert (net.asked, net.dialled) == ([NAME], ["93.184.216.34"])
        assert net.post(f"https://{NAME}/", TLS) == REFUSED

    def test_a_name_that_is_changed_before_a_redirect_is_followed(self) -> None:
        with Sink(reply(307, location="/other"), reply(), tls=True) as sink:
            net = Net(sink, ["93.184.216.34"], ["127.0.0.1"])
            assert net.post(f"https://{NAME}/", TLS) == REFUSED
        assert len(sink.received) == 1

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "017700000001", "0", "0.0.0.0",
            "localhost", "localhost.", "LOCALHOST", "LocalHost.", "[::1]", "[::]", "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1%25lo]", "[fe80::1]",
            "169.254.169.254", "0xa9.0xfe.0xa9.0xfe", "2852039166", "\uff11\uff12\uff17.0.0.1",
            "127\u30020\u30020\u30021", "me:you@127.0.0.1", "[::1%25lo]",
        ],
    )  # fmt: skip
    def test_every_way_to_write_this_machine(self, host: str, everything: Callable[[], str]) -> None:
        """The system resolves here, as it does in earnest."""
        with Sink(tls=True) as sink:
            url = f"https://{host}:{sink.port}/"
            answer = Poster(TLS).post(hook(url, private=False), "msg_1", PAYLOAD)
        assert answer.status is None
        assert answer == REFUSED or answer.text in ("the host's name is not known", "the exchange failed")
        assert sink.received == []
        assert everything() == ""

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "0x7f.1", "2130706433"])
    def test_allow_private(self, host: str) -> None:
        with Sink() as sink:
            answer = Poster(ENVIRON).post(hook(f"http://{host}:{sink.port}/"), "msg_1", PAYLOAD)
        assert answer.status == 200

    def test_ipv6(self) -> None:
        with Sink() as sink:
            net = Net(sink, ["::1"])
            assert net.post("http://[::1]:8080/x", private=True).status == 200
        assert (net.asked, net.dialled) == (["::1"], ["::1"])
        assert sink.received[0].headers["host"] == "[::1]:8080"

    def test_plain_http_only_where_private(self) -> None:
        with pytest.raises(UnreadyError):
            Poster(ENVIRON).post(hook("http://receiver.test/", private=False), "msg_1", PAYLOAD)

    def test_the_next_address_when_one_does_not_answer(self) -> None:
        with Sink() as sink:
            net = Net(sink, ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
            dial = net.dial

            def fails(address: str, _port: int, seconds: float) -> socket.socket:
                link = dial(address, _port, seconds)
                if address != "10.0.0.3":
                    link.close()
                    raise TimeoutError if address == "10.0.0.1" else ConnectionRefusedError(111, "Connection refused")
                return link

            poster = Poster(ENVIRON, resolve=net.resolve, dial=fails)
            assert poster.post(hook("http://receiver.test/"), "msg_1", PAYLOAD).status == 200
        assert net.dialled == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]

    def test_a_number_is_dialled_and_nothing_looked_up(self) -> None:
        for name in ("localhost", "receiver.test"):
            with pytest.raises(OSError, match=r"not known|not supported|Name"):
                dial_really(name, 80, 1)


class TestTls:
    @pytest.fixture
    def sink(self) -> Iterator[Sink]:
        with Sink(tls=True) as sink:
            yield sink

    def test_a_certificate_that_nobody_signed(self, sink: Sink) -> None:
        assert Net(sink, ["1.1.1.1"]).post(f"https://{NAME}/") == Answer(None, "TLS: self-signed certificate")
        assert sink.received == []

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_a_bundle_that_knows_it(self, sink: Sink, variable: str) -> None:
        environ = ENVIRON | {variable: str(CERTIFICATE)}
        assert Net(sink, ["1.1.1.1"]).post(f"https://{NAME}/", environ) == Answer(200, "")
        assert sink.received[0].verified(SECRET)
        assert sink.received[0].headers["host"] == NAME

    def test_the_name_is_verified_and_not_the_address(self, sink: Sink) -> None:
        net = Net(sink, ["1.1.1.1"])
        assert net.post("https://RECEIVER.test./", TLS).status == 200
        answer = net.post("https://another.test/", TLS)
        assert answer.status is None
        assert answer.text.startswith("TLS: Hostname mismatch")
        assert net.post("https://1.1.1.1/", TLS).text.startswith("TLS: IP address mismatch")
        assert len(sink.received) == 1

    def test_allow_private_does_not_mean_allow_any_certificate(self, sink: Sink) -> None:
        assert Net(sink, ["10.0.0.1"]).post(f"https://{NAME}/", private=True).text == "TLS: self-signed certificate"

    def test_a_bundle_that_is_not_there(self, sink: Sink, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("nothing")
        for bundle in (tmp_path / "none", tmp_path / "empty"):
            with pytest.raises(UnreadyError, match=r"^REQUESTS_CA_BUNDLE names no usable file of certificates$"):
                Net(sink, ["1.1.1.1"]).post(f"https://{NAME}/", ENVIRON | {"REQUESTS_CA_BUNDLE": str(bundle)})

    def test_plain_http_on_the_other_side(self) -> None:
        with Sink() as sink:
            assert Net(sink, ["1.1.1.1"]).post(f"https://{NAME}/").text.startswith("TLS: ")

    def test_a_handshake_that_never_ends(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            poster = Poster(ENVIRON, seconds=0.3, resolve=lambda *_: ["127.0.0.1"])
            url = f"https://{NAME}:{silent.getsockname()[1]}/"
            began = time.monotonic()
            assert poster.post(hook(url), "msg_1", PAYLOAD) == Answer(None, "no answer within 0.3 s")
            assert time.monotonic() - began < 2

    @pytest.mark.parametrize(
        ("answering", "expected"),
        [
            (drip(b"HTTP/1.1 200", b"O"), Answer(None, "no answer within 0.5 s")),
            (hang, Answer(None, "no answer within 0.5 s")),
            (close, Answer(None, "it closed the connection without an answer")),
            (pour(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), Answer(None, "its answer has no end")),
        ],
    )
    def test_bad_manners(self, answering: Answering, expected: Answer) -> None:
        with Sink(answering, tls=True) as sink:
            net = Net(sink, ["1.1.1.1"])
            poster = Poster(TLS, seconds=0.5, resolve=net.resolve, dial=net.dial)
            began = time.monotonic()
            assert poster.post(hook(f"https://{NAME}/"), "msg_1", PAYLOAD) == expected
            assert time.monotonic() - began < 2


class TestRedirects:
    @pytest.mark.parametrize("status", [307, 308])
    def test_within_the_origin(self, status: int) -> None:
        with Sink(reply(status, location="/b"), reply(status, location="c?d=e"), reply(200, "here")) as sink:
            assert post(sink, "/a") == Answer(200, "here")
        assert [request.path for request in sink.received] == ["/a", "/b", "/c?d=e"]
        assert {request.id for request in sink.received} == {"msg_1"}
        assert all(request.method == "POST" and request.verified(SECRET) for request in sink.received)

    def test_three_at_most(self) -> None:
        with Sink(reply(307, location="/again")) as sink:
            assert post(sink) == Answer(307, "more than 3 redirects")
        assert len(sink.received) == 4

    @pytest.mark.parametrize(
        "location",
        [
            "https://127.0.0.1:{port}/",
            "http://localhost:{port}/",
            "http://127.0.0.1/",
            "http://127.0.0.1:{other}/",
            "//localhost:{port}/",
            "http://127.0.0.1:{port}@127.0.0.1:{other}/",
            "http://me@127.0.0.1:{port}/",
            "http://127.0.0.1:{other}\\@127.0.0.1:{port}/",
            "http://127.0.0.1:{port}\\.evil.test/",
            "ftp://127.0.0.1:{port}/",
            "http://[::1",
            "http://127.0.0.1:{port}x/",
            "javascript:alert(1)",
            "\t//localhost:{port}/",
        ],
    )
    def test_elsewhere(self, location: str) -> None:
        with Sink() as other, Sink() as sink:
            where = location.format(port=sink.port, other=other.port)
            sink._script = [reply(307, location=where), reply()]
            answer = post(sink)
        assert answer == Answer(307, "a redirect to another host, port or scheme is not followed")
        assert other.received == []
        assert len(sink.received) == 1

    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_of_another_kind(self, status: int) -> None:
        with Sink(reply(status, "moved", location="/b")) as sink:
            assert post(sink) == Answer(status, f"a redirect by {status} is not followed, only one by 307 or 308")
        assert len(sink.received) == 1

    def test_without_a_place(self) -> None:
        with Sink(reply(307, "somewhere")) as sink:
            assert post(sink) == Answer(307, "somewhere")

    def test_its_body_is_not_read(self) -> None:
        began = time.monotonic()
        with Sink(pour(status_line(307, "location: /b"), b"z" * 5_000), reply()) as sink:
            assert post(sink, seconds=2).status == 200
        assert time.monotonic() - began < 1

    def test_all_of_them_have_one_deadline(self) -> None:
        with Sink(reply(307, location="/b"), hang) as sink:
            assert post(sink, seconds=0.4) == Answer(None, "no answer within 0.4 s")


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("0", 0),
            ("120", 120),
            (" 120 ", 120),
            ("86400", 86_400),
            ("86401", 86_400),
            ("999999999", 86_400),
            ("Mon, 23 Nov 2026 09:01:00 GMT", 60),
            ("Mon, 23 Nov 2026 10:01:00 +0100", 60),
            ("Monday, 23-Nov-26 09:01:00 GMT", 60),
            ("Mon, 23 Nov 2026 09:01:00 -0000", 60),
            ("Mon, 23 Nov 2026 08:00:00 GMT", 0),
            ("Fri, 23 Nov 2029 09:00:00 GMT", 86_400),
        ],
    )
    def test_understood(self, value: str, seconds: int) -> None:
        assert retry_after(value, NOW) == timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        "value",
        [
            None, "", "soon", "-1", "1.5", "1e3", "٣", "9999999999999", "5, 7", "Mon, 99 Nov 2026 09:01:00 GMT",
            "Mon, ", ",", "Mon, 23 Nov 99999 09:01:00 GMT", "\x00", "0" * 70_000,
        ],
    )  # fmt: skip
    def test_not_understood(self, value: str | None) -> None:
        assert retry_after(value, NOW) is None

    @pytest.mark.parametrize("status", [200, 429, 503, 500, 404])
    def test_from_the_answer(self, status: int) -> None:
        with Sink(reply(status, retry_after="120")) as sink:
            assert post(sink) == Answer(status, "", timedelta(seconds=120))


class TestNothingIsSaid:
    """Whatever a library raises, what leaves is short and holds no URL and no payload."""

    @pytest.mark.parametrize("error", [ValueError, RuntimeError, MemoryError, KeyError])
    def test_a_library_that_fails(
        self, error: type[Exception], monkeypatch: pytest.MonkeyPatch, everything: Callable[[], str]
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error("https://me:hush1234@h/?token=hush1234 " + PAYLOAD)

        monkeypatch.setattr(PlainSocket, "recv_into", fail)
        with Sink() as sink:
            answer = post(sink, "/hook?token=hush1234")
        assert answer.status is None
        assert "hush1234" not in answer.text + everything()

    def test_headers_that_urllib3_would_warn_of(self, everything: Callable[[], str]) -> None:
        with Sink(raw(b"HTTP/1.1 200 OK\r\nx y: z\r\n : \r\ncontent-length: 0\r\n\r\n")) as sink:
            assert post(sink, "/hook?token=hush1234").status == 200
        assert "hush1234" not in everything()

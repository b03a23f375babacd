import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routec.signin.agi import MOST_HEADERS, Agi, AgiError
from routec.signin.outcome import HANGUP, NO_ANSWER, NO_SOUND, CallerGone
from routec.signin.wire import MOST_LINE_BYTES, Wire, WireError

from .fake import headers

Pair = tuple[Wire, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield Wire(ours.fileno(), ours.fileno(), time.monotonic() + 10), theirs


@pytest.fixture
def connected(pair: Pair) -> tuple[Agi, socket.socket]:
    wire, theirs = pair
    theirs.sendall(headers())
    return Agi(wire), theirs


class TestWire:
    def test_lines_however_they_come(self, pair: Pair) -> None:
        wire, theirs = pair
        theirs.sendall(b"a\nbc\n\nd")
        assert [wire.readline() for _ in range(3)] == [b"a", b"bc", b""]
        theirs.sendall(b"e\n")
        assert wire.readline() == b"de"

    def test_end_in_mid_line(self, pair: Pair) -> None:
        wire, theirs = pair
        theirs.sendall(b"half")
        theirs.close()
        for _ in range(2):
            with pytest.raises(CallerGone) as caught:
                wire.readline()
            assert caught.value.reason == HANGUP

    @pytest.mark.parametrize("end", [b"", b"\n"])
    def test_a_line_too_long_spoils_the_wire(self, pair: Pair, end: bytes) -> None:
        wire, theirs = pair
        theirs.sendall(b"x" * (MOST_LINE_BYTES + 1) + end + b"next\n")
        with pytest.raises(WireError):
            wire.readline()
        with pytest.raises(CallerGone):
            wire.readline()

    def test_the_longest_line(self, pair: Pair) -> None:
        wire, theirs = pair
        theirs.sendall(b"x" * MOST_LINE_BYTES + b"\n")
        assert len(wire.readline()) == MOST_LINE_BYTES

    def test_a_dripping_peer_meets_the_deadline(self, pair: Pair) -> None:
        wire, theirs = pair
        wire.deadline = time.monotonic() + 0.2
        done = threading.Event()

        def drip() -> None:
            while not done.wait(0.01):
                theirs.send(b"x")

        dripper = threading.Thread(target=drip)
        dripper.start()
        with pytest.raises(CallerGone) as caught:
            wire.readline()
        done.set()
        dripper.join()
        assert caught.value.reason == NO_ANSWER

    def test_a_peer_who_does_not_read_meets_the_deadline(self, pair: Pair) -> None:
        wire, _ = pair
        wire.deadline = time.monotonic() + 0.1
        with pytest.raises(CallerGone):
            wire.write(b"x" * 10_000_000)

    def test_writing_to_nobody(self, pair: Pair) -> None:
        wire, theirs = pair
        theirs.close()
        with pytest.raises(CallerGone):
            wire.write(b"x\n")


class TestHeaders:
    def agi(self, pair: Pair, head: bytes) -> Agi:
        wire, theirs = pair
        theirs.sendall(head)
        theirs.shutdown(socket.SHUT_WR)
        return Agi(wire)

    def test_a_caller_id_that_looks_like_a_header(self, pair: Pair) -> None:
        """SIP carries a line end as %0A, and Asterisk writes it as it is: the module would be the caller's choice."""
        with pytest.raises(AgiError, match="a header twice"):
            self.agi(pair, headers(callerid="1\nagi_network_script: signin/weak"))

    def test_plain(self, pair: Pair) -> None:
        env = self.agi(pair, headers(callerid="+32 475")).env
        assert env["agi_callerid"] == "+32 475"
        assert env["agi_network_script"] == "signin/hotel_staff"
        assert env["agi_request"] == "agi://127.0.0.1:4573/signin/hotel_staff"

    def test_a_latin1_name(self, pair: Pair) -> None:
        head = headers().replace(b"agi_calleridname: unknown", b"agi_calleridname: Andr\xe9")
        assert self.agi(pair, head).env["agi_calleridname"] == "Andr\N{REPLACEMENT CHARACTER}"

    @pytest.mark.parametrize(
        "head",
        [
            b"\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"agi_x\n\n",
            b"agi_x: 1\nother: 2\n\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
            b"\x00" * 100 + b"\n",
            b"agi_x: 1\n" * (MOST_HEADERS + 1),
            b"agi_x: " + b"y" * MOST_LINE_BYTES + b"\n\n",
            (b"agi_x: " + b"y" * 4000 + b"\n") * 5,
        ],
    )
    def test_not_asterisk(self, pair: Pair, head: bytes) -> None:
        with pytest.raises(AgiError):
            self.agi(pair, head)

    @pytest.mark.parametrize("head", [b"", b"agi_x: 1\n", b"agi_x"])
    def test_cut(self, pair: Pair, head: bytes) -> None:
        with pytest.raises(CallerGone):
            self.agi(pair, head)

    @given(st.binary(max_size=300))
    def test_any_bytes(self, head: bytes) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs, pytest.raises((AgiError, CallerGone)):
            self.agi((Wire(ours.fileno(), ours.fileno()), theirs), head)


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "keys"),
        [
            (b"200 result=1001", "1001"),
            (b"200 result=", ""),
            (b"200 result= (timeout)", ""),
            (b"200 result=12 (timeout)", "12"),
            (b"200 result=*1A", "*1A"),
            (b"100 result=0 Trying...\n200 result=7", "7"),
            (b"100\n200 result=7", "7"),
            (b"200 result=7\r", "7"),
        ],
    )
    def test_keys(self, connected: tuple[Agi, socket.socket], answer: bytes, keys: str) -> None:
        agi, theirs = connected
        theirs.sendall(answer + b"\n")
        assert agi.ask("routec/enter", 5, 2.5) == keys
        assert theirs.recv(100) == b"GET DATA routec/enter 2500 5\n"

    @pytest.mark.parametrize(
        "answer",
        [
            b"HANGUP\n",
            b"200 result=-1\nHANGUP\n",
            b"511 Command Not Permitted on a dead channel or intercept routine\n",
            b"511 result=-1 Command Not Permitted on a dead channel or intercept routine\n",
            b"",
            b"200 result=10",
            b"200 result=-1\n",
            b"520-Invalid command syntax.  Proper usage follows:\n",
            b"520-Invalid command syntax.  Proper usage follows:\nHANGUP\n",
        ],
    )
    def test_gone(self, connected: tuple[Agi, socket.socket], answer: bytes) -> None:
        agi, theirs = connected
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(CallerGone) as caught:
            agi.ask("x", 5, 1)
        assert caught.value.reason == HANGUP

    @pytest.mark.parametrize(
        "answer",
        [
            b"510 Invalid or unknown command\n",
            b"520-Invalid command syntax.  Proper usage follows:\nUsage: GET DATA\n520 End of proper usage.\n",
            b"520-Invalid command syntax.\n" + b"Usage\n" * 10_000,
            b"520 Invalid\n",
            b"200 ok\n",
            b"200\n",
            b"200 result=123456\n",
            b"200 result=12;3\n",
            b"200 result=-2\n",
            b"404 result=1\n",
            b"hello\n",
            b"\n",
            b"\xff\xfe\x00\n",
            b"2000 result=1\n",
            b"200 result=" + b"1" * 5000 + b"\n",
        ],
    )
    def test_not_what_was_asked_for(self, connected: tuple[Agi, socket.socket], answer: bytes) -> None:
        agi, theirs = connected
        sender = threading.Thread(target=theirs.sendall, args=(answer,))
        sender.start()
        with pytest.raises(AgiError) as caught:
            agi.ask("x", 5, 1)
        sender.join()
        assert "123456" not in str(caught.value)

    def test_a_sound_that_asterisk_cannot_play_is_told_from_a_hangup(
        self, connected: tuple[Agi, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.05)
        agi, theirs = connected
        asked: list[bytes] = []

        def asterisk() -> None:
            for answer in (b"200 result=-1\n", b"200 result=1001\n"):
                asked.append(theirs.recv(100))
                theirs.sendall(answer)

        thread = threading.Thread(target=asterisk)
        thread.start()
        assert agi.ask("missing", 5, 1) == "1001"
        thread.join()
        assert asked == [b"GET DATA missing 1000 5\n", b'GET DATA "" 1000 5\n']
        assert agi.unplayed == ["missing"]

    def test_no_keys_even_without_the_sound(
        self, connected: tuple[Agi, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.05)
        agi, theirs = connected

        def asterisk() -> None:
            for _ in range(2):
                theirs.recv(100)
                theirs.sendall(b"200 result=-1\n")

        thread = threading.Thread(target=asterisk)
        thread.start()
        with pytest.raises(CallerGone) as caught:
            agi.ask("missing", 5, 1)
        thread.join()
        assert caught.value.reason == NO_SOUND
        theirs.sendall(b"200 result=1\n")
        agi.set_variable("ROUTEC_VERDICT", "denied")

    def test_never_zero_milliseconds_which_would_mean_asterisks_default(
        self, connected: tuple[Agi, socket.socket]
    ) -> None:
        agi, theirs = connected
        theirs.sendall(b"200 result=\n")
        agi.ask("x", 1, 0.0001)
        assert theirs.recv(100) == b"GET DATA x 1 1\n"

    @given(st.binary(max_size=200))
    def test_any_bytes(self, answer: bytes) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(headers() + answer)
            theirs.shutdown(socket.SHUT_WR)
            agi = Agi(Wire(ours.fileno(), ours.fileno()))
            try:
                keys = agi.ask("x", 5, 1)
            except (AgiError, CallerGone):
                return
            assert set(keys) <= set("0123456789*#ABCD")


PLAYING: dict[str, tuple[Callable[[Agi], None], bytes]] = {
    "play": (lambda agi: agi.play("routec/wrong"), b'STREAM FILE routec/wrong ""\n'),
    "say_digits": (lambda agi: agi.say_digits("0042"), b'SAY DIGITS 0042 ""\n'),
    "say_time": (lambda agi: agi.say_time(1_790_000_000), b'SAY DATETIME 1790000000 "" R\n'),
}


@pytest.mark.parametrize(("command", "sent"), PLAYING.values(), ids=PLAYING)
class TestPlaying:
    """What is played without keys being asked for; each command with whatever may come back."""

    @pytest.mark.parametrize(
        "answer",
        [
            b"200 result=0\n",
            b"200 result=0 endpos=8000\n",
            b"100 result=0 Trying...\n200 result=0 endpos=0\n",
            b"200 result=48\n",
        ],
    )
    def test_heard(
        self, connected: tuple[Agi, socket.socket], command: Callable[[Agi], None], sent: bytes, answer: bytes
    ) -> None:
        agi, theirs = connected
        theirs.sendall(answer)
        command(agi)
        assert theirs.recv(100) == sent
        assert agi.unplayed == []

    @pytest.mark.parametrize(
        "answer",
        [
            b"HANGUP\n",
            b"200 result=-1 endpos=800\nHANGUP\n",
            b"200 result=-1 endpos=800\n",
            b"511 Command Not Permitted on a dead channel or intercept routine\n",
            b"",
            b"200 result=0",
            b"520-Invalid command syntax.  Proper usage follows:\nHANGUP\n",
        ],
    )
    def test_gone(
        self, connected: tuple[Agi, socket.socket], command: Callable[[Agi], None], sent: bytes, answer: bytes
    ) -> None:
        agi, theirs = connected
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(CallerGone) as caught:
            command(agi)
        assert caught.value.reason == HANGUP
        assert theirs.recv(100) == sent

    @pytest.mark.parametrize(
        "answer",
        [
            b"510 Invalid or unknown command\n",
            b"520-Invalid command syntax.\n" + b"Usage\n" * 10_000,
            b"200 ok\n",
            b"200 result=\n",
            b"200 result= (timeout)\n",
            b"200 result=-2\n",
            b"200 result=12345678901\n",
            b"200 result=1;2\n",
            b"200 result=\xd9\xa3\n",
            b"\xff\xfe\x00\n",
            b"\n",
            b"200 result=" + b"1" * 5000 + b"\n",
        ],
    )
    def test_not_what_was_asked_for(
        self, connected: tuple[Agi, socket.socket], command: Callable[[Agi], None], sent: bytes, answer: bytes
    ) -> None:
        agi, theirs = connected
        sender = threading.Thread(target=theirs.sendall, args=(answer,))
        sender.start()
        with pytest.raises(AgiError):
            command(agi)
        sender.join()
        assert theirs.recv(100) == sent

    def test_a_sound_that_is_missing_is_noted_and_passed_over(
        self,
        connected: tuple[Agi, socket.socket],
        command: Callable[[Agi], None],
        sent: bytes,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("routec.signin.agi._SETTLE_SECONDS", 0.05)
        agi, theirs = connected
        theirs.sendall(b"200 result=-1 endpos=0\n")
        command(agi)
        assert len(agi.unplayed) == 1
        assert agi.unplayed[0] in ("routec/wrong", "the digits", "the time")
        assert theirs.recv(100) == sent

    def test_a_sound_without_an_end_meets_the_deadline(
        self, connected: tuple[Agi, socket.socket], command: Callable[[Agi], None], sent: bytes
    ) -> None:
        agi, theirs = connected
        agi.wire.deadline = time.monotonic() + 0.05
        with pytest.raises(CallerGone) as caught:
            command(agi)
        assert caught.value.reason == NO_ANSWER
        assert theirs.recv(100) == sent

    @given(answer=st.binary(max_size=200))
    def test_any_bytes(self, command: Callable[[Agi], None], sent: bytes, answer: bytes) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(headers() + answer)
            theirs.shutdown(socket.SHUT_WR)
            agi = Agi(Wire(ours.fileno(), ours.fileno()))
            with contextlib.suppress(AgiError, CallerGone):
                command(agi)
            assert theirs.recv(100) == sent
            assert agi.unplayed == []


@pytest.mark.parametrize(
    "command",
    [
        *(lambda agi, sound=sound: agi.play(sound) for sound in ("", "a b", "a\nHANGUP", 'a"', "a;b", "${X}", "a&b")),
        *(lambda agi, digits=digits: agi.say_digits(digits) for digits in ("", "1 2", "1\n", "-1", "٤", "1" * 65, "#")),
    ],
)
def test_what_would_be_another_command_is_not_sent(
    connected: tuple[Agi, socket.socket], command: Callable[[Agi], None]
) -> None:
    agi, theirs = connected
    theirs.setblocking(False)
    with pytest.raises(AgiError):
        command(agi)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


class TestOneKey:
    """`1#` is a habit: where one key is asked for, its `#` is no answer to the question after it."""

    def press(self, connected: tuple[Agi, socket.socket], *answers: bytes) -> list[str]:
        agi, theirs = connected
        theirs.sendall(b"".join(b"200 result=" + answer + b"\n" for answer in answers))
        pressed = [agi.ask("which", 1, 1), agi.ask("another", 1, 1)]
        assert theirs.recv(1000).count(b"GET DATA") == len(answers)
        return pressed

    def test_the_key_and_its_end(self, connected: tuple[Agi, socket.socket]) -> None:
        assert self.press(connected, b"1", b"", b"2") == ["1", "2"]

    def test_only_one_end_is_the_keys(self, connected: tuple[Agi, socket.socket]) -> None:
        assert self.press(connected, b"1", b"", b"") == ["1", ""]

    def test_silence_is_silence(self, connected: tuple[Agi, socket.socket]) -> None:
        assert self.press(connected, b"1", b" (timeout)") == ["1", ""]

    def test_an_end_without_a_key_before(self, connected: tuple[Agi, socket.socket]) -> None:
        assert self.press(connected, b"", b"") == ["", ""]

    def test_an_end_that_comes_late_is_an_answer(
        self, connected: tuple[Agi, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routec.signin.agi._STRAY_SECONDS", 0.0)
        assert self.press(connected, b"1", b"") == ["1", ""]

    def test_after_more_than_one_key_there_is_none(self, connected: tuple[Agi, socket.socket]) -> None:
        agi, theirs = connected
        theirs.sendall(b"200 result=12\n200 result=\n")
        assert [agi.ask("room", 3, 1), agi.ask("minibar", 3, 1)] == ["12", ""]


class TestVariables:
    def test_quoted(self, connected: tuple[Agi, socket.socket]) -> None:
        agi, theirs = connected
        theirs.sendall(b"200 result=1\n" * 2)
        agi.set_variable("ROUTEC_USER", r'a "b" \c')
        agi.set_variable("ROUTEC_USER", "")
        assert theirs.recv(200) == b'SET VARIABLE ROUTEC_USER "a \\"b\\" \\\\c"\nSET VARIABLE ROUTEC_USER ""\n'

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ROUTEC_USER", "a\nSET VARIABLE ROUTEC_VERDICT granted"),
            ("ROUTEC_USER", "a\r"),
            ("ROUTEC_USER", "a\x00"),
            ("ROUTEC_USER", "a\x85b"),
            ("ROUTEC_USER", "a\N{LINE SEPARATOR}b"),
            ("ROUTEC_USER", "x" * 300),
            ("SHELL(rm)", "1"),
            ("x", "1"),
            ("A B", "1"),
            ("A\n", "1"),
            ("", "1"),
        ],
    )
    def test_refused(self, connected: tuple[Agi, socket.socket], name: str, value: str) -> None:
        agi, theirs = connected
        theirs.setblocking(False)
        with pytest.raises(AgiError):
            agi.set_variable(name, value)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)

    @pytest.mark.parametrize("sound", ["", "a b", "a\nHANGUP", 'a"', "a;b", "${X}", "a&b", "é"])
    def test_sounds(self, connected: tuple[Agi, socket.socket], sound: str) -> None:
        with pytest.raises(AgiError):
            connected[0].ask(sound, 1, 1)

    @pytest.mark.parametrize("inherited", [lambda agi: agi.verbose("a\nb"), lambda agi: agi.execute("NOOP\nHANGUP")])
    def test_what_pyst2_itself_offers_is_as_safe(
        self, connected: tuple[Agi, socket.socket], inherited: Callable[[Agi], None]
    ) -> None:
        with pytest.raises(AgiError):
            inherited(connected[0])

    def test_hangup_while_setting(self, connected: tuple[Agi, socket.socket]) -> None:
        agi, theirs = connected
        theirs.sendall(b"HANGUP\n")
        with pytest.raises(CallerGone):
            agi.set_variable("ROUTEC_USER", "a")


def test_nothing_reaches_standard_error_or_output(
    connected: tuple[Agi, socket.socket], capfd: pytest.CaptureFixture[str]
) -> None:
    agi, theirs = connected
    theirs.sendall(b"200 result=4321\n")
    agi.ask("x", 5, 1)
    sys.stderr.flush()
    assert capfd.readouterr() == ("", "")

"""The else of a sign-in by its outcomes, and what is said, on a real Asterisk.

The checker is one of the test's own, which says whatever verdict a test wants: also those that the real one never says.
"""

import re
import socket
import socketserver
import threading
from types import TracebackType

import pytest

from routec.pipeline import Input, compile_routes, render
from tests.asterisk.conftest import both_versions
from tests.asterisk.machine import free_port
from tests.asterisk.meeting import Met
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Call

pytestmark = both_versions

HANGS = "(hangs)"
"""In place of a verdict: the checker takes the call, and never says a word."""

PASSED = Met("dial", "Local/101@phones/n")

ROUTES = """
auth staff {
  purpose register
  login  ask "beep" digits 4
  extra1 ask "beep" digits 3 as room
  extra2 ask "beep" digits 1..2 as minibar optional
  user anna login 1001
}
auth hasty { login ask "beep" digits 4; within 5s; user anna login 1001 }
route all_three {
  on extension 600
  auth staff else {
    locked: goto told
    denied { say digits login; hangup rejected }
    error: hangup congestion
  }
  dial 101
}
route told { prompt "routec/told"; hangup busy }
route only_locked { on extension 601; auth staff else { locked: hangup busy }; dial 101 }
route only_denied { on extension 602; auth staff else { denied: hangup rejected }; dial 101 }
route only_error { on extension 603; auth staff else { error: hangup congestion }; dial 101 }
route late {
  on extension 604
  auth hasty else { locked: hangup busy; denied: goto told; error: hangup congestion }
  dial 101
}
route codes {
  on extension 610
  auth staff else hangup
  say digits room
  say number minibar
  say letters minibar
  say letters login
  say number room
  prompt "routec/done"
  dial 101
}
route constants {
  on extension 611
  say digits "*2#"
  say letters "Ab 1-_"
  say number -21
  say time
  prompt "routec/done"
  hangup
}
route unanswered { on extension 612; say number 7; dial 101 }
route long { on extension 613; auth staff else { denied: hangup rejected }; say digits 00000000000000000000; dial 101 }
"""


class Checker:
    """A FastAGI server that sets the variables it was given, and hangs up; a context manager."""

    def __init__(self, port: int, verdict: str, **codes: str) -> None:
        self.asked = 0
        self.over = threading.Event()
        self.verdicts = [verdict]
        """What it says, the first call first; the last one again and again."""
        self._codes = {f"ROUTEC_{name.upper()}": code for name, code in codes.items()}
        checker = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                if checker.verdicts == [HANGS]:
                    checker.over.wait(60)
                    return
                for name, value in checker.variables():
                    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
                    self.wfile.write(f'SET VARIABLE {name} "{quoted}"\n'.encode())
                    assert self.rfile.readline().startswith(b"200 ")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Talk)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def variables(self) -> list[tuple[str, str]]:
        """What the present call is told."""
        verdict = self.verdicts[min(self.asked, len(self.verdicts) - 1)]
        self.asked += 1
        return [*self._codes.items(), ("ROUTEC_VERDICT", verdict)]

    def __enter__(self) -> "Checker":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def port() -> int:
    return free_port(socket.SOCK_STREAM)


@pytest.fixture(scope="module")
def pbx(shared_pbx: Pbx, port: int) -> Pbx:
    """No plain AGI script is there: where the server gives no verdict, there is none."""
    settings = f'[asterisk]\ndial = "Local/{{extension}}@phones/n"\n[agi]\nlisten = "127.0.0.1:{port}"\n'
    done = compile_routes(Input({"routes/say.route": ROUTES.encode()}, ("routes/routec.toml", settings.encode())))
    assert done.diagnostics == []
    for name in ("told", "done"):
        shared_pbx.add_sound(f"routec/{name}")
    shared_pbx.reload(render(done)["extensions.conf"].decode())
    return shared_pbx


def meets(call: Call) -> list[Met]:
    """What a caller meets who does not pass, to the end of the call."""
    call.wait_end(timeout=20)
    return call.met("play", "say", "dial", "hangup")


def played(pbx: Pbx, call: Call) -> list[str]:
    """The sounds that Asterisk has played to a caller, as its console tells."""
    return re.findall(rf"<{re.escape(call.channel)}> Playing '([^']+)\.\w+'", pbx.console)


def said(call: Call) -> list[tuple[str, str]]:
    """The applications that said something, with what they were given."""
    runs = [event for event in call.events if event["Event"] == "Newexten"]
    return [(run["Application"], run["AppData"]) for run in runs if run["Application"].startswith("Say")]


ENDED = Met("hangup", "16")
BUSY, REJECTED, CONGESTION = (Met("hangup", cause) for cause in ("17", "21", "34"))
TOLD = [Met("play", "routec/told"), BUSY]

NO_VERDICTS = (
    "error", "Granted", "GRANTED", "granted2", "0", "1", "granted)", "granted}", "granted,1", "x?granted-staff",
    " granted", "granted ", "^granted$", ".*", "granted\\", '"granted"', 'granted" | "1', 'x" | "1', '" ! "',
    'granted" = "granted', 'locked" | "1', 'denied" | "1', "locked denied", "${ROUTEC_LOGIN}", "$[1]", "x" * 4000,
)  # fmt: skip


# ---- branches


@pytest.mark.parametrize("number", ["600", "601", "602", "603"])
def test_granted_passes(pbx: Pbx, port: int, number: str) -> None:
    with Checker(port, "granted"), Call(pbx.ami, number) as call:
        call.wait_met("dialled", "ANSWER")
        assert call.met("play", "say", "dial") == [PASSED]


def test_locked(pbx: Pbx, port: int) -> None:
    with Checker(port, "locked"), Call(pbx.ami, "600") as call:
        assert meets(call) == TOLD


def test_denied(pbx: Pbx, port: int) -> None:
    with Checker(port, "denied", login="7"), Call(pbx.ami, "600") as call:
        assert meets(call) == [Met("say", "7"), REJECTED]


def test_the_checker_is_down(pbx: Pbx) -> None:
    with Call(pbx.ami, "600") as call:
        assert meets(call) == [CONGESTION]


def test_a_checker_that_hangs_is_an_error(pbx: Pbx, port: int) -> None:
    with Checker(port, HANGS), Call(pbx.ami, "604") as call:
        assert meets(call) == [CONGESTION]


@pytest.mark.parametrize("verdict", ["", *NO_VERDICTS], ids=lambda verdict: verdict[:20])
def test_what_is_no_verdict_is_an_error(pbx: Pbx, port: int, verdict: str) -> None:
    with Checker(port, verdict), Call(pbx.ami, "600") as call:
        assert meets(call) == [CONGESTION]


@pytest.mark.parametrize(
    ("number", "verdict", "met"),
    [
        ("601", "locked", BUSY), ("601", "denied", ENDED), ("601", "error", ENDED), ("601", 'locked" | "1', ENDED),
        ("602", "locked", ENDED), ("602", "denied", REJECTED), ("602", "error", ENDED), ("602", 'x" | "1', ENDED),
        ("603", "locked", ENDED), ("603", "denied", ENDED), ("603", "error", CONGESTION), ("603", "x", CONGESTION),
    ],
)  # fmt: skip
def test_a_case_that_is_not_listed_hangs_up(pbx: Pbx, port: int, number: str, verdict: str, met: Met) -> None:
    with Checker(port, verdict), Call(pbx.ami, number) as call:
        assert meets(call) == [met]


# ---- say


def test_codes_are_said_and_the_call_goes_on(pbx: Pbx, port: int) -> None:
    with Checker(port, "granted", login="1001", extra1="014", extra2="31"), Call(pbx.ami, "610") as call:
        call.wait_met("dialled", "ANSWER", timeout=30)
        assert said(call) == [
            ("SayDigits", "014"), ("SayNumber", "31"), ("SayAlpha", "31"), ("SayAlpha", "1001"), ("SayNumber", "014"),
        ]  # fmt: skip
        digits = ["0", "1", "4", "30", "1", "3", "1", "1", "0", "0", "1", "14"]
        assert played(pbx, call) == [*(f"digits/{digit}" for digit in digits), "routec/done"]


def test_an_empty_code_is_silence(pbx: Pbx, port: int) -> None:
    with Checker(port, "granted", login="", extra1="", extra2=""), Call(pbx.ami, "610") as call:
        call.wait_met("dialled", "ANSWER")
        assert said(call) == [("SayDigits", ""), ("SayAlpha", ""), ("SayAlpha", "")]
        assert played(pbx, call) == ["routec/done"]


@pytest.mark.parametrize("hostile", ["2${EPOCH}", '1" | "1', "1) & Hangup(", "1,2", "é1;2", "-1", "9" * 400])
def test_a_hostile_code_says_digits_at_the_most(pbx: Pbx, port: int, hostile: str) -> None:
    with Checker(port, "granted", extra2=hostile), Call(pbx.ami, "610") as call:
        call.wait_event("Newexten", Application="SayAlpha")
        digits = "".join(filter(str.isdecimal, hostile))
        assert said(call)[:3] == [("SayDigits", ""), ("SayNumber", digits), ("SayAlpha", digits)]


def test_texts_numbers_and_the_time(pbx: Pbx) -> None:
    with Call(pbx.ami, "611") as call:
        call.wait_met("play", "routec/done", timeout=30)
        assert said(call) == [
            ("SayDigits", "*2#"), ("SayAlpha", "Ab 1-_"), ("SayNumber", "-21"), ("SayUnixTime", ",,R"),
        ]  # fmt: skip
        call.wait_end()
        *sounds, last = played(pbx, call)
        letters = ["letters/a", "letters/b", "letters/space", "digits/1", "letters/dash", "letters/ascii95"]
        constant = ["digits/star", "digits/2", "digits/pound", *letters, "digits/minus", "digits/20", "digits/1"]
        assert sounds[: len(constant)] == constant
        time = sounds[len(constant) :]
        assert time
        assert all(sound.startswith("digits/") and sound not in ("digits/a-m", "digits/p-m") for sound in time)
        assert last == "routec/done"


def test_who_is_told_something_is_answered(pbx: Pbx) -> None:
    with Call(pbx.ami, "612") as call:
        call.wait_met("dialled", "ANSWER")
        kinds = [met.kind for met in call.met("answer", "say", "dial")]
        assert kinds == ["answer", "say", "dial"]


def test_a_key_leads_past_nothing(pbx: Pbx, port: int) -> None:
    """Even where the admin lets keys interrupt what is said: the route begins anew, with its sign-in."""
    pbx.set_global("SAY_DTMF_INTERRUPT", "true")
    try:
        with Checker(port, "granted") as checker, Call(pbx.ami, "613") as call:
            checker.verdicts.append("denied")
            call.wait_met("say")
            call.press("5")
            assert meets(call) == [Met("say", "0" * 20), REJECTED]
            assert checker.asked == 2
    finally:
        pbx.set_global("SAY_DTMF_INTERRUPT", "")

"""`routec serve` with a real Asterisk from its start to its end, while callers are in a sign-in conversation."""

import json
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

from tests.asterisk.conftest import NewPbx
from tests.asterisk.house import ROUTES, Checker, House
from tests.asterisk.machine import free_port, until
from tests.asterisk.phone import Call

LOGIN = "routec/enter_login"


def page(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_conversations_outlive_reloads_and_the_end(new_pbx: NewPbx, tmp_path: Path) -> None:
    house = House(tmp_path)
    pbx = new_pbx(env=house.env)
    port = free_port(socket.SOCK_STREAM)
    published = house.connect(pbx)
    house.tables += f'[metrics]\nlisten = "127.0.0.1:{port}"\n'
    house.write()
    route = tmp_path / "routes/house.route"
    with house.serving() as serve:
        status, body = page(port, "/readyz")
        assert status == 200, body
        states = json.loads(body)["parts"]
        assert {name: part["ready"] for name, part in states.items()} == dict.fromkeys(
            ("routes", "checker", "webhooks", "housekeeping", "database", "metrics"), True
        )
        assert page(port, "/healthz") == (200, "ok\n")

        # a caller is in the conversation while the routes change, and then everything is read anew
        with Call(pbx.ami, "610") as call:
            assert call.wait_ask() == LOGIN
            route.write_text(route.read_text().replace("on extension 610", "on extension 611"))
            assert until(lambda: [step.exten for step in pbx.show("routec-extensions")] == ["600", "611"], 20)
            serve.process.send_signal(signal.SIGHUP)
            assert until(lambda: "everything was read anew: live" in serve.said(), 20), serve.said()
            assert page(port, "/readyz")[0] == 200
            assert "routec_conversations 1.0" in page(port, "/metrics")[1].splitlines()
            call.press("2001#")
            call.wait_met("play", "routec/ok")
            assert call.variables["ROUTEC_VERDICT"] == "granted"
        # that was the last call in there
        assert until(lambda: not (published / "retired.conf").exists(), 20), serve.said()
        assert until(lambda: "routec_retired_contexts 0.0" in page(port, "/metrics")[1].splitlines(), 10)

        # Asterisk is killed: not ready, said once, and live again when it is back
        pbx.kill()
        assert until(lambda: page(port, "/readyz")[0] == 503, 20)
        pbx.start_again()
        assert until(lambda: page(port, "/readyz")[0] == 200, 40), serve.said()

        # the last caller is let end
        with Call(pbx.ami, "611") as call:
            assert call.wait_ask() == LOGIN
            counted = page(port, "/metrics")[1].splitlines()
            assert 'routec_signins_total{module="gate",verdict="granted"} 1.0' in counted
            assert 'routec_applies_total{result="unreachable"} 1.0' in counted
            serve.process.send_signal(signal.SIGTERM)
            assert until(lambda: not listens(house.port), 20), "calls are taken still"
            call.press("2001#")
            call.wait_met("play", "routec/ok")
            assert call.variables["ROUTEC_VERDICT"] == "granted"
            assert serve.process.wait(40) == 0
        assert serve.said().count("waiting for Asterisk") == 1
    assert [row["verdict"] for row in house.log()] == ["granted", "granted"]


def listens(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


def test_a_second_signal_is_quick(new_pbx: NewPbx, tmp_path: Path) -> None:
    house = House(tmp_path)
    pbx = new_pbx(env=house.env)
    house.connect(pbx)
    house.write(ROUTES.replace("within 5s", "within 60s"))
    with house.serving() as serve, Call(pbx.ami, "610") as call:
        assert call.wait_ask() == LOGIN
        end_now(serve, house.port)
        assert serve.process.wait(10) == 0
    (row,) = house.log()
    assert row["verdict"] == "denied"


def end_now(serve: Checker, port: int) -> None:
    serve.process.send_signal(signal.SIGTERM)
    assert until(lambda: not listens(port), 20)
    assert serve.process.poll() is None
    serve.process.send_signal(signal.SIGTERM)

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from routec.cli.main import routec
from routec.contract import Webhook
from routec.settings import Runtime
from routec.signin.store import Log

from . import fake, stores
from .sink import Sink, echo, reply
from .stores import START, entry

SECRET = "whsec_" + base64.b64encode(b"secret of the tests").decode()
ROOMS = stores.module(
    name="rooms",
    fields=(fake.field("login"),),
    webhook=Webhook("https://pms.example.org/hook?key=hush1234", "HOOK_SECRET"),
)
CLOCKS = stores.module(
    name="clocks", fields=(fake.field("login"),), webhook=Webhook("https://pms.example.org/", "HOOK_SECRET")
)
PLAIN = stores.module(name="plain", fields=(fake.field("login"),))


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("TZ", "Europe/Brussels")
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    time.tzset()
    return {"ROUTEC_STATE": str(tmp_path / "state")}


@pytest.fixture(autouse=True)
def _zone_afterwards() -> Iterator[None]:
    """Set up before `monkeypatch`, so torn down after it, when TZ is again what it was."""
    yield
    time.tzset()


@pytest.fixture
def log(environ: dict[str, str]) -> Iterator[Log]:
    log = Log(Runtime.of(environ).database, now=lambda: START)
    yield log
    log.close()


@pytest.fixture
def written(log: Log) -> list[str]:
    """Four webhooks: pending, failed, dead and delivered; their uids."""
    uids = [log.write(entry(n, module=one.name, password="73519846"), one).uid for n, one in enumerate([ROOMS] * 4)]
    log.outbox.failed(2, START + timedelta(seconds=30), 503, "down\x1b[2J " + "x" * 100)
    log.outbox.bury(3, 410, "gone")
    log.outbox.delivered(4, 200, "ok")
    return uids


def built(*modules: Any) -> None:
    for folder in ("routes", "generated"):
        Path(folder).mkdir(exist_ok=True)
    fake.write_modules(Path("generated/signin.json"), *modules)


def run(environ: dict[str, str], *args: str) -> Result:
    return CliRunner(env=environ).invoke(routec, ["webhooks", *args])


def objects(environ: dict[str, str], *args: str) -> list[dict[str, Any]]:
    result = run(environ, *args, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def states(environ: dict[str, str]) -> dict[int, str]:
    return {each["id"]: each["state"] for each in objects(environ)}


class TestList:
    @pytest.mark.usefixtures("written")
    def test_table(self, environ: dict[str, str]) -> None:
        head = "ID  STATE      MODULE  CREATED              ATTEMPTS  NEXT                 STATUS  ANSWER"
        lines = [
            head,
            "4   delivered  rooms   2026-11-23 10:00:00  0         -                    200     ok",
            "3   dead       rooms   2026-11-23 10:00:00  0         -                    410     gone",
            f"2   pending    rooms   2026-11-23 10:00:00  0         2026-11-23 10:00:30  503     down?[2J {'x' * 50}…",
            "1   pending    rooms   2026-11-23 10:00:00  0         2026-11-23 10:00:00  -       -",
        ]
        for args in ([], ["list"]):
            result = run(environ, *args)
            assert (result.exit_code, result.stderr) == (0, "")
            assert result.stdout.splitlines() == lines

    def test_json(self, environ: dict[str, str], written: list[str]) -> None:
        newest = objects(environ)[2]
        assert newest == {
            "id": 2,
            "webhook_id": f"msg_{written[1]}",
            "module": "rooms",
            "state": "pending",
            "created": "2026-11-23T09:00:00.000+00:00",
            "attempts": 0,
            "next_attempt": "2026-11-23T09:00:30.000+00:00",
            "status": 503,
            "answer": "down\x1b[2J " + "x" * 100,
            "note": None,
        }

    @pytest.mark.usefixtures("written")
    @pytest.mark.parametrize(
        ("args", "ids"),
        [
            ([], [4, 3, 2, 1]),
            (["--state", "pending"], [2, 1]),
            (["--state", "dead"], [3]),
            (["--state", "delivered"], [4]),
            (["--limit", "2"], [4, 3]),
            (["--module", "rooms", "--limit", "1"], [4]),
            (["--module", "none"], []),
        ],
        ids=str,
    )
    def test_filters(self, environ: dict[str, str], args: list[str], ids: list[int]) -> None:
        assert [each["id"] for each in objects(environ, *args)] == ids
        assert [each["id"] for each in objects(environ, "list", *args)] == ids

    @pytest.mark.usefixtures("written")
    def test_a_module_that_has_none_any_more(self, environ: dict[str, str], log: Log) -> None:
        log.write(entry(module="clocks"), CLOCKS)
        note = "waits: the routes have no webhook for rooms; `routec webhooks bury` gives it up"
        for modules in ([CLOCKS], [CLOCKS, stores.module(name="rooms", fields=(fake.field("login"),))]):
            built(*modules)
            assert [each["note"] for each in objects(environ)] == [None, None, None, note, note]
            assert run(environ).stdout.count(note) == 2
        built(CLOCKS, ROOMS)
        assert [each["note"] for each in objects(environ)] == [None] * 5
        Path("generated/signin.json").write_text("{")
        assert [each["note"] for each in objects(environ)] == [None] * 5

    def test_no_log_yet(self, environ: dict[str, str], tmp_path: Path) -> None:
        result = run(environ)
        nowhere = f"there is no sign-in log yet at sqlite:{tmp_path}/state/signin.db"
        aside = "(there is no routes/ here, so routes/routec.toml was not read)"
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{nowhere} {aside}\n")
        Path("routes").mkdir()
        for form in ("table", "json"):
            result = run(environ, "--format", form)
            assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{nowhere}\n")
        assert not (tmp_path / "state").exists()

    @pytest.mark.parametrize(
        "args",
        [
            ["--state", "lost"],
            ["--limit", "0"],
            ["--limit", "99999999999999999999999"],
            ["nonsense"],
            ["--format", "xml"],
            ["--state", "dead", "show", "1"],
            ["list", "surplus"],
            ["show"],
            ["test"],
            ["bury"],
        ],
        ids=str,
    )
    def test_wrong_use(self, environ: dict[str, str], args: list[str]) -> None:
        result = run(environ, *args)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Error: " in result.stderr

    @pytest.mark.parametrize("args", [[], ["list"], ["show", "1"], ["retry"], ["bury", "1"]], ids=str)
    def test_a_log_that_cannot_be_read(self, environ: dict[str, str], args: list[str], tmp_path: Path) -> None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "signin.db").write_bytes(b"no database" * 100)
        result = run(environ, *args)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: the sign-in log")

    def test_a_broken_pipe_is_silent(self, environ: dict[str, str], log: Log) -> None:
        log.write(entry(module="rooms"), ROOMS)
        code = f"{sys.executable} -m routec webhooks | true"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", code], capture_output=True, text=True, check=False,
            env=environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")

    def test_help_is_light(self) -> None:
        code = "import sys, routec.cli.webhooks; print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not {"sqlalchemy", "pydantic", "requests", "urllib3", "lark"} & set(loaded.stdout.split())


class TestShow:
    def test_all_but_what_it_says(self, environ: dict[str, str], written: list[str]) -> None:
        result = run(environ, "show", "2")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines() == [
            "id            2",
            f"webhook id    msg_{written[1]}",
            "module        rooms",
            "state         pending",
            "created       2026-11-23T09:00:00.000+00:00",
            "attempts      0",
            "next attempt  2026-11-23T09:00:30.000+00:00",
            "status        503",
            f"answer        down?[2J {'x' * 100}",
            "note          -",
        ]

    def test_by_what_the_receiver_knows(self, environ: dict[str, str], written: list[str]) -> None:
        assert objects(environ, "show", f"msg_{written[3]}") == objects(environ, "show", written[3])
        assert objects(environ, "show", "4")[0]["webhook_id"] == f"msg_{written[3]}"

    @pytest.mark.usefixtures("written")
    def test_unknown(self, environ: dict[str, str]) -> None:
        for id in ("99", "msg_99", "", "\x1b[2J"):
            result = run(environ, "show", id)
            assert result.exit_code == 2
            assert result.stderr.startswith("Error: no webhook has the id ")
            assert "\x1b" not in result.stderr

    @pytest.mark.usefixtures("written")
    def test_no_password(self, environ: dict[str, str]) -> None:
        said = "".join(
            run(environ, *args).output for args in (["list"], ["show", "1"], ["show", "1", "--format", "json"])
        )
        assert "73519846" not in said


class TestRetry:
    @pytest.mark.usefixtures("written")
    @pytest.mark.parametrize(
        ("args", "due"),
        [
            ([], [1, 2, 3]),
            (["--dead"], [3]),
            (["3"], [3]),
            (["1", "2", "4"], [1, 2]),
            (["2", "3", "--dead"], [3]),
            (["--module", "rooms"], [1, 2, 3]),
            (["--dead", "--module", "rooms"], [3]),
        ],
        ids=str,
    )
    def test_which(self, environ: dict[str, str], log: Log, args: list[str], due: list[int]) -> None:
        before = {letter.id: letter for letter in log.outbox.list()}
        result = run(environ, "retry", *args)
        things = f"{len(due)} webhook{'' if len(due) == 1 else 's'}"
        assert (result.exit_code, result.stdout) == (0, f"{things} due now; `routec serve` sends what is due\n")
        after = {letter.id: letter for letter in log.outbox.list()}
        assert [id for id in sorted(after) if after[id].next_attempt != before[id].next_attempt] == due
        assert all(after[id].state == "pending" for id in due)
        assert after[4].state == "delivered"

    @pytest.mark.usefixtures("written")
    @pytest.mark.parametrize("args", [["--module", "none"], ["--dead", "--module", "none"]], ids=str)
    def test_none(self, environ: dict[str, str], args: list[str]) -> None:
        result = run(environ, "retry", *args)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "there is nothing to send again\n")

    @pytest.mark.usefixtures("written")
    def test_what_was_delivered(self, environ: dict[str, str]) -> None:
        result = run(environ, "retry", "4")
        assert (result.exit_code, result.stderr) == (1, "there is nothing to send again\n")
        assert states(environ)[4] == "delivered"

    @pytest.mark.usefixtures("written")
    def test_unknown_and_then_none_is_touched(self, environ: dict[str, str]) -> None:
        result = run(environ, "retry", "3", "99")
        assert result.exit_code == 2
        assert "no webhook has the id `99`" in result.stderr
        assert states(environ)[3] == "dead"

    def test_no_log_yet(self, environ: dict[str, str]) -> None:
        assert run(environ, "retry").stderr == "there is nothing to send again\n"

    def test_by_both_names(self, environ: dict[str, str], written: list[str]) -> None:
        assert run(environ, "retry", "3", f"msg_{written[2]}").exit_code == 0
        assert states(environ)[3] == "pending"

    def test_what_was_purged_is_not_promised(self, environ: dict[str, str], log: Log, written: list[str]) -> None:
        log.purge(START + timedelta(days=1), None)
        why = "cannot be sent again: what it said was purged with its sign-in"
        assert [each["note"] for each in objects(environ)] == [why, None, None]
        assert why in run(environ, "show", f"msg_{written[2]}").stdout
        result = run(environ, "retry", "3")
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"1 webhook: {why}\n")
        assert states(environ)[3] == "dead"
        result = run(environ, "retry")
        assert result.stdout == "2 webhooks due now; `routec serve` sends what is due\n"

    @pytest.mark.usefixtures("written")
    def test_of_a_module_without_a_webhook(self, environ: dict[str, str], log: Log) -> None:
        log.write(entry(module="clocks"), CLOCKS)
        built(CLOCKS)
        result = run(environ, "retry")
        note = "waits: the routes have no webhook for rooms; `routec webhooks bury` gives it up"
        assert result.stdout == "1 webhook due now; `routec serve` sends what is due\n"
        assert (result.exit_code, result.stderr) == (0, f"3 webhooks: {note}\n")


class TestBury:
    @pytest.mark.usefixtures("written")
    def test_and_back(self, environ: dict[str, str]) -> None:
        result = run(environ, "bury", "2")
        assert (result.exit_code, result.stdout) == (0, "1 webhook given up\n")
        letter = objects(environ, "show", "2")[0]
        assert (letter["state"], letter["status"]) == ("dead", 503)
        assert letter["answer"].startswith("given up by hand; before: down")
        assert run(environ, "retry", "2").exit_code == 0
        assert states(environ)[2] == "pending"

    @pytest.mark.usefixtures("written")
    def test_of_a_module(self, environ: dict[str, str], log: Log) -> None:
        log.write(entry(module="clocks"), CLOCKS)
        assert run(environ, "bury", "--module", "rooms").stdout == "2 webhooks given up\n"
        assert states(environ) == {1: "dead", 2: "dead", 3: "dead", 4: "delivered", 5: "pending"}

    @pytest.mark.usefixtures("written")
    def test_nothing(self, environ: dict[str, str]) -> None:
        for args, code in ((["4"], 1), (["3"], 1), (["1", "--module", "clocks"], 1), (["--module", "clocks"], 0)):
            result = run(environ, "bury", *args)
            assert (result.exit_code, result.stderr) == (code, "there is nothing to give up\n")


class TestTest:
    def module(self, sink: Sink, path: str = "/hook") -> Any:
        return stores.module(
            name="rooms", fields=(fake.field("login"),), webhook=Webhook(sink.url(path), "HOOK_SECRET", private=True)
        )

    def test_it_is_sent_signed_and_marked_and_not_kept(self, environ: dict[str, str]) -> None:
        with Sink(reply(202, "thanks")) as sink:
            built(self.module(sink, "/hook?key=hush1234"))
            result = run(environ | {"HOOK_SECRET": SECRET}, "test", "rooms")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"http://127.0.0.1:{sink.port}/hook?key=***: 202 thanks\n"
        (request,) = sink.received
        event = request.verified(SECRET)
        assert list(event) == ["type", "time", "module", "purpose"]
        assert (event["type"], event["module"], event["purpose"]) == ("test", "rooms", "register")
        assert request.id.startswith("msg_test_")
        assert run(environ, "--format", "json").stdout == ""

    def test_a_failure(self, environ: dict[str, str]) -> None:
        with Sink(reply(500, "down\x1b[2J")) as sink:
            built(self.module(sink))
            result = run(environ | {"HOOK_SECRET": SECRET}, "test", "rooms")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"http://127.0.0.1:{sink.port}/hook: 500 down[2J\n"
        result = run(environ | {"HOOK_SECRET": SECRET}, "test", "rooms")
        assert result.exit_code == 1
        assert result.stderr.endswith("/hook: no connection: connection refused\n")

    def test_the_secret_is_not_shown(self, environ: dict[str, str]) -> None:
        with Sink(echo(200)) as sink:
            built(self.module(sink))
            result = run(environ | {"HOOK_SECRET": SECRET}, "test", "rooms")
        assert sink.received[0].headers["webhook-signature"][3:] not in result.output
        assert "***" in result.output

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (None, "the environment has no HOOK_SECRET"),
            ("hush1234", "HOOK_SECRET is no webhook secret; it must be whsec_ and base64"),
        ],
    )
    def test_no_usable_secret(self, environ: dict[str, str], value: str | None, why: str) -> None:
        with Sink() as sink:
            built(self.module(sink))
            result = run(environ | ({"HOOK_SECRET": value} if value else {}), "test", "rooms")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"Error: {why}\n")
        assert "hush1234" not in result.stderr
        assert sink.received == []

    def test_no_such_module(self, environ: dict[str, str]) -> None:
        assert "there is no routes/ here" in run(environ, "test", "rooms").stderr
        built(ROOMS, PLAIN)
        result = run(environ, "test", "rosm")
        assert (result.exit_code, "did you mean `rooms`? webhooks have `rooms`; " in result.stderr) == (2, True)
        assert "   = help: webhooks have `rooms`; " in run(environ, "test", "nix").stderr
        result = run(environ, "test", "plain")
        assert result.stderr.startswith("Error: module `plain` has no webhook\n")
        Path("generated/signin.json").unlink()
        result = run(environ, "test", "rooms")
        assert result.exit_code == 2
        assert "`routec build` makes it" in result.stderr

    def test_while_serve_delivers(self, environ: dict[str, str]) -> None:
        """Listing and retrying are other processes' work on the same log."""
        from routec.signin.delivery import Deliverer
        from routec.signin.webhooks import Poster

        log = Log(Runtime.of(environ).database)
        with Sink(reply(410, "gone"), reply()) as sink:
            rooms = self.module(sink)
            log.write(entry(module="rooms"), rooms)
            modules = {"rooms": rooms}
            gone = threading.Event()
            with Deliverer(log, lambda: modules, Poster({"HOOK_SECRET": SECRET}), poll_seconds=0.02) as running:
                sink.wait(1)
                while states(environ) != {1: "dead"}:
                    gone.wait(0.01)
                assert run(environ, "retry", "--dead").exit_code == 0
                sink.wait(2)
                while states(environ) != {1: "delivered"}:
                    gone.wait(0.01)
                running.stop()
        log.close()

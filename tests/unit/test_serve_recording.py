"""A prompt spoken in by phone while `serve` runs: put in force by the watching, or said why it is not."""

import os
import signal
from pathlib import Path

import pytest

from tests.asterisk.machine import until
from tests.recorder.fake import Phone, spoken
from tests.signin.fake import headers
from tests.unit.test_serve import GATE, free_port, sign_in
from tests.unit.test_serve_service import LIMIT, Serving

RECORDS = '[prompts]\nmodule = "gate"\n'
PROMPT = """
prompt welcome "welcome.wav" record 5001 record nl 5101
route hears { on extension 700; prompt welcome; hangup }
"""
BEFORE, AFTER = spoken(1), spoken(2)


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    (tmp_path / "routes/prompts").mkdir(parents=True)
    (tmp_path / "routes/front.route").write_text(GATE.format(login="1001") + PROMPT)
    (tmp_path / "routes/routec.toml").write_text(RECORDS)
    (tmp_path / "routes/prompts/welcome.wav").write_bytes(BEFORE)
    environ = {"ROUTEC_STATE": str(tmp_path / "state"), "ROUTEC_AGI_LISTEN": f"127.0.0.1:{free_port()}"}
    return Serving(tmp_path, environ)


def kept(serving: Serving, path: str = "record/welcome") -> Phone:
    return Phone("2", takes=[AFTER], head=headers(path)).call(serving.at)


def test_what_is_recorded_goes_live_by_itself(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def story() -> None:
        published = serving.root / "generated/sounds/welcome.wav"
        assert published.read_bytes() == BEFORE
        assert kept(serving).heard[-1] == "vm-msgsaved"
        assert until(lambda: published.read_bytes() == AFTER, LIMIT)
        assert kept(serving, "record/welcome/nl").heard[-1] == "vm-msgsaved"
        assert until((serving.root / "generated/sounds/nl/welcome.wav").exists, LIMIT)
        text = serving.service._metrics.text().decode()
        assert 'routec_recordings_total{result="kept"} 2.0' in text
        assert 'routec_recordings_total{result="failed"} 0.0' in text
        assert "routec_conversations 0.0" in text

    serving.run(story)
    assert not any("recording prompts" in off for off in serving.offs)
    assert "not in force yet" not in caplog.text


def test_routes_with_a_fault_keep_it_from_going_live(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    def story() -> None:
        front = serving.root / "routes/front.route"
        good = front.read_text()
        front.write_text(f"{good}rote\n")
        assert until(lambda: serving.service._not_live() != "", LIMIT)
        kept(serving)
        assert (serving.root / "routes/prompts/welcome.wav").read_bytes() == AFTER
        assert until(lambda: "is kept, and is not in force yet: the routes have faults" in caplog.text, LIMIT)
        front.write_text(good)
        assert until(lambda: (serving.root / "generated/sounds/welcome.wav").read_bytes() == AFTER, LIMIT)

    serving.run(story)


def test_off_without_a_module_and_a_pin(serving: Serving) -> None:
    serving.settings("")
    serving = Serving(serving.root, serving.environ)

    def story() -> None:
        assert kept(serving).commands == []
        assert sign_in(serving.at, "1001") == "granted"
        text = serving.service._metrics.text().decode()
        assert 'routec_recordings_total{result="refused"} 1.0' in text
        serving.settings(RECORDS)
        assert until(lambda: kept(serving).heard[-1:] == ["vm-msgsaved"], LIMIT)

    serving.run(story)
    assert (
        serving.offs.count(
            "recording prompts by phone is off: [prompts] in routes/routec.toml has neither a module nor a pin"
        )
        == 1
    )


def test_another_state_folder_counts_from_the_next_call_on(serving: Serving) -> None:
    def story() -> None:
        before = serving.service._front
        left = serving.root / "other/recordings/0123-left.wav"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"of a process that was killed long ago")
        os.utime(left, (1, 1))
        serving.environ["ROUTEC_STATE"] = str(serving.root / "other")
        os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: serving.service._front is not before, LIMIT)
        assert not left.exists()
        phone = kept(serving)
        assert phone.paths[0].parent == left.parent
        assert phone.heard[-1] == "vm-msgsaved"

    serving.run(story)


def test_the_call_is_named_in_the_log(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    serving.run(lambda: print(kept(serving)))
    assert "call 1790000000.7: recording of welcome by 'anna': kept" in caplog.text

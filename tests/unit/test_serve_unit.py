"""The systemd unit: systemd takes it, it leaves little open, and its own command gets ready with just what it gives."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from routec.serve.parts import STOP_SECONDS
from routec.serve.unit import ENVIRONMENT_FILE, Place, UnitError, unit
from tests.unit.test_serve import GATE, free_port

ROOT = Path(__file__).resolve().parents[2]
ANALYZE = shutil.which("systemd-analyze")
PLACE = Place(Path("/"), Path("/tmp"), Path("/var/lib/routec"), Path("/usr/bin/env"), "daemon", None)


def settings(text: str) -> dict[str, list[str]]:
    """What a unit sets, by name."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_a_unit_names_the_project() -> None:
    place = Place(Path("/srv/pbx"), Path("/srv/pbx/generated"), Path("/var/lib/routec"), Path("/x/python"), "pbx", None)
    found = settings(unit(place))
    assert found["User"] == ["pbx"]
    assert found["WorkingDirectory"] == ["/srv/pbx"]
    assert found["ExecStart"] == ["/x/python -m routec serve --log-format json"]
    assert found["EnvironmentFile"] == [f"-{ENVIRONMENT_FILE}"]
    assert found["StateDirectory"] == ["routec"]
    assert found["ReadWritePaths"] == ["/srv/pbx/generated"]
    assert found["ProtectHome"] == ["yes"]
    assert float(found["TimeoutStopSec"][0]) > STOP_SECONDS


def test_a_unit_of_a_target_with_a_state_of_its_own_below_a_home() -> None:
    home = Path("/home/anna/pbx")
    text = unit(Place(home, home / "generated/north", home / "state", Path("/x/python"), "pbx", "north"))
    found = settings(text)
    assert found["ExecStart"][0].endswith("--target north")
    assert found["ReadWritePaths"] == ["/home/anna/pbx/state", "/home/anna/pbx/generated/north"]
    assert found["ProtectHome"] == ["read-only"]
    assert f"ROUTEC_STATE={home}/state" in found["Environment"][0]
    assert "/etc/systemd/system/routec-north.service" in text
    assert found["Description"] == [f"routec serve for {home} (north)"]
    assert f"# install -d -o pbx {home}/generated/north && install -d -o pbx -m 700 {home}/state\n" in text


def test_a_unit_of_a_project_whose_prompts_are_recorded_by_phone() -> None:
    prompts = Path("/srv/pbx/routes/prompts")
    text = unit(PLACE._replace(prompts=prompts))
    assert settings(text)["ReadWritePaths"] == ["/tmp", str(prompts)]
    assert f"install -d -o daemon {prompts} && chown -R daemon {prompts}\n" in text
    assert str(prompts) not in unit(PLACE)
    with pytest.raises(UnitError):
        unit(PLACE._replace(prompts=Path("/srv/my pbx/routes/prompts")))


@pytest.mark.parametrize("root", ["/srv/my pbx", "/srv/%h", "/srv/x\nUser=root", '/srv/"', "/srv/$x", "/srv/é"])
def test_a_path_that_would_be_something_else_in_a_unit_is_refused(root: str) -> None:
    with pytest.raises(UnitError, match="cannot stand in a systemd unit"):
        unit(PLACE._replace(root=Path(root)))


def test_a_user_that_would_be_something_else_is_refused() -> None:
    with pytest.raises(UnitError):
        unit(PLACE._replace(user="root\nExecStartPre=/bin/sh"))


@pytest.mark.parametrize("user", ["-x", "@", "+5", "", "a:b"])
def test_what_is_no_name_of_a_user_is_refused(user: str) -> None:
    with pytest.raises(UnitError):
        unit(PLACE._replace(user=user))


def test_a_path_that_goes_up_is_refused() -> None:
    with pytest.raises(UnitError, match=r"without `\.\.`"):
        unit(PLACE._replace(state=Path("/var/lib/..")))


def test_a_pepper_below_a_home_can_be_read() -> None:
    found = settings(unit(PLACE._replace(pepper_file=Path("/home/anna/pepper"))))
    assert found["ProtectHome"] == ["read-only"]


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze on this machine")
def test_systemd_takes_it_and_finds_little_open(tmp_path: Path) -> None:
    file = tmp_path / "routec.service"
    file.write_text(unit(PLACE._replace(prompts=Path("/tmp"))))
    verified = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(file)], capture_output=True, text=True, check=False
    )
    # Other units of the machine may have faults of their own.
    assert [line for line in verified.stderr.splitlines() if "routec" in line] == []
    assert verified.returncode == 0
    judged = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--no-pager", "--json=short", str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    open_ = {
        one["json_field"] for one in json.loads(judged.stdout) if one["set"] is False and float(one["exposure"] or 0)
    }
    overall = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--no-pager", "--threshold=15", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # The network, for calls, webhooks and the database; the file system's root, where Python is.
    assert overall.returncode == 0, overall.stdout
    assert open_ <= {
        "PrivateNetwork", "IPAddressDeny", "RestrictAddressFamilies_AF_INET_INET6", "RestrictAddressFamilies_AF_UNIX",
        "RootDirectoryOrRootImage", "DeviceAllow", "UMask",
    }, open_  # fmt: skip


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv on this machine")
def test_its_own_command_gets_ready(tmp_path: Path) -> None:
    """With the unit's environment and no other, no new privileges and no capabilities."""
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes/front.route").write_text(GATE.format(login="1001"))
    port = free_port()
    (tmp_path / "routes/routec.toml").write_text(
        f'[agi]\nlisten = "127.0.0.1:{port}"\n[signin]\nstate = "{tmp_path}/state"\n'
    )
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    text = subprocess.run(
        [sys.executable, "-m", "routec", "serve", "--unit", "--user", "daemon"],
        cwd=tmp_path, env=given, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = settings(text)
    assert found["WorkingDirectory"] == [str(tmp_path)]
    environ = dict(pair.split("=", 1) for pair in found["Environment"][0].split())
    environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")  # the unit's is systemd's to make
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        # What systemd sets, and where this checkout is: an installed routec needs no PYTHONPATH.
        environ |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000", "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", *found["ExecStart"][0].split()],
            cwd=found["WorkingDirectory"][0], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        heard = [manager.recv(4096).decode()]
        while not heard[-1].startswith("READY=1"):
            heard.append(manager.recv(4096).decode())
        with socket.create_connection(("127.0.0.1", port), 10):
            pass
        process.send_signal(signal.SIGHUP)
        while not heard[-1].startswith("RELOADING=1"):
            heard.append(manager.recv(4096).decode())
        while not heard[-1].startswith("READY=1"):
            heard.append(manager.recv(4096).decode())
        process.terminate()
        while heard[-1] != "STOPPING=1":
            heard.append(manager.recv(4096).decode())
        said, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "WATCHDOG=1" in heard
    assert said == ""
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert any(line["message"].startswith("ready; the checker listens on agi://127.0.0.1:") for line in lines)

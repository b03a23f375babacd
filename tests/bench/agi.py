"""The plain AGI script as Asterisk starts it, timed to the first prompt that the caller hears."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from .measure import UnmeasuredError, environment

_SECONDS = 20.0

_HEADERS = {
    "agi_request": "signin.agi",
    "agi_channel": "PJSIP/trunk-00000001",
    "agi_language": "en",
    "agi_type": "PJSIP",
    "agi_uniqueid": "1790000000.1",
    "agi_version": "22.0.0",
    "agi_callerid": "+32475000001",
    "agi_calleridname": "unknown",
    "agi_callingpres": "0",
    "agi_callingani2": "0",
    "agi_callington": "0",
    "agi_callingtns": "0",
    "agi_dnid": "+3225500000",
    "agi_rdnis": "unknown",
    "agi_context": "routec-r00000",
    "agi_extension": "s",
    "agi_priority": "1",
    "agi_enhanced": "0.0",
    "agi_accountcode": "",
    "agi_threadid": "1",
}


def median_to_first_prompt(script: Path, module: str, times: int) -> float:
    """The median of some calls, each a process of its own with a state folder of its own that the first call filled."""
    with tempfile.TemporaryDirectory(prefix="routec-bench-agi-") as folder:
        state = Path(folder)
        to_first_prompt(script, module, state)  # makes the log's schema, as the first call after an installation does
        return statistics.median(to_first_prompt(script, module, state) for _ in range(times))


def to_first_prompt(script: Path, module: str, state: Path) -> float:
    """Seconds from the start of the process to its first `GET DATA`; the caller hangs up then."""
    environ = {
        **environment(state),
        "ROUTEC_DATABASE": f"sqlite:///{state / 'bench.db'}",
        "ROUTEC_PEPPER": "a pepper of the benchmark's own",
    }
    headers = "".join(f"{key}: {value}\n" for key, value in {**_HEADERS, "agi_arg_1": module}.items()) + "\n"
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, os.fspath(script), module],
        env=environ,
        cwd=state,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    watchdog = threading.Timer(_SECONDS, process.kill)
    watchdog.start()
    try:
        return _until_prompt(process, headers) - begin
    finally:
        watchdog.cancel()
        process.communicate()  # closes its input: the caller hung up
        watchdog.join()


def _until_prompt(process: subprocess.Popen[str], headers: str) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(headers)
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith("GET DATA "):
                return time.perf_counter()
            process.stdin.write("200 result=0\n")
            process.stdin.flush()
    except BrokenPipeError:
        pass
    raise UnmeasuredError(f"the plain AGI script never asked for a code: {process.stderr.read().strip()[-600:]}")

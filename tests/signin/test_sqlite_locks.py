"""What POSIX locks ask for: no second look at the file may drop the locks of the first connection."""

import subprocess
import sys
from pathlib import Path

from routec.signin.store import Log

from .stores import entry

READER = (
    "import sys\nfrom routec.signin.store import Log\nlog = Log(sys.argv[1])\nprint(len(list(log.read())))\nlog.close()"
)


def test_another_process_that_comes_and_goes_takes_nothing_away(tmp_path: Path) -> None:
    log = Log(f"sqlite:///{tmp_path / 'signin.db'}")
    for number in range(1, 4):
        log.write(entry())
        assert len(list(log.read())) == number  # opens an engine of its own
        done = subprocess.run(
            [sys.executable, "-c", READER, f"sqlite:///{tmp_path / 'signin.db'}"], capture_output=True, check=True
        )
        assert int(done.stdout) == number
        assert Path(f"{tmp_path / 'signin.db'}-wal").exists(), "the other process thought that it was the last"
    log.close()

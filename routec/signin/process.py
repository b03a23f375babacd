"""The plain AGI process: the way in when the FastAGI server does not answer. Asterisk starts one a call.

Standard output belongs to AGI and to nothing else; standard error takes the process log; no traceback reaches either.
The imports of this module are what a caller waits for, so SQLAlchemy is not among them.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from routec.contract import MODULES_FILE
from routec.settings import Runtime, Settings, SettingsError
from routec.signin.agi import Agi, AgiError
from routec.signin.modules import ModulesError, ModuleStore
from routec.signin.outcome import CallerGone
from routec.signin.session import Checker, described
from routec.signin.store import Log
from routec.signin.wire import Wire

HEADER_SECONDS = 5

_logger = logging.getLogger("routec.signin.process")


def main(argv: Sequence[str], folder: Path | str) -> int:
    """Hold one conversation over this process's standard input and output.

    `argv` is what follows the script's name: the module. `folder` holds `signin.json`. Returns the exit status: 0
    when the conversation was held, whatever its verdict, and 1 when there was none to hold.
    """
    # Asterisk sends SIGHUP when the caller hangs up (res_agi.c, unless AGISIGHUP=no); dying of it would lose the row.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.raiseExceptions = False
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        return _hold(argv[0] if argv else "", Path(folder))
    except (CallerGone, AgiError, SettingsError) as error:
        _logger.warning("no conversation: %s", error)
    except Exception as error:  # noqa: BLE001 (a traceback would go to Asterisk's console)
        _logger.error("no conversation: %s", described(error))  # noqa: TRY400
    return 1


def _hold(name: str, folder: Path) -> int:
    stdout = _own_stdout()
    agi = Agi(Wire(0, stdout, time.monotonic() + HEADER_SECONDS))
    modules = ModuleStore(folder / MODULES_FILE)
    try:
        settings = modules.compiled().settings
    except ModulesError:
        settings = Settings()  # the checker will meet the fault again, and say so in its row and its verdict
    # Nothing listens here, so an address that is wrong is no reason to refuse a caller. Any other fault is: with
    # defaults in its place, the rows and the locks would be in another database than the server's.
    runtime = Runtime.of({**os.environ, "ROUTEC_AGI_LISTEN": ""}, settings)
    log = Log(runtime.database, runtime.spool)
    try:
        Checker(modules, log, runtime).sign_in(agi, name, lambda: _let_go(stdout))
    finally:
        log.close()
    return 0


def _let_go(stdout: int) -> None:
    """Close both ends to Asterisk, which goes on with the call when it sees that."""
    os.close(stdout)
    nowhere = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nowhere, 0)
    os.close(nowhere)


def _own_stdout() -> int:
    """Take standard output for AGI alone: what any library prints from here on goes nowhere."""
    ours = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return ours

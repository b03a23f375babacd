"""The project that the command line stands in."""

from pathlib import Path

from routec.cli.main import fail
from routec.project import ROUTES


def project_root() -> Path:
    """The present folder, which must hold routes/."""
    if not Path(ROUTES).is_dir():
        fail("there is no routes/ here", "run routec in the folder that holds routes/")
    return Path()

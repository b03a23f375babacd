"""The wheel is routec, whole: outside of the checkout it finds its grammar, its templates and its pages."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def routec(installed: Path, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "routec", *arguments],
        cwd=project, env=environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_it_builds_the_sample_as_the_checkout_does(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "routes").symlink_to(ROOT / "routes")
    done = routec(installed, tmp_path, "build")
    assert done.returncode == 0, done.stderr
    for name in ("extensions.conf", "manifest.json", "recorder.json", "signin.json", "signin.agi"):
        assert (tmp_path / "generated" / name).read_bytes() == (ROOT / "generated" / name).read_bytes()


def test_it_explains(installed: Path, tmp_path: Path) -> None:
    assert routec(installed, tmp_path, "explain", "RT201").stdout.startswith("# RT201")


def test_it_is_not_the_checkout_that_answers(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-P", "-c", "import routec.frontend.grammar as g; print(g.grammar_path())"],
        cwd=tmp_path, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert where.strip() == str(installed / "routec" / "grammar" / "routec.lark")

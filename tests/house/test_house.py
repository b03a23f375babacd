"""The house is clean: style, types, one direction of imports, one importer a library, and no stale generated file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONLY = {
    "lark": {"frontend/grammar.py", "frontend/lexer.py", "frontend/parser.py", "frontend/recovery.py"},
    "jinja2": {"backend/render.py"},
    "asterisk": {"apply/ami/wire.py", "signin/agi.py"},
    "sqlalchemy": {
        "signin/clocks.py", "signin/database.py", "signin/dialects.py", "signin/following.py", "signin/guard.py",
        "signin/keeper.py", "signin/migrate.py", "signin/migrations/versions/whole_signin.py", "signin/outbox.py",
        "signin/postgres.py", "signin/retention.py", "signin/rows.py", "signin/schema.py", "signin/spool.py",
        "signin/sqlite.py", "signin/their_clock.py",
    },
    "alembic": {"signin/migrate.py", "signin/migrations/env.py", "signin/migrations/versions/whole_signin.py"},
    "argon2": {"signin/credentials.py"},
    "phonenumbers": {"model/numbers.py"},
    "prometheus_client": {"serve/metrics.py"},
    "watchfiles": {"apply/watching/watch.py"},
    "requests": {"signin/webhooks.py"},
    "standardwebhooks": {"signin/webhooks.py"},
    "numpy": {"sound/convert.py"},
    "soundfile": {"sound/convert.py"},
    "soxr": {"sound/convert.py"},
    "urllib3": {"signin/guarded.py"},
}  # fmt: skip


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("routec", "build", "--check")],
    ids=["style", "layout", "types", "generated"],
)
def test_is_clean(command: tuple[str, ...]) -> None:
    run(*command)


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_library_has_its_importers_and_no_others(library: str) -> None:
    importers = {
        path.relative_to(ROOT / "routec").as_posix()
        for path in (ROOT / "routec").rglob("*.py")
        if library in _imported(path)
    }
    assert importers == ONLY[library]


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_modules_have_one_subject() -> None:
    long = {path.name: count for path in (ROOT / "routec").rglob("*.py") if (count := _lines(path)) > 300}
    assert not long


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_the_top_level_is_the_customers() -> None:
    named = {"pyproject.toml", "routec", "grammar", "routes", "generated", "tests", "README.md", "LICENSE"}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    top = {name.partition("/")[0] for name in tracked}
    assert {name for name in top - named if not name.startswith((".", "requirements"))} == set()

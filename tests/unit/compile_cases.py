"""The cases of tests/cases/compile: each a folder of route files, and what must come of them."""

import json
from pathlib import Path

from routec.pipeline import Compilation, Input, compile_routes
from tests.properties.systems import without_spans

CASES = Path(__file__).parents[1] / "cases" / "compile"
NAMES = sorted(path.name for path in CASES.iterdir() if (path / "routes").is_dir())


def load(name: str) -> Input:
    """The input of a case: `routes/`, and in `sounds.txt` the sound files that there would be."""
    folder = CASES / name
    files, users = (
        {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob(f"*.{suffix}")}
        for suffix in ("route", "users")
    )
    settings = folder / "routes" / "routec.toml"
    sounds = folder / "sounds.txt"
    return Input(
        files,
        ("routes/routec.toml", settings.read_bytes()) if settings.exists() else None,
        dict.fromkeys(sounds.read_text("utf-8").split(), "") if sounds.exists() else {},
        users=users,
    )


def compile_case(name: str) -> Compilation:
    """What comes of a case, which must have no errors."""
    done = compile_routes(load(name))
    assert [found for found in done.diagnostics if found.severity == "error"] == []
    return done


def model_json(done: Compilation) -> str:
    """The model as it is kept with a case: without places."""
    return json.dumps(without_spans(done.system.model_dump()), indent=1, ensure_ascii=False) + "\n"

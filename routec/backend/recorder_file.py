"""What the recorder reads at each call: which prompts there are to be spoken in, and what it says itself."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from routec.contract import RECORDER_FORMAT, RECORDER_PROMPTS
from routec.model import RecordPrompt, System
from routec.model.sound_files import joined
from routec.settings import Settings


def recorder_file(system: System, settings: Settings, there: Collection[str]) -> bytes:
    """The text of `contract.RECORDER_FILE`; `there` are the files below routes/prompts/ that can be played."""
    files = set(there)
    table = {
        "format": RECORDER_FORMAT,
        "seconds": settings.prompts.seconds,
        "sounds": {what: _sounds(system, files, name, own) for what, (name, own) in RECORDER_PROMPTS.items()},
        "recordings": list(_recordings(system, files)),
    }
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode()


def _sounds(system: System, there: set[str], name: str, own: tuple[str, ...]) -> list[str]:
    """The sound of a prompt of a name, where it can be played; else what Asterisk has of its own."""
    for prompt in system.prompts:
        if prompt.name == name and (prompt.file is None or prompt.file in there):
            return [prompt.sound]
    return list(own)


def _recordings(system: System, there: set[str]) -> Iterator[dict[str, Any]]:
    """One for each route that records."""
    prompts = {prompt.name: prompt for prompt in system.prompts if prompt.records}
    for route in system.routes:
        for step in route.steps if route.is_recording else ():
            if isinstance(step, RecordPrompt):
                prompt = prompts[step.prompt]
                file = joined(prompt.file or "", step.language)
                yield {
                    "prompt": prompt.name,
                    "language": step.language,
                    "file": file,
                    "sound": prompt.sound,
                    "is_there": file in there,
                }

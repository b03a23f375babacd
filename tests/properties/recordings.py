"""What recording extensions a project has that hypothesis makes up: its routec.toml, and what comes of it."""

from typing import Any

from hypothesis import strategies as st

from tests.properties.texts import HASH, Draw, quoted, titles

LANGUAGES = ("nl", "en", "en_gb")
"""The first may be the base one."""

RECORDER: dict[str, Any] = {
    "name": "recorder", "title": "Recording prompts", "purpose": "gate", "verify": True,
    "fields": [
        {"kind": "password", "sound": "agent-pass", "word": "agent-pass", "least": 4, "most": 12, "alias": None,
         "optional": False, "codes": []}
    ],
    "tries": 3, "seconds": 180, "lockout": {"after": 10, "seconds": 900}, "clock": None, "confirm": None,
    "again": None, "tells": [], "log": [], "keep": None, "offline": "deny", "webhook": None,
    "users": [{"name": "recorder", "title": None, "login": None, "password": HASH}],
}  # fmt: skip


class Recordings:
    """The `record` and `text` of all prompts, with numbers that nothing else has."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._number = 9_000_000_000
        self.base = draw(st.sampled_from(LANGUAGES[:2]))

    def of_prompt(self, *, is_ours: bool) -> tuple[list[str], list[dict[str, Any]], list[dict[str, Any]]]:
        """What is written behind a prompt, and its records and texts in the model."""
        found: list[tuple[str, str, dict[str, Any]]] = []
        for word in ("record", "text") if is_ours else ("text",):
            for language in self._draw(st.lists(st.sampled_from(LANGUAGES), unique=True, max_size=2)):
                is_base = language == self.base
                said = "" if is_base and self._draw(st.booleans()) else f" {language}"
                node: dict[str, Any] = {"language": None if is_base else language}
                if word == "text":
                    node["text"] = self._draw(titles)
                    found.append((word, f"text{said} {quoted(node['text'])}", node))
                else:
                    self._number += 1
                    node["number"] = str(self._number)
                    found.append((word, f"record{said} {self._number}", node))
        found = self._draw(st.permutations(found))
        records, texts = ([node for kind, _, node in found if kind == word] for word in ("record", "text"))
        return [written for _, written, _ in found], records, texts

    def settings(self, modules: list[dict[str, Any]]) -> tuple[str, str | None]:
        """The text of routec.toml, and the module in front of the recordings."""
        gates = [module["name"] for module in modules if module["purpose"] == "gate"]
        doors = ["", *gates] + ([] if any(module["name"] == "recorder" for module in modules) else ["pin"] * 2)
        door = self._draw(st.sampled_from(doors))
        text = f'[prompts]\nlanguage = "{self.base}"\n'
        if door == "pin":
            return f'{text}pin = "{HASH}"\n', "recorder"
        return (f'{text}module = "{door}"\n', door) if door else (text, None)

    def routes(self, prompts: list[dict[str, Any]], door: str) -> list[dict[str, Any]]:
        """The routes that record."""
        end = {"kind": "hangup", "cause": None}
        return [
            {
                "name": f"record.{prompt['name']}" + (f".{record['language']}" if record["language"] else ""),
                "title": None,
                "entries": [{"kind": "extension", "number": record["number"]}],
                "steps": [
                    {"kind": "sign_in", "module": door, "otherwise": [end]},
                    {"kind": "language", "language": record["language"] or self.base},
                    {"kind": "record_prompt", "prompt": prompt["name"], "language": record["language"]},
                    end,
                ],
            }
            for prompt in prompts
            for record in prompt["records"]
        ]

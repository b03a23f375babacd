"""Systems that hypothesis makes up: the text of their route files, and the model that it must come to."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.properties.modules import Maker
from tests.properties.recordings import LANGUAGES, RECORDER, Recordings
from tests.properties.texts import Draw, make_sound, names, quoted, sounds, titles

Block = list[dict[str, Any]]

long_names = st.from_regex(r"[a-z][a-z0-9_-]{30,40}", fullmatch=True)
extensions = st.from_regex(r"[0-9*]{1,8}", fullmatch=True)
HELLO = 'Hello; "you"'
SAYABLE = {"digits": r"[0-9*#]{1,50}", "letters": r"[A-Za-z0-9*#@.+/=!_-]{1,9}( [A-Za-z0-9*#@.+/=!_-]{1,9}){0,4}"}
VALUES = {"language": "language", "wait": "seconds"}
BLANKS = ("; ", "\n", "\n  ", " ;\n\n", '  # a remark; with { and "\n', "\r\n\t")


@dataclass(frozen=True)
class Project:
    """Route files, files of users and routec.toml, and the model without its spans."""

    files: dict[str, bytes]
    system: dict[str, Any]
    users: dict[str, bytes]
    settings: tuple[str, bytes]


@st.composite
def projects(draw: Draw, most_routes: int = 5) -> Project:
    """A valid project: declarations over some files, and maybe a file of bare steps."""
    prompts = draw(st.lists(names, unique=True, max_size=3))
    modules = draw(st.lists(st.one_of(names, long_names), unique=True, max_size=3))
    routes = draw(st.lists(st.one_of(names, long_names), unique=True, min_size=1, max_size=most_routes))
    dids = draw(st.lists(st.integers(0, 9999), unique=True, max_size=6))
    inner = draw(st.lists(extensions, unique=True, max_size=6))
    numbers = [("did", f"+322555{did:04}") for did in dids] + [("extension", number) for number in inner]
    table: dict[str, Any] = {"routes": [], "modules": [], "prompts": []}
    texts = []
    recordings = Recordings(draw)
    for name in prompts:
        text, node = _prompt(draw, name, recordings)
        texts.append(text)
        table["prompts"].append(node)
    sound_of = {node["name"]: node["sound"] for node in table["prompts"]}
    users: dict[str, bytes] = {}
    for name in modules:
        text, node = Maker(draw, sound_of, users).make(name)
        texts.append(text)
        table["modules"].append(node)
    order = draw(st.permutations(numbers))
    owners = [draw(st.integers(0, len(routes) - 1)) for _ in order]
    bare = draw(st.booleans())
    files: dict[str, bytes] = {}
    for index, name in enumerate(routes):
        maker = _Steps(draw, sound_of, table["modules"], routes[index + 1 :], routes)
        steps = maker.block(0, must_end=False, asked=False)
        separator = draw(st.sampled_from(BLANKS))
        if bare and index == 0:
            files[f"routes/bare/{name}.route"] = separator.join(written(steps)).encode()
            table["routes"].append({"name": name, "title": None, "entries": [], "steps": plain_steps(steps)})
            continue
        title = draw(st.none() | titles)
        entries = [order[at] for at, owner in enumerate(owners) if owner == index]
        lines = [f"on {kind} {number}" for kind, number in entries] + written(steps)
        head = f"route {name} {quoted(title) if title is not None else ''}"
        texts.append(f"{head} {{{separator}{separator.join(lines)}{separator}}}")
        found = [{"kind": kind, "number": number} for kind, number in entries]
        table["routes"].append({"name": name, "title": title, "entries": found, "steps": plain_steps(steps)})
    for index, text in enumerate(draw(st.permutations(texts))):
        path = f"routes/{index % 3}.route"
        files[path] = files.get(path, b"") + text.encode() + b"\n"
    toml, door = recordings.settings(table["modules"])
    if door is not None:
        table["routes"] += recordings.routes(table["prompts"], door)
        table["modules"] += [RECORDER] if "pin = " in toml else []
    for part in table.values():
        part.sort(key=lambda node: node["name"])
    return Project(files, table, users, ("routes/routec.toml", toml.encode()))


def _prompt(draw: Draw, name: str, recordings: Recordings) -> tuple[str, dict[str, Any]]:
    file = draw(st.none() | sounds)
    own = file is None or "." in file.rpartition("/")[2]
    if own:  # a suffix would have to be .wav
        file = None if file is None else file.replace(".", "_") + ".wav"
    words, records, texts = recordings.of_prompt(is_ours=own)
    if file is None and not words:
        words, texts = [f"text {quoted(HELLO)}"], [{"language": None, "text": HELLO}]
    parts = [f"prompt {name}", *([quoted(file)] if file is not None else []), *words]
    path = f"{name}.wav" if file is None else file
    sound = f"routec/{path.removesuffix('.wav')}" if own else path
    node = {"name": name, "sound": sound, "file": path if own else None, "records": records, "texts": texts}
    return " ".join(parts), node


class _Steps:
    """Makes steps that end where they must, and that never go round by themselves."""

    def __init__(
        self, draw: Draw, sound_of: dict[str, str], modules: list[dict[str, Any]], later: list[str], routes: list[str]
    ) -> None:
        self._draw = draw
        self._sound_of = sound_of
        self._modules = [module["name"] for module in modules]
        self._fields = {module["name"]: module["fields"] for module in modules}
        self._later = later
        self._routes = routes
        self._latest = ""
        """The module of the latest sign-in."""

    def block(self, depth: int, *, must_end: bool, asked: bool) -> Block:
        """Steps, the last of which ends the call if it must."""
        steps: Block = []
        for _ in range(self._draw(st.integers(0 if must_end else 1, 3))):
            step = self._step(depth, asked)
            asked |= step["kind"] == "sign_in"
            steps.append(step)
            if ends(step):
                return steps
        if must_end:
            steps.append(self._end(asked))
        return steps

    def _end(self, asked: bool) -> dict[str, Any]:
        targets = self._routes if asked else self._later
        if targets and self._draw(st.booleans()):
            return {"kind": "goto", "route": self._draw(st.sampled_from(targets))}
        return {"kind": "hangup", "cause": self._draw(st.sampled_from([None, "busy", "congestion", "rejected"]))}

    def _step(self, depth: int, asked: bool) -> dict[str, Any]:
        draw = self._draw
        kinds = ["play", "say", "language", "wait", "answer", "dial", "end"] + (
            ["sign_in"] * 4 if self._modules else []
        )
        kind = draw(st.sampled_from(kinds))
        if kind == "play":
            found = [make_sound(draw, self._sound_of) for _ in range(draw(st.integers(1, 3)))]
            return {"kind": kind, "words": [word for _, word, _ in found], "sounds": [sound for *_, sound in found],
                    "written": "prompt " + ", ".join(written_as for written_as, *_ in found)}  # fmt: skip
        if kind in ("say", "sign_in"):
            return self._say() if kind == "say" else self._sign_in(depth)
        if kind in ("language", "wait"):
            value = LANGUAGES if kind == "language" else range(1, 3600)
            return {"kind": kind, VALUES[kind]: draw(st.sampled_from(value))}
        if kind == "answer":
            return {"kind": kind}
        if kind == "dial":
            targets = draw(st.lists(extensions, min_size=1, max_size=3))
            inner = None
            if depth < 3 and draw(st.booleans()):
                inner = self.block(depth + 1, must_end=draw(st.booleans()), asked=asked)
            return {"kind": kind, "targets": targets, "seconds": draw(st.none() | st.integers(1, 3600)),
                    "otherwise": inner}  # fmt: skip
        return self._end(asked)

    def _sign_in(self, depth: int) -> dict[str, Any]:
        module = self._draw(st.sampled_from(self._modules))
        outcomes = self._draw(st.lists(st.sampled_from(["locked", "denied", "error"]), unique=True))
        blocks = []
        for _ in outcomes or ["else"]:
            self._latest = module
            blocks.append(self.block(depth + 1, must_end=True, asked=True) if depth < 3 else [self._end(True)])
        self._latest = module
        cases = [{"name": name, "steps": block} for name, block in zip(outcomes, blocks, strict=False)]
        return {"kind": "sign_in", "module": module, "otherwise": {"cases": cases} if cases else blocks[0]}

    def _say(self) -> dict[str, Any]:
        how = self._draw(st.sampled_from(["digits", "number", "letters", "time"]))
        step = {"kind": "say", "how": how, "text": None, "value": None, "word": None, "written": f"say {how}"}
        fields = [
            field
            for field in self._fields.get(self._latest, [])
            if field["kind"] != "password" and (how != "number" or field["most"] <= 9)
        ]
        if how != "time" and fields and self._draw(st.booleans()):
            field = self._draw(st.sampled_from(fields))
            word = self._draw(st.sampled_from([field["kind"], field["alias"] or field["kind"]]))
            step |= {"value": field["kind"], "word": word, "written": f"say {how} {word}"}
        elif how == "number":
            number = str(self._draw(st.integers(-999_999_999, 999_999_999)))
            step |= {"text": number, "written": f"say number {number}"}
        elif how != "time":
            text = self._draw(st.from_regex(SAYABLE[how], fullmatch=True))
            step |= {"text": text, "written": f"say {how} {quoted(text)}"}
        return step


def ends(step: dict[str, Any]) -> bool:
    """Whether no call runs on behind a step."""
    if step["kind"] == "dial":
        return step["otherwise"] is not None and any(map(ends, step["otherwise"]))
    return step["kind"] in ("hangup", "goto")


def written(steps: Block) -> list[str]:
    """Steps as they are written in a route file."""
    return [_written(step) for step in steps]


def _written(step: dict[str, Any]) -> str:
    match step["kind"]:
        case "play" | "say":
            text = str(step["written"])
        case "language":
            text = f"language {step['language']}"
        case "wait":
            text = f"wait {step['seconds']}s"
        case "dial":
            text = "dial " + ", ".join(step["targets"]) + (f" for {step['seconds']}s" if step["seconds"] else "")
            text += "" if step["otherwise"] is None else _block(step["otherwise"])
        case "sign_in":
            text = f"auth {step['module']}{_block(step['otherwise'])}"
        case "goto":
            text = f"goto {step['route']}"
        case "hangup":
            text = f"hangup {step['cause'] or ''}".strip()
        case _:
            text = "answer"
    return text


def _block(steps: Block | dict[str, Any]) -> str:
    if isinstance(steps, dict):
        lines = []
        for case in steps["cases"]:
            inner = written(case["steps"])
            block = f": {inner[0]}" if len(inner) == 1 else f" {{ {'; '.join(inner)} }}"
            lines.append(case["name"] + block)
    else:
        lines = written(steps)
    return " else { " + "; ".join(lines) + " }"


def plain_steps(steps: Block) -> Block:
    """Steps as the model has them."""
    found = [{key: value for key, value in step.items() if key != "written"} for step in steps]
    for step in found:
        otherwise = step.get("otherwise")
        if isinstance(otherwise, dict):
            cases = [{"name": case["name"], "steps": plain_steps(case["steps"])} for case in otherwise["cases"]]
            step["otherwise"] = {"cases": cases}
        elif otherwise is not None:
            step["otherwise"] = plain_steps(otherwise)
    return found


def without_spans(value: Any) -> Any:
    """The plain data of a model, as JSON has it."""
    if isinstance(value, dict):
        return {key: without_spans(part) for key, part in value.items() if key != "span"}
    return [without_spans(part) for part in value] if isinstance(value, list | tuple) else value

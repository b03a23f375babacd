"""Systems that hypothesis makes up: the text of their route files, and the model that it must come to."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"

Draw = Any
Block = list[dict[str, Any]]

names = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)
long_names = st.from_regex(r"[a-z][a-z0-9_-]{30,40}", fullmatch=True)
titles = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")).filter(
        lambda char: ord(char) & 0xFFFF < 0xFFFE
    ),
    max_size=40,
).filter(lambda text: "${" not in text and "$[" not in text)
sounds = st.from_regex(r"[A-Za-z0-9_+-]{1,10}([./][A-Za-z0-9_+-]{1,10}){0,2}", fullmatch=True).filter(
    lambda name: not name.endswith(".")
)
extensions = st.from_regex(r"[0-9*]{1,8}", fullmatch=True)
BLANKS = ("; ", "\n", "\n  ", " ;\n\n", '  # a remark; with { and "\n', "\r\n\t")


def quoted(text: str) -> str:
    """A text as it is written in a route file."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace(";", "\\;") + '"'


@dataclass(frozen=True)
class Project:
    """Route files, and the model without its spans."""

    files: dict[str, bytes]
    system: dict[str, Any]


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
    for name in prompts:
        text, node = _prompt(draw, name)
        texts.append(text)
        table["prompts"].append(node)
    sound_of = {node["name"]: node["sound"] for node in table["prompts"]}
    for name in modules:
        text, node = _module(draw, name, sound_of)
        texts.append(text)
        table["modules"].append(node)
    order = draw(st.permutations(numbers))
    owners = [draw(st.integers(0, len(routes) - 1)) for _ in order]
    bare = draw(st.booleans())
    files: dict[str, bytes] = {}
    for index, name in enumerate(routes):
        maker = _Steps(draw, sound_of, modules, routes[index + 1 :], routes)
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
    for part in table.values():
        part.sort(key=lambda node: node["name"])
    return Project(files, table)


def _prompt(draw: Draw, name: str) -> tuple[str, dict[str, Any]]:
    file = draw(st.none() | sounds)
    own = file is None or "." in file.rpartition("/")[2]
    if own:  # a suffix would have to be .wav
        file = None if file is None else file.replace(".", "_") + ".wav"
    record = draw(st.none() | extensions)
    spoken = draw(st.none() | titles)
    if file is None and record is None and spoken is None:
        spoken = 'Hello; "you"'
    parts = [f"prompt {name}"]
    parts += [quoted(file)] if file is not None else []
    parts += [f"record {record}"] if record is not None else []
    parts += [f"text {quoted(spoken)}"] if spoken is not None else []
    path = f"{name}.wav" if file is None else file
    sound = f"routec/{path.removesuffix('.wav')}" if own else path
    node = {"name": name, "sound": sound, "file": path if own else None, "record": record, "text": spoken}
    return " ".join(parts), node


def _sound(draw: Draw, sound_of: dict[str, str]) -> tuple[str, str, str]:
    """How a sound is written, the admin's word for it, and Asterisk's."""
    if sound_of and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(sound_of)))
        return name, name, sound_of[name]
    name = draw(sounds)
    return quoted(name), name, name


def _module(draw: Draw, name: str, sound_of: dict[str, str]) -> tuple[str, dict[str, Any]]:
    kinds = draw(st.sampled_from([("login",), ("password",), ("login", "password"), ("login", "extra1"),
                                  ("login", "password", "extra1", "extra2")]))  # fmt: skip
    lines, fields = [], []
    for kind in kinds:
        written_as, word, sound = _sound(draw, sound_of)
        least = draw(st.integers(1, 8))
        most = draw(st.integers(least, 20))
        optional = kind.startswith("extra") and draw(st.booleans())
        alias = f"as{kind}" if draw(st.booleans()) else None
        digits = f"digits {least}" + (f"..{most}" if most != least else "")
        lines.append(
            f"{kind} ask {written_as} {digits}{' as ' + alias if alias else ''}{' optional' if optional else ''}"
        )
        fields.append({"kind": kind, "sound": sound, "word": word, "least": least, "most": most,
                       "alias": alias, "optional": optional})  # fmt: skip
    tries, seconds = draw(st.integers(1, 10)), draw(st.integers(5, 3600))
    purpose = draw(st.sampled_from(["gate", "timeclock", "register"]))
    title = draw(st.none() | titles)
    lines += [f"tries {tries}", f"within {seconds}s", f"purpose {purpose}"]
    users: list[dict[str, Any]] = []
    for user in sorted(draw(st.lists(names, unique=True, max_size=3))):
        login = None
        if "login" in kinds:
            taken = {other["login"] for other in users}
            size = fields[0]["least"]
            login = next(
                f"{number:0{size}}"[-size:] for number in range(10) if f"{number:0{size}}"[-size:] not in taken
            )
        user_title = draw(st.none() | titles)
        password = HASH if "password" in kinds else None
        lines.append(
            f"user {user}{' ' + quoted(user_title) if user_title is not None else ''}"
            f"{' login ' + login if login else ''}{' password ' + quoted(HASH) if password else ''}"
        )
        users.append({"name": user, "title": user_title, "login": login, "password": password})
    head = f"auth {name} {quoted(title) if title is not None else ''}"
    text = f"{head} {{\n  " + "\n  ".join(draw(st.permutations(lines))) + "\n}"
    node = {"name": name, "title": title, "purpose": purpose, "fields": fields, "tries": tries, "seconds": seconds,
            "log": [kind for kind in kinds if kind != "password"], "users": users}  # fmt: skip
    return text, node


class _Steps:
    """Makes steps that end where they must, and that never go round by themselves."""

    def __init__(
        self, draw: Draw, sound_of: dict[str, str], modules: list[str], later: list[str], routes: list[str]
    ) -> None:
        self._draw = draw
        self._sound_of = sound_of
        self._modules = modules
        self._later = later
        self._routes = routes

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
        kinds = ["play", "wait", "answer", "dial", "end"] + (["sign_in"] * 4 if self._modules else [])
        kind = draw(st.sampled_from(kinds))
        if kind == "play":
            found = [_sound(draw, self._sound_of) for _ in range(draw(st.integers(1, 3)))]
            return {"kind": kind, "words": [word for _, word, _ in found], "sounds": [sound for *_, sound in found],
                    "text": "prompt " + ", ".join(written_as for written_as, *_ in found)}  # fmt: skip
        if kind == "wait":
            return {"kind": kind, "seconds": draw(st.integers(1, 3600))}
        if kind == "answer":
            return {"kind": kind}
        if kind == "dial":
            targets = draw(st.lists(extensions, min_size=1, max_size=3))
            inner = None
            if depth < 3 and draw(st.booleans()):
                inner = self.block(depth + 1, must_end=draw(st.booleans()), asked=asked)
            return {"kind": kind, "targets": targets, "seconds": draw(st.none() | st.integers(1, 3600)),
                    "otherwise": inner}  # fmt: skip
        if kind == "sign_in":
            inner = self.block(min(depth + 1, 3), must_end=True, asked=True) if depth < 3 else [self._end(True)]
            return {"kind": kind, "module": draw(st.sampled_from(self._modules)), "otherwise": inner}
        return self._end(asked)


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
        case "play":
            text = str(step["text"])
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


def _block(steps: Block) -> str:
    return " else { " + "; ".join(written(steps)) + " }"


def plain_steps(steps: Block) -> Block:
    """Steps as the model has them."""
    found = [{key: value for key, value in step.items() if key != "text"} for step in steps]
    for step in found:
        if step.get("otherwise") is not None:
            step["otherwise"] = plain_steps(step["otherwise"])
    return found


def without_spans(value: Any) -> Any:
    """The plain data of a model, as JSON has it."""
    if isinstance(value, dict):
        return {key: without_spans(part) for key, part in value.items() if key != "span"}
    return [without_spans(part) for part in value] if isinstance(value, list | tuple) else value

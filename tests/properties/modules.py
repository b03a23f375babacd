"""Sign-in modules that hypothesis makes up: all that the language has for them, each as its text and its model."""

from dataclasses import asdict
from typing import Any

from hypothesis import strategies as st

from routec.contract import ACTIONS, DEFAULT_LOCKOUT
from tests.properties.texts import HASH, Draw, make_sound, names, quoted, titles

Node = dict[str, Any]

SHARED = "shared.users"
SHARED_TEXT = (
    f"# for all\n\nuser shared-1 {quoted('One; of all')} login 9990 password {quoted(HASH)}  # a remark\n"
    f"user shared-2 login 9991 password {quoted(HASH[:-1] + 'A')}; "
)
SHARED_USERS: list[Node] = [
    {"name": "shared-1", "title": "One; of all", "login": "9990", "password": HASH},
    {"name": "shared-2", "title": None, "login": "9991", "password": HASH[:-1] + "A"},
]
"""A file of users that modules share, if their logins can have four digits."""

VERIFIED = (("login",), ("password",), ("login", "password"), ("login", "extra1"),
            ("login", "password", "extra1", "extra2"))  # fmt: skip
OPEN = (("login",), ("extra1",), ("login", "extra2"), ("login", "extra1", "extra2"))
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Maker:
    """Makes one module; `files` is where it puts files of users."""

    def __init__(self, draw: Draw, sound_of: dict[str, str], files: dict[str, bytes]) -> None:
        self._draw = draw
        self._sound_of = sound_of
        self._files = files
        self._lines: list[str] = []
        self._node: Node = {}

    def make(self, name: str) -> tuple[str, Node]:
        """The text of a module, and its model without spans."""
        draw = self._draw
        purpose = draw(st.sampled_from(["gate", "timeclock", "register"]))
        verify = purpose != "register" or draw(st.booleans())
        kinds = draw(st.sampled_from(VERIFIED if verify else OPEN))
        title = draw(st.none() | titles)
        credentials = [kind for kind in kinds if verify and kind in ("login", "password")]
        data = [kind for kind in kinds if kind not in credentials]
        self._node = {"name": name, "title": title, "purpose": purpose, "verify": verify}
        self._lines = [f"purpose {purpose}"] if purpose != "gate" or draw(st.booleans()) else []
        self._lines += [] if verify else ["users any"]
        self._node["fields"] = [self._field(kind, kind in data) for kind in kinds]
        self._node["tries"] = self._number("tries {}", 1, 10, 3)
        self._node["seconds"] = self._number("within {}s", 5, 3600, 180)
        self._node["lockout"] = self._lockout()
        self._node["clock"] = self._clock() if purpose == "timeclock" else None
        talks = purpose == "register" and bool(data)
        self._node["confirm"] = self._asked("confirm ask {}") if talks else None
        self._node["again"] = self._again(data) if talks else None
        self._node["tells"] = self._tells(credentials)
        self._node["log"] = self._log(kinds)
        self._node["keep"] = self._number("keep {}h", 1, 3650 * 24, None, 3600)
        self._node["offline"] = self._offline(purpose)
        self._node["webhook"] = self._webhook()
        self._node["users"] = self._users(name, credentials) if verify else []
        head = f"auth {name} {quoted(title) if title is not None else ''}"
        text = f"{head} {{\n  " + "\n  ".join(draw(st.permutations(self._lines))) + "\n}"
        # What is a list stays in the order in which it is written.
        self._node["tells"].sort(key=lambda tell: text.index(f"tell {tell['event']} "))
        return text, self._node

    def _field(self, kind: str, is_data: bool) -> Node:
        draw = self._draw
        written_as, word, sound = make_sound(draw, self._sound_of)
        least = draw(st.integers(1, 8))
        most = draw(st.integers(least, 20))
        optional = is_data and draw(st.booleans())
        alias = f"as{kind}" if draw(st.booleans()) else None
        digits = f"digits {least}" + (f"..{most}" if most != least else "")
        self._lines.append(
            f"{kind} ask {written_as} {digits}{' as ' + alias if alias else ''}{' optional' if optional else ''}"
        )
        codes = self._codes(alias or kind, least, most) if is_data and draw(st.booleans()) else []
        return {"kind": kind, "sound": sound, "word": word, "least": least, "most": most,
                "alias": alias, "optional": optional, "codes": codes}  # fmt: skip

    def _codes(self, field: str, least: int, most: int) -> list[Node]:
        """Codes of maybe two lengths, none of them twice."""
        draw = self._draw
        codes: list[Node] = []
        for length in {least, draw(st.integers(least, most))}:
            numbers = sorted(draw(st.sets(st.integers(0, min(9999, 10**length - 1)), min_size=1, max_size=5)))
            while numbers:
                first = numbers.pop(0)
                last = numbers.pop(0) if numbers and draw(st.booleans()) else first
                text = draw(st.none() | titles)
                codes.append({"first": f"{first:0{length}}", "last": f"{last:0{length}}", "text": text})
        codes = draw(st.permutations(codes))
        entries = []
        for code in codes:
            written_as = f"{code['first']}..{code['last']}" if code["first"] != code["last"] else code["first"]
            entries.append(written_as + (f" {quoted(code['text'])}" if code["text"] is not None else ""))
        self._lines.append(f"codes {field} {self._block(entries)}")
        return codes

    def _block(self, entries: list[str]) -> str:
        separator: str = self._draw(st.sampled_from(["; ", "\n", "  # a remark; }\n    ", ";\n\n"]))
        return "{ " + separator.join(entries) + "\n}"

    def _number(self, line: str, least: int, most: int, default: int | None, unit: int = 1) -> int | None:
        number: int | None = self._draw(st.none() | st.integers(least, most))
        if number is None:
            return default
        self._lines.append(line.format(number))
        return number * unit

    def _lockout(self) -> Node:
        draw = self._draw
        if draw(st.booleans()):
            return asdict(DEFAULT_LOCKOUT)
        after, (unit, most) = draw(st.integers(1, 1000)), draw(st.sampled_from([("s", 86_400), ("m", 1440), ("d", 1)]))
        count = draw(st.integers(1, most))
        self._lines.append(f"lockout after {after} for {count}{unit}")
        return {"after": after, "seconds": count * UNITS[unit]}

    def _asked(self, line: str) -> Node | None:
        if self._draw(st.booleans()):
            return None
        written_as, word, sound = make_sound(self._draw, self._sound_of)
        self._lines.append(line.format(written_as))
        return {"sound": sound, "word": word}

    def _again(self, data: list[str]) -> Node | None:
        named = self._draw(st.none() | st.sampled_from(data))
        field = next((field for field in self._node["fields"] if field["kind"] == named), None)
        behind = "" if field is None else f" from {field['alias'] or field['kind']}"
        asked = self._asked("again ask {}" + behind)
        return None if asked is None else asked | {"kind": named or data[0]}

    def _clock(self) -> Node:
        draw = self._draw
        actions = draw(st.sampled_from([(), ("in", "out"), ACTIONS, (*ACTIONS, "in")]))
        keys = list(zip(draw(st.permutations("1234567890*")), draw(st.permutations(actions)), strict=False))
        asked: Node = {"sound": None, "word": None}
        if keys:
            written_as, word, sound = make_sound(draw, self._sound_of)
            asked = {"sound": sound, "word": word}
            entries = [f"{key} {action}" for key, action in keys]
            self._lines.append(f"clock ask {written_as} {self._block(entries)}")
        close = self._number("close after {}m", 1, 7 * 1440, None, 60)
        return {**asked, "keys": [list(pair) for pair in keys], "close": close}

    def _tells(self, credentials: list[str]) -> list[Node]:
        events = ["error"] + ["wrong"] * bool(credentials)
        events += ["unknown"] if any(field["codes"] for field in self._node["fields"]) else []
        if clock := self._node["clock"]:
            actions = {action for _, action in clock["keys"]}
            events += sorted(actions | {"clash", "unknown"}) if actions else ["in", "out"]
        tells = []
        for event in sorted(self._draw(st.sets(st.sampled_from(events)))):
            written_as, word, sound = make_sound(self._draw, self._sound_of)
            self._lines.append(f"tell {event} {written_as}")
            tells.append({"event": event, "sound": sound, "word": word})
        return tells

    def _log(self, kinds: tuple[str, ...]) -> list[str]:
        kept = [kind for kind in kinds if kind != "password"]
        if not kept or self._draw(st.booleans()):
            return kept
        named = self._draw(st.sets(st.sampled_from(kept), min_size=1))
        fields = {field["kind"]: field["alias"] or field["kind"] for field in self._node["fields"]}
        self._lines.append("log " + ", ".join(fields[kind] for kind in named))
        return [kind for kind in kept if kind in named]

    def _offline(self, purpose: str) -> str:
        choices = [None, "deny"] + ["grant"] * (purpose != "timeclock")
        choice: str | None = self._draw(st.sampled_from(choices))
        self._lines += [f"offline {choice}"] if choice else []
        return choice or "deny"

    def _webhook(self) -> Node | None:
        draw = self._draw
        private, ordered = draw(st.booleans()), draw(st.booleans())
        urls = ["https://pms.example.org/hooks/a?b=c;d", "https://[2606:4700::1111]:8443/", "https://192.0.43.7"]
        urls += ["http://10.0.0.7:8080/in", "https://localhost/x"] if private else []
        url = draw(st.none() | st.sampled_from(urls))
        if url is None:
            return None
        variable = draw(st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True))
        behind = " allow private" * private + " ordered" * ordered
        self._lines.append(f"webhook {quoted(url)} secret env {variable}{behind}")
        return {"url": url, "secret_env": variable, "private": private, "ordered": ordered}

    def _users(self, module: str, credentials: list[str]) -> list[Node]:
        """Users in the block, in a file of the module's own, and in the file that modules share."""
        draw = self._draw
        login = next((field for field in self._node["fields"] if field["kind"] == "login"), None)
        users: list[Node] = []
        beside: list[str] = []
        for number, name in enumerate(sorted(draw(st.lists(names, unique=True, max_size=3)))):
            user: Node = {"name": name, "title": draw(st.none() | titles), "login": None, "password": None}
            if "login" in credentials and login:
                user["login"] = f"{number:0{login['least']}}"[-login["least"] :]
            if "password" in credentials:
                user["password"] = HASH[:-1] + "BCD"[number]
            (self._lines if draw(st.booleans()) else beside).append(_line(user))
            users.append(user)
        if beside:
            self._files[f"routes/{module}.users"] = "\n".join(beside).encode()
            self._lines.append(f'users from "{module}.users"')
        if draw(st.booleans()) and (login is None or login["least"] <= 4 <= login["most"]):
            self._files[f"routes/{SHARED}"] = SHARED_TEXT.encode()
            self._lines.append(f'users from "{SHARED}"')
            asked = ("name", "title", *credentials)
            users += [dict.fromkeys(user) | {key: user[key] for key in asked} for user in SHARED_USERS]
        return sorted(users, key=lambda user: str(user["name"]))


def _line(user: Node) -> str:
    title = "" if user["title"] is None else f" {quoted(user['title'])}"
    login = f" login {user['login']}" if user["login"] else ""
    password = f" password {quoted(user['password'])}" if user["password"] else ""
    return f"user {user['name']}{title}{login}{password}"

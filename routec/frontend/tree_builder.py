"""Builds the syntax tree while lark parses: one method a rule of grammar/routec.lark, called with the rule's parts.

Nothing is judged here and nothing raises: whatever the grammar lets through becomes a node.
"""

from typing import Any, TypeVar

from routec.frontend import syntax
from routec.frontend.syntax import Duration, Text, Word

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


_Node = TypeVar("_Node", bound=syntax.Node)


def _end(part: Any) -> int:
    """Where a part of a rule ends: a token, a leaf, a node, or a list of steps."""
    if isinstance(part, list):
        return _end(part[-1]) if part else 0
    end: int = part.end_pos if hasattr(part, "end_pos") else part.end
    return end


def _all(kind: type[_Node], parts: list[Any]) -> list[_Node]:
    """The parts of a kind."""
    return [part for part in parts if isinstance(part, kind)]


class TreeBuilder:
    """The callbacks. Terminals first: lark calls them by the terminal's name and puts the result in the rule."""

    def NAME(self, token: Any) -> Word:
        return Word(token.value, token.start_pos, token.end_pos)

    NUMBER = VARIABLE = NAME

    def TEXT(self, token: Any) -> Text:
        return Text(token.value[1:-1], token.start_pos, token.end_pos)

    def DURATION(self, token: Any) -> Duration:
        return Duration(int(token.value[:-1]) * SECONDS[token.value[-1]], token.start_pos, token.end_pos)

    def bad(self, parts: list[Any]) -> syntax.Broken:
        return syntax.Broken(parts[0].start_pos, parts[0].end_pos)

    # ---- declarations

    def start(self, parts: list[Any]) -> syntax.File:
        file = syntax.File()
        for part in parts:
            (file.steps if isinstance(part, syntax.Step) else file.declarations).append(part)
        return file

    def users_file(self, parts: list[Any]) -> syntax.UsersFile:
        users = _all(syntax.User, parts)
        return syntax.UsersFile("", users, broken=len(users) < len(parts))

    def route(self, parts: list[Any]) -> syntax.Route:
        keyword, name, title, *rest = parts
        if not isinstance(title, Text):
            title = None
        entries = [part for part in rest if isinstance(part, syntax.On)]
        steps = [part for part in rest if isinstance(part, syntax.Step)]
        return syntax.Route(keyword.start_pos, _end(parts[-1]), name, title, entries, steps)

    def on_did(self, parts: list[Any]) -> syntax.On:
        return syntax.On(parts[0].start_pos, parts[2].end, "did", parts[2])

    def on_extension(self, parts: list[Any]) -> syntax.On:
        return syntax.On(parts[0].start_pos, parts[2].end, "extension", parts[2])

    def prompt(self, parts: list[Any]) -> syntax.Prompt:
        file = next((part for part in parts if isinstance(part, Text)), None)
        records = [part for part in parts if isinstance(part, syntax.Recorded)]
        texts = [part for part in parts if isinstance(part, syntax.Spoken)]
        return syntax.Prompt(parts[0].start_pos, parts[1].end, parts[1], file, records, texts)

    def recorded(self, parts: list[Any]) -> syntax.Recorded:
        return syntax.Recorded(parts[1] if len(parts) > 2 else None, parts[-1])

    def spoken(self, parts: list[Any]) -> syntax.Spoken:
        return syntax.Spoken(parts[1] if len(parts) > 2 else None, parts[-1])

    def auth(self, parts: list[Any]) -> syntax.Auth:
        title = parts[2] if isinstance(parts[2], Text) else None
        return syntax.Auth(
            parts[0].start_pos,
            _end(parts[-1]),
            parts[1],
            title,
            _all(syntax.Field, parts),
            _all(syntax.Setting, parts),
            _all(syntax.Codes, parts),
            _all(syntax.Tell, parts),
            _all(syntax.User, parts),
            _all(syntax.UsersFrom, parts),
            bool(_all(syntax.Broken, parts)),
        )

    def field(self, parts: list[Any]) -> syntax.Field:
        digits = alias = None
        optional = False
        for part in parts[3:]:
            if isinstance(part, syntax.Digits):
                digits = part
            elif isinstance(part, Word):
                alias = part
            else:
                optional = True
        return syntax.Field(parts[0].start_pos, _end(parts[-1]), parts[0].value, parts[2], digits, alias, optional)

    def digits(self, parts: list[Any]) -> syntax.Digits:
        return syntax.Digits(parts[0].start_pos, parts[-1].end, parts[1], parts[-1])

    def alias(self, parts: list[Any]) -> Word:
        name: Word = parts[1]
        return name

    def purpose(self, parts: list[Any]) -> syntax.Setting:
        return syntax.Setting(parts[0].start_pos, parts[-1].end, parts[0].value, parts[1:])

    tries = within = log = keep = offline = purpose

    def lockout(self, parts: list[Any]) -> syntax.Setting:
        values: list[Word | Text | Duration] = [part for part in parts if isinstance(part, Word | Duration)]
        return syntax.Setting(parts[0].start_pos, parts[-1].end, parts[0].value, values)

    close = lockout

    def confirm(self, parts: list[Any]) -> syntax.Setting:
        return syntax.Setting(parts[0].start_pos, parts[-1].end, parts[0].value, parts[2:])

    again = confirm

    def again_from(self, parts: list[Any]) -> Word:
        name: Word = parts[1]
        return name

    def clock(self, parts: list[Any]) -> syntax.Clock:
        keys = [part for part in parts if type(part) is tuple]
        broken = bool(_all(syntax.Broken, parts))
        return syntax.Clock(parts[0].start_pos, parts[2].end, parts[0].value, [parts[2]], keys, broken)

    def clock_key(self, parts: list[Any]) -> tuple[Word, Word]:
        return parts[0], parts[1]

    def webhook(self, parts: list[Any]) -> syntax.Webhook:
        url, name = (part for part in parts if isinstance(part, Text | Word))
        words = [part.type for part in parts if not isinstance(part, Text | Word)]
        private, ordered = "PRIVATE" in words, "ORDERED" in words
        return syntax.Webhook(parts[0].start_pos, _end(parts[-1]), parts[0].value, [url, name], private, ordered)

    def private(self, parts: list[Any]) -> Any:
        return parts[1]

    def tell(self, parts: list[Any]) -> syntax.Tell:
        return syntax.Tell(parts[0].start_pos, parts[2].end, parts[1], parts[2])

    def codes(self, parts: list[Any]) -> syntax.Codes:
        broken = bool(_all(syntax.Broken, parts))
        return syntax.Codes(parts[0].start_pos, parts[1].end, parts[1], _all(syntax.Code, parts), broken)

    def code(self, parts: list[Any]) -> syntax.Code:
        text = parts[-1] if isinstance(parts[-1], Text) else None
        *_, last = (part for part in parts if isinstance(part, Word))
        return syntax.Code(parts[0].start, parts[-1].end, parts[0], last, text)

    def users_any(self, parts: list[Any]) -> syntax.Setting:
        return syntax.Setting(parts[0].start_pos, parts[1].end_pos, "users any", [])

    def users_from(self, parts: list[Any]) -> syntax.UsersFrom:
        return syntax.UsersFrom(parts[0].start_pos, parts[2].end, parts[2])

    def user(self, parts: list[Any]) -> syntax.User:
        title = login = password = None
        for part in parts[2:]:
            if isinstance(part, Text):
                title = part
            elif part[0] == "login":
                login = part[1]
            else:
                password = part[1]
        return syntax.User(parts[0].start_pos, parts[1].end, parts[1], title, login, password)

    def user_login(self, parts: list[Any]) -> tuple[str, Word]:
        return "login", parts[1]

    def user_password(self, parts: list[Any]) -> tuple[str, Text | Word]:
        return "password", parts[1]

    # ---- steps

    def play(self, parts: list[Any]) -> syntax.Play:
        return syntax.Play(parts[0].start_pos, parts[-1].end, parts[1:])

    def say(self, parts: list[Any]) -> syntax.Say:
        value = parts[2] if len(parts) > 2 else None
        return syntax.Say(parts[0].start_pos, _end(parts[-1]), parts[1].value, value)

    def language(self, parts: list[Any]) -> syntax.Language:
        return syntax.Language(parts[0].start_pos, parts[1].end, parts[1])

    def sign_in(self, parts: list[Any]) -> syntax.SignIn:
        otherwise = parts[2] if len(parts) > 2 else None
        return syntax.SignIn(parts[0].start_pos, parts[1].end, parts[1], otherwise)

    def dial(self, parts: list[Any]) -> syntax.Dial:
        targets = [part for part in parts if isinstance(part, Word)]
        patience = next((part for part in parts if isinstance(part, Duration)), None)
        otherwise = parts[-1] if isinstance(parts[-1], list) else None
        return syntax.Dial(parts[0].start_pos, (patience or targets[-1]).end, targets, patience, otherwise)

    def patience(self, parts: list[Any]) -> Duration:
        duration: Duration = parts[1]
        return duration

    def goto(self, parts: list[Any]) -> syntax.Goto:
        return syntax.Goto(parts[0].start_pos, parts[1].end, parts[1])

    def wait(self, parts: list[Any]) -> syntax.Wait:
        return syntax.Wait(parts[0].start_pos, parts[1].end, parts[1])

    def answer(self, parts: list[Any]) -> syntax.Answer:
        return syntax.Answer(parts[0].start_pos, parts[0].end_pos)

    def hangup(self, parts: list[Any]) -> syntax.Hangup:
        cause = parts[1] if len(parts) > 1 else None
        return syntax.Hangup(parts[0].start_pos, _end(parts[-1]), cause)

    def otherwise(self, parts: list[Any]) -> list[syntax.Step]:
        return [part for part in parts if isinstance(part, syntax.Step)]

    def case(self, parts: list[Any]) -> syntax.Case:
        name: Word = parts[0]
        return syntax.Case(name.start, name.end, name, self.otherwise(parts))

"""The users of a sign-in module: those of its block, and those of files of users."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from routec.contract import is_password_hash
from routec.diagnostics import Diagnostic, Label, codes
from routec.frontend import syntax
from routec.frontend.module_scope import ModuleScope, digits_of
from routec.frontend.scope import Scope, span_of
from routec.frontend.syntax import USERS_SUFFIX, Text, Word
from routec.frontend.texts import unescape
from routec.source import Span


@dataclass
class Taken:
    """The names and logins that are given away, each with its place."""

    scope: Scope
    names: dict[str, Span] = field(default_factory=dict)
    logins: dict[str, Span] = field(default_factory=dict)

    def takes(self, path: str, user: syntax.User) -> bool:
        """Whether a user has a name that nobody has; a login that another has is a fault, too."""
        name, span = user.name.text, span_of(path, user.name)
        if name in self.names:
            self.scope.repeated(f"user `{name}` is declared twice", span, self.names[name])
            return False
        self.names[name] = span
        if user.login is not None:
            login, place = user.login.text, span_of(path, user.login)
            if login in self.logins:
                message = f"two users have the login `{login}`"
                self.scope.repeated(message, place, self.logins[login], codes.DUPLICATE_LOGIN)
            self.logins.setdefault(login, place)
        return True


@dataclass
class Listed:
    """A file of users, read once for all modules that name it."""

    users: list[tuple[syntax.User, dict[str, Any]]]
    sound: bool
    used: bool = False


# ---- files of users


def read_files(scope: Scope, files: Mapping[str, syntax.UsersFile | None]) -> None:
    """Enter all files of users; None stands for one that cannot be read, which is reported already."""
    scope.users = {path: _listed(scope, path, files[path]) for path in sorted(files)}


def _listed(scope: Scope, path: str, file: syntax.UsersFile | None) -> Listed:
    if file is None:
        return Listed([], sound=False)
    taken = Taken(scope)
    users = [(user, _row(scope, path, user)) for user in file.users if taken.takes(path, user)]
    return Listed(users, sound=not file.broken)


def report_unused(scope: Scope) -> None:
    """Warn of files that no module names."""
    for path, listed in scope.users.items():
        if not listed.used and listed.sound:
            first = listed.users[0][0].name if listed.users else Word("", 0, 0)
            help = f'users from "{PurePosixPath(path).name}" in an `auth` block beside it'
            scope.fault(codes.UNUSED_USERS_FILE, f"no module names `{path}`", span_of(path, first), "", help)


# ---- the users of a module


def resolve_users(module: ModuleScope) -> list[dict[str, Any]]:
    """The users of a module by name, from its block and from its files."""
    taken = Taken(module.scope)
    table = []
    fit = Fit(module, module.credentials)
    for user in module.auth.users:
        if not _means_users_from(module, user) and taken.takes(module.path, user):
            fit.check(module.path, user)
            table.append(_row(module.scope, module.path, user))
    unasked = dict.fromkeys(kind for kind in ("login", "password") if kind not in module.credentials)
    complete = True
    for source, path, listed in _files(module):
        complete &= listed is not None and listed.sound
        for user, row in listed.users if listed else ():
            if taken.takes(path, user):
                fit.check(path, user, source)
                table.append(row | unasked if unasked else row)
    table.sort(key=lambda user: str(user["name"]))
    if module.auth.broken:
        return table
    if not module.credentials:
        _check_unverified(module)
    elif not table and complete and "users any" not in module.settings:
        what = "its files of users are empty" if module.files else "it has no users"
        help = 'user NAME "Title" login 1001 password "…", the hash from `routec users hash`'
        message = f"nobody can sign in at `{module.auth.name.text}`"
        module.scope.fault(codes.NO_USERS, message, module.name_span, what, help)
    elif module.purpose == "timeclock" and module.credentials == ["password"]:
        _check_told_apart(module, table)
    return table if module.verify else []


def _means_users_from(module: ModuleScope, user: syntax.User) -> bool:
    """Whether `users from "FILE.users"` is meant, by what would be a user named `from`."""
    if user.name.text != "from" or user.title is None or not user.title.raw.endswith(USERS_SUFFIX):
        return False
    message = "this is a user whose name is `from`"
    module.fault(codes.UNEXPECTED, message, user.name, "", f'did you mean `users from "{user.title.raw}"`?')
    module.files.append(syntax.UsersFrom(user.start, user.title.end, user.title))
    return True


def _files(module: ModuleScope) -> Iterator[tuple[syntax.UsersFrom, str, Listed | None]]:
    """The files of users that a module names, with None for one that is not there."""
    seen: dict[str, syntax.UsersFrom] = {}
    for source in module.files:
        name = unescape(module.path, source.file, module.scope.report)
        parts = name.split("/")
        path = str(PurePosixPath(module.path).parent / name)
        if not name.endswith(USERS_SUFFIX) or {"", ".", "..", USERS_SUFFIX} & set(parts):
            note = f"a path below this file's folder, such as `staff{USERS_SUFFIX}`"
            module.fault(codes.BAD_USERS_FILE_NAME, f"`{name}` cannot be a file of users", source.file, note)
        elif path in seen:
            module.repeated(f"the users of `{name}` are named twice", source, seen[path])
            continue
        elif path not in module.scope.users:
            folder = path.removesuffix(name)
            known = [other.removeprefix(folder) for other in module.scope.users if other.startswith(folder)]
            note, help = f"`{path}` is not there", module.scope.suggest(name, known)
            help = help or f"`routec users add {module.auth.name.text} NAME` makes the file"
            module.fault(codes.UNKNOWN_USERS_FILE, f"unknown file of users `{name}`", source.file, note, help)
        else:
            seen[path] = source
            module.scope.users[path].used = True
            yield source, path, module.scope.users[path]
            continue
        yield source, path, None


def _row(scope: Scope, path: str, user: syntax.User) -> dict[str, Any]:
    return {
        "span": span_of(path, user.name),
        "name": user.name.text,
        "title": unescape(path, user.title, scope.report) if user.title else None,
        "login": user.login.text if user.login else None,
        "password": _password(scope, path, user),
    }


def _password(scope: Scope, path: str, user: syntax.User) -> str | None:
    if user.password is None:
        return None
    span = span_of(path, user.password)
    text = user.password.raw if isinstance(user.password, Text) else user.password.text
    if is_password_hash(text):
        return text
    if text.isdigit() or isinstance(user.password, Word):
        scope.fault(
            codes.CLEAR_PASSWORD,
            f"the password of `{user.name.text}` stands in the clear",
            span,
            "whoever reads the repository can sign in, now and in its history",
            "change it, and write the hash that `routec users hash` prints",
        )
    else:
        note = "an argon2id hash, as `routec users hash` prints it"
        scope.fault(codes.NOT_A_HASH, f"the password of `{user.name.text}` is no hash", span, note)
    return None


# ---- whether users and module fit


MOST_NAMED = 5
"""A fault of a file that more modules share than these names no others."""


class Misfit(NamedTuple):
    """Why a user cannot sign in at a module, and where that takes it from a file."""

    module: str
    why: str
    so: str
    source: Span | None


def report_misfits(scope: Scope) -> None:
    """Report each line that does not fit once, with the modules that it does not fit."""
    for (span, message), misfits in scope.misfits.items():
        named = misfits[:MOST_NAMED]
        first, *others = named
        note = ": ".join(part for part in (f"the module {first.why}" if first.why else "", first.so) if part)
        if others:
            names = ", ".join(f"`{one.module}`" for one in named)
            more = len(misfits) - len(named)
            note = f"{first.so}, at {names}" + (f" and {more} more" if more else "")
        labels = tuple(
            Label(one.source, f"`{one.module}` {one.why}" if others and one.why else f"a user of `{one.module}`")
            for one in named
            if one.source
        )
        scope.report(Diagnostic(codes.USER_MISMATCH, message, span, note, labels))


@dataclass
class Fit:
    """Whether users have what a module asks for: what is missing would shut them out, what is too much misleads."""

    module: ModuleScope
    credentials: list[str]

    def check(self, path: str, user: syntax.User, source: syntax.UsersFrom | None = None) -> None:
        """Judge one. A file (`source`) may be shared by modules that ask for different things: nothing is too much."""
        if self.module.auth.broken or not self.module.verify:
            return
        name = user.name.text
        for kind, value in (("login", user.login), ("password", user.password)):
            if kind in self.credentials and value is None:
                misfit = self._misfit(f"asks for a {kind}", f"`{name}` can never sign in", source)
                self._mismatch(f"user `{name}` has no {kind}", path, user.name, misfit)
            elif kind not in self.credentials and value is not None and source is None:
                misfit = self._misfit(f"asks for no {kind}", "", source)
                self._mismatch(f"user `{name}` has a {kind}", path, value, misfit)
        if user.login and "login" in self.credentials:
            self._check_login(path, user.login, name, source)

    def _check_login(self, path: str, login: Word, name: str, source: syntax.UsersFrom | None) -> None:
        field = self.module.field("login")
        if not login.text.isdecimal():
            misfit = self._misfit("", "digits only", source)
            self._mismatch(f"`{login.text}` cannot be keyed in", path, login, misfit)
        elif field and not field["least"] <= len(login.text) <= field["most"]:
            misfit = self._misfit(f"reads {digits_of(field)}", f"`{name}` can never sign in", source)
            self._mismatch(f"the login `{login.text}` has {len(login.text)} digits", path, login, misfit)

    def _misfit(self, why: str, so: str, source: syntax.UsersFrom | None) -> Misfit:
        return Misfit(self.module.auth.name.text, why, so, self.module.span(source.file) if source else None)

    def _mismatch(self, message: str, path: str, part: Word | Text, misfit: Misfit) -> None:
        self.module.scope.misfits.setdefault((span_of(path, part), message), []).append(misfit)


def _check_unverified(module: ModuleScope) -> None:
    """Where nobody is verified, no line makes believe that somebody is."""
    anybody = module.settings.get("users any")
    labels = (Label(module.span(anybody), "anybody passes"),) if anybody else ()
    if anybody is None and module.purpose != "register":
        return
    users = (*module.auth.users, *module.files) if anybody else module.files
    parts: list[tuple[str, syntax.Node]] = [("users", part) for part in users[:1]]
    parts += [("a password", field) for field in module.auth.fields if field.kind == "password"]
    for what, part in parts:
        note = "this module verifies nobody" if anybody else "this module asks for no login and no password"
        message = f"{what} in a module that verifies nobody"
        module.scope.report(Diagnostic(codes.UNVERIFIED_CREDENTIALS, message, module.span(part), note, labels=labels))


def _check_told_apart(module: ModuleScope, table: list[dict[str, Any]]) -> None:
    """Without a login, the password alone says who is clocked."""
    first: dict[str, dict[str, Any]] = {}
    for user in table:
        other = first.setdefault(user["password"], user)
        if other is not user and user["password"] is not None:
            note = f"the time clock cannot tell them from `{other['name']}`, and clocks neither"
            label = Label(other["span"], "the same password")
            message = f"user `{user['name']}` has the password of another"
            module.scope.report(Diagnostic(codes.USERS_ALIKE, message, user["span"], note, (label,)))

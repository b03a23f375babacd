"""The grammar as a ready lark parser. Only this module, the lexer, the parser and its recovery import lark.

The grammar lies in grammar/ in the checkout and in routec/grammar/ in a wheel. Its tables are kept between runs in a
folder of the user's own: lark unpickles them, so a folder that others may write to is not used.
"""

import os
import re
import stat
from functools import cache
from pathlib import Path

import lark

from routec.frontend.lexer import RouteLexer
from routec.frontend.tree_builder import TreeBuilder

GRAMMAR_FILE = "routec.lark"

ROUTES, USERS = "start", "users_file"
"""The two kinds of files: the rules that the parser can begin with."""

_LIST = re.compile(r"^(_[a-z_]+): (.*)$", re.MULTILINE)
_NAMED = re.compile(r"(?<!\w)_[a-z_]+\b")


def grammar_path() -> Path:
    """Where the grammar lies. Raises FileNotFoundError where the installation is broken."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "grammar", package.parent / "grammar"):
        if (folder / GRAMMAR_FILE).is_file():
            return folder / GRAMMAR_FILE
    raise FileNotFoundError(f"the grammar {GRAMMAR_FILE} is not installed with routec")


@cache
def parser() -> lark.Lark:
    """The parser for route files and files of users; it builds the syntax tree as it goes."""
    grammar = written_out(grammar_path().read_text(encoding="utf-8"))
    folder = _cache_folder()
    return lark.Lark(
        grammar,
        parser="lalr",
        lexer=RouteLexer,
        start=[ROUTES, USERS],
        maybe_placeholders=False,
        transformer=TreeBuilder(),  # lark asks it for methods and nothing else
        cache=str(folder / f"grammar-{lark.__version__}.bin") if folder else False,
    )


def written_out(grammar: str) -> str:
    """The grammar with its lists (`_step: play | dial | …`) in place of their names."""
    lists = dict(_LIST.findall(grammar))
    grammar = _LIST.sub("", grammar)
    while _NAMED.search(grammar):
        grammar = _NAMED.sub(lambda match: f"({lists[match[0]]})", grammar)
    return grammar


def _cache_folder() -> Path | None:
    """A folder that only this user can write to, or None."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home else Path(os.environ.get("HOME") or "/nonexistent") / ".cache") / "routec"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    private = status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if private and os.access(folder, os.W_OK) else None

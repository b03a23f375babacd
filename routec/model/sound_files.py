"""The files below routes/prompts/ by what they are: a prompt's own, its version in a language, a companion at 16 kHz.

`closed.wav` is a prompt's own, `nl/closed.wav` its version in a language, `closed.wav16` and `nl/closed.wav16` the same
at 16 kHz for wideband phones, with the suffix that Asterisk looks for then. A folder that is no language's is a plain
one: `bar/closed.wav` has its version in `nl/bar/closed.wav`.
"""

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping

from routec.contract import LANGUAGE, asterisk_language
from routec.model.nodes import System

SUFFIX = ".wav"
WIDE_SUFFIX = ".wav16"
"""At 16 kHz, to be found beside the same name with `SUFFIX`."""

SUFFIXES = (SUFFIX, WIDE_SUFFIX)

_FOLDER = re.compile(r"[a-z]{2}(?:_[A-Z]{2})?")
"""The name of a language's published folder, as `asterisk_language` makes it."""


def split(path: str) -> tuple[str | None, str]:
    """The language of a file below routes/prompts/, None for none, and its path in that language's folder."""
    folder, slash, rest = path.partition("/")
    return (folder, rest) if slash and LANGUAGE.fullmatch(folder) else (None, path)


def joined(file: str, language: str | None) -> str:
    """The version of a prompt's `file` in a language, below routes/prompts/; None is the file itself."""
    return file if language is None else f"{language}/{file}"


def stem(path: str) -> str:
    """A path without its suffix, whichever of ours it is."""
    return path.removesuffix(WIDE_SUFFIX).removesuffix(SUFFIX)


def published_name(file: str, language: str | None, folder: str) -> str:
    """Where a file, or its version in a language, is published, below the folder of the sounds.

    `folder` is `[asterisk] sounds`. Asterisk looks for the language's version of `routec/bar/closed` in
    `nl/routec/bar/closed`, which is a link to the published `nl`; of an absolute `/srv/bar/closed` in
    `/srv/bar/nl/closed`.
    """
    if language is None:
        return file
    name = asterisk_language(language)
    if not folder.startswith("/"):
        return f"{name}/{file}"
    above, base = posixpath.split(file)
    return posixpath.join(above, name, base)


def hides(name: str, files: Collection[str]) -> bool:
    """Whether callers would be played this old sound in place of a present one.

    That is what lies beside it at 16 kHz, for wideband phones, or in a language's folder.
    """
    narrow = name.removesuffix(WIDE_SUFFIX) + SUFFIX if name.endswith(WIDE_SUFFIX) else name
    parts = narrow.split("/")
    languages = [at for at, part in enumerate(parts[:-1]) if _FOLDER.fullmatch(part)]
    present = [narrow, *("/".join((*parts[:at], *parts[at + 1 :])) for at in languages)]
    return any(each in files for each in present if each != name)


def languages_of(paths: Iterable[str]) -> dict[str, list[str]]:
    """For each prompt's file the languages, sorted, of which it has a version among the files."""
    found: dict[str, set[str]] = {}
    for path in paths:
        language, rest = split(path)
        if language is not None:
            found.setdefault(stem(rest) + SUFFIX, set()).add(language)
    return {file: sorted(languages) for file, languages in found.items()}


def published(system: System, faults: Mapping[str, str], folder: str) -> dict[str, str]:
    """All that is to be published: by its name there, the file below routes/prompts/ that it is a copy of.

    `faults` are the files there, each with what is wrong with it or an empty string: what cannot be played is not
    published.
    """
    languages = languages_of(faults)
    files = dict.fromkeys(stem(prompt.file) + SUFFIX for prompt in system.prompts if prompt.file)
    # A file of a prompt's own goes before a version in a language that would have its name.
    versions: list[tuple[str, str | None]] = [(file, None) for file in files]
    versions += [(file, language) for file in files for language in languages.get(file, ())]
    found: dict[str, str] = {}
    for file, language in versions:
        for suffix in SUFFIXES:
            path = joined(stem(file) + suffix, language)
            if faults.get(path) == "":
                found.setdefault(published_name(stem(file) + suffix, language, folder), path)
    return dict(sorted(found.items()))

"""Prompts: does Asterisk find their versions in other languages, and can recordings be put in their place."""

import os
from collections.abc import Iterator
from pathlib import Path

from routec.apply.doctor.files import Project
from routec.apply.doctor.findings import Finding, fault, give, make, ok, skipped, some
from routec.apply.doctor.host import Host
from routec.apply.shelf import SOUNDS
from routec.contract import asterisk_language
from routec.disk import user_name
from routec.model.sound_files import split
from routec.project import recordings_folder


def languages(project: Project, host: Host) -> Iterator[Finding]:
    """Does Asterisk find what a language has: in its own folder of that, where a link leads to what is published."""
    own = project.settings.asterisk.sounds
    # With an absolute folder, Asterisk looks for the languages in that.
    by_language = {} if own.startswith("/") or project.built.failed else _by_language(project)
    if not by_language:
        return
    if not host.is_here:
        yield skipped("languages", f"{host.why}, so its sounds are not seen from here")
        return
    sounds = host.folders["astdatadir"] / SOUNDS
    found = []
    for language, names in by_language.items():
        link, published = sounds / language / own, project.folder / SOUNDS / language
        missing = [name for name in names if not (link / name).is_file()]
        if not missing:
            found.append(f"`{language}`")
        elif not link.is_dir():
            text = f"Asterisk does not find the prompts in `{language}`: there is no {link}"
            yield fault("languages", text, f"{_above(link)}sudo ln -s {published} {link}")
        else:
            text = f"Asterisk does not find {some(missing)} in {link}"
            yield fault("languages", text, f"`routec apply` publishes what is missing, if {link} leads to {published}")
    if found:
        yield ok("languages", f"Asterisk has the prompts in {some(found)}")


def _by_language(project: Project) -> dict[str, list[str]]:
    """What is published of each language, as Asterisk names it, by the paths in its folder."""
    found: dict[str, list[str]] = {}
    compilation = project.built.compilation
    own = {prompt.file for prompt in compilation.system.prompts}
    for file in compilation.sounds.values():
        language, path = split(file)
        if language is not None and file not in own:
            found.setdefault(asterisk_language(language), []).append(path)
    return found


def _above(link: Path) -> str:
    """What makes the folders that a link is to be in, where they are not there."""
    return "" if link.parent.is_dir() else f"sudo mkdir -p {link.parent} && "


def recordings(project: Project, host: Host) -> Iterator[Finding]:
    """Where prompts are recorded by phone: can `routec serve` put them in their place."""
    folder = recordings_folder(project.root.absolute(), project.settings)
    if folder is None:
        return
    account = host.account
    user = account.name if account else user_name()
    if not folder.is_dir():
        yield fault("recordings", f"there is no {folder}, for recordings to be put in", make(folder, user, "755"))
        return
    folders = [folder, *sorted(each for each in folder.rglob("*") if each.is_dir() and not each.is_symlink())]
    if account is not None:
        shut = [each for each in folders if account.closed(each, os.W_OK | os.X_OK) is not None]
    else:
        shut = [each for each in folders if not os.access(each, os.W_OK | os.X_OK, effective_ids=True)]
    if shut:
        who = "whom Asterisk runs as, and `routec serve` should" if account else "who runs this"
        text = f"{some(list(map(str, shut)))} cannot be written by {user}, {who}: no recording is kept"
        yield fault("recordings", text, give(folder, user))
    else:
        yield ok("recordings", f"they can be put in {folder} by {user}")

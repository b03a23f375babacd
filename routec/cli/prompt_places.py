"""The prompts of the project that the command line stands in, and where the file of each lies, in each language."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import click

from routec.cli import FAULTS
from routec.cli.here import ROUTES, project_root, project_settings
from routec.cli.main import fail
from routec.cli.written import give_up
from routec.contract import LANGUAGE, meant_language
from routec.diagnostics import codes, did_you_mean
from routec.model import Prompt
from routec.model.limits import LONGEST_SOUND, NAME
from routec.model.sound_files import SUFFIX, joined, stem
from routec.pipeline import Compilation, Input, compile_routes
from routec.project import PROMPTS, load

FOLDER = ROUTES / PROMPTS

language_option = click.option("--language", metavar="LANGUAGE", help="Its version in a language, such as nl or en_gb.")
"""The option of all verbs that know versions of a prompt; what it says goes to `Places.language`."""


@dataclass(frozen=True)
class Places:
    """The prompts, by their names. What cannot be done ends the command with a message."""

    project: Input
    compilation: Compilation
    base: str
    """The language of the files in routes/prompts/ itself."""

    @classmethod
    def of_here(cls) -> Self:
        """Those of the project in the present folder."""
        root = project_root()
        base = project_settings().prompts.language
        project = load(root)
        return cls(project, compile_routes(project, dialplan=False), base)

    @cached_property
    def prompts(self) -> dict[str, Prompt]:
        """All prompts of the project: declared ones, and files that lie there."""
        return {prompt.name: prompt for prompt in self.compilation.system.prompts}

    def language(self, option: str | None) -> str | None:
        """The language that an option names; None for the base one, and without the option."""
        if option is not None and not LANGUAGE.fullmatch(option):
            help = f"did you mean `{meant}`?" if (meant := meant_language(option)) else ""
            fail(f"`{option}` is no language: two letters, as `nl`, or with a country, as `nl_be`", help)
        return None if option == self.base else option

    def file(self, name: str, language: str | None) -> str:
        """Where the sound of a prompt is to be, below routes/prompts/; it need not be there, nor be declared."""
        prompt = self.prompts.get(name)
        if prompt is None:
            self.refuse_to_read_past_faults()
            if fault := name_fault(name):
                meant = stem(name).lower().replace(" ", "_")
                fail(fault, f"did you mean `{meant}`?" if name_fault(meant) is None else "")
        return self.file_of(prompt, name, language)

    def file_of(self, prompt: Prompt | None, name: str, language: str | None) -> str:
        """The same, where it is known what the routes say of it."""
        file = name + SUFFIX if prompt is None else prompt.file
        if file is None:
            sound = prompt.sound if prompt else name
            fail(
                f"prompt `{name}` is a sound of Asterisk's, `{sound}`", f'for one of yours: prompt {name} "{name}.wav"'
            )
        if not file.endswith(SUFFIX):
            fail(f"prompt `{name}` names `{file}`, which is no .wav file", "Asterisk plays .wav", FAULTS)
        return joined(file, language)

    def known(self, name: str) -> Prompt:
        """The prompt with this name."""
        if name not in self.prompts:
            self.refuse_to_read_past_faults()
            fail(f"there is no prompt `{name}`", did_you_mean(name, self.prompts))
        return self.prompts[name]

    def refuse_to_read_past_faults(self) -> None:
        """Make sure that all declarations were read: a prompt may be declared in text that could not be."""
        lost = [
            fault
            for fault in self.compilation.diagnostics
            if fault.severity == "error" and fault.code.code < codes.UNKNOWN_MODULE.code
        ]
        if lost and self.project.files:
            give_up(lost, self.compilation, "nothing was written")


def name_fault(name: str) -> str | None:
    """Why a text cannot be the name of a prompt."""
    if not NAME.fullmatch(name):
        return f"`{name}` is no name of a prompt: small letters, digits, `_` and `-`, a letter first"
    if len(name) > LONGEST_SOUND:
        return f"this name has more than {LONGEST_SOUND} characters"
    return None


def titled(name: str, language: str | None) -> str:
    """A prompt as users are told of it: `welcome`, `welcome (en)`."""
    return f"{name} ({language})" if language else name

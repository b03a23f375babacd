"""`routec prompts`: what callers hear, from files, from text, and from the phone."""

import click

from routec.cli.prompts_add import add, restore_
from routec.cli.prompts_list import list_
from routec.cli.prompts_number import number
from routec.cli.prompts_speak import speak


@click.group()
def prompts() -> None:
    """List, add, speak, number and restore the prompts of the project.

    What they change is heard after the next `routec build`; `watch` and `serve` build by themselves.
    """


for _command in (list_, add, speak, number, restore_):
    prompts.add_command(_command)

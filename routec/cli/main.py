"""The verbs, each loaded only when it is called, and what happens when one fails in a way that nobody foresaw."""

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from routec import __version__
from routec.cli import FAULTS, INTERRUPTED, USAGE

VERBS = {
    "apply": ("routec.cli.apply", "Put the routes in force on the PBX."),
    "build": ("routec.cli.build", "Compile the routes into generated/."),
    "check": ("routec.cli.check", "Show all faults of all route files."),
    "doctor": ("routec.cli.doctor", "Find what is wrong with a PBX's set-up."),
    "explain": ("routec.cli.explain", "Say what a fault means and how to mend it."),
    "init": ("routec.cli.init", "Start a new project."),
    "log": ("routec.cli.log", "Show the sign-in log."),
    "plan": ("routec.cli.plan", "Show what an apply would change."),
    "prompts": ("routec.cli.prompts", "Sounds of your own: list, add, speak, restore."),
    "serve": ("routec.cli.serve", "Answer Asterisk's sign-ins, and apply every change."),
    "trace": ("routec.cli.trace", "Follow a number back to the lines of the routes."),
    "users": ("routec.cli.users", "Credentials of those who sign in."),
    "watch": ("routec.cli.watch", "Check, and apply every change."),
    "webhooks": ("routec.cli.webhooks", "List the webhooks of sign-ins, and send them again."),
}
"""Every verb with its module and its line in the help; a module has one command, of the verb's name."""


class Verbs(click.Group):
    """Lists verbs without importing them: `routec --help` takes no longer than it must."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The names of all verbs."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(VERBS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of verbs in the help."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, VERBS[verb][1]) for verb in sorted(VERBS)])

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb; one that Ctrl-C ended has the exit code of that, which is no fault's."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as error:
            # click makes the one of the other at a prompt, and of the end of input too.
            if not isinstance(error, KeyboardInterrupt) and not isinstance(error.__context__, KeyboardInterrupt):
                raise
            click.echo("\nAborted!", err=True)
            sys.exit(INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a verb, and say which one was meant where there is none."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from routec.diagnostics import did_you_mean

            help = did_you_mean(args[0], VERBS)
            ctx.fail(f"no verb `{args[0]}`{': ' + help if help else ''}")
        return super().resolve_command(ctx, args)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="routec")
def routec() -> None:
    """Call routes that are checked, compiled to an Asterisk dialplan, and guarded by a sign-in step.

    Works on routes/ in this folder. Exit codes: 0 good, 1 faults found, 2 wrong usage, 3 the PBX refused.
    """


def main() -> NoReturn:
    """Run the command line. No traceback reaches a user: what was not foreseen is our own bug, and says so."""
    _take_closed_streams()
    try:
        sys.exit(routec(standalone_mode=True, prog_name="routec"))
    except OSError as error:
        fail(os_words(error), code=FAULTS)
    except Exception as error:
        if os.environ.get("ROUTEC_DEBUG"):
            raise
        click.echo(
            f"error[RT901]: internal error: {type(error).__name__}\n"
            "   = help: this is a bug of routec's, not a fault of yours; ROUTEC_DEBUG=1 shows where, for a report\n"
            "   = docs: routec explain RT901",
            err=True,
        )
        sys.exit(FAULTS)


def fail(message: str, help: str = "", code: int = USAGE) -> NoReturn:
    """End with a message for the user."""
    click.echo(fault_text(message, help), nl=False, err=True)
    sys.exit(code)


def fault_text(message: str, help: str = "") -> str:
    """What `fail` prints."""
    from routec.diagnostics.render_text import safe

    return f"Error: {safe(message)}\n" + (f"   = help: {safe(help)}\n" if help else "")


def os_words(error: OSError) -> str:
    """What the system refused, with the file that it was about."""
    what = error.strerror or str(error) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {what}" if isinstance(error.filename, str | bytes | os.PathLike) else what


def _take_closed_streams() -> None:
    """Have no file or connection of ours take the number of a standard stream that came closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number that is free

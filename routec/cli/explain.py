"""`routec explain`."""

import click

from routec.cli.main import fail
from routec.diagnostics import did_you_mean
from routec.diagnostics.codes import CODES


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Say what a fault means and how to mend it; without CODE, list all codes."""
    if code is None:
        for known in CODES.values():
            click.echo(f"{known.code}  {known.severity:7}  {known.slug}")
        return
    by_slug = {known.slug: known for known in CODES.values()}
    found = CODES.get(code.upper()) or by_slug.get(code.lower())
    if found is None:
        fail(f"no fault has the code `{code}`", did_you_mean(code.upper(), CODES) or "`routec explain` lists all")
    click.echo(found.page(), nl=False)

"""What all commands print with."""

import sys
from typing import NoReturn

import typer


class UserError(Exception):
    """Something that the user can put right; the text says what and how."""


def fail(text: str, code: int = 1) -> NoReturn:
    """Print the reason to standard error and end."""
    label = typer.style("error:", fg=typer.colors.RED, bold=True)
    typer.echo(f"{label} {text}", err=True)
    sys.exit(code)

"""What all commands print with."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

# Wide enough for tables when the output goes to a file or a pipe.
PIPED_WIDTH = 140


class UserError(Exception):
    """Something that the user can put right; the text says what and how."""


def console() -> Console:
    """The terminal, or a plain wide page where there is none."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def fail(text: str, code: int = 1) -> NoReturn:
    """Print the reason to standard error and end."""
    label = typer.style("error:", fg=typer.colors.RED, bold=True)
    typer.echo(f"{label} {text}", err=True)
    sys.exit(code)

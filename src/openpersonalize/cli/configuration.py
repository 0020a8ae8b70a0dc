"""`config`: all settings and where each came from."""

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from openpersonalize.settings import DESCRIPTIONS, NAMES, PREFIX, load_settings, masked_url

app = typer.Typer()


@app.command()
def command() -> None:
    """Show every setting, its value, where the value came from, and how to set it; passwords are masked."""
    settings = load_settings()
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Setting", "Value", "From", "Environment variable", "Meaning"):
        table.add_column(heading, overflow="fold")
    for name in NAMES:
        value = settings.database if name == "database_url" else getattr(settings, name)
        table.add_row(
            name, masked_url(str(value)), settings.sources[name], PREFIX + name.upper(), DESCRIPTIONS[name]
        )
    Console().print(table)

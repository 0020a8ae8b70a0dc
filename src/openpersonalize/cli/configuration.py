"""`config`: all settings and where each came from."""

from rich import box
from rich.table import Table

from openpersonalize.cli import options
from openpersonalize.cli.console import console
from openpersonalize.settings import DESCRIPTIONS, NAMES, PREFIX, load_settings, masked_url

app = options.command_app()


@app.command()
def command() -> None:
    """Show every setting, its value, and where the value came from; passwords are masked.

    Flags of `serve` win over environment variables, and those over defaults.
    """
    settings = load_settings()
    table = Table(box=box.SIMPLE_HEAD)
    for heading, fold in (("Setting", False), ("Value", True), ("From", False), ("Meaning", True)):
        table.add_column(heading, overflow="fold", no_wrap=not fold)
    for name in NAMES:
        value = settings.database if name == "database_url" else getattr(settings, name)
        table.add_row(
            PREFIX + name.upper(), masked_url(str(value)), settings.sources[name], DESCRIPTIONS[name]
        )
    console().print(table)

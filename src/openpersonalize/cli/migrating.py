"""`migrate`: the tables of this version."""

import typer

from openpersonalize.cli import options
from openpersonalize.roles.tables import prepare_tables
from openpersonalize.settings import load_settings, masked_url
from openpersonalize.storage.stores import make_folder

app = options.command_app()


@app.command()
def command(data_dir: options.DataDir = None, database_url: options.DatabaseUrl = None) -> None:
    """Bring the database to the tables of this version. Safe to repeat; `serve` does it by itself."""
    settings = load_settings({"data_dir": data_dir, "database_url": database_url})
    make_folder(settings.data_dir)
    prepare_tables(settings)
    typer.echo(f"{masked_url(settings.database)} is up to date.")

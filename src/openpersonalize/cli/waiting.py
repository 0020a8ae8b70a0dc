"""`wait`: until a resource is done."""

from typing import Annotated

import typer
from rich.console import Console

from openpersonalize.cli import options
from openpersonalize.cli.client.connection import connect, explained, server_url
from openpersonalize.cli.client.progress import job_progress
from openpersonalize.cli.client.statuses import parse_arn, progress_bars, wait_for
from openpersonalize.cli.console import fail
from openpersonalize.settings import load_settings

app = options.command_app()

Arn = Annotated[str, typer.Argument(metavar="ARN", help="ARN of anything that has a status.")]


@app.command()
def command(
    arn: Arn,
    *,
    endpoint_url: options.EndpointUrl = None,
    data_dir: options.DataDir = None,
    database_url: options.DatabaseUrl = None,
) -> None:
    """Wait until the resource is ACTIVE (or INACTIVE, COMPLETED, deleted): exit code 0; failed: 1.

    Bars show percentages where the server's database can be read (see the settings); else only its status.
    """
    settings = load_settings({"data_dir": data_dir, "database_url": database_url})
    parts = parse_arn(arn)
    url = server_url(endpoint_url, settings)
    connection = connect(url, region=parts.region or settings.region, account=parts.account)
    screen = Console(stderr=True)
    with explained(url), progress_bars(screen) as bars, job_progress(settings) as how_far:
        status = wait_for(connection, [arn], bars, how_far=how_far)[arn]
    if status.is_bad:
        fail(f"{arn}: {status.word}: {status.reason or 'no reason was given.'}")
    typer.echo(f"{arn}: {status.word}")

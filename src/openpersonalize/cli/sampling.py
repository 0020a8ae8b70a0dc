"""`sample`: the sample store's files, and on request its way through the API to campaigns."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from openpersonalize.cli import options
from openpersonalize.cli.client.buckets import bucket_of
from openpersonalize.cli.client.connection import connect, explained, server_url, wait_until_ready
from openpersonalize.cli.client.folders import read_folder
from openpersonalize.cli.client.loading import Loader
from openpersonalize.cli.client.progress import job_progress
from openpersonalize.cli.client.statuses import progress_bars
from openpersonalize.cli.console import UserError, console
from openpersonalize.cli.sample_store.files import SEED, sample_files
from openpersonalize.protocol.arns import Scope
from openpersonalize.protocol.sigv4 import DEFAULT_ACCOUNT
from openpersonalize.settings import Settings, load_settings
from openpersonalize.storage.objects import BUCKET

app = options.command_app()

STORE = "sample-store"
LOADED = "sample-store.loaded"
"""A file in the data directory that says that the sample store was loaded; deleting it loads again."""

Bucket = Annotated[str, typer.Option("--bucket", help="Bucket to write into.")]
Seed = Annotated[int, typer.Option("--seed", help="Another seed makes another store of the same kind.")]
Load = Annotated[
    bool,
    typer.Option(
        "--load",
        metavar=options.SWITCH,
        help="Also import, train and deploy it, unless that was done before.",
    ),
]


@app.command()
def command(
    *,
    bucket: Bucket = STORE,
    seed: Seed = SEED,
    load: Load = False,
    endpoint_url: options.EndpointUrl = None,
    data_dir: options.DataDir = None,
) -> None:
    """Write the sample store's CSVs and schemas into a bucket of the server's.

    An invented shop: 3,000 customers, 1,152 items with titles, some 126,000 views, carts and purchases.
    """
    settings = load_settings({"data_dir": data_dir})
    if not load:
        write_sample(settings, bucket, seed)
        local = f", which is the folder {settings.data_dir / 'buckets' / bucket}"
        typer.echo(f"Wrote s3://{bucket}/{local if settings.object_store == 'local' else ''}.")
        return
    url = server_url(endpoint_url, settings)
    marker = settings.data_dir / LOADED
    # A plain line: `serve` writes to the same terminal.
    typer.echo(f"Waiting for {url} …")
    wait_until_ready(url)
    if not marker.exists():
        with explained(url):
            load_sample(url, settings, seed)
        marker.touch()
    _say_ready(url, settings.region)


def write_sample(settings: Settings, bucket: str = STORE, seed: int = SEED) -> None:
    """Write the files into a bucket. Raises UserError."""
    if not BUCKET.fullmatch(bucket):
        raise UserError(
            f"{bucket!r} is not a bucket name: use 3 to 63 lower-case letters, digits, dots and hyphens."
        )
    with bucket_of(settings, bucket) as objects:
        for name, text in sample_files(seed):
            with objects.write(f"s3://{bucket}/{name}") as file:
                file.write(text.encode())


def load_sample(url: str, settings: Settings, seed: int = SEED) -> dict[str, str]:
    """Load the sample store into the server at `url`; gives its campaigns. Safe to repeat."""
    screen = console()
    screen.print("Loading the sample store through the API (once; SAMPLE=0 or no --sample leaves it out).")
    with (
        tempfile.TemporaryDirectory() as scratch,
        progress_bars(screen) as bars,
        job_progress(settings) as how_far,
    ):
        for name, text in sample_files(seed):
            (Path(scratch) / name).write_text(text, encoding="utf-8")
        loader = Loader(connect(url, region=settings.region), bars, STORE, settings, how_far)
        return loader.load(read_folder(Path(scratch))).campaigns


def _say_ready(url: str, region: str) -> None:
    campaign = Scope(DEFAULT_ACCOUNT, region).arn("campaign", f"{STORE}-for-you")
    question = json.dumps({"campaignArn": campaign, "userId": "u0042", "numResults": 5})
    # Without a frame, so that the command can be copied.
    typer.secho(f"\nThe sample store is ready at {url} (API reference: {url}/docs).", bold=True)
    typer.echo(f"Ask it, in another terminal; Ctrl-C here stops the server:\n\n{_curl(url, question)}\n")


def _curl(url: str, question: str) -> str:
    return f"curl -s {url}/recommendations -H 'content-type: application/json' -d '{question}'"

"""`serve`: the server, and on request a client process that loads the sample store into it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import typer

from openpersonalize.cli import options
from openpersonalize.roles.children import environment_of
from openpersonalize.roles.supervisor import serve
from openpersonalize.settings import Settings, load_settings

app = options.command_app()

Only = Annotated[
    Literal["api", "runtime"] | None,
    typer.Option("--only", help="Serve the API and run no workers.", show_default=False),
]
Sample = Annotated[
    bool,
    typer.Option(
        "--sample",
        metavar=options.SWITCH,
        help="Load the sample store through the API, unless that was done before.",
    ),
]
NoMigrate = Annotated[
    bool,
    typer.Option(
        "--no-migrate",
        metavar=options.SWITCH,
        help="Leave the database's tables as they are (see `migrate`).",
    ),
]


@app.command()
def command(  # noqa: PLR0917  (each option is a parameter)
    host: options.Host = None,
    port: options.Port = None,
    data_dir: options.DataDir = None,
    database_url: options.DatabaseUrl = None,
    region: options.Region = None,
    workers: options.Workers = None,
    processes: options.Processes = None,
    log_level: options.LogLevel = None,
    allow_remote: options.AllowRemote = None,
    lease_s: options.LeaseSeconds = None,
    limits: options.Limits = None,
    object_store: options.ObjectStore = None,
    s3_endpoint_url: options.S3EndpointUrl = None,
    s3_buckets: options.S3Buckets = None,
    sentence_model: options.SentenceModel = None,
    memory_limit: options.MemoryLimit = None,
    only: Only = None,
    sample: Sample = False,
    no_migrate: NoMigrate = False,
) -> None:
    """Run the server until Ctrl-C: the API on one port, job workers, and what they need.

    Without any option everything is embedded: SQLite, local buckets and one worker, below ./data.
    """
    settings = load_settings(
        {
            "host": host,
            "port": port,
            "data_dir": data_dir,
            "database_url": database_url,
            "region": region,
            "workers": workers,
            "processes": processes,
            "log_level": log_level,
            "allow_remote": allow_remote,
            "lease_s": lease_s,
            "limits": limits,
            "object_store": object_store,
            "s3_endpoint_url": s3_endpoint_url,
            "s3_buckets": s3_buckets,
            "sentence_model": sentence_model,
            "memory_limit": memory_limit,
        }
    )
    if sample:
        serve(settings, only=only, migrate=not no_migrate, beside=_sample_loader)
    else:
        serve(settings, only=only, migrate=not no_migrate)


@contextmanager
def _sample_loader(settings: Settings) -> Iterator[None]:
    """Load the sample store from a process of its own, which waits for the server to be ready."""
    loader = subprocess.Popen(  # noqa: S603  (this program itself, with settings that were checked)
        [
            *(sys.executable, "-m", "openpersonalize.cli", "sample", "--load"),
            *("--endpoint-url", settings.url, "--data-dir", str(settings.data_dir)),
        ],
        env=environment_of(settings),  # what flags said, too
    )
    try:
        yield
    finally:
        loader.terminate()
        loader.wait()

"""`work`: job workers without a server."""

from openpersonalize.cli import options
from openpersonalize.roles.supervisor import work
from openpersonalize.settings import load_settings

app = options.command_app()


@app.command()
def command(  # noqa: PLR0917  (each option is a parameter)
    data_dir: options.DataDir = None,
    database_url: options.DatabaseUrl = None,
    workers: options.Workers = None,
    log_level: options.LogLevel = None,
    lease_s: options.LeaseSeconds = None,
    limits: options.Limits = None,
    object_store: options.ObjectStore = None,
    s3_endpoint_url: options.S3EndpointUrl = None,
    s3_buckets: options.S3Buckets = None,
    sentence_model: options.SentenceModel = None,
    memory_limit: options.MemoryLimit = None,
) -> None:
    """Run job workers until Ctrl-C: imports, trainings and deployments.

    They use the database and the data directory of a server, which may run with --workers 0.
    """
    settings = load_settings(
        {
            "data_dir": data_dir,
            "database_url": database_url,
            "workers": workers,
            "log_level": log_level,
            "lease_s": lease_s,
            "limits": limits,
            "object_store": object_store,
            "s3_endpoint_url": s3_endpoint_url,
            "s3_buckets": s3_buckets,
            "sentence_model": sentence_model,
            "memory_limit": memory_limit,
        }
    )
    work(settings)

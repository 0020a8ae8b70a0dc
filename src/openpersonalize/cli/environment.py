"""`env`: the exports that point AWS SDKs here."""

import shlex

import typer

from openpersonalize.cli import options
from openpersonalize.settings import load_settings

app = options.command_app()

SERVICES = ("PERSONALIZE", "PERSONALIZE_RUNTIME", "PERSONALIZE_EVENTS")
# Signatures are not verified yet, but SDKs refuse to send anything unsigned. An access key of 12 digits would
# choose the account.
ANY_KEY = "openpersonalize"


def exports(endpoint_url: str, region: str) -> dict[str, str]:
    """The variables that make any AWS SDK talk to the server."""
    return {
        **{f"AWS_ENDPOINT_URL_{service}": endpoint_url for service in SERVICES},
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": ANY_KEY,
        "AWS_SECRET_ACCESS_KEY": ANY_KEY,
    }


@app.command()
def command(
    endpoint_url: options.EndpointUrl = None, host: options.Host = None, port: options.Port = None
) -> None:
    """Print the exports that point AWS SDKs at this server: eval "$(openpersonalize env)"."""
    settings = load_settings({"host": host, "port": port})
    for name, value in exports(endpoint_url or settings.url, settings.region).items():
        typer.echo(f"export {name}={shlex.quote(value)}")

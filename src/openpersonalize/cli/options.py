"""Options that several commands share; None means that the environment or the default decides."""

from pathlib import Path
from typing import Annotated

import typer

from openpersonalize.settings import DESCRIPTIONS, PREFIX, Settings

DEFAULTS = Settings()
PANEL = "Settings"
SWITCH = ""
"""The metavar of options without a value: the library would write `<bool>`, as if they had one."""


def command_app() -> typer.Typer:
    """The app that a module hangs its command or its group of commands on."""
    return typer.Typer(add_completion=False)


def _help(name: str) -> str:
    description = DESCRIPTIONS[name]
    text = description[0].upper() + description[1:] + "."
    default = getattr(DEFAULTS, name)
    shown = "" if default == "" else f" Default: {default}."
    return f"{text}{shown} Also {PREFIX}{name.upper()}."


def _option(name: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        "--" + name.replace("_", "-"),
        help=_help(name),
        rich_help_panel=PANEL,
        show_default=False,
        metavar=SWITCH if isinstance(getattr(DEFAULTS, name), bool) else None,
    )
    return option


Host = Annotated[str | None, _option("host")]
Port = Annotated[int | None, _option("port")]
DataDir = Annotated[Path | None, _option("data_dir")]
DatabaseUrl = Annotated[str | None, _option("database_url")]
Region = Annotated[str | None, _option("region")]
Workers = Annotated[int | None, _option("workers")]
Processes = Annotated[int | None, _option("processes")]
LogLevel = Annotated[str | None, _option("log_level")]
AllowRemote = Annotated[bool | None, _option("allow_remote")]
LeaseSeconds = Annotated[float | None, _option("lease_s")]
Limits = Annotated[str | None, _option("limits")]
ObjectStore = Annotated[str | None, _option("object_store")]
S3EndpointUrl = Annotated[str | None, _option("s3_endpoint_url")]
S3Buckets = Annotated[str | None, _option("s3_buckets")]
SentenceModel = Annotated[str | None, _option("sentence_model")]
MemoryLimit = Annotated[str | None, _option("memory_limit")]

EndpointUrl = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url",
        help=f"Address of the server. Default: that of the settings, {DEFAULTS.url}.",
        show_default=False,
    ),
]

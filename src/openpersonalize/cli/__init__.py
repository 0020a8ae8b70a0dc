"""The command `openpersonalize`: one module per group of commands."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from openpersonalize import __version__
from openpersonalize.cli.console import UserError, fail
from openpersonalize.settings import SettingsError

# Where each command lives and what the list of commands says of it. Modules load when their command runs:
# `-h` and `env` must not wait for a web framework, a database library or an SDK.
COMMANDS = {
    "serve": ("serving", "Run the server: API, job workers and what they need."),
    "work": ("working", "Run job workers alone, on the same database and data directory as a server."),
    "migrate": ("migrating", "Bring the database to this version's tables."),
    "sample": ("sampling", "Write the sample store's CSVs and schemas into a bucket."),
    "demo": ("demo", "Walk from CSV files to recommendations with titles, through the API."),
    "wait": ("waiting", "Wait until a resource is ACTIVE or has failed; the exit code says which."),
    "jobs": ("jobs", "List background jobs, or show one with its counts and rejected lines."),
    "filters": ("filters", "Try a filter: what it would keep and remove, or where it is wrong."),
    "env": ("environment", "Print the exports that point AWS SDKs at this server."),
    "config": ("configuration", "Show every setting, its value, and where the value came from."),
}


class CommandsOnDemand(TyperGroup):
    """A group that lists its commands without loading the modules they live in."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = typer.main.get_command(import_module(f"{__name__}.{COMMANDS[name][0]}").app)
            command.name = name
        return name, command, rest


app = typer.Typer(
    cls=CommandsOnDemand,
    help="A self-hosted server that speaks the Amazon Personalize API.",
    epilog="Every command explains itself: openpersonalize COMMAND -h",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", metavar="", help="Print the version and end."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; a user's mistake ends in one line that says the remedy, and exit code 1."""
    try:
        app(prog_name="openpersonalize")
    except (UserError, SettingsError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

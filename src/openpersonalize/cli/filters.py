"""`filters test`: what a filter would keep and remove, or where its expression is wrong."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from openpersonalize.cli import options
from openpersonalize.cli.client.connection import Answer, post, server_url
from openpersonalize.cli.client.statuses import parse_arn
from openpersonalize.cli.console import UserError, console, fail
from openpersonalize.filters.pictures import WIDTH, picture
from openpersonalize.settings import load_settings

app = options.command_app()
app.callback(no_args_is_help=True)(lambda: None)

PATH = "/_openpersonalize/filters/test"
WAIT_S = 600.0
"""How long to wait for the datasets to be indexed."""


@app.command()
def test(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="The filter, in single quotes.")],
    *,
    dataset_group_arn: Annotated[
        str, typer.Option("--dataset-group-arn", help="ARN of the dataset group whose data it is about.")
    ],
    user_id: Annotated[
        str | None, typer.Option("--user-id", help="Whose events and CurrentUser columns count.")
    ] = None,
    item_id: Annotated[str | None, typer.Option("--item-id", help="The item that CurrentItem means.")] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            "--value",
            metavar="NAME=VALUE",
            help="A parameter's value; of one name as often as there are values.",
        ),
    ] = None,
    endpoint_url: options.EndpointUrl = None,
) -> None:
    """Try a filter without creating it: exit code 0 when the expression is right, 1 when it is wrong."""
    parts = parse_arn(dataset_group_arn)
    settings = load_settings({})
    url = server_url(endpoint_url, settings)
    asked = {
        "datasetGroupArn": dataset_group_arn,
        "filterExpression": expression,
        "userId": user_id,
        "itemId": item_id,
        "filterValues": filter_values(value or []),
    }
    body = {name: given for name, given in asked.items() if given}
    answer = _answered(url, body, region=parts.region or settings.region, account=parts.account)
    if answer.status != 200:
        _refuse(answer, expression)
    _show(answer.document)


def filter_values(given: Sequence[str]) -> dict[str, str]:
    """The values as the API encodes them: a text in double quotes stays as it is, others get them.

    Raises UserError for what is not NAME=VALUE.
    """
    values: dict[str, list[str]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"--value {name!r} names no value: write --value NAME=VALUE.")
        is_quoted = len(value) > 1 and value.startswith('"') and value.endswith('"')
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        values.setdefault(name.removeprefix("$"), []).append(value if is_quoted else f'"{escaped}"')
    return {name: ",".join(several) for name, several in values.items()}


def _answered(url: str, body: Mapping[str, Any], *, region: str, account: str) -> Answer:
    """The answer, once the datasets are indexed."""
    deadline = time.monotonic() + WAIT_S
    has_said_so = False
    while True:
        answer = post(url, PATH, body, region=region, account=account)
        if answer.status != 503 or time.monotonic() > deadline:
            return answer
        if not has_said_so:
            typer.echo(answer.document.get("message", "").partition(":")[0] + ".", err=True)
            has_said_so = True


def _refuse(answer: Answer, expression: str) -> None:
    """Print what is wrong, with a caret under it where the expression is, and end with exit code 1."""
    if "column" in answer.document:
        # The server's own picture may be too wide for the terminal.
        width = min(WIDTH, Console(stderr=True).width - len("  … …"))
        line, caret = picture(expression, answer.document["column"] - 1, width=width).split("\n")
        typer.echo(f"  {line}\n  {typer.style(caret, fg=typer.colors.RED, bold=True)}", err=True)
    fail(answer.document.get("message") or f"the server answered with status {answer.status}.")


def _show(found: Mapping[str, Any]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Expression", overflow="fold")
    for heading in ("Matches", "Keeps", "Removes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for clause in found["clauses"]:
        if clause["applied"]:
            counts = [f"{clause[name]:,}" for name in ("matched", "kept", "removed")]
            table.add_row(Text(clause["expression"]), *counts)
        else:
            table.add_row(Text(f"{clause['expression']}\nnot applied: {clause['why']}", style="dim"))
    table.add_section()
    n_kept, n_candidates = found["kept"], found["candidates"]
    noun = {"ItemID": "items", "UserID": "users", "ActionID": "actions"}[found["target"]]
    total = Text(f"all together, of {n_candidates:,} {noun}", style="bold")
    table.add_row(total, "", f"{n_kept:,}", f"{n_candidates - n_kept:,}")
    console().print(table)
    if n_kept:
        more = ", …" if n_kept > len(found["keptIds"]) else ""
        console().print(Text(f"Kept: {', '.join(found['keptIds'])}{more}"))

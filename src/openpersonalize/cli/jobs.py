"""`jobs`: what the background jobs are doing, read from the database of the settings."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from openpersonalize.cli import options
from openpersonalize.cli.console import UserError, console
from openpersonalize.jobs import reports
from openpersonalize.jobs.reports import JobReport, State
from openpersonalize.settings import load_settings, masked_url
from openpersonalize.storage.database import Database, reason_of, sqlite_file

app = options.command_app()
app.callback(no_args_is_help=True)(lambda: None)

TABLES = {"candidates": "Recipes tried", "trials": "Trials"}
"""Notes of trainings that are lists of records."""

COLOURS = {"done": "green", "failed": "red", "running": "cyan", "cancelled": "yellow"}


@app.command("list")
def list_(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only jobs in this state.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="Only this kind, such as import-dataset.")] = "",
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 50,
    data_dir: options.DataDir = None,
    database_url: options.DatabaseUrl = None,
) -> None:
    """List the newest jobs, of all accounts and regions."""
    with _session(data_dir, database_url) as session:
        found = reports.list_jobs(session, state=state or "", kind=kind, limit=limit)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Job", "Kind", "State", "Progress", "Seconds", "Resource"):
        right = heading in {"Job", "Seconds"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "Resource")
    for job in found:
        cells = (str(job.id), job.kind, _state(job), _progress(job), _seconds(job), _resource(job))
        table.add_row(*cells)
    console().print(table if found else "No jobs.")


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="JOB", help="The job's number, as `jobs list` shows it.")],
    *,
    data_dir: options.DataDir = None,
    database_url: options.DatabaseUrl = None,
) -> None:
    """Show one job: status, times, counts, first rejected lines of an import, trials of a training."""
    with _session(data_dir, database_url) as session:
        job = reports.show_job(session, number)
    if job is None:
        raise UserError(f"there is no job {number}: `openpersonalize jobs list` shows the newest ones.")
    screen = console()
    screen.print(_facts(job))
    rejects = job.details.get("rejects")
    if rejects:
        screen.print(_rejected_lines(rejects))
    for name, title in TABLES.items():
        if job.details.get(name):
            screen.print(_table(title, job.details[name]))


@contextmanager
def _session(data_dir: Path | None, database_url: str | None) -> Iterator[Session]:
    """Read the database. Raises UserError where there is none or its tables are others."""
    settings = load_settings({"data_dir": data_dir, "database_url": database_url})
    shown = masked_url(settings.database)
    file = sqlite_file(settings.database)
    if file is not None and not file.is_file():
        raise UserError(f"{file} does not exist: name the server's data directory with --data-dir.")
    database = Database(settings.database)
    try:
        with database.read() as session:
            yield session
    except SQLAlchemyError as error:
        raise UserError(
            f"{shown} cannot be read: {reason_of(error)}. Is the URL right, may this user write in an SQLite "
            "file's folder, and has `openpersonalize migrate` been run?"
        ) from None
    finally:
        database.dispose()


def _facts(job: JobReport) -> Table:
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    facts: dict[str, str | Text] = {
        "Job": f"{job.id}, {job.kind}",
        "Resource": job.resource_arn,
        "State": _state(job),
        "Progress": _progress(job),
        "Reason": job.failure_reason or "",
        "Attempts": str(job.attempt) + (f", {job.faults} ended by a fault" if job.faults else ""),
        "Worker": job.worker or "",
        "Created": _time(job.created_at),
        "Started": _time(job.started_at),
        "Finished": _time(job.finished_at),
        "Seconds": _seconds(job),
    }
    for name, value in {**facts, **_flat(job.details)}.items():
        if value:
            table.add_row(Text(name), Text(value) if isinstance(value, str) else value)
    return table


def _flat(details: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Counts and other notes, one a line; rejected lines and trials have tables of their own."""
    lines: dict[str, str] = {}
    for name, value in details.items():
        label = f"{prefix}{name}"
        if name in TABLES:
            continue
        if isinstance(value, Mapping):
            lines |= {} if name == "rejects" else _flat(value, f"{label} / ")
        elif name == "timeRange":
            lines[label] = " to ".join(_time(moment) for moment in value)
        else:
            lines[label] = f"{value:,}" if isinstance(value, int) else str(value)
    return lines


def _rejected_lines(rejects: Mapping[str, Any]) -> Table:
    first = rejects["first"]
    title = f"Rejected lines: {rejects['total']:,}" + (
        f", the first {len(first)}" if rejects["total"] > len(first) else ""
    )
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("File", "Line", "Column", "Value", "Problem", "Remedy"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Line" else "left")
    for bad in first:
        column = bad["column"] or f"field {bad['field']}"
        cells = (bad["file"], f"{bad['line']}", column, repr(bad["value"]), bad["problem"], bad["remedy"])
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _table(title: str, records: Sequence[Mapping[str, Any]]) -> Table:
    """Records with one column for each of their members, and of the members of those."""
    rows = [{"": f"{number}"} | _flat_cells(one) for number, one in enumerate(records, 1)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold", justify="right" if name in {"", "metric"} else "left")
    for row in rows:
        table.add_row(*(Text(row.get(name, "")) for name in names))
    return table


def _flat_cells(record: Mapping[str, Any]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for name, value in record.items():
        cells |= _flat_cells(value) if isinstance(value, Mapping) else {name: str(value)}
    return cells


def _state(job: JobReport) -> Text:
    word = f"{job.state}, to be cancelled" if job.cancel_requested and job.state == "running" else job.state
    return Text(word, style=COLOURS.get(job.state, ""))


def _progress(job: JobReport) -> str:
    if job.state != "running" or job.percent is None:
        return ""
    left = f", {job.eta_s:.0f} s left" if job.eta_s is not None else ""
    return f"{job.percent:.0f} % {job.phase or ''}{left}"


def _seconds(job: JobReport) -> str:
    return "" if job.seconds is None else f"{job.seconds:.1f}"


def _resource(job: JobReport) -> str:
    return job.resource_arn.split(":personalize:", 1)[-1]


def _time(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))

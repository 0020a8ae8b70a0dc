"""The status of a resource by its ARN, and waiting for it."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from openpersonalize.cli.client.connection import Connection, code_of
from openpersonalize.cli.console import UserError

# By the first word of an ARN's resource part: operation, argument, member of the answer.
DESCRIBED = {
    "dataset-group": ("describe_dataset_group", "datasetGroupArn", "datasetGroup"),
    "dataset": ("describe_dataset", "datasetArn", "dataset"),
    "dataset-import-job": ("describe_dataset_import_job", "datasetImportJobArn", "datasetImportJob"),
    "dataset-export-job": ("describe_dataset_export_job", "datasetExportJobArn", "datasetExportJob"),
    "event-tracker": ("describe_event_tracker", "eventTrackerArn", "eventTracker"),
    "filter": ("describe_filter", "filterArn", "filter"),
    "solution": ("describe_solution", "solutionArn", "solution"),
    "solution-version": ("describe_solution_version", "solutionVersionArn", "solutionVersion"),
    "campaign": ("describe_campaign", "campaignArn", "campaign"),
    "recommender": ("describe_recommender", "recommenderArn", "recommender"),
    "batch-inference-job": ("describe_batch_inference_job", "batchInferenceJobArn", "batchInferenceJob"),
    "batch-segment-job": ("describe_batch_segment_job", "batchSegmentJobArn", "batchSegmentJob"),
    "metric-attribution": ("describe_metric_attribution", "metricAttributionArn", "metricAttribution"),
    "data-deletion-job": ("describe_data_deletion_job", "dataDeletionJobArn", "dataDeletionJob"),
}
ARN = re.compile(
    r"arn:[a-z\d-]+:personalize:(?P<region>[^:]*):(?P<account>[^:]*):(?P<kind>[a-z-]+)/(?P<rest>.+)"
)
POLL_S = 0.2


@dataclass(frozen=True)
class Status:
    """The word that the API gives, and what it means for one who waits."""

    word: str
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """Done, as wished."""
        return self.word in {"ACTIVE", "INACTIVE", "COMPLETED", "DELETED"}

    @property
    def is_bad(self) -> bool:
        """Done, and it will not get better."""
        return self.word.endswith(("FAILED", "STOPPED"))


@dataclass(frozen=True)
class Parts:
    """What an ARN says."""

    region: str
    account: str
    kind: str


def parse_arn(arn: str) -> Parts:
    """Take an ARN apart. Raises UserError for one that nothing with a status can have."""
    match = ARN.fullmatch(arn)
    if match is None:
        raise UserError(
            f"{arn!r} is not an ARN of this service: it looks like "
            "arn:aws:personalize:us-east-1:000000000000:campaign/name."
        )
    kind = match["kind"]
    if kind == "solution" and "/" in match["rest"]:
        kind = "solution-version"
    if kind not in DESCRIBED:
        raise UserError(f"{arn} has no status to wait for: name one of {', '.join(DESCRIBED)}.")
    return Parts(match["region"], match["account"], kind)


def describe(connection: Connection, arn: str) -> dict[str, Any]:
    """The resource, whatever kind it is."""
    operation, argument, member = DESCRIBED[parse_arn(arn).kind]
    found: dict[str, Any] = getattr(connection.control, operation)(**{argument: arn})[member]
    return found


def status_of(connection: Connection, arn: str, *, was_deleting: bool = False) -> Status:
    """The status now; an update that is under way counts as the resource's own status."""
    try:
        resource = describe(connection, arn)
    except ClientError as error:
        if was_deleting and code_of(error) == "ResourceNotFoundException":
            return Status("DELETED")
        raise
    for name, update in resource.items():
        if name.startswith("latest") and name.endswith("Update") and resource["status"] == "ACTIVE":
            return Status(update["status"], update.get("failureReason", ""))
    return Status(resource["status"], resource.get("failureReason", ""))


def progress_bars(console: Console) -> Progress:
    """Bars that say what is waited for, its status, and how long that took."""
    return Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
        console=console,
    )


HowFar = Callable[[str], tuple[float, str] | None]
"""Percent and phase of the job on an ARN, where that can be known."""


def wait_for(
    connection: Connection,
    arns: Sequence[str],
    bars: Progress,
    *,
    how_far: HowFar = lambda _: None,
) -> dict[str, Status]:
    """Wait until each is done, well or badly, and say which; a bar for each."""
    tasks = {arn: bars.add_task(short(arn), total=None, status="") for arn in arns}
    statuses = {arn: Status("") for arn in arns}
    while waiting := [arn for arn, status in statuses.items() if not (status.is_good or status.is_bad)]:
        for arn in waiting:
            before = statuses[arn].word
            status = statuses[arn] = status_of(connection, arn, was_deleting=before.startswith("DELETE"))
            known = (100.0, "") if status.is_good else how_far(arn)
            percent, phase = known or (0.0, "")
            bars.update(
                tasks[arn],
                status=f"{status.word} ({phase})" if phase else status.word,
                total=100 if known else None,
                completed=percent,
            )
            if status.is_bad:
                bars.stop_task(tasks[arn])
        if any(not (status.is_good or status.is_bad) for status in statuses.values()):
            time.sleep(POLL_S)
    return statuses


def wait_until_active(
    connection: Connection, arns: Sequence[str], bars: Progress, *, how_far: HowFar = lambda _: None
) -> None:
    """Wait until all are ACTIVE. Raises UserError with the reason of the first that failed."""
    for arn, status in wait_for(connection, arns, bars, how_far=how_far).items():
        if status.is_bad:
            raise UserError(f"{short(arn)}: {status.word}: {status.reason or 'no reason was given.'}")


def short(arn: str) -> str:
    """An ARN's own part, which is what people recognise."""
    return arn.split(":", 5)[-1]

"""Metric attributions: what the events that follow recommendations are worth."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.locations import S3DataConfig, check_location
from openpersonalize.control.metrics import (
    MetricAttribute,
    MetricAttributes,
    MetricName,
    check_metrics,
    refuse_repeated,
)
from openpersonalize.control.resource import (
    Resource,
    delete,
    describe,
    identity,
    list_,
    refuse_existing,
    refuse_taken,
    require_active,
    start,
)
from openpersonalize.domain.limits import MOST_METRICS
from openpersonalize.errors import InvalidInputException, ResourceAlreadyExistsException
from openpersonalize.jobs.lifecycle import (
    CREATE_METRIC_ATTRIBUTION,
    DELETE_METRIC_ATTRIBUTION,
    UPDATE_METRIC_ATTRIBUTION,
)
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.paging import last_key, next_token
from openpersonalize.protocol.shapes import Arn, Count, MaxResults, Name, NextToken, RoleArn, Shape
from openpersonalize.storage import records
from openpersonalize.storage.tables import MetricAttributionRow

operations = Operations()


class MetricAttributionOutput(Shape):
    s3_data_destination: S3DataConfig | None = None
    role_arn: RoleArn


class CreateMetricAttributionRequest(Shape):
    name: Name
    dataset_group_arn: Arn
    metrics: MetricAttributes
    metrics_output_config: MetricAttributionOutput


class CreateMetricAttributionResponse(Shape):
    metric_attribution_arn: str


class UpdateMetricAttributionRequest(Shape):
    add_metrics: MetricAttributes | None = None
    remove_metrics: Annotated[list[MetricName], Count(None, MOST_METRICS)] | None = None
    metrics_output_config: MetricAttributionOutput | None = None
    metric_attribution_arn: Arn | None = None


class UpdateMetricAttributionResponse(Shape):
    metric_attribution_arn: str


class ListMetricAttributionMetricsRequest(Shape):
    metric_attribution_arn: Arn | None = None
    next_token: NextToken | None = None
    max_results: MaxResults | None = None


class ListMetricAttributionMetricsResponse(Shape):
    metrics: list[MetricAttribute]
    next_token: str | None = None


class MetricAttributionSummary(Shape):
    name: str
    metric_attribution_arn: str = Field(validation_alias="arn")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None


class MetricAttribution(MetricAttributionSummary):
    dataset_group_arn: str
    metrics_output_config: MetricAttributionOutput


METRIC_ATTRIBUTION = Resource(
    noun="metric_attribution",
    words="metric attribution",
    table=MetricAttributionRow,
    full=MetricAttribution,
    summary=MetricAttributionSummary,
    parent="dataset_group_arn",
)


@operations.handles("CreateMetricAttribution")
def create_metric_attribution(
    request: CreateMetricAttributionRequest, context: Context
) -> CreateMetricAttributionResponse:
    """Create the metric attribution of a dataset group; a group has at most one."""
    # Alone with the group, so that the second of two requests sees the first one's attribution.
    group = DATASET_GROUP.get_to_change(context, request.dataset_group_arn)
    require_active(group, DATASET_GROUP)
    refuse_existing(context, MetricAttributionRow, MetricAttributionRow.dataset_group_arn == group.arn)
    arn = context.arn("metric-attribution", request.name)
    refuse_taken(context, MetricAttributionRow, arn)
    _refuse_empty(request.metrics)
    check_metrics(context, group.arn, request.metrics)
    row = MetricAttributionRow(
        **identity(context, arn, request.name),
        dataset_group_arn=group.arn,
        metrics=_numbered(request.metrics, 1),
        metrics_output_config=_checked_output(request.metrics_output_config),
    )
    start(context, row, CREATE_METRIC_ATTRIBUTION)
    return CreateMetricAttributionResponse(metric_attribution_arn=arn)


@operations.handles("UpdateMetricAttribution")
def update_metric_attribution(
    request: UpdateMetricAttributionRequest, context: Context
) -> UpdateMetricAttributionResponse:
    """Add and remove metrics of a metric attribution, or change where its reports go."""
    if request.metric_attribution_arn is None:
        raise InvalidInputException("metricAttributionArn is missing: name the one to update.")
    row = METRIC_ATTRIBUTION.get_to_change(context, request.metric_attribution_arn)
    require_active(row, METRIC_ATTRIBUTION)
    metrics = _wanted_metrics(context, row, request)
    output = row.metrics_output_config
    if request.metrics_output_config is not None:
        output = _checked_output(request.metrics_output_config)
    if (_plain(metrics), output) == (_plain(row.metrics), row.metrics_output_config):
        raise InvalidInputException(
            f"The update would not change {row.arn}: give addMetrics, removeMetrics or a metricsOutputConfig "
            "that it does not have."
        )
    row.wanted = {"metrics": metrics, "metricsOutputConfig": output}
    start(context, row, UPDATE_METRIC_ATTRIBUTION)
    return UpdateMetricAttributionResponse(metric_attribution_arn=row.arn)


def _wanted_metrics(
    context: Context, row: MetricAttributionRow, request: UpdateMetricAttributionRequest
) -> list[dict[str, Any]]:
    """The metrics as the update wants them; one that is removed and added again is replaced."""
    removed, added = request.remove_metrics or [], request.add_metrics or []
    refuse_repeated(removed, "removeMetrics name")
    names = [metric["metricName"] for metric in row.metrics]
    unknown = [name for name in removed if name not in names]
    if unknown:
        raise InvalidInputException(
            f"removeMetrics names {unknown[0]!r}, which is no metric of {row.arn}: it has {', '.join(names)}."
        )
    kept = [metric for metric in row.metrics if metric["metricName"] not in removed]
    taken = {metric["metricName"] for metric in kept}
    for metric in added:
        if metric.metric_name in taken:
            raise ResourceAlreadyExistsException(
                f"{row.arn} has a metric {metric.metric_name!r} already: remove that one, or choose "
                "another name."
            )
    if added:
        check_metrics(context, row.dataset_group_arn, added)
    wanted = kept + _numbered(added, 1 + max(metric["number"] for metric in row.metrics))
    _refuse_empty(wanted)
    if len(wanted) > MOST_METRICS:
        raise InvalidInputException(
            f"{len(wanted)} metrics are too many: a metric attribution has at most {MOST_METRICS}. "
            "Remove some."
        )
    return wanted


def _refuse_empty(metrics: Sequence[Any]) -> None:
    if not metrics:
        raise InvalidInputException(
            "A metric attribution has at least one metric, and none would be there: give one, or delete it."
        )


def _numbered(metrics: Sequence[MetricAttribute], first: int) -> list[dict[str, Any]]:
    """The metrics as they are kept: with a number each, in the order of their making, to page by."""
    return [
        {**metric.model_dump(by_alias=True), "number": number} for number, metric in enumerate(metrics, first)
    ]


def _plain(metrics: Sequence[dict[str, Any]]) -> dict[str, MetricAttribute]:
    return {metric["metricName"]: MetricAttribute.model_validate(metric) for metric in metrics}


def _checked_output(config: MetricAttributionOutput) -> dict[str, Any]:
    if config.s3_data_destination is not None:
        check_location(config.s3_data_destination.path, "metricsOutputConfig.s3DataDestination.path")
    kept: dict[str, Any] = config.model_dump(by_alias=True, exclude_none=True)
    return kept


@operations.handles("ListMetricAttributionMetrics")
def list_metric_attribution_metrics(
    request: ListMetricAttributionMetricsRequest, context: Context
) -> ListMetricAttributionMetricsResponse:
    """List the metrics of a metric attribution, or of all, in the order of their making."""
    name, arn = "ListMetricAttributionMetrics", request.metric_attribution_arn
    filters = {"metric_attribution_arn": arn}
    after = last_key(request.next_token, name, context.scope, filters, int) or 0
    size = min(request.max_results or MOST_METRICS, MOST_METRICS)
    rows, _ = records.page(
        context.session,
        MetricAttributionRow,
        context.scope,
        conditions=[] if arn is None else [MetricAttributionRow.arn == arn],
        # Each has at least one metric, and the first may have been listed in part.
        after=after // _PLACES - 1,
        size=size + 2,
    )
    found = {row.id * _PLACES + metric["number"]: metric for row in rows for metric in row.metrics}
    keys = [key for key in found if key > after]
    token = next_token(keys[size - 1], name, context.scope, filters) if len(keys) > size else None
    metrics = [MetricAttribute.model_validate(found[key]) for key in keys[:size]]
    return ListMetricAttributionMetricsResponse(metrics=metrics, next_token=token)


_PLACES = 2**20
"""More than an attribution ever numbers metrics."""


describe(operations, "DescribeMetricAttribution", METRIC_ATTRIBUTION)
list_(operations, "ListMetricAttributions", METRIC_ATTRIBUTION)
delete(operations, "DeleteMetricAttribution", METRIC_ATTRIBUTION, DELETE_METRIC_ATTRIBUTION)

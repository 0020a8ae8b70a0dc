"""The metrics of a metric attribution: what they add up, and whether a dataset group has it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from openpersonalize.control.context import Context
from openpersonalize.control.schemas import columns_of
from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.limits import MOST_METRICS
from openpersonalize.errors import InvalidInputException
from openpersonalize.protocol.shapes import Count, Shape, Text

MetricName = Annotated[str, Text(max_length=256)]

NUMBERS = ("int", "long", "float", "double")
_SUM = re.compile(r"SUM\((INTERACTIONS|ITEMS)\.([A-Z_][A-Z0-9_]*)\)", re.IGNORECASE | re.ASCII)
_COUNT = "SAMPLECOUNT()"


class MetricAttribute(Shape):
    """Adds up an expression over the events of one type."""

    event_type: Annotated[str, Text(max_length=256)]
    metric_name: MetricName
    expression: Annotated[str, Text(max_length=256)]


MetricAttributes = Annotated[list[MetricAttribute], Count(None, MOST_METRICS)]


def check_metrics(context: Context, group_arn: str, metrics: Sequence[MetricAttribute]) -> None:
    """Raise InvalidInputException unless the group has what each of the metrics adds up, and names differ."""
    refuse_repeated([metric.metric_name for metric in metrics], "metrics name")
    interactions = columns_of(context, group_arn, "INTERACTIONS")
    if interactions is None or "EVENT_TYPE" not in interactions.names:
        raise InvalidInputException(
            f"Metrics count events by type, and {group_arn} has no Interactions dataset whose schema has "
            "EVENT_TYPE: create one, or use another dataset group."
        )
    items = columns_of(context, group_arn, "ITEMS")
    for metric in metrics:
        for member, text in (("eventType", metric.event_type), ("metricName", metric.metric_name)):
            if not text.strip():
                raise InvalidInputException(f"The {member} of a metric is empty: write one.")
        _check_expression(metric.expression, {"INTERACTIONS": interactions, "ITEMS": items})


def refuse_repeated(names: Sequence[str], what: str) -> None:
    """Raise InvalidInputException when a name stands more than once."""
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise InvalidInputException(f"The {what} {repeated[0]!r} more than once: each must be unique.")


def _check_expression(text: str, datasets: dict[str, DatasetColumns | None]) -> None:
    """Raise InvalidInputException unless the expression can be computed; case and spaces don't matter."""
    plain = "".join(text.split())
    if plain.upper() == _COUNT:
        return
    match = _SUM.fullmatch(plain)
    if match is None:
        raise InvalidInputException(
            f"The metric expression {text!r} is not one: write SUM(Interactions.COLUMN), SUM(Items.COLUMN) "
            "or SAMPLECOUNT()."
        )
    dataset_type, name = match[1].upper(), match[2]
    columns = datasets[dataset_type]
    if columns is None:
        raise InvalidInputException(
            f"The metric expression {text!r} needs an Items dataset, and the dataset group has none."
        )
    types = {column.name.upper(): column.type for column in columns.columns}
    if name.upper() not in types:
        raise InvalidInputException(
            f"The metric expression {text!r} names a column that the schema of {dataset_type} does not have: "
            f"use one of {', '.join(columns.names)}."
        )
    if types[name.upper()] not in NUMBERS:
        raise InvalidInputException(
            f"The metric expression {text!r} adds up a column of type {types[name.upper()]}: only "
            f"{', '.join(NUMBERS)} can be added up."
        )

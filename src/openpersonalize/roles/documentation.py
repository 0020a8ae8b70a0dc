"""The documentation that a server gives of itself: `/openapi.json` and the page at `/docs`."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from openpersonalize import __version__
from openpersonalize.protocol.arns import Scope, built_in_arn
from openpersonalize.protocol.openapi import describe_api
from openpersonalize.protocol.operation import Operation
from openpersonalize.protocol.sigv4 import DEFAULT_ACCOUNT
from openpersonalize.roles.unfinished import NOT_WORKING

_SCHEMA = (
    '{"type":"record","name":"Interactions","namespace":"com.amazonaws.personalize.schema","fields":['
    '{"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},'
    '{"name":"EVENT_TYPE","type":"string"},{"name":"TIMESTAMP","type":"long"}],"version":"1.0"}'
)

_ROLE = "arn:aws:iam::000000000000:role/store"

_VALUES: Mapping[str, Any] = {
    "name": "store",
    "jobName": "store-interactions-1",
    "schema": _SCHEMA,
    "datasetType": "Interactions",
    "dataSource": {"dataLocation": "s3://store/interactions.csv"},
    "tagKeys": ["team"],
    "userId": "1",
    "itemId": "10",
    "inputList": ["10", "20", "30"],
    "numResults": 10,
    "roleArn": _ROLE,
    "jobInput": {"s3DataSource": {"path": "s3://store/batch/users.json"}},
    "jobOutput": {"s3DataDestination": {"path": "s3://store/results/"}},
    "filterExpression": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")',
    "metrics": [{"eventType": "watch", "metricName": "watches", "expression": "SAMPLECOUNT()"}],
    "removeMetrics": ["watches"],
    "metricsOutputConfig": {"roleArn": _ROLE},
    "trackingId": "00000000-0000-4000-8000-000000000000",
    "sessionId": "session-1",
    "eventList": [{"eventType": "watch", "itemId": "10", "sentAt": 1700000000}],
}


def _samples(region: str) -> dict[str, Any]:
    """Good values of members, of the account and region to which the page's unsigned requests belong."""
    here = Scope(DEFAULT_ACCOUNT, region)
    return {
        **_VALUES,
        "schemaArn": here.arn("schema", "store"),
        "datasetGroupArn": here.arn("dataset-group", "store"),
        "datasetArn": here.arn("dataset", "store", "INTERACTIONS"),
        "datasetImportJobArn": here.arn("dataset-import-job", "store-interactions-1"),
        "eventTrackerArn": here.arn("event-tracker", "1a2b3c4d"),
        "solutionArn": here.arn("solution", "store"),
        "solutionVersionArn": here.arn("solution", "store", "1a2b3c4d"),
        "campaignArn": here.arn("campaign", "store"),
        "recommenderArn": here.arn("recommender", "store"),
        "recipeArn": built_in_arn("recipe", "aws-user-personalization", here.partition),
        "algorithmArn": built_in_arn("algorithm", "aws-user-personalization", here.partition),
        "featureTransformationArn": built_in_arn(
            "feature-transformation", "JSON-percentile-filtering", here.partition
        ),
        "resourceArn": here.arn("dataset-group", "store"),
        "batchInferenceJobArn": here.arn("batch-inference-job", "store-1"),
        "batchSegmentJobArn": here.arn("batch-segment-job", "store-1"),
        "datasetExportJobArn": here.arn("dataset-export-job", "store-1"),
        "dataDeletionJobArn": here.arn("data-deletion-job", "store-1"),
        "filterArn": here.arn("filter", "store"),
        "metricAttributionArn": here.arn("metric-attribution", "store"),
    }


# Optional members that the first request somebody tries is better without.
_LEFT_OUT = {
    ("GetRecommendations", "itemId"),
    ("GetRecommendations", "filterArn"),
    ("GetRecommendations", "recommenderArn"),
    ("GetPersonalizedRanking", "filterArn"),
    ("GetActionRecommendations", "filterArn"),
    ("CreateBatchInferenceJob", "filterArn"),
    ("CreateBatchSegmentJob", "filterArn"),
    ("CreateDatasetGroup", "roleArn"),  # it needs a key too
    ("UpdateMetricAttribution", "metricsOutputConfig"),
}


def openapi_document(operations: Sequence[Operation], region: str) -> dict[str, Any]:
    """The OpenAPI document of these operations; its examples are of the region of unsigned requests."""
    samples = _samples(region)

    def sample(operation: str, member: str, *, required: bool) -> Any:
        """A good value of a member, None where it is better left out; a list is of everything."""
        if not required and (operation.startswith("List") or (operation, member) in _LEFT_OUT):
            return None
        return samples.get(member)

    info = {
        "title": "OpenPersonalize",
        "version": __version__,
        "description": "Every operation of the Amazon Personalize API that this server has, as "
        "POST /<OperationName> with the same JSON body that AWS's SDKs send.",
    }
    remarks = {name: f"Not working yet: {why}." for name, why in NOT_WORKING.items()}
    return describe_api(sorted(operations, key=lambda operation: operation.name), info, sample, remarks)


@cache
def page() -> str:
    """The page that shows the document and tries its operations; needs nothing from elsewhere."""
    return files("openpersonalize.roles").joinpath("docs.html").read_text("utf-8")

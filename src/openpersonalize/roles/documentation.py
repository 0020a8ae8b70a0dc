"""The documentation that a server gives of itself: `/openapi.json` and the page at `/docs`."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from openpersonalize import __version__
from openpersonalize.protocol.arns import built_in_arn
from openpersonalize.protocol.openapi import describe_api
from openpersonalize.protocol.operation import Operation

_HERE = "arn:aws:personalize:us-east-1:000000000000:"
_SCHEMA = (
    '{"type":"record","name":"Interactions","namespace":"com.amazonaws.personalize.schema","fields":['
    '{"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},'
    '{"name":"EVENT_TYPE","type":"string"},{"name":"TIMESTAMP","type":"long"}],"version":"1.0"}'
)
SAMPLES: dict[str, Any] = {
    "name": "store",
    "jobName": "store-interactions-1",
    "schema": _SCHEMA,
    "schemaArn": _HERE + "schema/store",
    "datasetGroupArn": _HERE + "dataset-group/store",
    "datasetArn": _HERE + "dataset/store/INTERACTIONS",
    "datasetImportJobArn": _HERE + "dataset-import-job/store-interactions-1",
    "datasetType": "Interactions",
    "eventTrackerArn": _HERE + "event-tracker/1a2b3c4d",
    "solutionArn": _HERE + "solution/store",
    "solutionVersionArn": _HERE + "solution/store/1a2b3c4d",
    "campaignArn": _HERE + "campaign/store",
    "recipeArn": built_in_arn("recipe", "aws-user-personalization"),
    "algorithmArn": built_in_arn("algorithm", "aws-user-personalization"),
    "featureTransformationArn": built_in_arn("feature-transformation", "JSON-percentile-filtering"),
    "dataSource": {"dataLocation": "s3://store/interactions.csv"},
    "resourceArn": _HERE + "dataset-group/store",
    "tagKeys": ["team"],
    "userId": "1",
    "itemId": "10",
    "inputList": ["10", "20", "30"],
    "numResults": 10,
    "trackingId": "00000000-0000-4000-8000-000000000000",
    "sessionId": "session-1",
    "eventList": [{"eventType": "watch", "itemId": "10", "sentAt": 1700000000}],
}
# Optional members that the first request somebody tries is better without.
_LEFT_OUT = {("GetRecommendations", "itemId")}


def sample(operation: str, member: str, *, required: bool) -> Any:
    """A good value of a member, None where it is better left out; a list is of everything."""
    if not required and (operation.startswith("List") or (operation, member) in _LEFT_OUT):
        return None
    return SAMPLES.get(member)


def openapi_document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI document of these operations."""
    info = {
        "title": "OpenPersonalize",
        "version": __version__,
        "description": "Every operation of the Amazon Personalize API that this server has, as "
        "POST /<OperationName> with the same JSON body that AWS's SDKs send.",
    }
    return describe_api(sorted(operations, key=lambda operation: operation.name), info, sample)


@cache
def page() -> str:
    """The page that shows the document and tries its operations; needs nothing from elsewhere."""
    return files("openpersonalize.roles").joinpath("docs.html").read_text("utf-8")

"""One walk through all 79 operations, from an empty account and back: what the Postman collection sends.

`{{name}}` stands for a variable that an earlier answer gave. The walk starts with these: `run`, which makes
names unique; `bucket`, which holds interactions.csv (USER_ID, ITEM_ID, TIMESTAMP, EVENT_TYPE, EVENT_VALUE).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

RECIPE = "arn:aws:personalize:::recipe/"
ROLE = "arn:aws:iam::000000000000:role/personalize"
NOW = "{{$timestamp}}"
"""Seconds since 1970, a number; Postman has this variable itself."""

NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True)
class Step:
    """One request, and what must come of it."""

    operation: str
    body: Mapping[str, Any] = field(default_factory=dict)
    saves: Mapping[str, str] = field(default_factory=dict)
    """Variables, and the path of each in the answer."""
    until: tuple[str, str] | None = None
    """The request is repeated until the member at this path has this value."""
    refused: str = ""
    """The error's code where the answer is a refusal."""
    is_repeated_until_refused: bool = False


@dataclass(frozen=True)
class Chapter:
    """Steps that belong together."""

    title: str
    steps: tuple[Step, ...]


def _schema(record: str, *fields: str, kind: Mapping[str, Any] | None = None) -> str:
    """The text of a schema; fields are strings unless `kind` says more of them."""
    made = [{"name": name, "type": "string"} | dict((kind or {}).get(name, {})) for name in fields]
    document = {"type": "record", "name": record, "namespace": "com.amazonaws.personalize.schema"}
    return json.dumps(document | {"fields": made, "version": "1.0"})


_EVENTS = _schema(
    *("Interactions", "USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE"),
    kind={"TIMESTAMP": {"type": "long"}, "EVENT_VALUE": {"type": ["null", "float"]}},
)
_CATEGORY = {"categorical": True}


def _member(noun: str) -> str:
    return noun[0].lower() + noun[1:]


def _made(noun: str, variable: str, *, status: str = "ACTIVE", keep: str = "", **body: Any) -> Iterator[Step]:
    """Create a resource and wait for its end; `keep` is a member to save as a variable."""
    member = _member(noun)
    yield Step(f"Create{noun}", body, {variable: f"{member}Arn"})
    saves = {f"{variable}{keep[0].upper()}{keep[1:]}": f"{member}.{keep}"} if keep else {}
    yield _described(noun, variable, status, saves=saves)


def _described(
    noun: str, variable: str, status: str, path: str = "status", saves: Mapping[str, str] | None = None
) -> Step:
    member = _member(noun)
    body = {f"{member}Arn": f"{{{{{variable}}}}}"}
    return Step(f"Describe{noun}", body, saves or {}, until=(f"{member}.{path}", status))


def _schema_of(variable: str, text: str, **body: Any) -> Step:
    made = {"name": f"{variable}-{{{{run}}}}", "schema": text, **body}
    return Step("CreateSchema", made, {variable: "schemaArn"})


def _dataset(kind: str, variable: str, schema: str, group: str = "group", keep: str = "") -> Iterator[Step]:
    members = {"datasetType": kind, "schemaArn": f"{{{{{schema}}}}}", "datasetGroupArn": f"{{{{{group}}}}}"}
    return _made("Dataset", variable, keep=keep, name=kind, **members)


def _imported(dataset: str, name: str) -> Iterator[Step]:
    return _made(
        "DatasetImportJob",
        f"{name}Import",
        jobName=f"{name}-{{{{run}}}}",
        datasetArn=f"{{{{{dataset}}}}}",
        dataSource={"dataLocation": "s3://{{bucket}}/interactions.csv"},
        roleArn=ROLE,
    )


def _gone(noun: str, variable: str) -> Iterator[Step]:
    """Delete a resource and wait until it is not found."""
    body = {f"{_member(noun)}Arn": f"{{{{{variable}}}}}"}
    yield Step(f"Delete{noun}", body)
    yield Step(f"Describe{noun}", body, refused=NOT_FOUND, is_repeated_until_refused=True)


def _store() -> Iterator[Step]:
    yield from _made(
        "DatasetGroup", "group", name="store-{{run}}", tags=[{"tagKey": "team", "tagValue": "films"}]
    )
    yield Step("ListDatasetGroups", {"maxResults": 10})
    yield Step("TagResource", {"resourceArn": "{{group}}", "tags": [{"tagKey": "stage", "tagValue": "test"}]})
    yield Step("ListTagsForResource", {"resourceArn": "{{group}}"})
    yield Step("UntagResource", {"resourceArn": "{{group}}", "tagKeys": ["stage"]})
    yield _schema_of("eventsSchema", _EVENTS)
    yield Step("DescribeSchema", {"schemaArn": "{{eventsSchema}}"})
    yield Step("ListSchemas", {"maxResults": 10})
    yield from _dataset("Interactions", "events", "eventsSchema")
    yield Step("ListDatasets", {"datasetGroupArn": "{{group}}"})
    yield from _imported("events", "events")
    yield Step("ListDatasetImportJobs", {"datasetArn": "{{events}}"})
    # A name that is taken.
    yield Step("CreateDatasetGroup", {"name": "store-{{run}}"}, refused="ResourceAlreadyExistsException")


def _records() -> Iterator[Step]:
    kinds = {"GENRE": _CATEGORY, "AGE_GROUP": _CATEGORY, "KIND": _CATEGORY, "TIMESTAMP": {"type": "long"}}
    yield from _made("EventTracker", "tracker", keep="trackingId", name="web", datasetGroupArn="{{group}}")
    yield Step("ListEventTrackers", {"datasetGroupArn": "{{group}}"})
    event = {"eventType": "View", "itemId": "10", "sentAt": NOW, "properties": '{"eventValue": 4.5}'}
    yield Step(
        "PutEvents",
        {"trackingId": "{{trackerTrackingId}}", "userId": "1", "sessionId": "s1", "eventList": [event]},
    )
    yield _schema_of("itemsSchema", _schema("Items", "ITEM_ID", "GENRE", kind=kinds))
    yield from _dataset("Items", "items", "itemsSchema")
    item = {"itemId": "10", "properties": '{"genre": "jazz"}'}
    yield Step("PutItems", {"datasetArn": "{{items}}", "items": [item]})
    longer = {"TITLE": {"type": ["null", "string"]}}
    yield _schema_of("newItemsSchema", _schema("Items", "ITEM_ID", "GENRE", "TITLE", kind=kinds | longer))
    yield Step("UpdateDataset", {"datasetArn": "{{items}}", "schemaArn": "{{newItemsSchema}}"})
    yield _described("Dataset", "items", "ACTIVE", "latestDatasetUpdate.status")
    yield _schema_of("usersSchema", _schema("Users", "USER_ID", "AGE_GROUP", kind=kinds))
    yield from _dataset("Users", "users", "usersSchema")
    user = {"userId": "1", "properties": '{"ageGroup": "18-24"}'}
    yield Step("PutUsers", {"datasetArn": "{{users}}", "users": [user]})
    yield _schema_of("actionsSchema", _schema("Actions", "ACTION_ID", "KIND", kind=kinds))
    yield from _dataset("Actions", "actions", "actionsSchema")
    action = {"actionId": "a1", "properties": '{"kind": "newsletter"}'}
    yield Step("PutActions", {"datasetArn": "{{actions}}", "actions": [action]})
    fields = ("USER_ID", "ACTION_ID", "EVENT_TYPE", "TIMESTAMP")
    yield _schema_of("takenSchema", _schema("ActionInteractions", *fields, kind=kinds))
    yield from _dataset("Action_Interactions", "taken", "takenSchema", keep="trackingId")
    taken = {"actionId": "a1", "userId": "1", "sessionId": "s1", "timestamp": NOW, "eventType": "Taken"}
    yield Step("PutActionInteractions", {"trackingId": "{{takenTrackingId}}", "actionInteractions": [taken]})


def _training() -> Iterator[Step]:
    recipe = f"{RECIPE}aws-user-personalization"
    yield Step("ListRecipes", {"maxResults": 5})
    yield Step(
        "DescribeRecipe",
        {"recipeArn": recipe},
        {"algorithm": "recipe.algorithmArn", "transformation": "recipe.featureTransformationArn"},
    )
    yield Step("DescribeAlgorithm", {"algorithmArn": "{{algorithm}}"})
    yield Step("DescribeFeatureTransformation", {"featureTransformationArn": "{{transformation}}"})
    yield from _made(
        "Solution",
        "solution",
        name="for-you-{{run}}",
        datasetGroupArn="{{group}}",
        recipeArn=recipe,
        performAutoTraining=False,
        solutionConfig={"algorithmHyperParameters": {"hidden_dimension": "32"}},
    )
    yield Step("ListSolutions", {"datasetGroupArn": "{{group}}"})
    yield from _made("SolutionVersion", "version", solutionArn="{{solution}}")
    yield Step("GetSolutionMetrics", {"solutionVersionArn": "{{version}}"})
    yield Step("CreateSolutionVersion", {"solutionArn": "{{solution}}"}, {"stopped": "solutionVersionArn"})
    yield Step("StopSolutionVersionCreation", {"solutionVersionArn": "{{stopped}}"})
    yield _described("SolutionVersion", "stopped", "CREATE STOPPED")
    yield Step("ListSolutionVersions", {"solutionArn": "{{solution}}"})
    schedule = {"autoTrainingConfig": {"schedulingExpression": "rate(30 days)"}}
    yield Step(
        "UpdateSolution",
        {"solutionArn": "{{solution}}", "performAutoTraining": True, "solutionUpdateConfig": schedule},
    )
    yield _described("Solution", "solution", "ACTIVE", "latestSolutionUpdate.status")
    yield from _made(
        "Solution",
        "ranking",
        name="ranking-{{run}}",
        datasetGroupArn="{{group}}",
        recipeArn=f"{RECIPE}aws-personalized-ranking",
        performAutoTraining=False,
        solutionConfig={"algorithmHyperParameters": {"hidden_dimension": "32"}},
    )
    yield from _made("SolutionVersion", "rankingVersion", solutionArn="{{ranking}}")
    yield from _made(
        "Solution",
        "segments",
        name="segments-{{run}}",
        datasetGroupArn="{{group}}",
        recipeArn=f"{RECIPE}aws-item-affinity",
        performAutoTraining=False,
        solutionConfig={"algorithmHyperParameters": {"hidden_dimension": "32"}},
    )
    yield from _made("SolutionVersion", "segmentsVersion", solutionArn="{{segments}}")
    yield from _made(
        "Solution",
        "nextActions",
        name="actions-{{run}}",
        datasetGroupArn="{{group}}",
        recipeArn=f"{RECIPE}aws-next-best-action",
        performAutoTraining=False,
    )
    yield from _made("SolutionVersion", "nextActionsVersion", solutionArn="{{nextActions}}")


def _campaigns() -> Iterator[Step]:
    yield from _made(
        "Campaign",
        "campaign",
        name="for-you-{{run}}",
        solutionVersionArn="{{version}}",
        minProvisionedTPS=1,
    )
    yield Step("ListCampaigns", {"solutionArn": "{{solution}}"})
    yield Step("GetRecommendations", {"campaignArn": "{{campaign}}", "userId": "1", "numResults": 5})
    yield Step("UpdateCampaign", {"campaignArn": "{{campaign}}", "minProvisionedTPS": 2})
    yield _described("Campaign", "campaign", "ACTIVE", "latestCampaignUpdate.status")
    yield from _made(
        "Campaign", "rankingCampaign", name="ranking-{{run}}", solutionVersionArn="{{rankingVersion}}"
    )
    yield Step(
        "GetPersonalizedRanking",
        {"campaignArn": "{{rankingCampaign}}", "userId": "1", "inputList": ["10", "20", "30"]},
    )
    yield from _made(
        "Campaign", "actionsCampaign", name="actions-{{run}}", solutionVersionArn="{{nextActionsVersion}}"
    )
    yield Step("GetActionRecommendations", {"campaignArn": "{{actionsCampaign}}", "userId": "1"})


def _recommenders() -> Iterator[Step]:
    yield from _made("DatasetGroup", "shop", name="shop-{{run}}", domain="ECOMMERCE")
    yield _schema_of("shopSchema", _EVENTS, domain="ECOMMERCE")
    yield from _dataset("Interactions", "views", "shopSchema", group="shop")
    yield from _imported("views", "views")
    yield from _made(
        "Recommender",
        "recommender",
        name="popular-{{run}}",
        datasetGroupArn="{{shop}}",
        recipeArn=f"{RECIPE}aws-ecomm-popular-items-by-views",
    )
    yield Step("ListRecommenders", {"datasetGroupArn": "{{shop}}"})
    yield Step("GetRecommendations", {"recommenderArn": "{{recommender}}", "userId": "1", "numResults": 5})
    config = {"minRecommendationRequestsPerSecond": 2}
    yield Step("UpdateRecommender", {"recommenderArn": "{{recommender}}", "recommenderConfig": config})
    yield _described("Recommender", "recommender", "ACTIVE", "latestRecommenderUpdate.status")
    yield Step("StopRecommender", {"recommenderArn": "{{recommender}}"})
    yield _described("Recommender", "recommender", "INACTIVE")
    yield Step("StartRecommender", {"recommenderArn": "{{recommender}}"})
    yield _described("Recommender", "recommender", "ACTIVE")


def _filters() -> Iterator[Step]:
    expression = 'INCLUDE ItemID WHERE Items.GENRE IN ("jazz")'
    yield from _made(
        "Filter",
        "filter",
        name="jazz-{{run}}",
        datasetGroupArn="{{group}}",
        filterExpression=expression,
    )
    yield Step("ListFilters", {"datasetGroupArn": "{{group}}"})
    views = {"eventType": "View", "metricName": "views", "expression": "SAMPLECOUNT()"}
    yield from _made(
        "MetricAttribution",
        "attribution",
        name="attribution-{{run}}",
        datasetGroupArn="{{group}}",
        metrics=[views],
        metricsOutputConfig={
            "s3DataDestination": {"path": "s3://{{bucket}}/metrics/"},
            "roleArn": ROLE,
        },
    )
    yield Step("ListMetricAttributions", {"datasetGroupArn": "{{group}}"})
    bought = {"eventType": "Purchase", "metricName": "purchases", "expression": "SAMPLECOUNT()"}
    attribution = {"metricAttributionArn": "{{attribution}}"}
    yield Step("UpdateMetricAttribution", attribution | {"addMetrics": [bought]})
    yield _described("MetricAttribution", "attribution", "ACTIVE")
    yield Step("ListMetricAttributionMetrics", attribution)


def _jobs() -> Iterator[Step]:
    place: dict[str, Any] = {
        "jobInput": {"s3DataSource": {"path": "s3://{{bucket}}/users.json"}},
        "jobOutput": {"s3DataDestination": {"path": "s3://{{bucket}}/out/"}},
        "roleArn": ROLE,
    }
    failed = "CREATE FAILED"
    batch: dict[str, Any] = {"jobName": "batch-{{run}}", "solutionVersionArn": "{{version}}", **place}
    yield from _made("BatchInferenceJob", "batch", status=failed, **batch)
    yield Step("ListBatchInferenceJobs", {"solutionVersionArn": "{{version}}"})
    # It ends by its input, which no operation of this API could have uploaded.
    version = {"solutionVersionArn": "{{segmentsVersion}}"}
    segment: dict[str, Any] = {"jobName": "segments-{{run}}", **version, **place}
    yield from _made("BatchSegmentJob", "segment", status=failed, **segment)
    yield Step("ListBatchSegmentJobs", version)
    export: dict[str, Any] = {"datasetArn": "{{events}}", "jobOutput": place["jobOutput"], "roleArn": ROLE}
    yield from _made("DatasetExportJob", "export", status=failed, jobName="export-{{run}}", **export)
    yield Step("ListDatasetExportJobs", {"datasetArn": "{{events}}"})
    users: dict[str, Any] = {"dataSource": {"dataLocation": "s3://{{bucket}}/users/"}, "roleArn": ROLE}
    yield from _made(
        "DataDeletionJob",
        "deletion",
        status="FAILED",
        jobName="deletion-{{run}}",
        datasetGroupArn="{{group}}",
        **users,
    )
    yield Step("ListDataDeletionJobs", {"datasetGroupArn": "{{group}}"})


def _deletions() -> Iterator[Step]:
    yield Step("DeleteDatasetGroup", {"datasetGroupArn": "{{group}}"}, refused="ResourceInUseException")
    for noun, variables in (
        ("Campaign", ("campaign", "rankingCampaign", "actionsCampaign")),
        ("Recommender", ("recommender",)),
        ("Filter", ("filter",)),
        ("MetricAttribution", ("attribution",)),
        ("Solution", ("solution", "ranking", "segments", "nextActions")),
        ("EventTracker", ("tracker",)),
        ("Dataset", ("events", "items", "users", "taken", "actions", "views")),
    ):
        for variable in variables:
            yield from _gone(noun, variable)
    schemas = ("events", "items", "newItems", "users", "actions", "taken", "shop")
    for variable in schemas:
        yield from _gone("Schema", f"{variable}Schema")
    for variable in ("group", "shop"):
        yield from _gone("DatasetGroup", variable)


WALK = (
    Chapter("A store", tuple(_store())),
    Chapter("Events and records", tuple(_records())),
    Chapter("Training", tuple(_training())),
    Chapter("Campaigns and recommendations", tuple(_campaigns())),
    Chapter("Recommenders", tuple(_recommenders())),
    Chapter("Filters and metric attribution", tuple(_filters())),
    Chapter("Batch jobs, exports, deletions of users", tuple(_jobs())),
    Chapter("Everything goes", tuple(_deletions())),
)

"""Accounts and regions see nothing of each other: the same store in each, and every operation tried."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore import xform_name
from sqlalchemy import select

from openpersonalize.control import service
from openpersonalize.storage.log_tables import EventRow
from openpersonalize.storage.tables import DatasetGroupRow, JobRow, SolutionVersionRow
from tests.api.refusals import refused
from tests.world import FIELDS, Server, World, plain_interactions, text_field

REGIONS = ("us-east-1", "eu-west-1")


@dataclass(frozen=True)
class Estate:
    """What one account has in one region, ARNs by kind; all estates have the same names."""

    world: World
    group: str
    schema: str
    dataset: str
    import_job: str
    tracker: str
    tracking_id: str
    solution: str
    version: str
    campaign: str
    recommender: str
    filter: str
    attribution: str
    inference_job: str
    segment_job: str
    export_job: str
    deletion_job: str


def build(world: World) -> Estate:
    tags = [{"tagKey": "owner", "tagValue": world.account + world.region}]
    group = world.dataset_group(domain="ECOMMERCE", tags=tags)
    fields = [*FIELDS["Interactions"], text_field("EVENT_TYPE")]
    schema = world.schema("Interactions", *fields, name="schema", domain="ECOMMERCE")
    dataset = world.personalize.create_dataset(
        name="it", datasetGroupArn=group, datasetType="Interactions", schemaArn=schema
    )["datasetArn"]
    tracker = world.personalize.create_event_tracker(name="it", datasetGroupArn=group)
    world.settle()
    import_job = world.personalize.create_dataset_import_job(
        jobName="it",
        datasetArn=dataset,
        dataSource={"dataLocation": world.upload(plain_interactions(event_type="View"))},
    )["datasetImportJobArn"]
    world.settle()
    solution = world.solution(group, name="it")
    version = world.trained(solution)
    campaign = world.campaign(version, "it")
    recommender = world.personalize.create_recommender(name="it", datasetGroupArn=group, recipeArn=VIEWED)
    world.settle()
    return Estate(
        world=world,
        group=group,
        schema=schema,
        dataset=dataset,
        import_job=import_job,
        tracker=tracker["eventTrackerArn"],
        tracking_id=tracker["trackingId"],
        solution=solution,
        version=version,
        campaign=campaign,
        recommender=recommender["recommenderArn"],
        **unfinished(world, group, dataset, version),
    )


VIEWED = "arn:aws:personalize:::recipe/aws-ecomm-popular-items-by-views"
ROLE = "arn:aws:iam::123456789012:role/it"
PLACES = {
    "jobInput": {"s3DataSource": {"path": "s3://bucket/in"}},
    "jobOutput": {"s3DataDestination": {"path": "s3://bucket/out"}},
    "roleArn": ROLE,
}
MEASURES = {
    "metrics": [{"eventType": "watch", "metricName": "count", "expression": "SAMPLECOUNT()"}],
    "metricsOutputConfig": {"roleArn": ROLE},
}
EXPORT = {"jobOutput": PLACES["jobOutput"], "roleArn": ROLE}
ERASE = {"dataSource": {"dataLocation": "s3://bucket/users.csv"}, "roleArn": ROLE}
EXPRESSION = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'


def unfinished(world: World, group: str, dataset: str, version: str) -> dict[str, str]:
    """What is there but does no work yet, by kind."""
    client = world.personalize
    made = {
        "filter": client.create_filter(name="it", datasetGroupArn=group, filterExpression=EXPRESSION),
        "attribution": client.create_metric_attribution(name="it", datasetGroupArn=group, **MEASURES),
        "inference_job": client.create_batch_inference_job(
            jobName="it", solutionVersionArn=version, **PLACES
        ),
        "export_job": client.create_dataset_export_job(jobName="it", datasetArn=dataset, **EXPORT),
        "deletion_job": client.create_data_deletion_job(jobName="it", datasetGroupArn=group, **ERASE),
    }
    recipe = "arn:aws:personalize:::recipe/aws-"
    # No recipe that makes segments can be trained yet.
    world.set_columns(SolutionVersionRow, version, recipe_arn=f"{recipe}item-affinity")
    made["segment_job"] = client.create_batch_segment_job(jobName="it", solutionVersionArn=version, **PLACES)
    world.set_columns(SolutionVersionRow, version, recipe_arn=f"{recipe}popularity-count")
    world.settle()
    return {
        kind: next(value for name, value in answer.items() if name.endswith("Arn"))
        for kind, answer in made.items()
    }


@pytest.fixture(scope="module")
def estates(server: Server) -> list[Estate]:
    """Two accounts in two regions."""
    one, other = World(server), World(server)
    return [build(world.elsewhere(region=region)) for world in (one, other) for region in REGIONS]


Members = Callable[[Estate, Estate], dict[str, Any]]
"""The members of a call, given what the caller owns and what somebody else owns."""

# Calls that must answer as if the other's resource did not exist.
NOT_FOUND: Mapping[str, list[Members]] = {
    "DescribeDatasetGroup": [lambda own, other: {"datasetGroupArn": other.group}],
    "DescribeSchema": [lambda own, other: {"schemaArn": other.schema}],
    "DescribeDataset": [lambda own, other: {"datasetArn": other.dataset}],
    "DescribeDatasetImportJob": [lambda own, other: {"datasetImportJobArn": other.import_job}],
    "DescribeEventTracker": [lambda own, other: {"eventTrackerArn": other.tracker}],
    "DescribeSolution": [lambda own, other: {"solutionArn": other.solution}],
    "DescribeSolutionVersion": [lambda own, other: {"solutionVersionArn": other.version}],
    "DescribeCampaign": [lambda own, other: {"campaignArn": other.campaign}],
    "DescribeRecommender": [lambda own, other: {"recommenderArn": other.recommender}],
    "DescribeFilter": [lambda own, other: {"filterArn": other.filter}],
    "DescribeMetricAttribution": [lambda own, other: {"metricAttributionArn": other.attribution}],
    "DescribeBatchInferenceJob": [lambda own, other: {"batchInferenceJobArn": other.inference_job}],
    "DescribeBatchSegmentJob": [lambda own, other: {"batchSegmentJobArn": other.segment_job}],
    "DescribeDatasetExportJob": [lambda own, other: {"datasetExportJobArn": other.export_job}],
    "DescribeDataDeletionJob": [lambda own, other: {"dataDeletionJobArn": other.deletion_job}],
    "GetSolutionMetrics": [lambda own, other: {"solutionVersionArn": other.version}],
    "ListSolutionVersions": [lambda own, other: {"solutionArn": other.solution}],
    "ListTagsForResource": [
        lambda own, other: {"resourceArn": other.group},
        lambda own, other: {"resourceArn": other.tracker},
        lambda own, other: {"resourceArn": other.version},
    ],
    "TagResource": [
        lambda own, other: {"resourceArn": other.group, "tags": [{"tagKey": "owner", "tagValue": "me"}]},
        lambda own, other: {"resourceArn": other.version, "tags": []},
    ],
    "UntagResource": [lambda own, other: {"resourceArn": other.group, "tagKeys": ["owner"]}],
    "DeleteDatasetGroup": [lambda own, other: {"datasetGroupArn": other.group}],
    "DeleteSchema": [lambda own, other: {"schemaArn": other.schema}],
    "DeleteDataset": [lambda own, other: {"datasetArn": other.dataset}],
    "DeleteEventTracker": [lambda own, other: {"eventTrackerArn": other.tracker}],
    "DeleteSolution": [lambda own, other: {"solutionArn": other.solution}],
    "DeleteCampaign": [lambda own, other: {"campaignArn": other.campaign}],
    "DeleteRecommender": [lambda own, other: {"recommenderArn": other.recommender}],
    "DeleteFilter": [lambda own, other: {"filterArn": other.filter}],
    "DeleteMetricAttribution": [lambda own, other: {"metricAttributionArn": other.attribution}],
    "CreateRecommender": [
        lambda own, other: {"name": "new", "datasetGroupArn": other.group, "recipeArn": VIEWED}
    ],
    "UpdateRecommender": [
        lambda own, other: {
            "recommenderArn": other.recommender,
            "recommenderConfig": {"minRecommendationRequestsPerSecond": 9},
        }
    ],
    "StopRecommender": [lambda own, other: {"recommenderArn": other.recommender}],
    "StartRecommender": [lambda own, other: {"recommenderArn": other.recommender}],
    "CreateFilter": [
        lambda own, other: {"name": "new", "datasetGroupArn": other.group, "filterExpression": EXPRESSION}
    ],
    "CreateMetricAttribution": [
        lambda own, other: {"name": "new", "datasetGroupArn": other.group, **MEASURES}
    ],
    "UpdateMetricAttribution": [
        lambda own, other: {
            "metricAttributionArn": other.attribution,
            "metricsOutputConfig": {"roleArn": ROLE},
        }
    ],
    "CreateBatchInferenceJob": [
        lambda own, other: {"jobName": "new", "solutionVersionArn": other.version, **PLACES},
        lambda own, other: {
            "jobName": "new",
            "solutionVersionArn": own.version,
            "filterArn": other.filter,
            **PLACES,
        },
    ],
    "CreateBatchSegmentJob": [
        lambda own, other: {"jobName": "new", "solutionVersionArn": other.version, **PLACES}
    ],
    "CreateDatasetExportJob": [lambda own, other: {"jobName": "new", "datasetArn": other.dataset, **EXPORT}],
    "CreateDataDeletionJob": [lambda own, other: {"jobName": "new", "datasetGroupArn": other.group, **ERASE}],
    "CreateDataset": [
        lambda own, other: _dataset(own.schema, other.group),
        lambda own, other: _dataset(other.schema, own.group),
    ],
    "UpdateDataset": [
        lambda own, other: {"datasetArn": other.dataset, "schemaArn": own.schema},
        lambda own, other: {"datasetArn": own.dataset, "schemaArn": other.schema},
    ],
    "CreateDatasetImportJob": [
        lambda own, other: {
            "jobName": "new",
            "datasetArn": other.dataset,
            "dataSource": {"dataLocation": "s3://bucket/file.csv"},
        }
    ],
    "CreateEventTracker": [lambda own, other: {"name": "new", "datasetGroupArn": other.group}],
    "CreateSolution": [
        lambda own, other: {
            "name": "new",
            "datasetGroupArn": other.group,
            "recipeArn": "arn:aws:personalize:::recipe/aws-sims",
        }
    ],
    "UpdateSolution": [lambda own, other: {"solutionArn": other.solution, "performAutoTraining": False}],
    "CreateSolutionVersion": [lambda own, other: {"solutionArn": other.solution}],
    "StopSolutionVersionCreation": [lambda own, other: {"solutionVersionArn": other.version}],
    "CreateCampaign": [
        lambda own, other: {"name": "new", "solutionVersionArn": other.version},
        lambda own, other: {"name": "new", "solutionVersionArn": f"{other.solution}/$LATEST"},
    ],
    "UpdateCampaign": [
        lambda own, other: {"campaignArn": other.campaign, "minProvisionedTPS": 9},
        lambda own, other: {"campaignArn": own.campaign, "solutionVersionArn": other.version},
        lambda own, other: {"campaignArn": own.campaign, "solutionVersionArn": f"{other.solution}/$LATEST"},
    ],
}


def _dataset(schema: str, group: str) -> dict[str, Any]:
    return {"name": "new", "datasetType": "Interactions", "schemaArn": schema, "datasetGroupArn": group}


# Lists: their key, what they must hold of the caller's own, and the filter that must find nothing of others.
LISTS: Mapping[str, tuple[str, str, str, str, Callable[[Estate], str]]] = {
    "ListDatasetGroups": ("datasetGroups", "datasetGroupArn", "group", "", lambda other: ""),
    "ListSchemas": ("schemas", "schemaArn", "schema", "", lambda other: ""),
    "ListDatasets": ("datasets", "datasetArn", "dataset", "datasetGroupArn", lambda other: other.group),
    "ListDatasetImportJobs": (
        *("datasetImportJobs", "datasetImportJobArn", "import_job", "datasetArn"),
        lambda other: other.dataset,
    ),
    "ListEventTrackers": (
        *("eventTrackers", "eventTrackerArn", "tracker", "datasetGroupArn"),
        lambda other: other.group,
    ),
    "ListSolutions": ("solutions", "solutionArn", "solution", "datasetGroupArn", lambda other: other.group),
    "ListSolutionVersions": (
        *("solutionVersions", "solutionVersionArn", "version", ""),
        lambda other: "",
    ),
    "ListCampaigns": ("campaigns", "campaignArn", "campaign", "solutionArn", lambda other: other.solution),
    "ListRecommenders": (
        *("recommenders", "recommenderArn", "recommender", "datasetGroupArn"),
        lambda other: other.group,
    ),
    "ListFilters": ("Filters", "filterArn", "filter", "datasetGroupArn", lambda other: other.group),
    "ListMetricAttributions": (
        *("metricAttributions", "metricAttributionArn", "attribution", "datasetGroupArn"),
        lambda other: other.group,
    ),
    "ListBatchInferenceJobs": (
        *("batchInferenceJobs", "batchInferenceJobArn", "inference_job", "solutionVersionArn"),
        lambda other: other.version,
    ),
    "ListBatchSegmentJobs": (
        *("batchSegmentJobs", "batchSegmentJobArn", "segment_job", "solutionVersionArn"),
        lambda other: other.version,
    ),
    "ListDatasetExportJobs": (
        *("datasetExportJobs", "datasetExportJobArn", "export_job", "datasetArn"),
        lambda other: other.dataset,
    ),
    "ListDataDeletionJobs": (
        *("dataDeletionJobs", "dataDeletionJobArn", "deletion_job", "datasetGroupArn"),
        lambda other: other.group,
    ),
}

# These name nothing of anybody's: the estates, which have the same names, show that they don't collide.
WITHOUT_ARNS = {"CreateDatasetGroup", "CreateSchema"}
# Built in, the same for everybody.
SHARED = {"ListRecipes", "DescribeRecipe", "DescribeAlgorithm", "DescribeFeatureTransformation"}

# Each in a test of its own.
APART = {"ListMetricAttributionMetrics"}


def test_every_operation_has_a_case() -> None:
    tried = {*NOT_FOUND, *LISTS, *WITHOUT_ARNS, *SHARED, *APART}

    assert {operation.name for operation in service.operations} == tried


def call_of(estate: Estate, operation: str) -> Callable[..., Any]:
    call: Callable[..., Any] = getattr(estate.world.personalize, xform_name(operation))
    return call


def pairs(estates: list[Estate]) -> Iterator[tuple[Estate, Estate]]:
    return itertools.permutations(estates, 2)


def snapshot(estate: Estate) -> list[Any]:
    """All that the owner can see of an estate."""
    client = estate.world.personalize
    answers = [
        client.describe_dataset_group(datasetGroupArn=estate.group)["datasetGroup"],
        client.describe_schema(schemaArn=estate.schema)["schema"],
        client.describe_dataset(datasetArn=estate.dataset)["dataset"],
        client.describe_dataset_import_job(datasetImportJobArn=estate.import_job)["datasetImportJob"],
        client.describe_event_tracker(eventTrackerArn=estate.tracker)["eventTracker"],
        client.describe_solution(solutionArn=estate.solution)["solution"],
        client.describe_solution_version(solutionVersionArn=estate.version)["solutionVersion"],
        client.describe_campaign(campaignArn=estate.campaign)["campaign"],
        client.describe_recommender(recommenderArn=estate.recommender)["recommender"],
        client.describe_filter(filterArn=estate.filter)["filter"],
        client.describe_metric_attribution(metricAttributionArn=estate.attribution)["metricAttribution"],
        client.describe_batch_inference_job(batchInferenceJobArn=estate.inference_job)["batchInferenceJob"],
        client.describe_batch_segment_job(batchSegmentJobArn=estate.segment_job)["batchSegmentJob"],
        client.describe_dataset_export_job(datasetExportJobArn=estate.export_job)["datasetExportJob"],
        client.describe_data_deletion_job(dataDeletionJobArn=estate.deletion_job)["dataDeletionJob"],
        client.list_metric_attribution_metrics()["metrics"],
        client.get_solution_metrics(solutionVersionArn=estate.version)["metrics"],
        client.list_tags_for_resource(resourceArn=estate.group)["tags"],
    ]
    return [*answers, *(listed(estate, operation) for operation in LISTS)]


def listed(estate: Estate, operation: str, **members: Any) -> list[str]:
    key, arn, *_ = LISTS[operation]
    return [entry[arn] for entry in call_of(estate, operation)(**members)[key]]


def test_the_same_names_live_side_by_side(estates: list[Estate]) -> None:
    for estate in estates:
        owner = f":personalize:{estate.world.region}:{estate.world.account}:"

        assert all(owner in getattr(estate, kind) for _, _, kind, _, _ in LISTS.values())
    assert len({estate.version.rsplit("/", 1)[1] for estate in estates}) == 4


def test_nobody_finds_or_changes_what_is_anothers(estates: list[Estate]) -> None:
    before = [snapshot(estate) for estate in estates]

    def try_everything(own: Estate, other: Estate) -> None:
        for operation, cases in NOT_FOUND.items():
            for members in cases:
                asked = members(own, other)
                message = refused("ResourceNotFoundException", call_of(own, operation), **asked)
                assert "does not exist" in message, operation

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda pair: try_everything(*pair), pairs(estates)))
    estates[0].world.settle()

    assert [snapshot(estate) for estate in estates] == before


@pytest.mark.parametrize("operation", LISTS)
def test_lists_hold_ones_own_only(estates: list[Estate], operation: str) -> None:
    _, _, kind, parent, parent_of = LISTS[operation]
    for own, other in pairs(estates):
        assert listed(own, operation) == [getattr(own, kind)]
        if parent:
            assert listed(own, operation, **{parent: parent_of(own)}) == [getattr(own, kind)]
            assert listed(own, operation, **{parent: parent_of(other)}) == []


def test_metrics_are_listed_to_their_owner(estates: list[Estate]) -> None:
    for own, other in pairs(estates):
        call = own.world.personalize.list_metric_attribution_metrics

        assert call()["metrics"] == call(metricAttributionArn=own.attribution)["metrics"] != []
        assert call(metricAttributionArn=other.attribution)["metrics"] == []


def test_guessed_arns_lead_nowhere(estates: list[Estate]) -> None:
    for own, other in pairs(estates):
        guesses = {
            "DescribeEventTracker": {"eventTrackerArn": _as_ones_own(other.tracker, own)},
            "DescribeSolutionVersion": {"solutionVersionArn": _as_ones_own(other.version, own)},
            "GetSolutionMetrics": {"solutionVersionArn": _as_ones_own(other.version, own)},
            "CreateCampaign": {"name": "new", "solutionVersionArn": _as_ones_own(other.version, own)},
        }
        for operation, members in guesses.items():
            refused("ResourceNotFoundException", call_of(own, operation), **members)


def test_nobody_asks_anothers_campaign(estates: list[Estate]) -> None:
    def ask(own: Estate, other: Estate) -> None:
        ask_own = own.world.runtime.get_recommendations
        assert ask_own(campaignArn=own.campaign, userId="u1")["itemList"]
        version = _as_ones_own(other.version, own).replace(":solution/", ":campaign/")
        for arn in (other.campaign, version):
            message = refused("InvalidInputException", ask_own, campaignArn=arn, userId="u1")
            assert message == f"{arn} does not exist or is not active yet."
            rank = own.world.runtime.get_personalized_ranking
            assert message == refused(
                "InvalidInputException", rank, campaignArn=arn, userId="u1", inputList=["i1"]
            )

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda pair: ask(*pair), pairs(estates)))


def test_nobody_asks_anothers_recommender(estates: list[Estate]) -> None:
    for own, other in pairs(estates):
        ask = own.world.runtime.get_recommendations
        assert ask(recommenderArn=own.recommender, userId="u1")["itemList"]
        message = refused("InvalidInputException", ask, recommenderArn=other.recommender, userId="u1")
        assert message == f"{other.recommender} does not exist or is not active yet."


def test_nobody_sends_to_anothers_tracker(estates: list[Estate]) -> None:
    def send(own: Estate, other: Estate) -> None:
        # The same event in each estate: it is a duplicate in none of them.
        event = {"eventId": "e1", "eventType": "watch", "sentAt": 1_700_000_000, "itemId": "i1"}
        put = own.world.events.put_events
        put(trackingId=own.tracking_id, userId="u1", sessionId="s", eventList=[event])
        event["itemId"] = "i2"
        foreign = {"trackingId": other.tracking_id, "userId": "u1", "sessionId": "s", "eventList": [event]}
        assert "does not exist" in refused("InvalidInputException", put, **foreign)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda pair: send(*pair), pairs(estates)))

    stored = select(EventRow.item_id).join(DatasetGroupRow, DatasetGroupRow.id == EventRow.dataset_group_id)
    with estates[0].world.server.stores.database.read() as session:
        for estate in estates:
            assert session.scalars(stored.where(DatasetGroupRow.arn == estate.group)).all() == ["i1"]


def test_every_job_belongs_to_the_owner_of_its_resource(estates: list[Estate]) -> None:
    with estates[0].world.server.stores.database.read() as session:
        for estate in estates:
            owner = {"account": estate.world.account, "region": estate.world.region}
            jobs = session.scalars(select(JobRow).filter_by(**owner)).all()
            ours = f":personalize:{estate.world.region}:{estate.world.account}:"

            assert {job.kind for job in jobs} >= {"import-dataset", "train-solution-version"}
            assert all(ours in job.resource_arn for job in jobs)
            assert {job.resource_arn for job in jobs} >= {estate.group, estate.version, estate.campaign}


def _as_ones_own(arn: str, own: Estate) -> str:
    """The same resource part with the caller's own region and account."""
    return own.world.arn(arn.split(":", 5)[5])


def test_tokens_of_others_are_refused(estates: list[Estate]) -> None:
    for estate in estates:
        estate.world.schema(name="second")
    tokens = [estate.world.personalize.list_schemas(maxResults=1)["nextToken"] for estate in estates]

    for own, other in itertools.permutations(range(len(estates)), 2):
        refused(
            "InvalidNextTokenException", estates[own].world.personalize.list_schemas, nextToken=tokens[other]
        )
    for estate in estates:
        estate.world.personalize.delete_schema(schemaArn=estate.world.arn("schema", "second"))


def test_an_owner_deletes_without_touching_the_others(world: World) -> None:
    homes = [world, world.elsewhere(region="eu-west-1"), World(world.server)]
    leaving, *staying = [build(home) for home in homes]
    before = [snapshot(estate) for estate in staying]
    client = leaving.world.personalize
    client.delete_campaign(campaignArn=leaving.campaign)
    leaving.world.settle()
    client.delete_solution(solutionArn=leaving.solution)
    client.delete_event_tracker(eventTrackerArn=leaving.tracker)
    client.delete_recommender(recommenderArn=leaving.recommender)
    client.delete_filter(filterArn=leaving.filter)
    client.delete_metric_attribution(metricAttributionArn=leaving.attribution)
    client.delete_dataset(datasetArn=leaving.dataset)
    leaving.world.settle()
    client.delete_schema(schemaArn=leaving.schema)
    client.delete_dataset_group(datasetGroupArn=leaving.group)
    leaving.world.settle()

    assert client.list_dataset_groups()["datasetGroups"] == []
    assert [snapshot(estate) for estate in staying] == before
    for estate in staying:
        assert len(estate.world.generations(estate.dataset)) == 1
        assert all(folder.exists() for folder in estate.world.generations(estate.dataset))
        assert estate.world.artifact(estate.version).exists()

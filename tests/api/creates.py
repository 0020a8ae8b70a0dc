"""A request of each Create operation that makes something new; its parents are made on the way."""

from collections.abc import Callable, Mapping
from typing import Any

from openpersonalize.storage import records
from openpersonalize.storage.tables import SolutionVersionRow
from tests.api.conftest import TrainedStore
from tests.world import FIELDS, World, text_field

ROLE = "arn:aws:iam::000000000000:role/personalize"


def recipe(name: str) -> str:
    """The ARN of a recipe."""
    return f"arn:aws:personalize:::recipe/{name}"


def schema(store: TrainedStore, name: str) -> dict[str, Any]:
    described = store.world.personalize.describe_schema(schemaArn=store.world.schema())
    return {"name": name, "schema": described["schema"]["schema"]}


def dataset(store: TrainedStore, name: str) -> dict[str, Any]:
    parents = {"datasetGroupArn": store.world.dataset_group(name), "schemaArn": store.world.schema("Items")}
    return {"name": name, "datasetType": "Items"} | parents


def items(store: TrainedStore, name: str) -> str:
    return store.world.dataset(store.world.dataset_group(name), "Items")


def import_job(store: TrainedStore, name: str) -> dict[str, Any]:
    source = {"dataLocation": "s3://bucket/none.csv"}
    return {"jobName": name, "datasetArn": items(store, name), "dataSource": source}


def export_job(store: TrainedStore, name: str) -> dict[str, Any]:
    return {"jobName": name, "datasetArn": items(store, name), "roleArn": ROLE, "jobOutput": output(name)}


def output(name: str) -> dict[str, Any]:
    return {"s3DataDestination": {"path": f"s3://bucket/{name}/out/"}}


def deletion_job(store: TrainedStore, name: str) -> dict[str, Any]:
    group, source = store.world.dataset_group(name), {"dataLocation": "s3://bucket/users.csv"}
    return {"jobName": name, "datasetGroupArn": group, "dataSource": source, "roleArn": ROLE}


def recommender(store: TrainedStore, name: str) -> dict[str, Any]:
    group = store.world.dataset_group(name, domain="ECOMMERCE")
    text = store.world.schema(
        "Interactions", *FIELDS["Interactions"], text_field("EVENT_TYPE"), domain="ECOMMERCE"
    )
    store.world.personalize.create_dataset(
        name=name, datasetType="Interactions", datasetGroupArn=group, schemaArn=text
    )
    store.world.settle()
    return {"name": name, "datasetGroupArn": group, "recipeArn": recipe("aws-ecomm-popular-items-by-views")}


def filter_(store: TrainedStore, name: str) -> dict[str, Any]:
    group = store.world.dataset_group(name)
    store.world.dataset(group, "Items")
    expression = 'EXCLUDE ItemID WHERE Items.GENRE IN ("horror")'
    return {"name": name, "datasetGroupArn": group, "filterExpression": expression}


def metric_attribution(store: TrainedStore, name: str) -> dict[str, Any]:
    group = store.world.dataset_group(name)
    store.world.dataset(group, "Interactions", *FIELDS["Interactions"], text_field("EVENT_TYPE"))
    metric = {"eventType": "click", "metricName": "clicks", "expression": "SAMPLECOUNT()"}
    settings = {"metrics": [metric], "metricsOutputConfig": {"roleArn": ROLE}}
    return {"name": name, "datasetGroupArn": group} | settings


def batch_job(version: str, name: str) -> dict[str, Any]:
    source = {"s3DataSource": {"path": f"s3://bucket/{name}/in/"}}
    paths = {"jobInput": source, "jobOutput": output(name)}
    return {"jobName": name, "solutionVersionArn": version, "roleArn": ROLE} | paths


def segment_job(store: TrainedStore, name: str) -> dict[str, Any]:
    return batch_job(segments(store.world, store.group), name)


def segments(world: World, group: str) -> str:
    """A version that makes segments, which no training makes ACTIVE yet: the row says that it is."""
    version = world.trained(world.solution(group, "aws-item-affinity"))
    with world.server.stores.database.write() as session:
        row = records.named(session, SolutionVersionRow, version)
        row.status, row.failure_reason = "ACTIVE", None
    return version


CREATE: Mapping[str, Callable[[TrainedStore, str], dict[str, Any]]] = {
    "CreateBatchInferenceJob": lambda store, name: batch_job(store.version, name),
    "CreateBatchSegmentJob": segment_job,
    "CreateCampaign": lambda store, name: {"name": name, "solutionVersionArn": store.version},
    "CreateDataDeletionJob": deletion_job,
    "CreateDataset": dataset,
    "CreateDatasetExportJob": export_job,
    "CreateDatasetGroup": lambda store, name: {
        "name": name,
        "tags": [{"tagKey": "team", "tagValue": "blue"}],
    },
    "CreateDatasetImportJob": import_job,
    "CreateEventTracker": lambda store, name: {
        "name": name,
        "datasetGroupArn": store.world.dataset_group(name),
    },
    "CreateFilter": filter_,
    "CreateMetricAttribution": metric_attribution,
    "CreateRecommender": recommender,
    "CreateSchema": schema,
    "CreateSolution": lambda store, name: {
        "name": name,
        "datasetGroupArn": store.group,
        "recipeArn": recipe("aws-sims"),
    },
    "CreateSolutionVersion": lambda store, name: {
        "solutionArn": store.world.solution(store.group, name=name)
    },
}

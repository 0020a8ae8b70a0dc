"""What a server of each profile allows: AWS's quotas under `aws`, a handful of rows under `relaxed`."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from sqlalchemy import delete, update

from openpersonalize.recipes.catalogue import BUILT, RECIPES
from openpersonalize.settings import Profile
from openpersonalize.storage.tables import (
    BatchInferenceJobRow,
    BatchSegmentJobRow,
    CampaignRow,
    DataDeletionJobRow,
    DatasetGroupRow,
    DatasetImportJobRow,
    FilterRow,
    Lifecycle,
    RecommenderRow,
    Resource,
    SchemaRow,
    SolutionRow,
    SolutionVersionRow,
)
from tests.api.conftest import TrainedStore
from tests.api.creates import CREATE
from tests.api.refusals import refused
from tests.api.rows import fill
from tests.databases import new_database
from tests.world import FIELDS, Server, World, running_server, text_field, until

GIB = 1024**3


@contextmanager
def server_of(folder: Path, limits: Profile) -> Iterator[Server]:
    """A server of a profile, on a database of its own."""
    with new_database() as url, running_server(folder, url, limits=limits) as server:
        yield server


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps all of AWS's limits."""
    with server_of(tmp_path_factory.mktemp("aws"), "aws") as server:
        yield server


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trains on anything."""
    with server_of(tmp_path_factory.mktemp("relaxed"), "relaxed") as server:
        yield server


def a_store(server: Server) -> TrainedStore:
    """A store in a new account with a solution version that says it is ACTIVE."""
    world = World(server)
    (group,) = fill(world, DatasetGroupRow, ["store"])
    (solution,) = fill(world, SolutionRow, ["store"])
    (version,) = fill(world, SolutionVersionRow, ["store"])
    return TrainedStore(world, group, solution, version)


@dataclass(frozen=True)
class Quota:
    """How many there may be, and how many of these `a_store` and the Create's own parents are."""

    table: type[Resource]
    most: int
    there: int = 0
    status: str = "ACTIVE"

    @property
    def message(self) -> str:
        if self.status == "ACTIVE":
            return f"More than {self.most} resources in ACTIVE state. Please delete some and try again."
        return f"More than {self.most} resources with PENDING or IN_PROGRESS status."

    def use_up(self, store: TrainedStore, request: Mapping[str, Any]) -> list[str]:
        """Fill what is left of the quota, all but one, in the dataset group of the request."""
        parents = {
            "dataset_group_arn": request.get("datasetGroupArn", store.group),
            "solution_arn": store.solution,
        }
        columns = {name: arn for name, arn in parents.items() if hasattr(self.table, name)}
        if hasattr(self.table, "status"):
            columns["status"] = self.status
        names = [f"quota-{number}" for number in range(self.most - self.there - 1)]
        return fill(store.world, self.table, names, **columns)


# The numbers are AWS's, once more: the code's own must be the same.
QUOTAS: Mapping[str, Quota] = {
    "CreateSchema": Quota(SchemaRow, 500, there=1),
    "CreateDatasetGroup": Quota(DatasetGroupRow, 5, there=1),
    "CreateDatasetImportJob": Quota(DatasetImportJobRow, 5, status="CREATE PENDING"),
    "CreateDataDeletionJob": Quota(DataDeletionJobRow, 5, status="PENDING"),
    "CreateSolution": Quota(SolutionRow, 10, there=1),
    "CreateSolutionVersion": Quota(SolutionVersionRow, 20, status="CREATE IN_PROGRESS"),
    "CreateCampaign": Quota(CampaignRow, 5),
    "CreateRecommender": Quota(RecommenderRow, 5),
    "CreateFilter": Quota(FilterRow, 30),
    "CreateBatchInferenceJob": Quota(BatchInferenceJobRow, 5, status="CREATE IN_PROGRESS"),
    "CreateBatchSegmentJob": Quota(BatchSegmentJobRow, 5, status="CREATE PENDING"),
}


@pytest.mark.parametrize("operation", QUOTAS)
def test_under_aws_a_quota_can_be_used_up_and_no_more(strict: Server, operation: str) -> None:
    quota, store = QUOTAS[operation], a_store(strict)
    create = getattr(store.world.personalize, xform_name(operation))
    request = CREATE[operation](store, "last")
    another = {
        member: value.replace("last", "one-more") for member, value in request.items() if member in NAMES
    }
    used = quota.use_up(store, request)

    create(**request)
    assert refused("LimitExceededException", create, **request | another) == quota.message

    end(strict, quota.table, used[0])
    create(**request | another)


NAMES = ("name", "jobName")


def end(server: Server, table: type[Resource], arn: str) -> None:
    """What failed, and what is deleted, does not count."""
    with server.stores.database.write() as session:
        if issubclass(table, Lifecycle):
            failed = "FAILED" if table is DataDeletionJobRow else "CREATE FAILED"
            session.execute(update(table).where(table.arn == arn).values(status=failed))
        else:
            session.execute(delete(table).where(table.arn == arn))


@pytest.mark.parametrize("elsewhere", [{"region": "eu-west-1"}, {"account": "999999999999"}])
def test_under_aws_each_account_and_region_has_quotas_of_its_own(
    strict: Server, elsewhere: dict[str, str]
) -> None:
    world = World(strict)
    fill(world, DatasetGroupRow, [f"quota-{number}" for number in range(5)])
    refused("LimitExceededException", world.personalize.create_dataset_group, name="last")

    created = world.elsewhere(**elsewhere).personalize.create_dataset_group(name=f"of-{world.account}")

    assert created["datasetGroupArn"] == world.elsewhere(**elsewhere).arn(
        "dataset-group", f"of-{world.account}"
    )


@pytest.mark.parametrize("operation", QUOTAS)
def test_otherwise_there_are_no_quotas(server: Server, operation: str) -> None:
    quota, store = QUOTAS[operation], a_store(server)
    request = CREATE[operation](store, "last")
    fill(store.world, DatasetGroupRow, ["other"])
    quota.use_up(store, request)
    create = getattr(store.world.personalize, xform_name(operation))

    for name in ("last", "one-more", "and-another"):
        create(**request | {member: name for member in NAMES if member in request})


@pytest.mark.parametrize("operation", ["CreateDatasetGroup", "CreateSchema", "CreateFilter"])
def test_requests_at_the_same_time_take_no_more_than_the_last_place(strict: Server, operation: str) -> None:
    store = a_store(strict)
    request = CREATE[operation](store, "last")
    QUOTAS[operation].use_up(store, request)

    def code_of(number: int) -> str:
        try:
            getattr(store.world.personalize, xform_name(operation))(**request | {"name": f"racer-{number}"})
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(6) as threads:
        codes = sorted(threads.map(code_of, range(6)))

    assert codes == ["", *["LimitExceededException"] * 5]


def imported_file(world: World, dataset: str, size: int, name: str, **members: Any) -> dict[str, Any]:
    """The end of an import of a file that takes no room on the disk, whatever its size."""
    location = world.upload("ITEM_ID,GENRE\ni1,drama\n", f"{name}/items.csv")
    bucket, _, key = location.removeprefix("s3://").partition("/")
    with (world.server.settings.data_dir / "buckets" / bucket / key).open("ab") as file:
        file.truncate(size)
    created = world.personalize.create_dataset_import_job(
        jobName=name, datasetArn=dataset, dataSource={"dataLocation": location}, **members
    )
    world.settle()
    job: dict[str, Any] = world.personalize.describe_dataset_import_job(
        datasetImportJobArn=created["datasetImportJobArn"]
    )["datasetImportJob"]
    return job


def test_under_aws_an_import_may_be_only_so_large(strict: Server) -> None:
    world = World(strict)
    dataset = world.dataset(world.dataset_group(), "Items")
    full = imported_file(world, dataset, 100 * GIB + 1, "full")
    world.imported(dataset, "ITEM_ID,GENRE\ni1,drama\n")
    more = imported_file(world, dataset, GIB + 1, "more", importMode="INCREMENTAL")

    assert full["status"] == more["status"] == "CREATE FAILED"
    assert "at most 107374182400" in full["failureReason"]
    assert "at most 1073741824" in more["failureReason"]


HANDFULS: Mapping[str, list[tuple[str, str]]] = {
    "one user and one item": [("u1", "i1")] * 3,
    "three users": [("u1", "i1"), ("u1", "i2"), ("u2", "i2"), ("u3", "i1"), ("u3", "i3")],
}
CUSTOM = sorted(
    name
    for name in BUILT
    if RECIPES[name].domain is None
    and RECIPES[name].needs_interactions
    and RECIPES[name].recipe_type not in {"USER_SEGMENTATION", "PERSONALIZED_ACTIONS"}
)
"""Those that need no other data; the ten of domains are in test_use_cases.py."""


def handful(rows: list[tuple[str, str]], event_type: str) -> str:
    lines = [f"{user},{item},{1_700_000_000 + at},{event_type}" for at, (user, item) in enumerate(rows)]
    return "\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *lines]) + "\n"


def check_metrics(metrics: Mapping[str, float]) -> None:
    assert len(metrics.keys() - {"trend_prediction_accuracy"}) == 8
    assert all(0.0 <= value <= 1.0 for value in metrics.values())


@pytest.mark.slow
@pytest.mark.parametrize("rows", HANDFULS.values(), ids=HANDFULS)
def test_relaxed_trains_and_deploys_every_recipe_on_a_handful_of_rows(
    relaxed: Server, rows: list[tuple[str, str]]
) -> None:
    world = World(relaxed)
    group = world.dataset_group()
    dataset = world.dataset(group, "Interactions", *FIELDS["Interactions"], text_field("EVENT_TYPE"))
    world.imported(dataset, handful(rows, "click"))
    for recipe in CUSTOM:
        version = world.trained(world.solution(group, recipe))
        check_metrics(world.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"])
        asked = {"campaignArn": world.campaign(version), "userId": "u1", "itemId": "i1"}
        if RECIPES[recipe].recipe_type == "PERSONALIZED_RANKING":
            continue
        items = answered(world, **asked)
        assert {item["itemId"] for item in items} <= {item for _, item in rows}


def answered(world: World, **asked: Any) -> list[dict[str, Any]]:
    """The items of an answer, as soon as the model is loaded."""

    def answer() -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = world.runtime.get_recommendations(**asked)
        except world.runtime.exceptions.InvalidInputException as error:
            assert "does not exist or is not active yet" in str(error)
            return None
        return found

    items: list[dict[str, Any]] = until(answer, "the model answers")["itemList"]
    return items


def test_relaxed_imports_a_file_without_rows(relaxed: Server) -> None:
    world = World(relaxed)
    dataset = world.dataset(world.dataset_group())
    job = world.imported(dataset, "USER_ID,ITEM_ID,TIMESTAMP\n")
    described = world.personalize.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]

    assert described["status"] == "ACTIVE"


def test_relaxed_needs_at_least_one_interaction(relaxed: Server) -> None:
    world = World(relaxed)
    group = world.dataset_group()
    world.imported(world.dataset(group), "USER_ID,ITEM_ID,TIMESTAMP\n")
    version = world.trained(world.solution(group))
    described = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]

    assert described["status"] == "CREATE FAILED"
    assert described["failureReason"] == "Dataset has no interactions: import some, or send events."


@pytest.mark.parametrize("profile", ["standard", "aws"])
def test_other_profiles_demand_as_much_data_as_aws(server: Server, strict: Server, profile: str) -> None:
    world = World(server if profile == "standard" else strict)
    job = world.imported(
        world.dataset(world.dataset_group()), "USER_ID,ITEM_ID,TIMESTAMP\nu1,i1,1700000000\n"
    )
    described = world.personalize.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]

    assert described["status"] == "CREATE FAILED"
    assert described["failureReason"].startswith("Dataset has fewer than 1000 interactions.")

"""From a folder of CSVs to campaigns that answer, step by step through the public API."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from rich.progress import Progress

from openpersonalize.cli.client.connection import Connection, code_of
from openpersonalize.cli.client.folders import StoreFolder, copy_to_bucket
from openpersonalize.cli.client.statuses import HowFar, wait_until_active
from openpersonalize.protocol.arns import Scope, built_in_arn
from openpersonalize.protocol.sigv4 import DEFAULT_ACCOUNT
from openpersonalize.settings import Settings

RECIPES = {
    "for-you": "aws-user-personalization",
    "popular": "aws-popularity-count",
    "similar": "aws-sims",
    "ranking": "aws-personalized-ranking",
}


@dataclass
class LoadedStore:
    """What was created, and how long each phase took."""

    dataset_group_arn: str = ""
    tracking_id: str = ""
    campaigns: dict[str, str] = field(default_factory=dict)
    """ARN by the names of RECIPES."""
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a block."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class Loader:
    """Creates one store's resources; what exists from an interrupted run is used again."""

    connection: Connection
    bars: Progress
    name: str
    """Name of the dataset group, of the bucket, and the beginning of all other names."""
    settings: Settings
    """The server's, which say where the buckets are that it imports from."""
    how_far: HowFar

    def load(self, folder: StoreFolder, recipes: Mapping[str, str] = RECIPES) -> LoadedStore:
        """Import, train and deploy. Raises UserError with the server's reason where a step fails."""
        store = LoadedStore()
        with store.phase("copy the files into a bucket"):
            copy_to_bucket(folder, self.settings, self.name)
        with store.phase("create dataset group, schemas, datasets and event tracker"):
            store.dataset_group_arn = self._dataset_group()
            datasets = self._datasets(folder, store.dataset_group_arn)
            store.tracking_id = self._event_tracker(store.dataset_group_arn)
        with store.phase("import"):
            self._wait(*(self._import(kind, arn) for kind, arn in datasets.items()))
        with store.phase("train"):
            solutions = {use: self._solution(use, recipe, store) for use, recipe in recipes.items()}
            self._wait(*solutions.values())
            versions = {use: self._solution_version(arn) for use, arn in solutions.items()}
            self._wait(*versions.values())
        with store.phase("deploy"):
            store.campaigns = {use: self._campaign(use, arn) for use, arn in versions.items()}
            self._wait(*store.campaigns.values())
        return store

    def _wait(self, *arns: str) -> None:
        wait_until_active(self.connection, arns, self.bars, how_far=self.how_far)

    def _dataset_group(self) -> str:
        arn = self._create("create_dataset_group", "datasetGroupArn", name=self.name)
        self._wait(arn)
        return arn

    def _datasets(self, folder: StoreFolder, dataset_group_arn: str) -> dict[str, str]:
        arns = {}
        for kind, schema in folder.schemas.items():
            schema_arn = self._create("create_schema", "schemaArn", name=f"{self.name}-{kind}", schema=schema)
            arns[kind] = self._create(
                "create_dataset",
                "datasetArn",
                name=f"{self.name}-{kind}",
                datasetGroupArn=dataset_group_arn,
                datasetType=kind.capitalize(),
                schemaArn=schema_arn,
            )
        self._wait(*arns.values())
        return arns

    def _event_tracker(self, dataset_group_arn: str) -> str:
        control = self.connection.control
        # A tracker's ARN cannot be known from its name, so one that exists has to be looked up.
        existing = control.list_event_trackers(datasetGroupArn=dataset_group_arn)["eventTrackers"]
        if existing:
            arn = existing[0]["eventTrackerArn"]
        else:
            arn = control.create_event_tracker(name=self.name, datasetGroupArn=dataset_group_arn)[
                "eventTrackerArn"
            ]
        self._wait(arn)
        return str(control.describe_event_tracker(eventTrackerArn=arn)["eventTracker"]["trackingId"])

    def _import(self, kind: str, dataset_arn: str) -> str:
        return self._create(
            "create_dataset_import_job",
            "datasetImportJobArn",
            jobName=f"{self.name}-{kind}",
            datasetArn=dataset_arn,
            dataSource={"dataLocation": f"s3://{self.name}/{kind}.csv"},
        )

    def _solution(self, use: str, recipe: str, store: LoadedStore) -> str:
        partition = Scope(DEFAULT_ACCOUNT, self.connection.control.meta.region_name).partition
        return self._create(
            "create_solution",
            "solutionArn",
            name=f"{self.name}-{use}",
            datasetGroupArn=store.dataset_group_arn,
            recipeArn=built_in_arn("recipe", recipe, partition),
            performAutoTraining=False,
        )

    def _solution_version(self, solution_arn: str) -> str:
        control = self.connection.control
        versions = control.list_solution_versions(solutionArn=solution_arn)["solutionVersions"]
        usable = [version for version in versions if not version["status"].endswith(("FAILED", "STOPPED"))]
        if usable:
            return str(usable[-1]["solutionVersionArn"])
        return str(control.create_solution_version(solutionArn=solution_arn)["solutionVersionArn"])

    def _campaign(self, use: str, solution_version_arn: str) -> str:
        return self._create(
            "create_campaign",
            "campaignArn",
            name=f"{self.name}-{use}",
            solutionVersionArn=solution_version_arn,
            minProvisionedTPS=1,
        )

    def _create(self, operation: str, member: str, **arguments: Any) -> str:
        """Create, or give the ARN of what has this name already."""
        try:
            return str(getattr(self.connection.control, operation)(**arguments)[member])
        except ClientError as error:
            if code_of(error) != "ResourceAlreadyExistsException":
                raise
            return _existing_arn(error)


def _existing_arn(error: ClientError) -> str:
    """The ARN in "Another resource with Arn … already exists."."""
    words = str(error.response["Error"]["Message"]).split()
    found = [word for word in words if word.startswith("arn:")]
    if not found:
        raise error
    return found[0]

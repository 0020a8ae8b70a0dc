"""Imports from a real S3 server: the same rows as from local buckets, or a reason and nothing else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openpersonalize.settings import load_settings
from openpersonalize.storage.objects import LocalObjects, ObjectStore
from openpersonalize.storage.s3 import S3Objects
from openpersonalize.storage.stores import wall_clock
from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.databases import new_database
from tests.s3_servers import (
    MAY_ALL,
    MAY_NOT_READ,
    SECRET_KEY,
    S3Server,
    client_of,
    free_ports,
)
from tests.unit.cli.command import run
from tests.world import Server, World, plain_interactions, process_server, running_server

pytestmark = pytest.mark.xdist_group("s3")

_numbers = count()
PAUSE_S = 0.001
LARGE = plain_interactions(n_users=3000, n_items=97, each=60)


@dataclass
class Clock:
    """A clock that tests move on, so that a job that waits is due."""

    ahead_s: float = 0.0

    def __call__(self) -> float:
        return wall_clock() + self.ahead_s


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def proxy(seaweed: S3Server) -> Iterator[CuttingProxy]:
    with cutting_proxy(seaweed.url) as running:
        yield running


@pytest.fixture(scope="module")
def s3_server(
    tmp_path_factory: pytest.TempPathFactory, proxy: CuttingProxy, clock: Clock
) -> Iterator[Server]:
    """A server whose workers read S3 through the proxy."""
    folder = tmp_path_factory.mktemp("s3") / "data"
    objects = S3Objects(client_of(proxy.url), pause_s=PAUSE_S)
    with new_database() as url, running_server(folder, url, clock=clock, objects=objects) as server:
        yield server


@dataclass
class Shop:
    """A dataset with one good import in it, and a bucket to import from."""

    world: World
    dataset: str
    bucket: str
    proxy: CuttingProxy
    put: Callable[..., Any]

    def import_from(self, location: str, objects: ObjectStore | None = None) -> dict[str, Any]:
        """An import that has ended, by workers with this store, as it is described."""
        arn = self.begin(location)
        worker = self.with_objects(objects) if objects else self.world
        worker.settle()
        return self.describe(arn)

    def begin(self, location: str) -> str:
        """The ARN of a new import job."""
        created = self.world.personalize.create_dataset_import_job(
            jobName=f"job-{next(_numbers)}",
            datasetArn=self.dataset,
            dataSource={"dataLocation": location},
        )
        arn: str = created["datasetImportJobArn"]
        return arn

    def describe(self, arn: str) -> dict[str, Any]:
        """What the API says of an import job."""
        described = self.world.personalize.describe_dataset_import_job(datasetImportJobArn=arn)
        job: dict[str, Any] = described["datasetImportJob"]
        return job

    def with_objects(self, objects: ObjectStore) -> World:
        """The same world with other workers."""
        server = self.world.server
        return replace(self.world, server=replace(server, stores=replace(server.stores, objects=objects)))

    def rows(self) -> pl.DataFrame:
        """The rows of the dataset, in their order."""
        return pl.concat(
            pl.read_parquet(path)
            for folder in self.world.generations(self.dataset)
            for path in sorted(folder.glob("*.parquet"))
        )

    def files(self) -> list[str]:
        """All that imports left below the data directory."""
        stores = self.world.server.stores
        return sorted(
            str(path) for place in (stores.generations, stores.scratch) for path in place.rglob("*")
        )


@pytest.fixture
def shop(s3_server: Server, proxy: CuttingProxy, seaweed: S3Server) -> Shop:
    proxy.cuts, proxy.n_cut, proxy.when_cut = 0, 0, lambda: None
    world = World(s3_server)
    bucket = f"bucket-{world.account}"
    seaweed.client().create_bucket(Bucket=bucket)
    dataset = world.interactions(world.dataset_group())
    return Shop(world, dataset, bucket, proxy, seaweed.client().put_object)


def test_an_import_from_s3_brings_the_rows_that_one_from_a_folder_brings(shop: Shop, tmp_path: Any) -> None:
    local = LocalObjects(tmp_path)
    for number, text in enumerate((LARGE, plain_interactions())):
        shop.put(Bucket=shop.bucket, Key=f"daily/{number}.csv", Body=text.encode())
        with local.write(f"s3://{shop.bucket}/daily/{number}.csv") as file:
            file.write(text.encode())
    location = f"s3://{shop.bucket}/daily/"
    assert shop.import_from(location, local)["status"] == "ACTIVE"
    expected = shop.rows()
    assert shop.import_from(location)["status"] == "ACTIVE"

    assert expected.height > 100_000
    assert_frame_equal(shop.rows(), expected)


def test_an_import_over_broken_connections_brings_the_same_rows(shop: Shop) -> None:
    location = shop.world.upload(LARGE)
    assert shop.import_from(location)["status"] == "ACTIVE"
    expected = shop.rows()
    # The first answers are those to the listing and to the reading of the header.
    shop.proxy.cuts, shop.proxy.after = 4, 600_000
    assert shop.import_from(location)["status"] == "ACTIVE"

    assert shop.proxy.n_cut == 4
    assert_frame_equal(shop.rows(), expected)


def fails(shop: Shop, location: str, reason: str, objects: ObjectStore | None = None) -> None:
    """The import fails with the reason, and the dataset is what it was before."""
    rows, files = shop.rows(), shop.files()
    job = shop.import_from(location, objects)

    assert job["status"] == "CREATE FAILED"
    assert reason in job["failureReason"]
    assert shop.files() == files
    assert_frame_equal(shop.rows(), rows)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("s3://no-such-bucket/a.csv", "Invalid Data location. There is no bucket 'no-such-bucket'"),
        ("s3://no-such-bucket/daily/", "Invalid Data location. There is no bucket 'no-such-bucket'"),
        ("s3://{bucket}/z.csv", "Invalid Data location. s3://{bucket}/z.csv does not exist. Upload"),
        ("s3://{bucket}/empty/", "Invalid Data location. s3://{bucket}/empty/ holds no objects"),
        ("s3://{bucket}/daily", "Invalid Data location. s3://{bucket}/daily is a folder. Write"),
        ("s3://{bucket}/daily/bad.csv", "s3://{bucket}/daily/bad.csv"),
    ],
)
def test_a_location_that_cannot_be_imported_changes_nothing(shop: Shop, location: str, reason: str) -> None:
    shop.put(Bucket=shop.bucket, Key="empty/", Body=b"")
    shop.put(Bucket=shop.bucket, Key="daily/bad.csv", Body=LARGE.encode()[:-20] + b"u1,i1,yesterday\n")

    fails(shop, location.format(bucket=shop.bucket), reason.format(bucket=shop.bucket))


@pytest.mark.parametrize("key", ["daily/", "daily/a.csv"])
def test_a_bucket_that_the_server_may_not_read_changes_nothing(
    shop: Shop, seaweed: S3Server, key: str
) -> None:
    shop.put(Bucket=shop.bucket, Key="daily/a.csv", Body=plain_interactions().encode())

    fails(
        shop,
        f"s3://{shop.bucket}/{key}",
        "Insufficient privileges for accessing data in S3. "
        f"S3 refused s3://{shop.bucket}/{key} (AccessDenied)",
        S3Objects(seaweed.client(MAY_NOT_READ)),
    )


def test_an_object_that_changes_while_it_is_read_changes_nothing(shop: Shop) -> None:
    location = shop.world.upload(LARGE, "large.csv")
    changed = LARGE.replace("u1,", "other,").encode()
    # Within the first block that is asked for: further on, bytes may be under way that nobody waits for.
    shop.proxy.cuts, shop.proxy.after = 1, 600_000
    shop.proxy.when_cut = lambda: shop.put(Bucket=shop.bucket, Key="large.csv", Body=changed)

    fails(shop, location, f"{location} changed while it was read. Import it again.")
    assert shop.proxy.n_cut == 1


def test_a_server_that_is_away_for_a_moment_delays_an_import(shop: Shop, clock: Clock) -> None:
    location = shop.world.upload(plain_interactions())
    (port,) = free_ports(1)
    arn = shop.begin(location)
    shop.with_objects(S3Objects(client_of(f"http://127.0.0.1:{port}"))).settle()
    waiting = shop.describe(arn)["status"]
    clock.ahead_s += 60
    shop.world.settle()

    assert waiting in ("CREATE PENDING", "CREATE IN_PROGRESS")
    assert shop.describe(arn)["status"] == "ACTIVE"


def test_a_server_that_stays_away_fails_the_import_with_the_remedy(shop: Shop, clock: Clock) -> None:
    location = shop.world.upload(plain_interactions())
    rows, files = shop.rows(), shop.files()
    (port,) = free_ports(1)
    arn = shop.begin(location)
    for _ in range(3):
        shop.with_objects(S3Objects(client_of(f"http://127.0.0.1:{port}"))).settle()
        clock.ahead_s += 60
    job = shop.describe(arn)

    assert job["status"] == "CREATE FAILED"
    assert f"{location} could not be reached" in job["failureReason"]
    assert "OPENPERSONALIZE_S3_ENDPOINT_URL" in job["failureReason"]
    assert (shop.files(), shop.rows().height) == (files, rows.height)


def test_the_command_serves_imports_from_s3_and_fills_buckets_there(
    tmp_path: Any, seaweed: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": MAY_ALL, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    bucket = f"sample-{next(_numbers)}"
    written = run("sample", "--bucket", bucket, OPENPERSONALIZE_S3_ENDPOINT_URL=seaweed.url, **keys)
    with process_server(tmp_path / "data", s3_endpoint_url=seaweed.url) as server:
        world = World(server)
        group = world.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
        world.wait(group)
        schema = seaweed.client().get_object(Bucket=bucket, Key="users.schema.json")["Body"].read().decode()
        dataset = world.personalize.create_dataset(
            name="users",
            datasetType="Users",
            datasetGroupArn=group,
            schemaArn=world.personalize.create_schema(name="users", schema=schema)["schemaArn"],
        )["datasetArn"]
        world.wait(dataset)
        job = world.personalize.create_dataset_import_job(
            jobName="users", datasetArn=dataset, dataSource={"dataLocation": f"s3://{bucket}/users.csv"}
        )
        ended = world.wait(job["datasetImportJobArn"])

    assert written.returncode == 0, written.stderr
    assert written.stdout == f"Wrote s3://{bucket}/.\n"
    assert ended["status"] == "ACTIVE"
    assert not any((tmp_path / "data" / "buckets").iterdir())


def test_a_settings_endpoint_of_this_server_itself_keeps_it_from_starting(tmp_path: Any) -> None:
    (port,) = free_ports(1)
    ended = run(
        *("serve", "--port", str(port), "--data-dir", str(tmp_path)),
        OPENPERSONALIZE_S3_ENDPOINT_URL=f"http://localhost:{port}",
    )

    assert ended.returncode != 0
    assert "is this server itself" in ended.stderr
    assert load_settings({"port": port + 1}, {"AWS_ENDPOINT_URL_S3": f"http://localhost:{port}"})

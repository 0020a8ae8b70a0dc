"""What every object store does alike: local buckets, and S3 as two servers speak it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from openpersonalize.errors import JobError
from openpersonalize.storage.objects import (
    ChangedObjectError,
    InvalidLocationError,
    LocalObjects,
    ObjectStore,
)
from openpersonalize.storage.s3 import S3Objects
from tests.s3_servers import S3Server

pytestmark = pytest.mark.xdist_group("s3")

_numbers = count()


@dataclass
class Place:
    """A store with a bucket for the test, and how files get there that nobody wrote through the store."""

    objects: ObjectStore
    bucket: str
    put_elsewhere: Callable[[str, bytes], object]

    def put(self, key: str, content: bytes) -> str:
        """The location of a new object."""
        self.put_elsewhere(key, content)
        return f"s3://{self.bucket}/{key}"


@pytest.fixture(params=["local", "seaweed", "moto"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    bucket = f"shop-{next(_numbers)}"
    if request.param == "local":
        folder = tmp_path / "buckets" / bucket
        folder.mkdir(parents=True)

        def write(key: str, content: bytes) -> None:
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(content)

        return Place(LocalObjects(tmp_path / "buckets"), bucket, write)
    server: S3Server = request.getfixturevalue(request.param)
    client = server.client()
    client.create_bucket(Bucket=bucket)
    return Place(
        S3Objects(client),
        bucket,
        lambda key, content: client.put_object(Bucket=bucket, Key=key, Body=content),
    )


def read(place: Place, uri: str) -> bytes:
    with place.objects.open(uri) as file:
        return file.read()


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("a.csv", b"first\nsecond\n"),
        ("daily/empty.csv", b""),
        ("my files/ä+b%20&c=d.csv", b"odd"),
        pytest.param("x" * 200, b"long", id="long"),
    ],
)
def test_an_object_is_read_by_its_location(place: Place, key: str, content: bytes) -> None:
    uri = place.put(key, content)

    assert read(place, uri) == content
    assert place.objects.exists(uri)


def test_a_location_without_slash_names_one_object(place: Place) -> None:
    uri = place.put("daily/a.csv", b"first")
    place.put("daily/a.csv.bak", b"another")
    (listed,) = place.objects.list_objects(uri)

    assert (listed.uri, listed.size) == (uri, 5)
    assert abs(listed.modified - time.time()) < 60
    assert listed.version


def test_a_folder_lists_its_first_level_by_name(place: Place) -> None:
    for key in ("daily/b.csv", "daily/a.csv", "daily/deeper/c.csv", "daily-not.csv", "daily/.hidden"):
        place.put(key, key.encode())
    listed = place.objects.list_objects(f"s3://{place.bucket}/daily/")

    names = [".hidden", "a.csv", "b.csv"]
    assert [stored.uri for stored in listed] == [f"s3://{place.bucket}/daily/{name}" for name in names]


def test_a_bucket_alone_lists_its_first_level(place: Place) -> None:
    uri = place.put("top.csv", b"x")
    place.put("daily/a.csv", b"x")

    for location in (f"s3://{place.bucket}/", f"s3://{place.bucket}"):
        assert [stored.uri for stored in place.objects.list_objects(location)] == [uri]


def test_what_a_folder_lists_is_what_each_object_says_of_itself(place: Place) -> None:
    place.put("daily/small.csv", b"first")
    with place.objects.write(f"s3://{place.bucket}/daily/large.csv") as file:
        file.write(b"x" * (9 << 20))
    listed = place.objects.list_objects(f"s3://{place.bucket}/daily/")

    assert [place.objects.list_objects(stored.uri) for stored in listed] == [[stored] for stored in listed]


def test_a_folder_of_more_objects_than_a_page_is_listed_whole(place: Place) -> None:
    keys = [f"many/{number:04}.csv" for number in range(1003)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: place.put(key, b"x"), keys))
    listed = place.objects.list_objects(f"s3://{place.bucket}/many/")

    assert [stored.uri for stored in listed] == [f"s3://{place.bucket}/{key}" for key in keys]


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("s3://no-such-bucket/a.csv", "no-such-bucket"),
        ("s3://no-such-bucket/daily/", "no-such-bucket"),
        ("s3://{bucket}/daily/z.csv", "s3://{bucket}/daily/z.csv does not exist"),
        ("s3://{bucket}/weekly/", "s3://{bucket}/weekly/"),
        ("s3://{bucket}/daily", "s3://{bucket}/daily is a folder"),
        ("s3://{bucket}/", "holds no objects on its first level"),
    ],
)
def test_a_location_that_holds_nothing_says_what_is_missing(place: Place, location: str, what: str) -> None:
    place.put("daily/a.csv", b"x")

    with pytest.raises(InvalidLocationError, match=r"^Invalid Data location\. .+ .+\.$") as caught:
        place.objects.list_objects(location.format(bucket=place.bucket))
    assert what.format(bucket=place.bucket) in str(caught.value)


@pytest.mark.parametrize(
    "location", ["s3://no-such-bucket/a.csv", "s3://{bucket}/z.csv", "s3://{bucket}/daily"]
)
def test_what_is_not_there_cannot_be_opened(place: Place, location: str) -> None:
    place.put("daily/a.csv", b"x")
    uri = location.format(bucket=place.bucket)

    assert not place.objects.exists(uri)
    with pytest.raises(JobError, match=r"^Invalid Data location\."):
        read(place, uri)


@pytest.mark.parametrize(
    "location", ["https://shop.s3.amazonaws.com/a.csv", "s3://Shop/a.csv", "s3://shop//a.csv"]
)
def test_a_malformed_location_is_refused_everywhere(place: Place, location: str) -> None:
    for attempt in (place.objects.list_objects, place.objects.open, place.objects.exists):
        with pytest.raises(InvalidLocationError, match=r"^Invalid Data location\. .+ .+\.$"):
            attempt(location)
    with pytest.raises(InvalidLocationError), place.objects.write(location):
        pytest.fail("the location was opened for writing")


@pytest.mark.parametrize("n_bytes", [0, 5, 8 << 20, 17 << 20])
def test_a_written_object_appears_whole(place: Place, n_bytes: int) -> None:
    uri = f"s3://{place.bucket}/some/folder/x.csv"
    content = bytes(range(256)) * (n_bytes // 256) + b"x" * (n_bytes % 256)
    with place.objects.write(uri) as file:
        for start in range(0, n_bytes, 3 << 20):
            file.write(content[start : start + (3 << 20)])
        assert file.tell() == n_bytes
        assert not place.objects.exists(uri)

    assert read(place, uri) == content


@pytest.mark.parametrize("n_bytes", [4, 9 << 20])
def test_a_failed_write_leaves_the_object_that_was_there(place: Place, n_bytes: int) -> None:
    uri = place.put("daily/a.csv", b"first")

    with pytest.raises(ZeroDivisionError), place.objects.write(uri) as file:
        file.write(b"x" * n_bytes)
        raise ZeroDivisionError
    assert read(place, uri) == b"first"
    assert [stored.uri for stored in place.objects.list_objects(f"s3://{place.bucket}/daily/")] == [uri]


def test_an_object_that_changed_since_it_was_listed_is_not_opened(place: Place) -> None:
    uri = place.put("daily/a.csv", b"first")
    (listed,) = place.objects.list_objects(uri)
    with place.objects.open(uri, listed.version) as file:
        assert file.read() == b"first"
    place.put("daily/a.csv", b"other")

    with pytest.raises(ChangedObjectError, match=f"^{uri} changed while it was read"):
        place.objects.open(uri, listed.version)
    assert place.objects.list_objects(uri)[0].version != listed.version


def test_lines_and_blocks_are_read_from_one_stream(place: Place) -> None:
    uri = place.put("a.csv", b"head\n" + b"x" * 3_000_000)

    with place.objects.open(uri) as file:
        assert file.readline() == b"head\n"
        assert file.tell() == 5
        assert file.read(2_000_000) == b"x" * 2_000_000
        assert file.tell() == 2_000_005
        assert file.read(9_000_000) == b"x" * 1_000_000
        assert file.read(1) == b""


def test_a_bucket_is_made_once(place: Place) -> None:
    bucket = f"{place.bucket}-new"
    place.objects.make_bucket(bucket)
    with place.objects.write(f"s3://{bucket}/a.csv") as file:
        file.write(b"x")
    place.objects.make_bucket(bucket)

    assert read(place, f"s3://{bucket}/a.csv") == b"x"

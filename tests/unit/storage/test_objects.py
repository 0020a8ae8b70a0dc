"""Local buckets: locations, folders, and what must not leave the root."""

import os
from pathlib import Path

import pytest

from openpersonalize.errors import JobError
from openpersonalize.storage.objects import LocalObjects


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "buckets"
    (folder / "shop" / "daily" / "deeper").mkdir(parents=True)
    (folder / "shop" / "daily" / "b.csv").write_bytes(b"second")
    (folder / "shop" / "daily" / "a.csv").write_bytes(b"first")
    (folder / "shop" / "daily" / "deeper" / "c.csv").write_bytes(b"hidden")
    return folder


def test_an_object_is_read_by_its_location(root: Path) -> None:
    with LocalObjects(root).open("s3://shop/daily/a.csv") as file:
        content = file.read()

    assert content == b"first"


def test_a_location_without_slash_names_one_object(root: Path) -> None:
    listed = LocalObjects(root).list_objects("s3://shop/daily/a.csv")

    assert [(stored.uri, stored.size) for stored in listed] == [("s3://shop/daily/a.csv", 5)]
    assert listed[0].modified == (root / "shop/daily/a.csv").stat().st_mtime


def test_a_folder_lists_its_first_level_by_name(root: Path) -> None:
    listed = LocalObjects(root).list_objects("s3://shop/daily/")

    assert [stored.uri for stored in listed] == ["s3://shop/daily/a.csv", "s3://shop/daily/b.csv"]


def test_a_bucket_alone_lists_its_first_level(root: Path) -> None:
    (root / "shop" / "top.csv").write_bytes(b"x")

    listed = LocalObjects(root).list_objects("s3://shop/")

    assert [stored.uri for stored in listed] == ["s3://shop/top.csv"]


@pytest.mark.parametrize(
    "location",
    [
        "http://shop/daily/a.csv",
        "https://shop.s3.amazonaws.com/daily/a.csv",
        "file:///etc/passwd",
        "/etc/passwd",
        "shop/daily/a.csv",
        "s3:/shop/daily/a.csv",
        "S3://shop/daily/a.csv",
        "s3://",
        "s3:///etc/passwd",
        "s3://../shop/daily/a.csv",
        "s3://.uploads/x",
        "s3://Shop/daily/a.csv",
        "s3://shop/../shop/daily/a.csv",
        "s3://shop/daily/../../../etc/passwd",
        "s3://shop/daily/..",
        "s3://shop/./daily/a.csv",
        "s3://shop//etc/passwd",
        "s3://shop/daily//a.csv",
        "s3://shop/daily\\a.csv",
        "s3://shop/..\\..\\secret",
        "s3://shop/daily/a.csv\0.txt",
    ],
)
def test_a_location_that_is_malformed_or_leaves_its_bucket_is_refused(root: Path, location: str) -> None:
    objects = LocalObjects(root)

    for attempt in (objects.list_objects, objects.open, objects.exists):
        with pytest.raises(JobError, match=r"^Invalid Data location\. .+ .+"):
            attempt(location)
    with pytest.raises(JobError, match=r"^Invalid Data location\."), objects.write(location):
        pytest.fail("the location was opened for writing")


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("s3://missing/daily/a.csv", "'missing' is not there"),
        ("s3://shop/daily/z.csv", "'z.csv' is not there"),
        ("s3://shop/weekly/", "'weekly' is not there"),
        ("s3://shop/daily/a.csv/", "'a.csv' in s3://shop/daily/a.csv/ is not a folder"),
        ("s3://shop/daily/a.csv/x", "'a.csv' in s3://shop/daily/a.csv/x is not a folder"),
        ("s3://shop/daily", "s3://shop/daily is a folder"),
        ("s3://shop/" + "x" * 300, "too long"),
    ],
)
def test_a_location_that_holds_nothing_says_what_is_missing(root: Path, location: str, what: str) -> None:
    with pytest.raises(JobError, match=r"^Invalid Data location\.") as caught:
        LocalObjects(root).list_objects(location)

    assert what in str(caught.value)


def test_a_folder_of_folders_holds_no_objects(root: Path) -> None:
    with pytest.raises(JobError, match="holds no objects on its first level"):
        LocalObjects(root).list_objects("s3://shop/")


def test_a_symbolic_link_is_refused_wherever_it_stands(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s.csv").write_bytes(b"secret")
    (root / "linked").symlink_to(secret)
    (root / "shop" / "linked").symlink_to(secret)
    (root / "shop" / "daily" / "link.csv").symlink_to(secret / "s.csv")
    objects = LocalObjects(root)

    for uri in ("s3://linked/s.csv", "s3://shop/linked/s.csv", "s3://shop/daily/link.csv"):
        with pytest.raises(JobError, match="symbolic link"):
            objects.open(uri)
        assert not objects.exists(uri)
    with pytest.raises(JobError, match="symbolic link"):
        objects.list_objects("s3://shop/linked/")
    with pytest.raises(JobError, match="symbolic link"), objects.write("s3://shop/linked/new.csv") as file:
        file.write(b"x")
    with pytest.raises(JobError, match=r"'link\.csv' in s3://shop/daily/ is a symbolic link"):
        objects.list_objects("s3://shop/daily/")
    assert [path.name for path in secret.iterdir()] == ["s.csv"]


def test_a_pipe_is_no_object_and_does_not_block(root: Path) -> None:
    os.mkfifo(root / "shop" / "daily" / "pipe")

    with pytest.raises(JobError, match="Invalid Data location"):
        LocalObjects(root).open("s3://shop/daily/pipe")


def test_a_written_object_appears_whole(root: Path) -> None:
    objects = LocalObjects(root)

    with objects.write("s3://new-bucket/some/folder/x.csv") as file:
        file.write(b"half")
        assert not objects.exists("s3://new-bucket/some/folder/x.csv")
        file.write(b"whole")

    assert (root / "new-bucket/some/folder/x.csv").read_bytes() == b"halfwhole"


def test_a_failed_write_leaves_the_old_object_and_no_rest(root: Path) -> None:
    objects = LocalObjects(root)

    with pytest.raises(ZeroDivisionError), objects.write("s3://shop/daily/a.csv") as file:
        file.write(b"rest")
        raise ZeroDivisionError

    assert (root / "shop/daily/a.csv").read_bytes() == b"first"
    assert list((root / ".uploads").iterdir()) == []

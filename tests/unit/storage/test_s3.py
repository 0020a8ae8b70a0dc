"""What only S3 has: keys that may not, connections that break, and memory that stays small."""

import os
import subprocess
import sys
from itertools import count

import pytest

from openpersonalize.errors import JobError
from openpersonalize.settings import Settings, SettingsError, load_settings
from openpersonalize.storage.objects import ChangedObjectError, InvalidLocationError
from openpersonalize.storage.s3 import S3Objects, connect
from openpersonalize.storage.s3_faults import NoAccessError, S3UnavailableError
from tests.cutting_proxy import cutting_proxy
from tests.s3_servers import MAY_ALL, MAY_NOT_READ, OPEN, SECRET_KEY, S3Server, client_of, free_ports

pytestmark = pytest.mark.xdist_group("s3")

_numbers = count()
MIB = 1 << 20


@pytest.fixture
def bucket(seaweed: S3Server) -> str:
    name = f"closed-{next(_numbers)}"
    seaweed.client().create_bucket(Bucket=name)
    seaweed.client().put_object(Bucket=name, Key="daily/a.csv", Body=b"first")
    return name


def lines(n_bytes: int) -> bytes:
    return b"".join(b"%09d\n" % number for number in range(n_bytes // 10))


def test_what_a_key_may_not_reach_says_the_bucket_and_the_remedy(seaweed: S3Server, bucket: str) -> None:
    objects = S3Objects(seaweed.client(MAY_NOT_READ))
    uri = f"s3://{bucket}/daily/a.csv"
    expected = (
        rf"^Insufficient privileges for accessing data in S3\. .*AccessDenied.* fix bucket policy on {bucket}"
    )

    for attempt in (
        lambda: objects.list_objects(uri),
        lambda: objects.list_objects(f"s3://{bucket}/daily/"),
        lambda: objects.open(uri),
        lambda: objects.exists(uri),
    ):
        with pytest.raises(NoAccessError, match=expected):
            attempt()
    for n_bytes in (1, 9 * MIB):
        with pytest.raises(NoAccessError, match=expected), objects.write(uri) as file:
            file.write(b"x" * n_bytes)
    assert seaweed.client().get_object(Bucket=bucket, Key="daily/a.csv")["Body"].read() == b"first"


def test_a_key_that_may_use_one_bucket_uses_it(seaweed: S3Server) -> None:
    objects = S3Objects(seaweed.client(MAY_NOT_READ))
    with objects.write(f"s3://{OPEN}/mine/a.csv") as file:
        file.write(b"mine")

    assert objects.list_objects(f"s3://{OPEN}/mine/")[0].size == 4


def test_a_key_that_nobody_knows_is_told_so(seaweed: S3Server, bucket: str) -> None:
    objects = S3Objects(seaweed.client("unknown-key"))

    with pytest.raises(NoAccessError, match="InvalidAccessKeyId"):
        objects.list_objects(f"s3://{bucket}/daily/a.csv")


def test_buckets_beside_the_allowed_ones_are_refused(seaweed: S3Server, bucket: str) -> None:
    settings = load_settings({"s3_endpoint_url": seaweed.url, "s3_buckets": f"other, {bucket}"}, {})
    objects = S3Objects(seaweed.client(), settings.allowed_buckets)
    uri = f"s3://{OPEN}/a.csv"

    assert objects.exists(f"s3://{bucket}/daily/a.csv")
    for attempt in (
        lambda: objects.list_objects(f"s3://{OPEN}/"),
        lambda: objects.open(uri),
        lambda: objects.make_bucket(OPEN),
    ):
        with pytest.raises(InvalidLocationError, match="lists in OPENPERSONALIZE_S3_BUCKETS"):
            attempt()
    with pytest.raises(InvalidLocationError), objects.write(uri):
        pytest.fail("the bucket was opened")


def test_the_mark_that_consoles_make_for_a_folder_is_no_object(seaweed: S3Server, bucket: str) -> None:
    seaweed.client().put_object(Bucket=bucket, Key="empty/", Body=b"")

    with pytest.raises(InvalidLocationError, match="holds no objects on its first level"):
        S3Objects(seaweed.client()).list_objects(f"s3://{bucket}/empty/")


def test_a_failed_upload_leaves_no_parts(seaweed: S3Server, bucket: str) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        S3Objects(seaweed.client()).write(f"s3://{bucket}/new.csv") as file,
    ):
        file.write(b"x" * (9 * MIB))
        assert seaweed.client().list_multipart_uploads(Bucket=bucket)["Uploads"]
        raise ZeroDivisionError

    assert not seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert not S3Objects(seaweed.client()).exists(f"s3://{bucket}/new.csv")


@pytest.mark.parametrize("after", [0, 100, 3 * MIB])
def test_a_reading_goes_on_where_the_connection_broke(seaweed: S3Server, bucket: str, after: int) -> None:
    content = lines(10 * MIB)
    seaweed.client().put_object(Bucket=bucket, Key="large.csv", Body=content)
    with cutting_proxy(seaweed.url) as proxy:
        file = S3Objects(client_of(proxy.url)).open(f"s3://{bucket}/large.csv")
        with file:
            first = file.read(10)
            proxy.cuts, proxy.after = 2, after
            rest = file.read()

    assert proxy.n_cut == 2
    assert first + rest == content


def test_an_object_that_changes_while_the_connection_is_away_is_not_mixed(
    seaweed: S3Server, bucket: str
) -> None:
    put = seaweed.client().put_object
    put(Bucket=bucket, Key="large.csv", Body=lines(10 * MIB))
    with cutting_proxy(seaweed.url) as proxy:
        proxy.cuts, proxy.after = 1, 3 * MIB
        proxy.when_cut = lambda: put(Bucket=bucket, Key="large.csv", Body=b"other\n" * 2_000_000)
        with (
            S3Objects(client_of(proxy.url)).open(f"s3://{bucket}/large.csv") as file,
            pytest.raises(ChangedObjectError, match="changed while it was read"),
        ):
            file.read()

    assert proxy.n_cut == 1


def test_a_server_that_goes_away_for_good_is_no_fault_of_the_customers(
    seaweed: S3Server, bucket: str
) -> None:
    seaweed.client().put_object(Bucket=bucket, Key="large.csv", Body=lines(10 * MIB))
    with cutting_proxy(seaweed.url) as proxy:
        proxy.cuts, proxy.after = 100, 3 * MIB
        with S3Objects(client_of(proxy.url), pause_s=0.001).open(f"s3://{bucket}/large.csv") as file:
            file.read(10)
            proxy.after = 0
            with pytest.raises(S3UnavailableError, match=f"^s3://{bucket}/large.csv could not be reached"):
                file.read()


def test_nobody_at_the_endpoint_is_no_fault_of_the_customers(bucket: str) -> None:
    (port,) = free_ports(1)
    objects = S3Objects(client_of(f"http://127.0.0.1:{port}"))

    for attempt in (
        lambda: objects.list_objects(f"s3://{bucket}/a.csv"),
        lambda: objects.list_objects(f"s3://{bucket}/"),
        lambda: objects.open(f"s3://{bucket}/a.csv"),
    ):
        with pytest.raises(S3UnavailableError, match=rf"^s3://{bucket}/.*\(EndpointConnectionError\).* runs"):
            attempt()


def test_the_sdks_own_chain_finds_the_credentials(
    seaweed: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", MAY_ALL), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)):
        monkeypatch.setenv(name, value)
    settings = load_settings(environment={"AWS_ENDPOINT_URL_S3": seaweed.url})

    assert (settings.object_store, settings.s3_endpoint_url) == ("s3", seaweed.url)
    assert S3Objects(connect(settings)).exists(f"s3://{bucket}/daily/a.csv")


def test_without_credentials_the_reason_says_so(
    seaweed: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    objects = S3Objects(connect(Settings(object_store="s3", s3_endpoint_url=seaweed.url)))

    with pytest.raises(JobError, match="the worker has no credentials"):
        objects.list_objects(f"s3://{bucket}/daily/a.csv")


def test_an_endpoint_of_the_sdks_configuration_that_is_this_server_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:8484")

    with pytest.raises(SettingsError, match="is this server itself"):
        connect(Settings(object_store="s3"))


MEMORY = """
import resource, sys
from openpersonalize.storage.s3 import S3Objects, connect
from openpersonalize.settings import load_settings
from openpersonalize.work.csv_chunks import read_chunks

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

objects, uri, n_blocks = S3Objects(connect(load_settings())), sys.argv[1], int(sys.argv[2])
with objects.write(uri) as file:  # warm
    file.write(b"x" * 100)
objects.exists(uri)
before = peak()
block = b"0123456789abcde\\n" * (1 << 16)
with objects.write(uri) as file:
    for _ in range(n_blocks):
        file.write(block)
written = peak()
with objects.open(uri) as file:
    n_read = sum(len(chunk.lines) for chunk in read_chunks(file, uri, first_line=1))
print(n_read, written - before, peak() - before)
"""


@pytest.mark.slow
def test_a_large_object_takes_little_memory(seaweed: S3Server, bucket: str) -> None:
    variables = {
        "OPENPERSONALIZE_S3_ENDPOINT_URL": seaweed.url,
        "AWS_ACCESS_KEY_ID": MAY_ALL,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    command = [sys.executable, "-c", MEMORY, f"s3://{bucket}/large.csv", "200"]
    told = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
    n_read, written, both = map(int, told.stdout.split())

    assert n_read == 200 * MIB
    assert written < 60  # MiB: a part, and the copy of it that is sent
    assert both < 90  # and of a reading: a chunk, its lines and its rest

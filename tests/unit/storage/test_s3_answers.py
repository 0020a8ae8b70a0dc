"""Answers that S3 servers give seldom: what each is taken for, and that no wrong byte is."""

import base64
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from openpersonalize.errors import JobError
from openpersonalize.storage import s3_streams
from openpersonalize.storage.objects import ChangedObjectError, InvalidLocationError
from openpersonalize.storage.s3 import S3Objects
from openpersonalize.storage.s3_faults import NoAccessError, S3UnavailableError, explained
from tests.s3_servers import SECRET_KEY

URI = "s3://bucket/daily/a.csv"
CONTENT = b"0123456789" * 100_000


@pytest.mark.parametrize(
    ("code", "status", "expected", "words"),
    [
        ("InternalError", 500, S3UnavailableError, "S3 does not answer (InternalError)"),
        ("", 502, S3UnavailableError, "S3 does not answer (502)"),
        ("SlowDown", 400, S3UnavailableError, "S3 does not answer (SlowDown)"),
        ("TooManyRequests", 429, S3UnavailableError, "S3 does not answer (TooManyRequests)"),
        ("RequestTimeout", 400, S3UnavailableError, "S3 does not answer (RequestTimeout)"),
        ("PreconditionFailed", 412, ChangedObjectError, "changed while it was read"),
        ("412", 412, ChangedObjectError, "changed while it was read"),
        ("AccessDenied", 403, NoAccessError, "Insufficient privileges for accessing data in S3."),
        ("403", 403, NoAccessError, "(403)"),
        ("401", 401, NoAccessError, "(401)"),
        ("ExpiredToken", 400, NoAccessError, "(ExpiredToken)"),
        ("KMS.AccessDeniedException", 400, NoAccessError, "(KMS.AccessDeniedException)"),
        ("NoSuchBucket", 404, InvalidLocationError, "There is no bucket 'bucket'"),
        ("404", 404, InvalidLocationError, "does not exist. Upload the file first."),
        ("InvalidObjectState", 403, InvalidLocationError, "is archived. Restore the object first."),
        ("PermanentRedirect", 301, InvalidLocationError, "(PermanentRedirect). Correct the location."),
    ],
)
def test_an_error_is_told_by_whose_fault_it_is(
    code: str, status: int, expected: type[Exception], words: str
) -> None:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    with pytest.raises(expected) as caught, explained(URI):
        raise ClientError(answer, "GetObject")  # type: ignore[arg-type]  # the parts that are read

    assert type(caught.value) is expected
    assert words in str(caught.value)
    assert isinstance(caught.value, JobError) != (expected is S3UnavailableError)


class OddServer(BaseHTTPRequestHandler):
    """An S3 server of one object that breaks off its first answer, and knows no ranges."""

    protocol_version = "HTTP/1.1"
    checksum, cut, asked = "", 0, 0

    def do_GET(self) -> None:
        kind = type(self)
        kind.asked += 1
        self.send_response(200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(CONTENT)))
        if self.checksum:
            self.send_header("x-amz-checksum-crc32", self.checksum)
        self.end_headers()
        self.wfile.write(CONTENT[: self.cut] if self.cut and kind.asked == 1 else CONTENT)
        self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@contextmanager
def odd_objects(**odd: object) -> Iterator[S3Objects]:
    """The objects of a server with these oddities."""
    handler = type("Odd", (OddServer,), odd)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key=SECRET_KEY,
            config=Config(
                retries={"max_attempts": 0},
                s3={"addressing_style": "path"},
                response_checksum_validation="when_supported",
            ),
        )
        try:
            yield S3Objects(client, pause_s=0.0)
        finally:
            server.shutdown()


def crc32_of(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def test_content_that_fits_its_checksum_is_read() -> None:
    with odd_objects(checksum=crc32_of(CONTENT)) as objects, objects.open(URI) as file:
        assert file.read() == CONTENT


def test_content_that_does_not_fit_its_checksum_is_not_taken() -> None:
    with (
        odd_objects(checksum=crc32_of(b"other")) as objects,
        objects.open(URI) as file,
        pytest.raises(S3UnavailableError, match="does not fit its checksum"),
    ):
        file.read()


def test_a_server_that_knows_no_ranges_does_not_put_the_beginning_in_the_middle() -> None:
    with (
        odd_objects(cut=300_000) as objects,
        objects.open(URI) as file,
        pytest.raises(S3UnavailableError, match="could not be reached"),
    ):
        file.read()


class Parts:
    """An S3 client that counts what it is given; the SDK's takes hundreds of GB to come this far."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def create_multipart_upload(self, **_target: object) -> dict[str, str]:
        return {"UploadId": "one"}

    def upload_part(self, *, Body: bytes, **_target: object) -> dict[str, str]:  # noqa: N803  (the SDK's)
        self.sizes.append(len(Body))
        return {"ETag": f"part-{len(self.sizes)}"}


def test_parts_grow_so_that_ten_thousand_hold_hundreds_of_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts()
    monkeypatch.setattr(s3_streams, "PART_BYTES", 8)
    upload = s3_streams.Upload(parts, {"Bucket": "bucket", "Key": "a"}, URI)
    upload.write(b"x" * 8 * 3_500)

    assert {size: parts.sizes.count(size) for size in parts.sizes} == {8: 1000, 16: 1000, 24: 166}

"""Packed bodies: gzip is read within the limits of any body, every other encoding is refused."""

import gzip
import time
import tracemalloc
import zlib

import pytest

from openpersonalize.protocol.rest import PATHS
from tests.api.wire import connect, head, receive, request, target
from tests.world import Server, World

MIB = 1024 * 1024
PACKED = gzip.compress(b'{"maxResults": 0}')


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
def test_a_packed_body_is_read(server: Server, encoding: str) -> None:
    for answer in (
        target(server, "ListSchemas", PACKED, content_encoding=encoding),
        request(server, "POST", "/ListSchemas", PACKED, content_encoding=encoding),
    ):
        assert (answer.status, answer.code) == (400, "InvalidInputException")
        assert "at 'maxResults' failed" in answer.error["message"]


@pytest.mark.parametrize("path", sorted(PATHS.values()))
def test_rest_json_reads_packed_bodies(server: Server, path: str) -> None:
    answer = request(server, "POST", path, gzip.compress(b"[]"), content_encoding="gzip")

    assert answer.code == "SerializationException"
    assert answer.error["message"] == "The body must be a JSON object."


def test_a_packed_body_may_come_in_chunks(server: Server) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, PACKED[place : place + 1]) for place in range(len(PACKED)))
    with connect(server) as wire:
        start = head("POST", "/ListSchemas", transfer_encoding="chunked", content_encoding="gzip")
        wire.sendall(start + chunks + b"0\r\n\r\n")

        assert "maxResults" in receive(wire).error["message"]


def test_a_packed_event_is_stored(world: World) -> None:
    """As SDKs pack: the client's own hook, with the signature made over the packed bytes."""
    group = world.dataset_group()
    world.interactions(group)
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()

    def pack(request: object, **_rest: object) -> None:
        request.data = gzip.compress(request.data)  # type: ignore[attr-defined]
        request.headers["Content-Encoding"] = "gzip"  # type: ignore[attr-defined]

    world.events.meta.events.register("before-sign.*.*", pack)
    answer = world.events.put_events(
        trackingId=tracker["trackingId"],
        userId="u1",
        sessionId="visit-1",
        eventList=[{"eventType": "watch", "itemId": "i1", "sentAt": time.time()}],
    )

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "aws-chunked", "gzip, gzip", "gzip;q=1", "é"])
def test_another_encoding_is_refused(server: Server, encoding: str) -> None:
    for answer in (
        target(server, "ListSchemas", content_encoding=encoding),
        request(server, "POST", "/events", b"{}", content_encoding=encoding),
    ):
        assert (answer.status, answer.code) == (415, "UnsupportedMediaTypeException")
        assert "send gzip" in answer.error["message"]


@pytest.mark.parametrize("encoding", ["identity", ""])
def test_a_body_that_is_not_packed_may_say_so(server: Server, encoding: str) -> None:
    assert target(server, "ListSchemas", content_encoding=encoding).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        PACKED[:-1],
        PACKED[:12],
        PACKED + b"x",
        PACKED + PACKED,
        PACKED[:-8] + bytes(8),
        zlib.compress(b"{}"),
    ],
    ids=["empty", "not packed", "cut", "cut early", "trailing", "two streams", "wrong checksum", "zlib"],
)
def test_a_broken_packed_body_is_a_serialization_error(server: Server, body: bytes) -> None:
    answer = target(server, "ListSchemas", body, content_encoding="gzip")

    assert (answer.status, answer.code) == (400, "SerializationException")
    assert "gzip" in answer.error["message"]


@pytest.mark.parametrize(("path", "limit"), [("/ListSchemas", MIB), ("/events", 4 * MIB)])
def test_the_limit_of_a_body_holds_for_what_is_packed(server: Server, path: str, limit: int) -> None:
    within = gzip.compress(b"[]" + b" " * (limit - 2))
    beyond = gzip.compress(b"[]" + b" " * (limit - 1))

    assert request(server, "POST", path, within, content_encoding="gzip").code == "SerializationException"
    refused = request(server, "POST", path, beyond, content_encoding="gzip")
    assert (refused.status, refused.code) == (413, "RequestEntityTooLargeException")


def test_a_bomb_is_not_unpacked(server: Server) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(16 * MIB)) for _ in range(16)) + packer.flush()
    assert len(bomb) < MIB
    started = time.monotonic()
    tracemalloc.start()
    answer = target(server, "ListSchemas", bomb, content_encoding="gzip")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")
    assert time.monotonic() - started < 5
    assert most < 32 * MIB

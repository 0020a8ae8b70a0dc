"""Bodies: what is not the JSON it should be is a 400, what is too large is refused before it is read."""

import json
import time

import pytest

from openpersonalize.protocol.rest import PATHS
from tests.api.wire import connect, head, receive, request, target
from tests.world import Server

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"not json",
        b"[]",
        b'"text"',
        b"12",
        b"null",
        b"{}{}",
        b'{"maxResults": NaN}',
        b'{"maxResults": Infinity}',
        b'{"maxResults": 1e999}',
        b'{"nextToken": "\xff"}',
        b'{"nextToken": "\\ud800"}',
        b'{"nextToken": "\xed\xa0\x80"}',
        b'{"nextToken": "\\u0000"}',
        b'{"nextToken": "a", "nextToken": "b"}',
        b'{"other": {"a": 1, "a": 2}}',
        b'{"maxResults": ' + b"9" * 5000 + b"}",
        b'{"maxResults": 36893488147419103232}',
        b'{"maxResults": 4294967296}',
        b'{"other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"other": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b"\xef\xbb\xbf{}",
        b"\x1f\x8b\x08",
        b'{"maxResults": "5"}',
        b'{"maxResults": true}',
        b'{"maxResults": 5.5}',
        b'{"maxResults": 1e300}',
        b'{"maxResults": -4294967296.0}',
        b'{"maxResults": "NaN"}',
        b'{"maxResults": [5]}',
        b'{"maxResults": {}}',
        b'{"nextToken": 5}',
        b'{"nextToken": {}}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_not_the_json_it_should_be_is_a_serialization_error(
    server: Server, body: bytes
) -> None:
    for answer in (target(server, "ListSchemas", body), request(server, "POST", "/ListSchemas", body)):
        assert (answer.status, answer.code) == (400, "SerializationException")
        assert answer.error["message"]


BROKEN = [
    *(b"{", b"not json", b"[]", b'"text"', b"12", b"null", b"{}{}", b"\xef\xbb\xbf{}", b"\x1f\x8b\x08"),
    *(
        b'{"userId": NaN}',
        b'{"userId": -Infinity}',
        b'{"userId": 1e999}',
        b'{"userId": 5}',
        b'{"userId": []}',
    ),
    *(
        b'{"userId": "\xff"}',
        b'{"userId": "\\ud800"}',
        b'{"userId": "\xed\xa0\x80"}',
        b'{"userId": "\\u0000"}',
    ),
    *(b'{"userId": "a", "userId": "b"}', b'{"other": {"a": 1, "\\u0061": 2}}', b'{"userId": "a",}'),
    b'{"other": ' + b"9" * 5000 + b"}",
    b'{"other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"other": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
]


@pytest.mark.parametrize(
    "path", ["/recommendations", "/personalize-ranking", "/events", "/GetRecommendations"]
)
@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[:24]))
def test_rest_json_refuses_what_is_not_the_json_it_should_be(server: Server, path: str, body: bytes) -> None:
    answer = request(server, "POST", path, body, content_type="application/json")

    assert (answer.status, answer.code) == (400, "SerializationException")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-errortype"] == "SerializationException"


@pytest.mark.parametrize("path", sorted(PATHS.values()))
def test_an_empty_body_of_rest_json_is_an_empty_object(server: Server, path: str) -> None:
    answers = [request(server, "POST", path, body) for body in (b"", b"{}", b'{"unknown": {"a": [null]}}')]

    # GetRecommendations requires no member, and says itself what it misses.
    assert {answer.code for answer in answers} == {"InvalidInputException"}
    assert len({answer.error["message"] for answer in answers}) == 1


def test_null_members_of_rest_json_are_absent(server: Server) -> None:
    plain = request(server, "POST", "/recommendations", b'{"campaignArn": "arn:aws:personalize:a:b:c"}')
    members = b'"userId": null, "numResults": null, "context": null, "filterValues": {"a": null}'
    nulls = request(
        server, "POST", "/recommendations", b'{"campaignArn": "arn:aws:personalize:a:b:c", %b}' % members
    )

    assert (plain.status, plain.body) == (400, nulls.body)


def test_whole_numbers_of_rest_json_may_have_a_fraction_of_zero(server: Server) -> None:
    ranked = [
        request(server, "POST", "/recommendations", b'{"campaignArn": "a", "numResults": %b}' % number)
        for number in (b"-1.0", b"-1", b"-0.1e1")
    ]

    assert len({answer.body for answer in ranked}) == 1
    assert "Value '-1' at 'numResults'" in ranked[0].error["message"]


@pytest.mark.parametrize("charset", ["utf-16", "utf-16le", "latin-1"])
def test_a_body_is_utf_8_whatever_charset_is_named(server: Server, charset: str) -> None:
    body = '{"nextToken": "é"}'.encode(charset)
    for content_type in ("application/x-amz-json-1.1", "application/json"):
        named = f"{content_type}; charset={charset}"
        answer = (
            target(server, "ListSchemas", body, content_type=named)
            if "x-amz" in content_type
            else request(server, "POST", "/events", body, content_type=named)
        )

        assert (answer.status, answer.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"unknown": [1]}', b'{"maxResults": null}', b' {"nextToken": null} ']
)
def test_unknown_members_are_ignored_and_null_is_absent(server: Server, body: bytes) -> None:
    answer = target(server, "ListSchemas", body)

    # Other tests on this server may have made schemas in the account of unsigned requests.
    assert (answer.status, answer.body[:12]) == (200, b'{"schemas":[')


@pytest.mark.parametrize("number", [b"5.0", b"5e0", b"50E-1", b"0.5e1"])
def test_a_whole_number_may_have_a_fraction_of_zero(server: Server, number: bytes) -> None:
    assert target(server, "ListSchemas", b'{"maxResults": %b}' % number).status == 200
    refused = target(server, "ListSchemas", b'{"maxResults": 0.0}')
    assert refused.code == "InvalidInputException"
    assert "Value '0' at 'maxResults'" in refused.error["message"]


def test_all_violations_are_in_one_message(server: Server) -> None:
    answer = target(server, "CreateSchema", b'{"name": "two words", "domain": "TOYS"}')

    assert answer.code == "InvalidInputException"
    message = answer.error["message"]
    assert message.startswith("3 validation errors detected: ")
    assert "Value 'two words' at 'name' failed to satisfy constraint: Member must satisfy regular" in message
    assert (
        "Value 'TOYS' at 'domain' failed to satisfy constraint: Member must satisfy enum value set" in message
    )
    assert "Value null at 'schema' failed to satisfy constraint: Member must not be null" in message


@pytest.mark.parametrize("name", ["a b", "a\n", "-a", "", "ä", "a" * 64])
def test_a_pattern_matches_the_whole_string(server: Server, name: str) -> None:
    answer = request(
        server,
        "POST",
        "/CreateSchema",
        json.dumps({"schema": "{}", "name": name}).encode(),
    )

    assert answer.code == "InvalidInputException"
    assert "at 'name' failed to satisfy constraint" in answer.error["message"]


PLACES = [
    (
        "/",
        MIB,
        {"x_amz_target": "AmazonPersonalize.ListSchemas", "content_type": "application/x-amz-json-1.1"},
    )
]
PLACES += [(path, 4 * MIB, {"content_type": "application/json"}) for path in sorted(PATHS.values())]


@pytest.mark.parametrize(("path", "limit", "headers"), PLACES)
def test_a_large_body_is_refused_before_it_is_sent(
    server: Server, path: str, limit: int, headers: dict[str, str]
) -> None:
    with connect(server) as wire:
        wire.sendall(head("POST", path, content_length=str(limit + 1), **headers))
        answer = receive(wire)
        wire.close()

    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")
    assert answer.headers["connection"] == "close"
    assert "x-amzn-requestid" in answer.headers


@pytest.mark.parametrize(("path", "limit", "headers"), PLACES[:2])
def test_a_large_body_is_refused_while_it_streams(
    server: Server, path: str, limit: int, headers: dict[str, str]
) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with connect(server) as wire:
        wire.sendall(head("POST", path, transfer_encoding="chunked", **headers))
        for _ in range(limit // 65536 + 1):
            wire.sendall(chunk)
        answer = receive(wire)

        assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")
        assert wire.recv(1) == b""


def test_a_client_that_asks_first_is_not_told_to_continue(server: Server) -> None:
    length = str(5 * MIB)
    with connect(server) as wire:
        wire.sendall(
            head(
                "POST",
                "/events",
                content_length=length,
                expect="100-continue",
                content_type="application/json",
            )
        )
        answer = receive(wire)

    assert answer.status == 413


def test_a_client_that_sends_on_regardless_still_reads_the_refusal(server: Server) -> None:
    answer = request(server, "POST", "/events", b" " * (6 * MIB), content_type="application/json")

    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


def test_a_body_of_exactly_the_limit_is_read(server: Server) -> None:
    body = b"{}" + b" " * (MIB - 2)

    assert target(server, "ListSchemas", body).status == 200
    assert request(server, "POST", "/ListSchemas", body).status == 200


def test_a_chunked_body_is_read(server: Server) -> None:
    with connect(server) as wire:
        wire.sendall(
            head("POST", "/ListSchemas", transfer_encoding="chunked") + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        )
        answer = receive(wire)

    # Other tests on this server may have made schemas in the account of unsigned requests.
    assert (answer.status, answer.body[:12]) == (200, b'{"schemas":[')


def test_a_connection_serves_many_requests(server: Server) -> None:
    started = time.monotonic()
    with connect(server) as wire:
        for _ in range(50):
            wire.sendall(head("POST", "/ListSchemas", content_length="2") + b"{}")
            assert receive(wire).status == 200

    assert time.monotonic() - started < 30

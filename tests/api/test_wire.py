"""The wire: one port, two protocols, the right code for every wrong request, a request id on every answer."""

import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.session
import pytest

from openpersonalize.control import service
from openpersonalize.protocol.rest import PATHS
from tests.api.wire import Answer, authorization, request, target
from tests.world import Server, World

REST_PATHS = sorted(PATHS.values())
CONTROL = sorted(operation.name for operation in service.operations)
OPERATIONS = sorted([*CONTROL, *PATHS])


def test_there_are_79_operations() -> None:
    session = botocore.session.get_session()
    names = [session.get_service_model(name).operation_names for name in ("personalize", *OTHERS)]

    assert sorted(itertools.chain(*names)) == OPERATIONS
    assert len(OPERATIONS) == 79


OTHERS = ("personalize-runtime", "personalize-events")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_answers_at_its_own_path(server: Server, operation: str) -> None:
    answer = request(server, "POST", f"/{operation}", b"[]")

    assert answer.status == 400
    assert answer.code == "SerializationException"
    assert_has_request_id(answer)


@pytest.mark.parametrize("operation", CONTROL)
def test_every_operation_of_the_control_plane_answers_at_its_target(server: Server, operation: str) -> None:
    answer = target(server, operation, b"[]")

    assert answer.status == 400
    assert answer.code == "SerializationException"
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-errortype"] == answer.code


def test_a_client_sees_the_code_and_the_message_of_an_error(world: World) -> None:
    with pytest.raises(world.runtime.exceptions.InvalidInputException) as caught:
        world.runtime.get_action_recommendations(campaignArn=world.arn("campaign", "x"), userId="1")

    answer = caught.value.response
    assert answer["Error"] == {
        "Code": "InvalidInputException",
        "Message": f"{world.arn('campaign', 'x')} does not exist or is not active yet.",
    }
    assert uuid.UUID(answer["ResponseMetadata"]["RequestId"]).version == 4


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/", 200),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nothing-here", 404),
        ("POST", "/nothing-here", 404),
        ("POST", "/healthz", 405),
        ("GET", "/recommendations", 405),
        ("PUT", "/", 405),
        ("POST", "/", 400),
        ("GET", "/ListRecipes", 405),
        ("DELETE", "/events", 405),
    ],
)
def test_every_answer_has_a_request_id(server: Server, method: str, path: str, status: int) -> None:
    answer = request(server, method, path)

    assert answer.status == status
    assert_has_request_id(answer)
    if status == 405:
        assert "allow" in answer.headers


def test_what_is_not_http_is_answered_with_a_request_id(server: Server) -> None:
    answer = request(server, "NONSENSE", "/")

    assert answer.status == 400
    assert_has_request_id(answer)


def test_request_ids_are_not_repeated(server: Server) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: request(server, "GET", "/healthz"), range(600)))

    assert len({answer.headers["x-amzn-requestid"] for answer in answers}) == 600


@pytest.mark.parametrize(
    "name", ["AmazonPersonalize.CreateNothing", "CreateSchema", "Other.CreateSchema", "", "é"]
)
def test_an_unknown_target_is_an_unknown_operation(server: Server, name: str) -> None:
    answer = request(server, "POST", "/", b"{}", x_amz_target=name, content_type="application/x-amz-json-1.1")

    assert (answer.status, answer.code) == (400, "UnknownOperationException")


def test_a_request_without_target_is_an_unknown_operation(server: Server) -> None:
    answer = request(server, "POST", "/", b"{}", content_type="application/x-amz-json-1.1")

    assert (answer.status, answer.code) == (400, "UnknownOperationException")
    assert "X-Amz-Target" in answer.error["message"]


@pytest.mark.parametrize("path", REST_PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_the_wrong_method_is_not_allowed(world: World, path: str, method: str) -> None:
    answer = world.http.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x"]
)
def test_the_wrong_content_type_is_refused(server: Server, content_type: str) -> None:
    for answer in (
        target(server, "ListSchemas", content_type=content_type),
        *(request(server, "POST", path, b"{}", content_type=content_type) for path in REST_PATHS),
    ):
        assert (answer.status, answer.code) == (415, "UnsupportedMediaTypeException")


@pytest.mark.parametrize(
    "content_type",
    ["application/x-amz-json-1.1; charset=utf-8", "Application/X-Amz-Json-1.1", "application/x-amz-json-1.1"],
)
def test_parameters_and_case_of_a_content_type_do_not_matter(server: Server, content_type: str) -> None:
    assert target(server, "ListFilters", content_type=content_type).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_curl_needs_no_content_type(server: Server, content_type: str) -> None:
    answer = request(server, "POST", "/ListFilters", b"{}", content_type=content_type)

    assert answer.status == 200


def test_a_page_of_another_origin_cannot_act(server: Server) -> None:
    for origin in ("http://example.com", "null", "http://127.0.0.1:1", "http://127.0.0.1.example.com"):
        for path in ("/ListFilters", "/events"):
            assert request(server, "POST", path, b"{}", origin=origin).code == "AccessDeniedException"

    own = request(server, "POST", "/ListFilters", b"{}", origin="http://127.0.0.1")
    assert own.status == 200


def test_a_page_whose_name_was_pointed_at_this_machine_cannot_act(server: Server) -> None:
    answer = request(server, "POST", "/ListFilters", b"{}", host="example.com", origin="http://example.com")

    assert answer.code == "AccessDeniedException"


@pytest.mark.parametrize("host", ["[::1", "[zz]:1", "[]", "é"])
def test_an_origin_that_is_no_address_is_refused(server: Server, host: str) -> None:
    answer = request(server, "POST", "/ListFilters", b"{}", host=host, origin=f"http://{host}")

    assert answer.code == "AccessDeniedException"


@pytest.mark.parametrize("host", ["[::1", "[zz]:1", "[]", "é", "", "a b", "/"])
@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/nothing-here"])
def test_a_page_does_not_mind_a_host_that_is_no_address(server: Server, host: str, path: str) -> None:
    answer = request(server, "GET", path, host=host)

    assert answer.status in (200, 400, 404)
    assert_has_request_id(answer)


@pytest.mark.parametrize("service_name", ["s3", "dynamodb", "personalize-runtime"])
def test_a_request_signed_for_another_service_is_refused(server: Server, service_name: str) -> None:
    header = authorization(service=service_name)
    control = target(server, "ListFilters", authorization=header)
    rest = request(server, "POST", "/events", b"{}", authorization=header)

    assert (control.status, control.code) == (400, "InvalidSignatureException")
    assert (rest.status, rest.code) == (403, "InvalidSignatureException")
    assert service_name in control.error["message"]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer token",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/personalize/aws4_request, SignedHeaders=host",
        authorization(region="US_EAST"),
        "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0",
        authorization(region="x" * 33),
        "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/personalize/aws4_request, SignedHeaders=h, Signature=0",
    ],
)
def test_an_authorization_header_that_cannot_be_read_is_refused(server: Server, header: str) -> None:
    control = target(server, "ListFilters", authorization=header)
    rest = request(server, "POST", "/recommendations", b"{}", authorization=header)

    assert (control.status, control.code) == (400, "IncompleteSignatureException")
    assert (rest.status, rest.code) == (403, "IncompleteSignatureException")


def test_health_answers_whatever_credentials_a_proxy_adds(server: Server) -> None:
    assert request(server, "GET", "/healthz", authorization="Basic eDp5").status == 200


def assert_has_request_id(answer: Answer) -> None:
    identifier = answer.headers["x-amzn-requestid"]
    assert uuid.UUID(identifier).version == 4
    assert str(uuid.UUID(identifier)) == identifier


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Target", "AmazonPersonalize.ListRecipes"),
        ("authorization", authorization(region="eu-west-1")),
        ("Content-Type", "application/json"),
        ("content-encoding", "gzip"),
        ("Amz-Sdk-Invocation-Id", "other"),
    ],
)
def test_a_header_that_decides_may_not_be_there_twice(server: Server, name: str, value: str) -> None:
    """A proxy may have read the one, and this server the other."""
    usual: dict[str, Any] = {
        "authorization": authorization(),
        "content_encoding": "identity",
        "amz_sdk_invocation_id": "one",
    }
    assert target(server, "ListSchemas", **usual).status == 200
    answer = target(server, "ListSchemas", **usual, x_other=f"1\r\n{name}: {value}")

    assert (answer.status, answer.code) == (400, "SerializationException")
    assert answer.error["message"] == f"The header {name.lower()} is there twice: send it once."
    assert target(server, "ListSchemas", **usual, x_other="1\r\nx-other: 2").status == 200
